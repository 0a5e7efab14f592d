import type { Database } from "../../database/client.js";
import type { Requester } from "../../database/requester.js";
import { rulesLike } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import type { EvaluatedArguments } from "./arguments.js";
import { type PlanStatement, planStatement, valuesFor } from "./selection-sql.js";
import { SharedStatement } from "./shared-statement.js";
import type { Read, Strategy } from "./strategy.js";
import { type SizeCheck, sizeCheck } from "./weight.js";

interface PreparedStatement {
  readonly statement: PlanStatement;
  readonly shared: SharedStatement | undefined;
}

/** Compiles and runs the statements of plans: one per strategy and size check. */
export class Statements {
  private readonly prepared = new WeakMap<Strategy, Map<SizeCheck, PreparedStatement>>();

  constructor(
    private readonly database: Database,
    private readonly maximumBytes: number,
  ) {}

  async run(
    strategy: Strategy,
    args: readonly EvaluatedArguments[],
    { viewer, requester }: { viewer: Viewer; requester: Requester },
  ): Promise<Read> {
    const { statement, shared } = this.statementFor(strategy, args, viewer);
    const run = { viewer, args };
    if (shared) return shared.run(run, requester);
    const [row] = await this.database.query(statement.text, valuesFor(statement, run), requester);
    return row as Read;
  }

  private statementFor(strategy: Strategy, args: readonly EvaluatedArguments[], viewer: Viewer): PreparedStatement {
    const check = sizeCheck(strategy.weights, args, this.maximumBytes);
    let statements = this.prepared.get(strategy);
    if (!statements) {
      statements = new Map();
      this.prepared.set(strategy, statements);
    }
    let statement = statements.get(check);
    if (!statement) {
      statement = this.prepare(strategy, args, viewer, check);
      statements.set(check, statement);
    }
    return statement;
  }

  private prepare(
    strategy: Strategy,
    args: readonly EvaluatedArguments[],
    viewer: Viewer,
    check: SizeCheck,
  ): PreparedStatement {
    const { maximumBytes } = this;
    const measure = check === "none" ? undefined : { rows: check === "rows", maximumBytes };
    const rule = rulesLike(viewer);
    const sql = args.map((evaluated) => evaluated.sql);
    // PostgreSQL should know the values of a filter when it plans; in a shared statement it cannot.
    if (!args.some(({ filtered }) => filtered)) {
      const statement = planStatement(strategy, sql, rule, { measure, shared: true });
      const { columns } = statement;
      if (columns.length && columns.every(({ type }) => !type.endsWith("[]"))) {
        return { statement, shared: new SharedStatement(this.database, statement) };
      }
    }
    return { statement: planStatement(strategy, sql, rule, { measure }), shared: undefined };
  }
}
