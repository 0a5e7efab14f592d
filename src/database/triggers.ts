import type pg from "pg";
import { audits, type RaisedEvent } from "../graph/model/audit.js";
import { aboutOf, columnOf, type Model, modelNamed, models, relationOf } from "../graph/model/datamodel.js";
import { manifest } from "../graph/model/manifest.js";

/*
 * The SQL that makes the triggers of the resources' tables, all from the marks of prisma/schema.prisma: `@owner`, `@audit`,
 * `@events`, `@entries` and `@counted`. Migrations hold a copy of it, and a test compares their database with this.
 */

const derivedComment = "Derived: kept by a trigger.";

/** Functions of this kind are made here alone, with the triggers that call them. */
const ownFunctions = `p.pronamespace = current_schema()::regnamespace
  AND (p.proname = 'customer_of' OR p.prorettype = 'trigger'::regtype AND p.proname ~ '_(audit|touch|claim_\\w+)$')`;

export interface TriggerStatement {
  /** The table of the triggers; absent for functions of all tables. */
  table?: string;
  sql: string;
}

/** All statements, in dependency order. Each is idempotent. */
export function triggerStatements(): TriggerStatement[] {
  const all = [...models.values()];
  return [
    ...all.flatMap(({ table, columns }) =>
      Object.values(columns).flatMap(({ column, counted }) =>
        counted ? [{ table, sql: `COMMENT ON COLUMN "${table}"."${column}" IS '${derivedComment}';` }] : [],
      ),
    ),
    { sql: customerOfFunction() },
    ...all.flatMap((model) => {
      const { audited } = audits[model.name];
      if (audited) return [{ table: model.table, sql: auditCall(model) }];
      return hasVersion(model) ? [{ table: model.table, sql: `CALL touch_table('${model.table}');` }] : [];
    }),
    ...claims(),
  ];
}

function hasVersion({ name }: Model): boolean {
  return "version" in manifest.get(name)!.columns;
}

/**
 * Tables of polymorphic models from this one on. A polymorphic reference is not followed to them, which prevents cycles
 * between rows.
 */
function polymorphicTablesFrom(model: Model): string[] {
  const all = [...models.values()];
  const isPolymorphic = (candidate: Model) =>
    aboutOf(candidate) || candidate.owners?.some((owner) => aboutOf(modelNamed(relationOf(candidate, owner).to)));
  return all.slice(all.indexOf(model)).flatMap((candidate) => (isPolymorphic(candidate) ? [candidate.table] : []));
}

/** SQL expression of the id of the customer who owns a row; undefined for models without an owner. */
function customerExpression(model: Model, row: string, below: readonly Model[] = []): string | undefined {
  if (model.name === "Customer") return `${row}.id`;
  const about = aboutOf(model);
  if (about) {
    const [type, id] = [about.typeColumn, about.idColumn].map(({ column }) => `${row}.${column}`);
    return `CASE WHEN ${type} NOT IN (${polymorphicTablesFrom(model).map(quoted).join(", ")}) THEN customer_of(${type}, ${id}) END`;
  }
  const next = `r${below.length + 1}`;
  const expressions = (model.owners ?? []).flatMap((name) => {
    const { to, many, key } = relationOf(model, name);
    const target = modelNamed(to);
    if (many) {
      const customer = columnOf(target, "customerId");
      const notNull = customer.nullable ? ` AND ${next}.${customer.column} IS NOT NULL` : "";
      return [
        `(SELECT ${next}.${customer.column} FROM ${target.table} ${next} WHERE ${next}.${columnOf(target, key!).column} = ${row}.id${notNull} ORDER BY ${next}.created_at, ${next}.id LIMIT 1)`,
      ];
    }
    const column = `${row}.${columnOf(model, key!).column}`;
    if (to === "Customer") return [column];
    // Cycles between models are not followed.
    if (below.includes(target)) return [];
    const customer = customerExpression(target, next, [...below, model]);
    return customer ? [`(SELECT ${customer} FROM ${target.table} ${next} WHERE ${next}.id = ${column})`] : [];
  });
  const indent = `\n${"    ".repeat(below.length + 2)}`;
  return expressions.length > 1 ? `coalesce(${indent}${expressions.join(`,${indent}`)})` : expressions[0];
}

function customerOfFunction(): string {
  const cases = [...models.values()].flatMap((model) => {
    const { table } = model;
    const customer = customerExpression(model, "r");
    if (model.name === "Customer") return [`        WHEN '${table}' THEN RETURN customer_of.id;`];
    if (!customer) return [];
    return [`        WHEN '${table}' THEN RETURN (SELECT ${customer} FROM ${table} r WHERE r.id = customer_of.id);`];
  });
  return `CREATE OR REPLACE FUNCTION customer_of(type text, id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    CASE type
${cases.join("\n")}
        ELSE RETURN NULL;
    END CASE;
END $$;`;
}

function auditCall(model: Model): string {
  const { omitted, masked, events, entries } = audits[model.name];
  const customer = customerExpression(model, "r");
  const tags = model.relations.tags?.through?.table;
  const masks = masked.map(({ column, as }) => (as ? `${column} AS ${as}` : column));
  const created = events?.filter((event) => event.created) ?? [];
  const args = [
    `'${model.table}'`,
    customer && `customer => ${quoted(customer)}`,
    tags && `tags => '${tags}'`,
    omitted.length && `excluded => '{${omitted}}'`,
    masks.length && `masked => '{${masks}}'`,
    events && "events => true",
    created.length && `on_insert => ${eventList(created, conditionOfNew)}`,
    events?.length && `on_update => ${eventList(events, conditionOfChange)}`,
    ...(entries ? entriesArguments(model, entries) : []),
  ];
  return `CALL audit_table(${args.filter(Boolean).join(",\n    ")});`;
}

function eventList(events: readonly RaisedEvent[], condition: (event: RaisedEvent) => string): string {
  return `ARRAY[${events.map((event) => `\n        ['${event.name}', ${condition(event)}]`)}]`;
}

function conditionOfNew({ column, value, change }: RaisedEvent): string {
  return quoted(
    value === undefined
      ? `n.${column} ${change === "is cleared" ? "IS NULL" : "IS NOT NULL"}`
      : `n.${column} = '${value}'`,
  );
}

function conditionOfChange({ column, value, change }: RaisedEvent): string {
  if (value !== undefined) return `becomes('${column}', '${value}')`;
  if (change === "changes") return quoted(`n.${column} IS DISTINCT FROM o.${column}`);
  const [now, before] = change === "is set" ? ["IS NOT NULL", "IS NULL"] : ["IS NULL", "IS NOT NULL"];
  return quoted(`n.${column} ${now} AND o.${column} ${before}`);
}

/** The entries that changes of a status have instead of `update`: all columns that begin like it, as they are then. */
function entriesArguments(
  { name }: Model,
  { column: status, renamed }: { column: string; renamed: Readonly<Record<string, string>> },
): string[] {
  const prefix = status.replace(/status$/, "");
  const columns = Object.values(manifest.get(name)!.columns).filter(
    ({ column }) => column.startsWith(prefix) && !audits[name].omitted.includes(column),
  );
  const names = Object.entries(renamed).map(([value, as]) => `WHEN '${value}' THEN '${prefix}${as}' `);
  const values = columns.map(({ column, type }) => {
    const value =
      type === "Json" ? `n.${column}` : `to_jsonb(${type === "DateTime" ? `api_time(n.${column})` : `n.${column}`})`;
    return `\n            ('${column.slice(prefix.length)}', ${value})`;
  });
  return [
    `special_event => $$CASE WHEN n.${status} IS DISTINCT FROM o.${status} THEN
        CASE n.${status} ${names.join("")}ELSE '${prefix}' || n.${status} END END$$`,
    `special_payload => $$(
        SELECT jsonb_object_agg(key, value) FROM (VALUES${values}
        ) info (key, value) WHERE value IS NOT NULL)$$`,
    `special_columns => '{${columns.map(({ column }) => column)}}'`,
  ];
}

/** Where rows are shared, what says anew whose a row is claims what the audit trail says of its making. */
function claims(): TriggerStatement[] {
  const columns = new Map<string, { of: Model; shared: Model; columns: string[] }>();
  for (const shared of models.values()) {
    for (const name of shared.owners ?? []) {
      const { to, many, key } = relationOf(shared, name);
      if (!many) continue;
      const of = modelNamed(to);
      const claim = columns.get(`${of.table} ${shared.table}`) ?? { of, shared, columns: [] };
      claim.columns.push(columnOf(of, key!).column);
      columns.set(`${of.table} ${shared.table}`, claim);
    }
  }
  return [...columns.values()].map(({ of, shared, columns: keys }) => ({
    table: of.table,
    sql: `CALL claim_table('${of.table}', '${shared.table}', '{${keys}}');`,
  }));
}

function quoted(sql: string): string {
  return sql.includes("'") ? `$$${sql}$$` : `'${sql}'`;
}

/** Reads the definitions of the generated functions and triggers, by name. */
export async function readTriggers(client: pg.ClientBase): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; definition: string }>(`
    SELECT 'FUNCTION ' || p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS definition
    FROM pg_proc p WHERE ${ownFunctions}
    UNION ALL SELECT 'TRIGGER ' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND ${ownFunctions}
    UNION ALL SELECT 'COLUMN ' || a.attrelid::regclass::text || '.' || a.attname, d.description
    FROM pg_description d JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
    WHERE d.classoid = 'pg_class'::regclass AND d.description = '${derivedComment}'
    ORDER BY 1`);
  return new Map(rows.map(({ name, definition }) => [name, definition]));
}

/** Drops all generated triggers and functions. */
export async function dropTriggers(client: pg.ClientBase): Promise<void> {
  for (const name of (await readTriggers(client)).keys()) {
    const sql = dropStatement(name);
    if (sql) await client.query(sql);
  }
}

/** Statement that drops one of them; triggers are dropped with their functions. */
export function dropStatement(name: string): string | undefined {
  if (name.startsWith("COLUMN")) return `COMMENT ON ${name} IS NULL;`;
  return name.startsWith("FUNCTION") ? `DROP ${name} CASCADE;` : undefined;
}
