import { type Database, type Query, recordedStatements, recordStatements } from "../../database/client.js";
import { RequestCancelledError, StatementTimeoutError } from "../../database/limit-errors.js";
import { Requester } from "../../database/requester.js";
import { DatabaseUnavailableError } from "../../database/unavailable.js";
import type { Run } from "../sql/parameters.js";
import type { PlanStatement } from "./selection-sql.js";

/** Concurrent executions of one statement; requests that arrive meanwhile are batched into the next. */
const maximumRunning = 2;
const maximumMembers = 32;
/** Fallback after a timeout of a batch: time limit of each request on its own, and of all together. */
const aloneMs = 1_000;
const allAloneMs = 10_000;

interface Member {
  run: Run;
  requester: Requester | undefined;
  recorded: string[] | undefined;
  resolve: (read: (string | null)[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Batches requests with the same statement. A request runs at once unless two executions are running; requests that
 * arrive meanwhile run as one batch, each with its own values and row rules. Nothing is cached between statements.
 */
export class SharedStatement {
  private waiting: Member[] = [];
  private running = 0;

  constructor(
    private readonly database: Database,
    private readonly statement: PlanStatement,
  ) {}

  /** Result of one request of the batch: a JSON text per root field. */
  run(run: Run, requester?: Requester): Promise<(string | null)[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ run, requester, recorded: recordedStatements(), resolve, reject });
      this.send();
    });
  }

  private send() {
    if (this.running >= maximumRunning) return;
    const members: Member[] = [];
    for (const member of this.waiting.splice(0, maximumMembers)) {
      if (member.requester?.cancelled) member.reject(new RequestCancelledError());
      else members.push(member);
    }
    if (!members.length) return;
    this.running++;
    void this.answer(members).finally(() => {
      this.running--;
      this.send();
    });
  }

  private async answer(members: readonly Member[]) {
    try {
      const { requester, unsubscribe } = requesterOf(members, this.database.resultBytes);
      try {
        await this.read(members, (text, values) => this.database.query(text, values, requester));
      } finally {
        unsubscribe();
      }
    } catch (error) {
      if (members.length === 1 || error instanceof DatabaseUnavailableError) {
        for (const { reject } of members) reject(error);
        return;
      }
      // One request may have failed the whole batch: run each on its own.
      const deadline = Date.now() + allAloneMs;
      for (const member of members) {
        if (!(error instanceof StatementTimeoutError)) await this.answer([member]);
        else if (Date.now() < deadline) await this.answerQuickly(member);
        else member.reject(error);
      }
    }
  }

  /** Runs one request of the batch on its own, with a short timeout. */
  private async answerQuickly(member: Member) {
    const { requester, reject } = member;
    await this.database
      .snapshot((query) => this.read([member], query), { timeoutMs: aloneMs, requester })
      .catch(reject);
  }

  private async read(members: readonly Member[], query: Query) {
    const { text, values, columns } = this.statement;
    const arrays = columns.map(({ slot }) => members.map(({ run }) => slot.valueFor(run)));
    const [{ recorded }, ...others] = members as [Member, ...Member[]];
    for (const other of others) other.recorded?.push(text);
    const rows = await recordStatements(recorded, () => query(text, [...values, ...arrays]));
    if (rows.length !== members.length) throw new Error(`${rows.length} rows for ${members.length} requests`);
    for (const row of rows) members[(row.at(-1) as number) - 1]!.resolve(row as (string | null)[]);
  }
}

/** Requester of a batch: counts as the first member's caller, and is cancelled once all members are. */
function requesterOf(members: readonly Member[], resultBytes: number) {
  const [{ requester: first }, ...others] = members as [Member, ...Member[]];
  if (!others.length) return { requester: first, unsubscribe: () => {} };
  const requester = new Requester(first?.caller);
  requester.bytesLeft = resultBytes || Number.POSITIVE_INFINITY;
  let pending = members.length;
  const subscriptions = members.map((member) =>
    member.requester?.onCancel(() => {
      if (--pending === 0) requester.cancel();
    }),
  );
  return { requester, unsubscribe: () => subscriptions.forEach((cancel) => void cancel?.()) };
}
