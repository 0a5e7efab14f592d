import { type Database, recordedStatements, recordStatements } from "../database/client.js";
import type { Run } from "../plan/parameters.js";
import type { TreeStatement } from "../plan/tree.js";

/** How many of one statement may run at once; what arrives meanwhile goes together in the next. */
const maximumRunning = 2;
const maximumMembers = 32;

interface Member {
  run: Run;
  recorded: string[] | undefined;
  resolve: (read: (string | null)[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs one statement for many requests. The first goes at once, alone; those that arrive while two are running go
 * together, each with its own values: the row rules of its caller among them. Nothing is kept between statements.
 */
export class SharedStatement {
  private waiting: Member[] = [];
  private running = 0;

  constructor(
    private readonly database: Database,
    private readonly statement: TreeStatement,
  ) {}

  /** What the statement reads for a run: a JSON text per root. */
  run(run: Run): Promise<(string | null)[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ run, recorded: recordedStatements(), resolve, reject });
      this.send();
    });
  }

  private send() {
    if (this.running >= maximumRunning || !this.waiting.length) return;
    const members = this.waiting.splice(0, maximumMembers);
    this.running++;
    void this.answer(members).finally(() => {
      this.running--;
      this.send();
    });
  }

  private async answer(members: readonly Member[]) {
    try {
      const rows = await this.query(members);
      if (rows.length !== members.length) throw new Error(`${rows.length} rows for ${members.length} requests`);
      for (const row of rows) members[(row.at(-1) as number) - 1]!.resolve(row as (string | null)[]);
    } catch (error) {
      if (members.length === 1) return members[0]!.reject(error);
      // One of them may be at fault for all: each on its own.
      for (const member of members) await this.answer([member]);
    }
  }

  private query(members: readonly Member[]): Promise<unknown[][]> {
    const { text, values, columns } = this.statement;
    const arrays = columns.map(({ slot }) => members.map(({ run }) => slot.valueFor(run)));
    const [{ recorded }, ...others] = members as [Member, ...Member[]];
    for (const other of others) other.recorded?.push(text);
    return recordStatements(recorded, () => this.database.query(text, [...values, ...arrays]));
  }
}
