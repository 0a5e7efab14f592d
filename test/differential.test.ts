import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLInterfaceType,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
} from "graphql";
import { type Answer, type Caller, createTestApp, type TestApp } from "./support/app.js";
import {
  type AnswerError,
  firstDifference,
  hasPath,
  nulledPath,
  onlyTo,
  type Reply,
  replyOf,
} from "./support/difference.js";
import { lookUps, modelOf, resourceTypes, rootLists, schema, whole } from "./support/graph.js";
import { type Fault, faults } from "./support/operation-inputs.js";
import { type Ingredients, type Operation, operation, staticFaults } from "./support/operations.js";
import { documentedQueries, operationsInUse, screens } from "./support/operations-in-use.js";
import { addRows, readWorld } from "./support/rows.js";

/**
 * An operation can be answered by its resolvers or by a plan, one statement. Both have to answer alike, whoever asks and
 * whatever is asked: the same data, errors, redactions and cost. `OPERATIONS=20000 SEED=1 npm test -- test/differential.test.ts`
 * asks more; `OPERATIONS=1 SEED=…` asks one again.
 */
const count = Number(process.env.OPERATIONS ?? 400);
const firstSeed = Number(process.env.SEED ?? 1);
/** A test of what holds of many operations and says nothing of a few. */
const testOf = (many: number, name: string, body: () => void) => {
  if (count >= many) test(name, body);
};

/** Two servers on one database: the first answers by resolvers, the second by plans. */
let resolved: TestApp;
let planned: TestApp;
let ingredients: Ingredients;

beforeAll(async () => {
  resolved = await createTestApp({ planned: false });
  const { pool } = resolved.database;
  const customers = (await pool.query<{ id: string }>("SELECT id FROM customers WHERE mode = 'test' ORDER BY id")).rows;
  // Rows with many equal and missing values, and with references to rows of the other mode.
  await addRows(pool, (model) => (model === "PaymentSource" ? 120 : 16), 3);
  await fillPaymentSources();
  ingredients = { world: await readWorld(pool), customers: customers.map(({ id }) => id) };
  planned = await createTestApp({ planned: true, sharing: resolved });
}, 60_000);
afterAll(async () => {
  await planned?.stop();
  await resolved?.stop();
});

/** Gives payment sources what only those of their kind have, which the database keeps in a JSON of its own. */
async function fillPaymentSources() {
  const common = schema.getType("PaymentSource") as GraphQLInterfaceType;
  const standIns: Record<string, unknown> = { Int: 500, Boolean: true, DateTime: "2026-01-01T00:00:00Z", String: "x" };
  for (const type of schema.getPossibleTypes(common)) {
    const own = Object.values(type.getFields()).filter(({ name }) => !(name in common.getFields()));
    const attributes = own.map(({ name, type }) => [snakeCase(name), standIns[getNamedType(type).name]]);
    await resolved.database.pool.query(
      "UPDATE payment_sources SET attributes = $2::jsonb || attributes WHERE kind::text LIKE $1",
      [`${snakeCase(type.name).slice(1)}%`, JSON.stringify(Object.fromEntries(attributes))],
    );
  }
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

type Request = Omit<Operation, "seed">;

async function send({ url }: TestApp, { document, operationName, variables, caller }: Request): Promise<Reply> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      // One token for both: it tells when it expires.
      ...(caller && { authorization: `Bearer ${await resolved.token(caller)}` }),
    },
    body: JSON.stringify({ query: document, operationName, variables }),
  });
  return replyOf(response.status, answerIn(await response.text()));
}

/** The answer that a body holds. One that is no JSON differs from all others. */
function answerIn(body: string): Partial<Answer<Reply["data"]>> {
  try {
    return JSON.parse(body) as Answer<Reply["data"]>;
  } catch (error) {
    return { errors: [{ message: `${(error as Error).message}: ${body}`, extensions: {} }] };
  }
}

const ask = (request: Request) => Promise.all([send(resolved, request), send(planned, request)]);

/** What differs between the two answers to a request, if anything, and the first one. */
async function compare(request: Request): Promise<{ reply: Reply; difference?: string }> {
  const [one, other] = await ask(request);
  const difference =
    firstDifference(rest(one, one.data), rest(other, one.data)) ?? (await differentErrors(request, one, other));
  return { reply: one, difference };
}

/** An answer without its errors; with errors, what was left out is told of the places that there are. */
function rest({ errors, redactions, ...reply }: Reply, data: unknown) {
  return { ...reply, redactions: redactions.filter(({ path }) => !errors.length || hasPath(path, data)) };
}

/**
 * Errors must be the same. Where several meet in one null, which of them is told may depend on which happens first: then
 * each that one answer alone tells has to be what both answer when nothing but its field is asked for.
 */
async function differentErrors(request: Request, one: Reply, other: Reply): Promise<string | undefined> {
  const difference = firstDifference(one.errors, other.errors, "errors");
  if (!difference) return undefined;
  const places = (errors: readonly AnswerError[]) =>
    [...new Set(errors.map((error) => nulledPath(error, one.data)))].sort().join(" ");
  if (places(one.errors) !== places(other.errors)) return difference;
  const told = [one, other].map(({ errors }) => new Set(errors.map((error) => JSON.stringify(error))));
  const alone = [...one.errors, ...other.errors].filter(
    (error) => !told.every((set) => set.has(JSON.stringify(error))),
  );
  for (const error of alone) {
    if (!error.path?.length) return difference;
    const document = onlyTo(error.path, parse(request.document), request.operationName);
    const [first, second] = await ask({ ...request, document, operationName: undefined });
    const narrowed = firstDifference(first, second);
    if (narrowed) return `${difference}; alone: ${narrowed}`;
    if (!first.errors.some(({ message }) => message === error.message)) return difference;
  }
  return undefined;
}

/** All that is needed to see a difference again. */
function report(name: string, { document, operationName, variables, caller }: Request, difference: string): string {
  return [
    `${name} is answered differently: ${difference}`,
    `caller: ${JSON.stringify(caller)}`,
    `variables: ${JSON.stringify(variables)}`,
    `operationName: ${operationName ?? "none"}`,
    document,
  ].join("\n");
}

async function expectAlike(name: string, request: Request): Promise<Reply> {
  const { reply, difference } = await compare(request);
  if (difference) throw new Error(report(name, request, difference));
  note(request, reply);
  return reply;
}

// ---- What was seen.

/** Fields that came with a value, as `Type.field`: where all are asked for, and at random. */
const seen = new Set<string>();
const seenAtRandom = new Set<string>();
const codes = new Set<unknown>();

function note({ document, operationName }: Request, { data, errors }: Reply, into = seen) {
  for (const { extensions } of errors) codes.add(extensions.code);
  if (!data) return;
  const { definitions } = parse(document);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operationName && definition.name?.value !== operationName) continue;
    noteFields(data, "Query", [definition.selectionSet], fragments, into);
    return;
  }
}

function noteFields(
  value: Record<string, unknown>,
  named: string,
  sets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  fieldsSeen: Set<string>,
) {
  const declared = schema.getType(named);
  const type = isAbstractType(declared) ? schema.getType(String(value.__typename)) : declared;
  if (!isObjectType(type)) return;
  const fields = new Map<string, FieldNode[]>();
  const collect = ({ selections }: SelectionSetNode) => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        fields.set(key, [...(fields.get(key) ?? []), selection]);
        continue;
      }
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
      const on = schema.getType(fragment.typeCondition?.name.value ?? type.name);
      if (on === type || (isAbstractType(on) && schema.isSubType(on, type))) collect(fragment.selectionSet);
    }
  };
  sets.forEach(collect);
  for (const [key, nodes] of fields) {
    const field = type.getFields()[nodes[0]!.name.value];
    if (!field || value[key] === null || value[key] === undefined) continue;
    fieldsSeen.add(`${type.name}.${field.name}`);
    const inner = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    for (const item of [value[key]].flat()) {
      if (inner.length && item)
        noteFields(item as Record<string, unknown>, getNamedType(field.type).name, inner, fragments, fieldsSeen);
    }
  }
}

/** All fields of the object types that Query leads to. */
function reachable(): string[] {
  const known = new Set<string>();
  const fields: string[] = [];
  const visit = (name: string) => {
    const type = schema.getType(name);
    if (known.has(name)) return;
    known.add(name);
    if (isInterfaceType(type)) for (const { name } of schema.getPossibleTypes(type)) visit(name);
    if (!isObjectType(type)) return;
    for (const field of Object.values(type.getFields())) {
      fields.push(`${name}.${field.name}`);
      visit(getNamedType(field.type).name);
    }
  };
  visit("Query");
  return fields;
}

const callers: Record<string, Caller> = {
  integration: { kind: "integration", owner: { id: "usr_vera", firstName: "Vera", lastName: "Support", email: null } },
  limited: { kind: "integration", permissions: ["customers:read", "orders:read", "attachments:read"] },
  ada: {
    kind: "customer",
    id: "cus_ada",
    markets: ["mkt_europe", "mkt_vip"],
    stockLocations: ["slo_milan"],
    customClaim: { cart: 5 },
  },
  bruno: { kind: "customer", id: "cus_bruno" },
  guest: { kind: "guest", markets: ["mkt_europe"] },
  staff: { kind: "user" },
  live: { kind: "integration", mode: "live" },
  anonymous: null,
};

describe("plans and resolvers agree on every field of every type", () => {
  test.each(resourceTypes)("%s", async (type) => {
    const model = modelOf(type);
    const rows = ingredients.world.rows.get(model)!;
    const ofType = rows.filter((row) => model === type || isOf(type, row));
    const ofAda = ofType.filter(({ id, customerId }) => [id, customerId].includes("cus_ada"));
    const ids = [...ofAda.slice(0, 4), ...ofType.slice(0, 20), ...ofType.slice(-20)].map(({ id }) => id);
    const document = `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on ${type} ${whole(type)} } }`;
    await alikeForSome(type, document, { ids });
  });

  const isOf = (type: string, { kind }: Record<string, unknown>) => String(kind).startsWith(snakeCase(type).slice(1));

  test.each(rootLists.map(({ field, model }) => [field, model]))("Query.%s", async (field, model) => {
    const page = `totalCount nodes { id } edges { cursor node { id } } ${whole(`${model}Connection`).slice(1, -1)}`;
    await alikeForSome(field, `{ ${field}(first: 2) { ${page} } }`);
  });

  test.each(lookUps)("Query.$field", async ({ field, model, argument, input, keys }) => {
    for (const key of keys) {
      const row = ingredients.world.rows.get(model)!.find((row) => row.mode === "test" && row[key] !== null)!;
      const value = key === "reference" ? { reference: row.reference, referenceOrigin: row.referenceOrigin } : row[key];
      const given = { key: argument === "by" ? { [key]: value } : value };
      const document = `query ($key: ${input}) { ${field}(${argument}: $key) { __typename id version: type } }`;
      await alikeForSome(`${field} by ${key}`, document, given);
    }
  });

  async function alikeForSome(name: string, document: string, variables: Record<string, unknown> = {}) {
    for (const who of ["integration", "limited", "ada", "guest"]) {
      await expectAlike(`${name} for ${who}`, { document, variables, caller: callers[who]! });
    }
  }

  test("Query.anonymizationPreview", async () => {
    for (const customerId of ["cus_ada", "cus_nobody"]) {
      const document = `query ($customerId: ID!) { anonymizationPreview(customerId: $customerId) ${whole("AnonymizationPreview")} }`;
      await alikeForSome(`preview of ${customerId}`, document, { customerId });
      const exported = "query ($customerId: ID!) { subjectExport(customerId: $customerId) { customerId url } }";
      await alikeForSome(`export of ${customerId}`, exported, { customerId });
    }
  });

  test("Viewer", async () => {
    for (const [name, caller] of Object.entries(callers)) {
      await expectAlike(`viewer for ${name}`, { document: `{ viewer ${whole("Viewer")} }`, variables: {}, caller });
    }
  });
});

describe("plans and resolvers agree on operations in use", () => {
  test("the operations of all screens are included", () => {
    expect(screens).toHaveLength(readdirSync(join(import.meta.dirname, "operations")).length);
  });

  test("queries from the docs are included", () => {
    expect(documentedQueries.length).toBeGreaterThan(0);
  });

  test.each(operationsInUse)("$name", async ({ name, document, variables }) => {
    for (const given of variables) await alikeForAll(name, document, given);
  });

  async function alikeForAll(name: string, document: string, given: Record<string, unknown>) {
    for (const [who, caller] of Object.entries(callers)) {
      const { data, errors } = await expectAlike(`${name} for ${who}`, { document, variables: given, caller });
      if (who !== "integration") continue;
      expect(errors).toEqual([]);
      expect(Object.values(data!).some(Boolean)).toBe(true);
    }
  }
});

describe("plans and resolvers agree on random operations", () => {
  let answered = 0;
  /** Faults that led to an error. */
  const refused = new Set<Fault>();
  /** Operations that were meant to be valid, and are not. */
  const invalid: string[] = [];
  /** What was logged of plans that failed by a fault of ours, so that resolvers answered both. */
  const failed: string[] = [];

  test(
    `${count} from seed ${firstSeed} on`,
    async () => {
      const differences: string[] = [];
      let next = firstSeed;
      const worker = async () => {
        while (next < firstSeed + count && differences.length < 3) {
          const made = operation(next++, ingredients);
          const { reply, difference } = await compare(made);
          if (difference) differences.push(reportRandom(made, difference));
          else noteRandom(made, reply);
        }
      };
      await Promise.all(Array.from({ length: 6 }, worker));
      if (differences.length) throw new Error(differences.join("\n\n"));
      expect(invalid).toEqual([]);
      expect(failed).toEqual([]);
    },
    60_000 + count * 200,
  );

  function reportRandom(made: Operation, difference: string): string {
    const name = `The operation of seed ${made.seed} (${made.fault ?? "nothing wrong about it"})`;
    const again = `SEED=${made.seed} OPERATIONS=1 npm test -- test/differential.test.ts`;
    return `${report(name, made, difference)}\n${again}`;
  }

  function noteRandom(made: Operation, reply: Reply) {
    note(made, reply, seenAtRandom);
    for (const line of planned.logged.filter((one) => one.includes("A plan failed"))) {
      failed.push(`About seed ${made.seed}: ${line}`);
    }
    // Both would keep what they sent and logged.
    for (const app of [resolved, planned]) {
      app.statements();
      app.logged.length = 0;
    }
    if (made.fault && reply.errors.length) refused.add(made.fault);
    if (!reply.errors.length && Object.values(reply.data ?? {}).some(Boolean)) answered++;
    const isInvalid = reply.errors.some(({ extensions }) => extensions.code === "GRAPHQL_VALIDATION_FAILED");
    if (isInvalid && !(made.fault && staticFaults.has(made.fault))) {
      invalid.push(reportRandom(made, reply.errors[0]!.message));
    }
  }

  testOf(400, "most have data and no errors", () => {
    expect(answered / count).toBeGreaterThan(0.6);
  });

  testOf(400, "most kinds of faults were refused, and all in a long run", () => {
    // Some come to nothing, such as those on lists of rows that there are none of.
    const missing = faults.filter((fault) => !refused.has(fault));
    expect({ missing, many: missing.length > (count < 5_000 ? faults.length / 3 : 0) }).toEqual({
      missing,
      many: false,
    });
  });

  testOf(5_000, "nearly all fields came with a value", () => {
    const fields = reachable();
    const missing = fields.filter((field) => !seenAtRandom.has(field));
    expect({ missing, many: missing.length > fields.length * 0.05 }).toEqual({ missing, many: false });
  });
});

describe("coverage of the comparisons", () => {
  testOf(400, "each field came with a value at least once", () => {
    expect(reachable().filter((field) => !seen.has(field) && !seenAtRandom.has(field))).toEqual([]);
  });

  testOf(400, "each kind of error that reading can end in was met", () => {
    expect([...codes]).toEqual(
      expect.arrayContaining([
        ...["UNAUTHENTICATED", "FORBIDDEN", "BAD_USER_INPUT", "BAD_REQUEST", "GRAPHQL_PARSE_FAILED"],
        ...[
          "GRAPHQL_VALIDATION_FAILED",
          "PAGE_TOO_LARGE",
          "CURSOR_MISMATCH",
          "DEPTH_LIMIT",
          "COST_LIMIT",
          "TOKEN_LIMIT",
        ],
      ]),
    );
  });
});
