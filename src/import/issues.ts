import type pg from "pg";
import { aboutOf, type Column, type Model } from "../graph/model/datamodel.js";
import { isAttribute } from "./documents.js";
import { referencesOf } from "./order.js";
import { identifier, literal } from "./sql.js";

/**
 * `refused`: the resource was rejected. `dangling`: it was imported without a reference whose target does not exist.
 * `repeated`: it was stated more than once with different values; the last statement counts. `outdated`: the row was updated
 * later, so the resource was skipped.
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
 * SQL that deletes and reports invalid staged resources. `faults` is a query of their `seq`, `at` (pointer within the
 * resource) and `reason`; `where` is a condition on the resources `s` that all of them meet.
 */
export function refuse(where: string, faults: string): string {
  return `
    WITH faults AS MATERIALIZED (${faults}),
    reported AS (${report("refused", where)}),
    recorded AS (
      INSERT INTO import_refused (type, id)
      SELECT s.type, s.id FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM faults)
    )
    DELETE FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM faults)`;
}

/** SQL that deletes and reports staged resources that are older than their rows. Parameters as of `refuse`. */
export function skipOutdated(where: string, faults: string): string {
  return `
    WITH faults AS MATERIALIZED (${faults}),
    reported AS (${report("outdated", where)})
    DELETE FROM import_resources s WHERE ${where} AND s.seq IN (SELECT seq FROM faults)`;
}

/** SQL that skips documents older than the row; one without a time counts as current. */
export function outdatedSql(model: Model, where: string): string {
  return skipOutdated(
    where,
    `SELECT s.seq, '/attributes/updated_at' AS at, concat('is before ', api_time(o.updated_at), ', when the stored row was updated') AS reason
     FROM import_resources s JOIN ${identifier(model.table)} o ON o.id = s.id
     WHERE ${where} AND (s."row"->>'updated_at')::timestamptz < o.updated_at`,
  );
}

/** SQL that removes a reference from staged resources and reports it. Parameters as of `refuse`. */
export function dropReference(column: string, where: string, faults: string): string {
  return `
    WITH faults AS MATERIALIZED (${faults}),
    reported AS (${report("dangling", where)})
    UPDATE import_resources s SET "row" = s."row" - ${literal(column)}
    WHERE ${where} AND s.seq IN (SELECT seq FROM faults)`;
}

function report(kind: IssueKind, where: string): string {
  return `
    INSERT INTO import_issues (kind, seq, type, id, file, line, pointer, reason)
    SELECT ${literal(kind)}, s.seq, s.type, s.id, s.file, s.line, s.pointer || CASE WHEN s.listed THEN '' ELSE f.at END, f.reason
    FROM faults f JOIN import_resources s ON s.seq = f.seq WHERE ${where} ORDER BY s.seq, f.at`;
}

/** SQL expression of the reason why a referenced resource is missing. Parameters are SQL. */
export function whyMissing(type: string, id: string): string {
  return `concat(${type}, ' ', ${id}, CASE WHEN EXISTS (
    SELECT FROM import_refused x WHERE x.type = ${type} AND x.id = ${id}
  ) THEN ' was refused' ELSE ' does not exist' END)`;
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

/** Reports issues: those found while reading at once, those of `import_issues` when polled. */
export class IssueReporter {
  unreported = 0;
  private reported = 0;
  /** `n` of the last row of `import_issues` that was reported. */
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

  async reportStored(): Promise<void> {
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
