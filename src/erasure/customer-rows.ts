import {
  aboutOf,
  columnOf,
  dataSubject,
  isShared,
  type Model,
  type ModelName,
  modelNamed,
  models,
  relationOf,
} from "../graph/model/datamodel.js";

/*
 * Which rows hold data of a customer, made from what the datamodel says: `@owner` leads from a row towards its customer,
 * polymorphic rows are about other rows. Each set of rows is a common table expression over the customer `$1`, and names
 * those that it needs.
 */

/** SQL that uses the expressions `needs`. */
interface Expression {
  sql: string;
  needs: readonly string[];
}

const expressions = new Map<string, Expression>();

/**
 * The e-mail addresses that a customer has and had, but for those that are another's now. Rows without a customer that
 * carry one of them are this person's, even if they came before the customer did.
 */
expressions.set("own_emails", {
  needs: [],
  sql: `SELECT c."mode", c."email" FROM "customers" c WHERE c."id" = $1::text
    UNION SELECT e."mode", e."payload" -> 'email' ->> 'from' FROM "event_stores" e
    WHERE e."resource_type" = 'customers' AND e."resource_id" = $1::text AND e."payload" -> 'email' ->> 'from' IS NOT NULL
      AND NOT EXISTS (SELECT FROM "customers" o
        WHERE o."mode" = e."mode" AND o."email" = e."payload" -> 'email' ->> 'from' AND o."id" <> $1::text)`,
});

/** What belongs to customers by their keys. The rest is about it, in the order of the datamodel. */
export const owned = [...models.values()].filter(
  (model) => model.name === "Customer" || (model.owners && !leadsToAbout(model)),
);
/** What may be about any row and holds data of the customer whose row that is; the audit trail has a rule of its own. */
export const abouts = [...models.values()].filter(
  (model) => model.name !== "EventStore" && (aboutOf(model) || leadsToAbout(model)),
);

/** Whether rows of a model belong to rows that may be about any other. */
function leadsToAbout(model: Model): boolean {
  return (model.owners ?? []).some((name) => aboutOf(modelNamed(relationOf(model, name).to)));
}

/** Whether rows of one model may belong to a customer through those of another. */
function leadsTo(from: Model, to: Model, seen: readonly Model[] = []): boolean {
  if (from === to) return true;
  if (seen.includes(from)) return false;
  return (from.owners ?? []).some((name) => leadsTo(modelNamed(relationOf(from, name).to), to, [...seen, from]));
}

/**
 * The ids of a table's rows `t` that a condition ties to each row `x` of another expression. OFFSET 0 has them looked up
 * row by row, by an index, whatever the planner takes the number of rows for.
 */
function each(from: string, table: string, where: string): Expression {
  const sql = `SELECT t."id" FROM ${from} x CROSS JOIN LATERAL (SELECT t."id" FROM "${table}" t WHERE ${where} OFFSET 0) t`;
  return { sql, needs: [from] };
}

const byEmail = (column: string) => `t."mode" = x."mode" AND t."${column}" = x."email"`;

/** The ids of rows that say themselves whose they are: by the customer's id, or without one by e-mail. */
function direct({ table, columns }: Model): Expression[] {
  const found: Expression[] = [];
  if (columns.customerId) {
    found.push({ sql: `SELECT t."id" FROM "${table}" t WHERE t."customer_id" = $1::text`, needs: [] });
  }
  if (columns.customerEmail) {
    found.push(each("own_emails", table, `${byEmail("customer_email")} AND t."customer_id" IS NULL`));
  }
  return found;
}

/** The ids of rows that belong to a customer through others. */
function indirect(model: Model): Expression[] {
  return (model.owners ?? []).flatMap((name) => {
    const { to, many, key } = relationOf(model, name);
    if (to === "Customer") return [];
    const target = modelNamed(to);
    const from = ownRows(target);
    if (many) {
      const column = columnOf(target, key!).column;
      const sql = `SELECT t."${column}" AS "id" FROM ${from} x JOIN "${target.table}" t ON t."id" = x."id" WHERE t."${column}" IS NOT NULL`;
      return [{ sql, needs: [from] }];
    }
    const nobodys = model.columns.customerId ? ` AND t."customer_id" IS NULL` : "";
    return [each(from, model.table, `t."${columnOf(model, key!).column}" = x."id"${nobodys}`)];
  });
}

/** Models that lead to each other, such as orders and recurring orders, in chains of any length. */
const chainable = owned.filter((model) =>
  (model.owners ?? []).some((name) => {
    const { to, many } = relationOf(model, name);
    return !many && to !== "Customer" && leadsTo(modelNamed(to), model);
  }),
);

/** What at least one of several expressions gives. */
function union(all: readonly Expression[]): Expression {
  return { sql: all.map(({ sql }) => sql).join("\n    UNION "), needs: all.flatMap(({ needs }) => needs) };
}

/** The name of the expression with the ids of a model's rows that say themselves whose they are. */
function directly(model: Model): string {
  const name = `directly_${model.table}`;
  if (!expressions.has(name)) expressions.set(name, union(direct(model)));
  return name;
}

/** The name of the expression with the ids of a customer's rows of a model. */
function ownRows(model: Model): string {
  const name = `own_${model.table}`;
  if (expressions.has(name)) return name;
  if (model.name === "Customer") {
    expressions.set(name, { sql: `SELECT "id" FROM "customers" WHERE "id" = $1::text`, needs: [] });
  } else if (isShared(model)) expressions.set(name, shared(model));
  else if (chainable.includes(model)) {
    expressions.set(name, {
      sql: `SELECT x."id" FROM chained x WHERE x."type" = '${model.table}'`,
      needs: ["chained"],
    });
  } else expressions.set(name, union([...direct(model), ...indirect(model)]));
  return name;
}

const { field: status, erased } = dataSubject.dataSubject!;
/** Condition: the customer of an entry `o` is neither erased nor being erased. The last of those who share a row erases it. */
const isNotErased = `NOT EXISTS (SELECT FROM "customers" c WHERE c."id" = o."customer_id"
      AND c."${columnOf(dataSubject, status).column}" IN (${erased.map((value) => `'${value}'`).join(", ")}))`;

/**
 * Rows that several may have: what is in another customer's book or wallet too is that customer's, and what the shop has
 * is the shop's. What nothing leads to is found by its own e-mail address.
 */
function shared(model: Model): Expression {
  const found = union([...direct(model), ...indirect(model)]);
  const lists = Object.entries(model.relations).filter(([, { many, through, where }]) => many && !through && !where);
  const others = lists.flatMap(([name, { to, key }]) => {
    const { table, columns } = modelNamed(to);
    const column = columns[key!]!.column;
    const isBook = model.owners!.includes(name) && columns.customerId && !columns.customerId.nullable;
    const isShop = !owned.some((one) => one.name === to);
    if (!isBook && !isShop) return [];
    const anothers = isBook ? ` AND o."customer_id" <> $1::text AND ${isNotErased}` : "";
    return [`NOT EXISTS (SELECT FROM "${table}" o WHERE o."${column}" = t."id"${anothers})`];
  });
  const loose = lists.map(([, { to, key }]) => {
    const { table, columns } = modelNamed(to);
    return `NOT EXISTS (SELECT FROM "${table}" o WHERE o."${columns[key!]!.column}" = t."id")`;
  });
  if (model.columns.customerId) loose.push('t."customer_id" IS NULL');
  const theirs = { sql: `SELECT t."id" FROM (${found.sql}) t WHERE ${others.join(" AND ")}`, needs: found.needs };
  if (!model.columns.email) return theirs;
  const name = `loose_${model.table}`;
  expressions.set(name, each("own_emails", model.table, [byEmail("email"), ...loose].join(" AND ")));
  return union([theirs, { sql: `SELECT x."id" FROM ${name} x`, needs: [name] }]);
}

const ids = (model: Model, from: string) => `SELECT '${model.table}'::text COLLATE "C", x."id" FROM ${from} x`;

/** The types and ids of rows that say themselves whose they are, and of those without a customer that these lead to. */
expressions.set("chained", {
  needs: chainable.map(directly),
  sql: `SELECT * FROM (${chainable.map((model) => ids(model, directly(model))).join(" UNION ALL ")}) x ("type", "id")
    UNION SELECT x.* FROM chained o CROSS JOIN LATERAL (${chainable
      .flatMap((model) =>
        ownerKeys(model)
          .filter(({ to }) => chainable.includes(to))
          .map(
            ({ column, to }) =>
              `${ids(model, `"${model.table}"`)} WHERE x."${column}" = o."id" AND o."type" = '${to.table}' AND x."customer_id" IS NULL`,
          ),
      )
      .join(" UNION ALL ")} OFFSET 0) x ("type", "id")`,
});

/** The types and ids of all of a customer's rows, and of what is about them, and about that, and so on. */
expressions.set("theirs", {
  needs: owned.map(ownRows),
  sql: `SELECT * FROM (${owned.map((model) => ids(model, ownRows(model))).join(" UNION ALL ")}) x ("type", "id")
    UNION SELECT x.* FROM theirs o CROSS JOIN LATERAL (${abouts
      .map((model) => `${ids(model, `"${model.table}"`)} WHERE ${aboutCondition(model)}`)
      .join(" UNION ALL ")} OFFSET 0) x ("type", "id")`,
});

/** The columns by which rows of a model belong to other rows than customers. */
function ownerKeys(model: Model): { column: string; to: Model }[] {
  return (model.owners ?? []).flatMap((name) => {
    const { to, many, key } = relationOf(model, name);
    return many || to === "Customer" ? [] : [{ column: columnOf(model, key!).column, to: modelNamed(to) }];
  });
}

/** That a row `x` is about the row `o` of which type and id are known. */
function aboutCondition(model: Model): string {
  const about = aboutOf(model);
  if (about) return `x."${about.idColumn.column}" = o."id" AND x."${about.typeColumn.column}" = o."type"`;
  const [name] = model.owners!;
  const { to, key } = relationOf(model, name!);
  return `x."${columnOf(model, key!).column}" = o."id" AND o."type" = '${modelNamed(to).table}'`;
}

const destroyed = (row: string) => `EXISTS (SELECT FROM "event_stores" d
      WHERE d."resource_id" = ${row}."id" AND d."resource_type" = ${row}."type" AND d."event" = 'destroy')`;

/** What the audit trail knows by e-mail, and never had a customer. */
expressions.set("known_by_email", {
  needs: ["own_emails"],
  sql: `SELECT e.* FROM own_emails m CROSS JOIN LATERAL (
      SELECT e."resource_type" AS "type", e."resource_id" AS "id" FROM "event_stores" e
      WHERE e."payload" -> 'customer_email' ->> 'to' = m."email" AND e."mode" = m."mode" AND e."customer_id" IS NULL
      OFFSET 0) e`,
});

/**
 * What is about rows that are gone, and what the audit trail knows to have belonged to rows without a customer, there or
 * gone, and that in its turn.
 */
expressions.set("parts", {
  needs: ["theirs", "known_by_email"],
  sql: `SELECT x."type" COLLATE "C", x."id" FROM (SELECT * FROM theirs
      UNION ALL SELECT g."type", g."id" FROM known_by_email g WHERE ${destroyed("g")}
      UNION ALL SELECT e."resource_type", e."resource_id" FROM "event_stores" e
        WHERE e."customer_id" = $1::text AND e."event" = 'destroy') x ("type", "id")
    UNION SELECT x.* FROM parts o CROSS JOIN LATERAL (
      SELECT x."resource_type" COLLATE "C", x."resource_id" FROM "event_stores" x
      WHERE audit_owner(x."payload") = o."id" AND x."customer_id" IS NULL AND (${[...owned, ...abouts]
        .filter(({ name }) => name !== "Event" && name !== "EventCallback")
        .flatMap(trailCondition)
        .join(" OR ")})
      UNION ALL ${abouts
        .map((model) => `${ids(model, `"${model.table}"`)} WHERE ${aboutCondition(model)}`)
        .join(" UNION ALL ")} OFFSET 0) x ("type", "id")`,
});

/** That an entry `x` of the audit trail, which has none of events, says of a row that it belonged to the row `o`. */
function trailCondition(model: Model): string[] {
  const about = aboutOf(model);
  const isTo = (column: string, value: string) => `x."payload" -> '${column}' ->> 'to' = ${value}`;
  const belongs = about
    ? [`${isTo(about.idColumn.column, 'o."id"')} AND ${isTo(about.typeColumn.column, 'o."type"')}`]
    : ownerKeys(model).map(({ column, to }) => `${isTo(column, 'o."id"')} AND o."type" = '${to.table}'`);
  return belongs.map((condition) => `x."resource_type" = '${model.table}' AND ${condition}`);
}

/**
 * What is gone and was theirs: the audit trail tells. Addresses and payment sources that are still there count as well:
 * nothing that is there leads to them.
 */
expressions.set("gone", {
  needs: ["known_by_email", "parts"],
  sql: `SELECT e."resource_type" AS "type", e."resource_id" AS "id" FROM "event_stores" e WHERE e."customer_id" = $1::text
    UNION SELECT * FROM known_by_email UNION SELECT * FROM parts`,
});

const sharedTypes = owned.filter(isShared).map(({ table }) => `'${table}'`);
const about = `t."resource_id" = x."id" AND t."resource_type" = x."type"`;

/** Entries of the audit trail that say something of a customer. */
const entries = union([
  { sql: `SELECT t."id" FROM "event_stores" t WHERE t."customer_id" = $1::text`, needs: [] },
  each("theirs", "event_stores", about),
  each(
    "gone",
    "event_stores",
    `${about} AND t."customer_id" IS NULL AND (x."type" IN (${sharedTypes.join()}) OR ${destroyed("x")})`,
  ),
  // What was another customer's afterwards: that entry is the other's, and has the e-mail address of both.
  { sql: `SELECT t."id" FROM "event_stores" t WHERE t."payload" -> 'customer_id' ->> 'from' = $1::text`, needs: [] },
]);

/**
 * An expression as a condition on the id of `t`, with all that it needs before it. An array is made once, and each id in
 * it is looked up by the index.
 */
function condition({ sql, needs }: Expression): string {
  const needed = new Map<string, string>();
  const add = (name: string) => {
    if (needed.has(name)) return;
    const expression = expressions.get(name)!;
    for (const other of expression.needs) add(other);
    needed.set(name, expression.sql);
  };
  for (const name of needs) add(name);
  const all = [...needed].map(([name, text]) => `${name} AS (${text})`).join(", ");
  return `t."id" = ANY (ARRAY(WITH RECURSIVE ${all} ${sql}))`;
}

function customerRowsOf(model: Model): string | undefined {
  if (model.name === "EventStore") return condition(entries);
  if (model.name === "Customer") return `t."id" = $1::text`;
  if (abouts.includes(model)) {
    return condition({ sql: `SELECT x."id" FROM parts x WHERE x."type" = '${model.table}'`, needs: ["parts"] });
  }
  if (!owned.includes(model)) return undefined;
  if (model.owners!.length === 1 && model.columns.customerId && !model.columns.customerEmail) {
    return `t."customer_id" = $1::text`;
  }
  const name = ownRows(model);
  return condition({ sql: `SELECT x."id" FROM ${name} x`, needs: [name] });
}

/** Which addresses `t` are the customer's by an e-mail address alone: nothing leads to them. */
export const looseAddresses = condition({
  sql: 'SELECT x."id" FROM loose_addresses x',
  needs: [ownRows(modelNamed("Address"))],
});

/**
 * Which rows `t` of a model hold data of the customer `$1`: the one place that says so. Erasure, its preview and the
 * export of a customer's data follow it. Models that are not named hold none.
 */
export const customerRows: Partial<Record<ModelName, string>> = Object.fromEntries(
  [...models.values()].flatMap((model) => {
    const where = customerRowsOf(model);
    return where ? [[model.name, where]] : [];
  }),
);

/** The condition for several customers, whose ids the subquery `ids` selects. Rows shared among them count as theirs. */
export function rowsOfCustomers(name: ModelName, ids: string): string | undefined {
  return customerRows[name]?.replaceAll("<> $1::text", `NOT IN ${ids}`).replaceAll("= $1::text", `IN ${ids}`);
}
