import type pg from "pg";
import { aboutOf, type Column, type Model } from "../graph/model/datamodel.js";
import { isAttribute } from "./documents.js";
import { referencesOf } from "./order.js";
import { literal } from "./sql.js";

/**
 * `refused`: the resource did not go in. `dangling`: it went in without a reference, because what it refers to is
 * nowhere. `repeated`: it was stated more than once, and differently; the last statement counts. `outdated`: what is here
 * was updated later, so nothing of it was taken.
 */
export type IssueKind = "refused" | "dangling" | "repeated" | "outdated";

export interface Issue {
  readonly kind: IssueKind;
  readonly type: string;
  readonly id: string | undefined;
  readonly file: number;
  readonly line: number;
  /** JSON pointer into the document of the resource. */
  readonly pointer: string;
  readonly reason: string;
}

/**
 * SQL that refuses staged resources: it deletes and reports those that `found` gives, with `seq`, `at` (a pointer within
 * the resource) and `reason`. They are among the resources `s` for which `where` is true.
 */
export function refuse(where: string, found: string): string {
  return `
    WITH found AS MATERIALIZED (${found}),
    reported AS (${report("refused", where)}),
    kept AS (
      INSERT INTO import_refused (type, id)
      SELECT s.type, s.id FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM found)
    )
    DELETE FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM found)`;
}

/** SQL that skips staged resources that are older than their rows, and reports them. Parameters as above. */
export function leaveOutdated(where: string, found: string): string {
  return `
    WITH found AS MATERIALIZED (${found}),
    reported AS (${report("outdated", where)})
    DELETE FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM found)`;
}

/** SQL that removes a reference from staged resources, and reports it. Parameters as above. */
export function leaveAway(column: string, where: string, found: string): string {
  return `
    WITH found AS MATERIALIZED (${found}),
    reported AS (${report("dangling", where)})
    UPDATE import_resources s SET "row" = s."row" - ${literal(column)}
    WHERE ${where} AND s.seq IN (SELECT seq FROM found)`;
}

function report(kind: IssueKind, where: string): string {
  return `
    INSERT INTO import_issues (kind, seq, type, id, file, line, pointer, reason)
    SELECT ${literal(kind)}, s.seq, s.type, s.id, s.file, s.line, s.pointer || CASE WHEN s.listed THEN '' ELSE f.at END, f.reason
    FROM found f JOIN import_resources s ON s.seq = f.seq WHERE ${where} ORDER BY s.seq, f.at`;
}

/** SQL expression of the reason why a referenced resource is missing. Parameters are SQL. */
export function whyMissing(type: string, id: string): string {
  return `concat(${type}, ' ', ${id}, CASE WHEN EXISTS (
    SELECT FROM import_refused x WHERE x.type = ${type} AND x.id = ${id}
  ) THEN ' was refused' ELSE ' exists nowhere' END)`;
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** JSON pointer to the attribute of a column. */
export function pointerOf(model: Model, column: Column): string {
  const about = aboutOf(model);
  if (about && (column === about.typeColumn || column === about.idColumn)) {
    return `/relationships/${about.relationship}`;
  }
  const reference = referencesOf(model).find((other) => other.column === column);
  if (reference) return `/relationships/${snakeCase(reference.relation)}`;
  return `/attributes/${column.document?.find(isAttribute) ?? column.column}`;
}

/** Maximum number of issues reported one by one; further ones are only counted. */
const maximumReported = 1000;

/** Reports issues: those found here at once, those found by SQL when polled. */
export class IssueTeller {
  unreported = 0;
  private reported = 0;
  /** `n` of the last one of `import_issues` that was read. */
  private last = 0;

  constructor(
    private readonly onIssue: (issue: Issue) => void,
    private readonly client: pg.Client,
  ) {}

  report(issue: Issue): void {
    if (this.reported < maximumReported) {
      this.reported++;
      this.onIssue(issue);
    } else this.unreported++;
  }

  async tellStored(): Promise<void> {
    const { rows } = await this.client.query(
      `SELECT n, kind, type, id, file, line, pointer, reason FROM import_issues WHERE n > ${this.last} ORDER BY n LIMIT ${maximumReported - this.reported}`,
    );
    for (const { n, ...issue } of rows) {
      this.last = Number(n);
      this.report(issue);
    }
    if (this.reported < maximumReported) return;
    const rest = await this.client.query(
      `SELECT count(*)::int AS count, max(n) AS last FROM import_issues WHERE n > ${this.last}`,
    );
    this.unreported += rest.rows[0].count;
    this.last = Number(rest.rows[0].last ?? this.last);
  }
}
