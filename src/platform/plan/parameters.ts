/** The values of one statement, and the aliases of its tables. Nothing that a client sent gets into SQL another way. */
export class Parameters {
  readonly values: unknown[] = [];
  private aliases = 0;

  /** Takes a value in and gives its place, with the cast that keeps PostgreSQL from guessing: `$3::text`. */
  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  /** A fresh alias for a table. */
  alias(): string {
    return `t${this.aliases++}`;
  }
}
