import {
  GraphQLBoolean,
  type GraphQLField,
  type GraphQLInterfaceType,
  GraphQLNonNull,
  type GraphQLObjectType,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  parse,
} from "graphql";
import { type Permission, permissionsByKind } from "../../src/graph/access/permission.js";
import { accessOf } from "../../src/graph/schema/access-directive.js";
import { limits, weigh } from "../../src/http/limits.js";
import type { Caller } from "./app.js";
import { Dice } from "./dice.js";
import { resourceTypes, schema } from "./graph.js";
import { type Fault, FaultInjector, faults, InputMaker, type Inputs, listAt } from "./operation-inputs.js";
import { VariableMaker } from "./operation-variables.js";
import type { World } from "./rows.js";

/** A request, and who sends it. */
export interface Operation {
  seed: number;
  document: string;
  operationName?: string;
  variables: Inputs;
  caller: Caller;
  /** The injected fault, if any. */
  fault?: Fault;
}

/** The rows to query, and the customers who may call. */
export interface Ingredients {
  world: World;
  customers: readonly string[];
}

/** A random query, deterministic by seed. */
export function operation(seed: number, ingredients: Ingredients): Operation {
  for (let attempt = 0; attempt < 500; attempt++) {
    const made = attemptAt(seed, attempt, ingredients);
    if (made) return made;
  }
  throw new Error(`Seed ${seed} yields no operation.`);
}

function attemptAt(seed: number, attempt: number, ingredients: Ingredients): Operation | undefined {
  const dice = new Dice(seed * 500 + attempt);
  const caller = anyCaller(dice, ingredients);
  const fault = faultOf(seed);
  const made = new Writer(dice, caller, fault, ingredients.world).operation();
  if (!made) return undefined;
  const request = { seed, caller, fault, ...made };
  if (fault && staticFaults.has(fault)) return request;
  const document = parse(made.document, { maxTokens: limits.tokens });
  const heaviest = document.definitions.flatMap((definition) =>
    definition.kind === "OperationDefinition" ? [weigh(schema, document, definition, made.variables)] : [],
  );
  const tooMuch = heaviest.some(({ objects, depth }) => objects > limits.cost / 5 || depth > limits.depth);
  return tooMuch && fault !== "too deep" && fault !== "too costly" ? undefined : request;
}

/** The fault for a seed: none in four of five, else each kind in rotation. */
function faultOf(seed: number): Fault | undefined {
  return seed % 5 ? undefined : faults[(seed / 5) % faults.length];
}

/** Faults that make a document invalid. All other operations pass validation. */
export const staticFaults: ReadonlySet<Fault> = new Set<Fault>([
  "no GraphQL",
  "too many tokens",
  "conflicting fields",
  "unknown argument",
  "unknown field",
  "nothing executable",
]);

/** A random caller; those with more permissions are more likely. */
function anyCaller(dice: Dice, { world, customers }: Ingredients): Caller {
  const ids = (model: "Market" | "StockLocation") => world.rows.get(model)!.map(({ id }) => id);
  const markets = () => dice.some([...ids("Market").filter((id) => id.startsWith("mkt_")), "mkt_none"], 1, 3);
  const readable = [...permissionsByKind.integration].filter((name) => name.endsWith(":read"));
  const narrowed = () => {
    const share = dice.pick([0.4, 0.7, 0.9]);
    return readable.filter(() => dice.chance(share)) as Permission[];
  };
  const vera = { id: "usr_vera", firstName: "Vera", lastName: null, email: "vera@example.com" };
  return dice.either<Caller>(
    [44, () => ({ kind: "integration", ...(dice.chance(0.2) && { owner: vera }) })],
    [12, () => ({ kind: "integration", permissions: narrowed() })],
    [
      24,
      () => ({
        kind: "customer",
        id: dice.chance(0.97) ? dice.pick(customers) : "cus_none",
        ...(dice.chance(0.7) && { markets: markets() }),
        ...(dice.chance(0.4) && { markets: markets(), stockLocations: dice.some(ids("StockLocation"), 1, 2) }),
        ...(dice.chance(0.3) && { customClaim: { cart: [dice.int(1, 9), null], nested: { name: "Ünal" } } }),
      }),
    ],
    [10, () => ({ kind: "user", ...(dice.chance(0.4) && { permissions: narrowed() }) })],
    [4, () => ({ kind: "guest", ...(dice.chance(0.7) && { markets: markets() }) })],
    [4, () => ({ kind: "integration", mode: "live" })],
    [2, () => null],
  );
}

function permissionsOf(caller: Caller): ReadonlySet<Permission> {
  if (!caller) return permissionsByKind.anonymous;
  if ("permissions" in caller && caller.permissions) return new Set(caller.permissions);
  return permissionsByKind[caller.kind];
}

type Field = GraphQLField<unknown, unknown>;
type Composite = GraphQLObjectType | GraphQLInterfaceType;

/** The fields of a response key in one selection set; they merge, so they must agree. */
interface Entry {
  /** Field name and arguments, by the type that the field is selected on. */
  calls: Map<string, string>;
  field: Field;
  shape: string;
  inner: Scope;
}
type Scope = Map<string, Entry>;

interface Fragment {
  name: string;
  on: Composite;
  text: string;
  scope: Scope;
}

/** Whether a field can be selected under a response key without a conflict. */
function agrees(scope: Scope, key: string, parent: string, call: string, shape: string): boolean {
  const entry = scope.get(key);
  if (!entry) return true;
  if (entry.shape !== shape) return false;
  const objects = (name: string) => isObjectType(schema.getType(name));
  return [...entry.calls].every(
    ([other, otherCall]) => otherCall === call || (other !== parent && objects(other) && objects(parent)),
  );
}

function agree(scope: Scope, other: Scope): boolean {
  return [...other].every(([key, { calls, shape, inner }]) => {
    const existing = scope.get(key);
    if (!existing) return true;
    return (
      [...calls].every(([parent, call]) => agrees(scope, key, parent, call, shape)) && agree(existing.inner, inner)
    );
  });
}

function merge(scope: Scope, other: Scope) {
  for (const [key, { calls, field, shape, inner }] of other) {
    const merged = scope.get(key) ?? { calls: new Map(), field, shape, inner: new Map() };
    for (const [parent, call] of calls) merged.calls.set(parent, call);
    merge(merged.inner, inner);
    scope.set(key, merged);
  }
}

const fieldsOf = (type: Composite): Field[] => Object.values(type.getFields()) as Field[];
/** Whether a field returns resources. */
const returnsResources = ({ type }: Field) => {
  const target = getNamedType(type);
  return isAbstractType(target) || resourceTypes.includes(target.name);
};

/** Writes one document. */
class Writer {
  private readonly injector: FaultInjector;
  private readonly inputs: InputMaker;
  private readonly variables: VariableMaker;
  private readonly fragments: Fragment[] = [];
  private readonly permissions: ReadonlySet<Permission>;
  /** Remaining number of fields with sub-selections. */
  private remaining: number;

  constructor(
    private readonly dice: Dice,
    caller: Caller,
    private readonly fault: Fault | undefined,
    world: World,
  ) {
    this.injector = new FaultInjector(fault, dice);
    this.inputs = new InputMaker(dice, world, caller, this.injector);
    this.variables = new VariableMaker(dice, this.injector);
    this.permissions = permissionsOf(caller);
    this.remaining = dice.pick([6, 10, 16, 24, 32]);
  }

  /** The document with its variables; undefined if the fault could not be injected. */
  operation(): Pick<Operation, "document" | "operationName" | "variables"> | undefined {
    const { dice, injector } = this;
    const depth = dice.pick([1, 2, 2, 2, 3, 3, 4, 5]);
    const names = ["Page", ...(this.fault === "no operation named" || dice.chance(0.12) ? ["Other"] : [])];
    const bodies = names.map((_, i) => this.root(i ? 1 : depth));
    const operations = names.map((name, i) => {
      const definitions = this.variables.definitions(bodies[i]! + this.fragmentsIn(bodies[i]!));
      const isAlone = names.length === 1 && dice.chance(0.15);
      return isAlone ? `query ${definitions} ${bodies[i]}` : `query ${name}${definitions} ${bodies[i]}`;
    });
    const isNamed = operations[0]!.startsWith("query Page");
    let operationName = names.length > 1 ? dice.pick(names) : isNamed && dice.chance(0.2) ? "Page" : undefined;
    let document = [...operations, this.fragmentsIn(bodies.join(" "))].join("\n\n").trim();
    if (injector.inject("unknown operation", 1)) operationName = "Nowhere";
    if (injector.inject("no operation named", 1)) operationName = undefined;
    if (injector.inject("no GraphQL", 1)) document = document.slice(0, -dice.int(1, 20));
    if (injector.inject("nothing executable", 1)) document = "fragment Alone on Customer { id }";
    if (this.fault && !injector.done) return undefined;
    return { document, operationName, variables: this.variables.values };
  }

  /** The fragments that a text spreads, and those that they spread. */
  private fragmentsIn(text: string): string {
    const needed = new Set<Fragment>();
    const collect = (part: string) => {
      for (const fragment of this.fragments) {
        if (needed.has(fragment) || !new RegExp(`\\.\\.\\.${fragment.name}\\b`).test(part)) continue;
        needed.add(fragment);
        collect(fragment.text);
      }
    };
    collect(text);
    return [...needed].map((fragment) => fragment.text).join("\n\n");
  }

  private root(depth: number): string {
    const { dice, injector } = this;
    const query = schema.getQueryType()!;
    const open = fieldsOf(query).filter((field) => {
      const access = accessOf(field);
      return !access?.length || access.some((permission) => this.permissions.has(permission));
    });
    const scope: Scope = new Map();
    const parts = Array.from({ length: dice.pick([1, 1, 2, 2, 3]) }, () => {
      const fields = open.length && dice.chance(0.96) ? open : fieldsOf(query);
      const any = dice.pick(fields);
      const field = dice.chance(0.12)
        ? dice.pick(["node", "nodes", "viewer"].map((name) => query.getFields()[name]!))
        : any;
      return this.field(query, field as Field, scope, depth);
    });
    if (dice.chance(0.1)) parts.push(this.typename(query, scope));
    if (injector.inject("conflicting fields", 1))
      parts.push("clash: viewer { kind } clash: viewer { kind } clash: __typename");
    if (injector.inject("too many tokens", 1)) parts.push("__typename ".repeat(limits.tokens));
    if (injector.inject("unknown field", 1)) parts.push("shoe { size }");
    if (injector.inject("unknown argument", 1)) parts.push("customers(colour: BLUE) { totalCount }");
    if (injector.inject("too deep", 1)) {
      const [down, up] = ["orders(first: 1) { nodes { customer { ", " } } }"].map((step) => step.repeat(5));
      parts.push(`deep: customers(first: 1) { nodes { ${down}id${up} } }`);
    }
    if (injector.inject("too costly", 1)) {
      parts.push(
        "costly: customers(first: 100) { nodes { orders(first: 100) { nodes { lineItems(first: 100) { nodes { id } } } } } }",
      );
    }
    return this.wrapped(parts);
  }

  private wrapped(parts: readonly string[]): string {
    return `{\n${parts.join("\n")}\n}`;
  }

  private selections(type: Composite, scope: Scope, depth: number): string {
    const { dice } = this;
    const parts: string[] = isAbstractType(type) ? [this.typename(type, scope, false)] : [];
    const fields = fieldsOf(type);
    const leaves = fields.filter((field) => isLeafType(getNamedType(field.type)));
    const branches = fields.filter((field) => !leaves.includes(field) && (depth > 0 || !returnsResources(field)));
    for (const field of this.branchesOf(type, branches)) parts.push(this.field(type, field, scope, depth));
    const few = dice.pick([1, 2, 3, 4, 6, 8, 12, 40]);
    const least = parts.length ? 0 : 1;
    for (const field of dice.some(leaves, least, few)) parts.push(this.field(type, field, scope, depth));
    if (dice.chance(0.12)) parts.push(this.typename(type, scope));
    if (isAbstractType(type)) parts.push(...this.narrowings(type, scope, depth));
    else if (dice.chance(0.08)) parts.push(this.inlined(dice.pick([type, ...type.getInterfaces()]), scope, depth));
    if (dice.chance(0.14)) parts.push(...this.spread(type, scope, depth));
    // Repeats a field, so that its selections merge.
    const again = [...scope].filter(
      ([, { calls, field }]) => calls.has(type.name) && isCompositeType(getNamedType(field.type)),
    );
    if (again.length && dice.chance(0.15)) {
      const [key, { field, calls, inner }] = dice.pick(again);
      parts.push(this.written(key, field, calls.get(type.name)!, inner, Math.max(0, depth - 1)));
    }
    if (!parts.length) parts.push(this.typename(type, scope));
    return this.wrapped(isAbstractType(type) ? parts : dice.some(parts, parts.length, parts.length));
  }

  /** The fields of a type that have sub-selections, up to the remaining number. */
  private branchesOf(type: Composite, branches: readonly Field[]): Field[] {
    const { dice } = this;
    if (this.remaining <= 0) return [];
    const wrapper = !resourceTypes.includes(type.name) && !isAbstractType(type);
    const chosen = wrapper ? dice.some(branches, 1, 2) : dice.some(branches, 0, dice.pick([1, 2, 3, 4]));
    // Most pages select their rows.
    const rows = branches.filter(({ name }) => name === "nodes" || name === "edges");
    if (rows.length && !chosen.some((field) => rows.includes(field)) && dice.chance(0.85)) chosen.push(dice.pick(rows));
    // Several pages of one relation.
    const twice = chosen.filter((field) => listAt(type.name, field.name) && dice.chance(0.15));
    this.remaining -= chosen.length + twice.length;
    return [...chosen, ...twice];
  }

  private typename(type: Composite, scope: Scope, aliased = this.dice.chance(0.2)): string {
    const key = aliased ? this.dice.pick(["kind", "type", "is"]) : "__typename";
    const shape = "String!";
    if (!agrees(scope, key, type.name, "__typename", shape)) return "__typename";
    const field = { name: "__typename", args: [], type: GraphQLBoolean } as unknown as Field;
    const entry = scope.get(key) ?? { calls: new Map<string, string>(), field, shape, inner: new Map() };
    entry.calls.set(type.name, "__typename");
    scope.set(key, entry);
    return `${key === "__typename" ? "" : `${key}: `}__typename${this.directives(0.04)}`;
  }

  private field(parent: Composite, field: Field, scope: Scope, depth: number): string {
    const { dice } = this;
    const given = this.inputs.arguments(parent.name, field);
    const args = Object.entries(given).map(
      ([name, value]) => `${name}: ${this.variables.write(value, field.args.find((arg) => arg.name === name)!.type)}`,
    );
    for (const { name, type } of field.args) {
      if (!(name in given) && !String(type).endsWith("!") && dice.chance(0.02)) {
        args.push(`${name}: ${this.variables.absent(type)}`);
      }
    }
    const call = args.length ? `${field.name}(${args.join(", ")})` : field.name;
    const shape = String(field.type);
    const other = dice.pick(fieldsOf(parent)).name;
    const wanted = dice.chance(0.14) ? [dice.pick([other, "a", "b", `${field.name}Too`])] : [];
    const fits = (name: string) => agrees(scope, name, parent.name, call, shape);
    let key = [...wanted, field.name].find(fits);
    for (let i = 2; !key; i++) if (fits(`${field.name}${i}`)) key = `${field.name}${i}`;
    const entry = scope.get(key) ?? { calls: new Map<string, string>(), field, shape, inner: new Map() };
    entry.calls.set(parent.name, call);
    scope.set(key, entry);
    return this.written(key, field, call, entry.inner, returnsResources(field) ? depth - 1 : depth);
  }

  private written(key: string, field: Field, call: string, inner: Scope, depth: number): string {
    const start = `${key === field.name ? "" : `${key}: `}${call}${this.directives(0.05)}`;
    const target = getNamedType(field.type);
    if (isLeafType(target)) return start;
    return `${start} ${this.selections(target as Composite, inner, Math.max(0, depth))}`;
  }

  /** Directives, most of which include their field. */
  private directives(likelihood: number): string {
    const { dice } = this;
    if (!dice.chance(likelihood)) return "";
    const directive = (name: "skip" | "include") => {
      const isIncluded = dice.chance(0.75);
      return ` @${name}(if: ${this.variables.write(name === "include" ? isIncluded : !isIncluded, new GraphQLNonNull(GraphQLBoolean), 0.6)})`;
    };
    return dice.pick([
      () => directive("include"),
      () => directive("skip"),
      () => directive("include") + directive("skip"),
    ])();
  }

  /** Inline fragments on some of the types that implement an interface. */
  private narrowings(type: GraphQLInterfaceType, scope: Scope, depth: number): string[] {
    const { dice } = this;
    const { objects, interfaces } = schema.getImplementations(type);
    const chosen = [...dice.some(objects, 1, 4), ...dice.some(interfaces, 0, 1)];
    return chosen.map((inner) => this.inlined(inner, scope, depth));
  }

  private inlined(type: Composite, scope: Scope, depth: number): string {
    return `... on ${type.name}${this.directives(0.08)} ${this.selections(type, scope, depth)}`;
  }

  /** The spread of a matching fragment, existing or new. */
  private spread(type: Composite, scope: Scope, depth: number): string[] {
    const { dice } = this;
    const fitting = this.fragments.filter(
      ({ on }) => on === type || (isInterfaceType(on) && schema.isSubType(on, type)),
    );
    let fragment = fitting.length && dice.chance(0.7) ? dice.pick(fitting) : undefined;
    if (!fragment && this.fragments.length < 5) fragment = this.fragment(type, depth);
    if (!fragment || !agree(scope, fragment.scope)) return [];
    merge(scope, fragment.scope);
    return [`...${fragment.name}${this.directives(0.08)}`];
  }

  private fragment(type: Composite, depth: number): Fragment {
    const on = this.dice.chance(0.75) ? type : this.dice.pick([type, ...type.getInterfaces()]);
    const scope: Scope = new Map();
    const body = this.selections(on, scope, Math.min(depth, 2));
    const name = `Part${this.fragments.length}`;
    const fragment = { name, on, scope, text: `fragment ${name} on ${on.name} ${body}` };
    this.fragments.push(fragment);
    return fragment;
  }
}
