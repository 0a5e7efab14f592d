/** One execution of a statement: the source of the slot values. */
export interface Run {
  /** The viewer, for slots of row rules. */
  readonly viewer: object;
  /** The arguments of the operation's fields, by their index in the plan. */
  readonly args: readonly unknown[];
}

/** Slot: a value that is known only at execution, not when the SQL is compiled. */
export class Slot {
  constructor(readonly valueFor: (run: Run) => unknown) {}

  toJSON() {
    return "?";
  }
}

/** Reference to a column of another table alias in the same statement. */
export class Reference {
  constructor(readonly sql: string) {}
}

/** Maps a value now, or a slot's value at execution. */
export function mapValue<T, R>(value: T | Slot, change: (value: T) => R): R | Slot {
  return value instanceof Slot ? new Slot((run) => change(value.valueFor(run) as T)) : change(value);
}

/** Alias of the table of executions in a batched statement: a row each, a column per slot. */
const runs = "r";

/**
 * Parameters of a statement, and its table aliases; the only path of client values into SQL. In a shared (batched)
 * statement, slots are columns of the table of executions, one row each.
 */
export class Parameters {
  /** Values, or slots, in the order of their numbers. */
  readonly values: unknown[] = [];
  /** The slots of a shared statement, in the order of their columns. */
  readonly columns: { slot: Slot; type: string }[] = [];
  private readonly slots = new Map<Slot, string>();
  private aliases = 0;

  constructor(private readonly shared = false) {}

  /** Adds a value and returns its SQL parameter, with the cast that keeps PostgreSQL from guessing: `$3::text`. */
  add(value: unknown, type: string): string {
    if (value instanceof Reference) return value.sql;
    if (!(value instanceof Slot)) return this.parameter(value, type);
    let sql = this.slots.get(value);
    if (!sql) {
      if (this.shared) {
        sql = `${runs}.s${this.columns.length}`;
        this.columns.push({ slot: value, type });
      } else {
        sql = this.parameter(value, type);
      }
      this.slots.set(value, sql);
    }
    return sql;
  }

  /** A fresh alias for a table. */
  alias(): string {
    return `t${this.aliases++}`;
  }

  /**
   * Table of executions: `unnest(…) WITH ORDINALITY r (s0, …, n)`, with values bound at execution. Wrapped in a SELECT
   * so that PostgreSQL reuses one plan for any number of executions.
   */
  runsTable(): string {
    const first = this.values.length;
    const arrays = this.columns.map(({ type }, i) => `(SELECT $${first + i + 1}::${type}[])`);
    const names = this.columns.map((_, i) => `s${i}`);
    return `unnest(${arrays.join(", ")}) WITH ORDINALITY ${runs} (${[...names, "n"].join(", ")})`;
  }

  private parameter(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}
