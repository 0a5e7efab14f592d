import {
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
} from "graphql";
import { type ModelName, models } from "../../src/graph/model/datamodel.js";
import { modelTypeNamed } from "../../src/graph/schema/model.js";
import { encodeCursor, type OrderInput, totalOrder } from "../../src/graph/sql/order.js";
import type { Caller } from "./app.js";
import type { Dice } from "./dice.js";
import { inMode, inputFields, interfaceLists, type List, modelOf, nestedLists, rootLists } from "./graph.js";
import { type Row, type World, words } from "./rows.js";

/** Kinds of faults of an operation, one at a time. */
export const faults = [
  ...["negative page", "page too large", "first and last", "after and before", "before without last"],
  ...["negative offset", "offset too large", "offset with last", "negative atMost", "empty orderBy"],
  ...["damaged cursor", "cursor of another order", "cursor of another list", "cursor with odd values"],
  ...["null filter field", "null operand", "null in a list", "filter too deep", "too many tests", "too many values"],
  ...["no key", "two keys", "null key", "unknown key", "ambiguous reference", "too many ids", "null id"],
  ...["wrong type", "unknown enum value", "no moment", "half a character", "NUL character", "null despite default"],
  ...["missing variable", "unknown operation", "no operation named", "too deep", "too costly", "unknown field"],
  ...["no GraphQL", "too many tokens", "conflicting fields", "unknown argument", "nothing executable"],
] as const;
export type Fault = (typeof faults)[number];

/** Injects the fault of an operation, at most once. */
export class FaultInjector {
  done = false;

  constructor(
    readonly fault: Fault | undefined,
    private readonly dice: Dice,
  ) {}

  /** Whether to inject this fault here. */
  inject(fault: Fault, likelihood = 0.7): boolean {
    if (this.fault !== fault || this.done || !this.dice.chance(likelihood)) return false;
    this.done = true;
    return true;
  }
}

/** A value that only a variable can hold: no valid literal exists. */
export class ByVariable {
  constructor(readonly value: unknown) {}
}

type Field = GraphQLField<unknown, unknown>;
export type Inputs = Record<string, unknown>;

const lists = new Map(
  [...rootLists, ...nestedLists, ...interfaceLists].map((list) => [`${list.owner ?? "Query"}.${list.field}`, list]),
);
/** The list of a field; undefined if the field is not a list. */
export const listAt = (owner: string, field: string): List | undefined => lists.get(`${owner}.${field}`);

const memory = new WeakMap<World, Map<string, Row[]>>();
/** Caches chosen rows by world and name. */
function cached(world: World, name: string, choose: () => Row[]): Row[] {
  const known = memory.get(world) ?? new Map<string, Row[]>();
  memory.set(world, known);
  if (!known.has(name)) known.set(name, choose());
  return known.get(name)!;
}

/** Makes values for arguments, mostly from existing rows. */
export class InputMaker {
  private readonly mode: "test" | "live";
  private readonly customerId: string | undefined;

  constructor(
    private readonly dice: Dice,
    private readonly world: World,
    caller: Caller,
    private readonly injector: FaultInjector,
  ) {
    this.mode = caller?.mode ?? "test";
    this.customerId = caller?.kind === "customer" ? caller.id : undefined;
  }

  /** The arguments of a field, as plain values. Absent ones are missing. */
  arguments(owner: string, field: Field): Inputs {
    const list = listAt(owner, field.name);
    if (list) return this.page(list);
    const given: Inputs = {};
    for (const { name, type } of field.args) {
      const required = String(type).endsWith("!");
      if (!required && this.dice.chance(0.4)) continue;
      given[name] = this.argument(name, type, getNamedType(field.type).name);
    }
    return given;
  }

  private argument(name: string, type: GraphQLInputType, target: string): unknown {
    const { dice, injector } = this;
    const input = getNamedType(type);
    if (isInputObjectType(input)) return input.isOneOf ? this.lookUp(input, modelOf(target)) : {};
    if (name === "ids") {
      if (injector.inject("too many ids")) return Array.from({ length: 101 }, (_, i) => `cus_${i}`);
      const ids = Array.from({ length: dice.int(0, 5) }, () => this.id());
      return dice.chance(0.2) ? [...ids, ...ids.slice(0, 1)] : ids;
    }
    if (name === "id") {
      if (injector.inject("null id")) return new ByVariable(null);
      const typed = target === "Node" || target === "Resource" ? undefined : modelOf(target);
      return this.maybeInvalid(this.id(typed));
    }
    if (name === "atMost") {
      if (injector.inject("negative atMost", 0.9)) return -1;
      return dice.chance(0.1) ? null : dice.int(0, 5);
    }
    return input.name === "Int" ? dice.int(0, 5) : input.name === "Boolean" ? dice.chance(0.5) : dice.pick(words);
  }

  /** The text, or an invalid one if that fault is due. */
  private maybeInvalid(text: string): unknown {
    if (this.injector.inject("NUL character", 0.5)) return `${text}\0`;
    if (this.injector.inject("half a character", 0.5)) return new ByVariable(`${text}\ud83d`);
    return text;
  }

  /** A row in the caller's mode; for customers, mostly their own. */
  private row(model: ModelName): Row | undefined {
    const { customerId, mode, world } = this;
    const rows = cached(world, `${model} ${mode}`, () => inMode(world.rows.get(model)!, mode));
    const ownRows = cached(world, `${model} ${mode} ${customerId}`, () =>
      rows.filter((row) =>
        customerId ? [row.customerId, row.id].includes(customerId) : /^[a-z]{3}(_[a-z0-9]+)+$/.test(row.id),
      ),
    );
    return this.dice.pick(ownRows.length && this.dice.chance(0.8) ? ownRows : rows);
  }

  /** An id: mostly of such a row, else of another mode or model, or of no row. */
  id(model: ModelName = this.dice.pick([...models.keys()])): string {
    const { dice, world } = this;
    return dice.either(
      [88, () => this.row(model)?.id ?? "none"],
      [4, () => dice.pick(world.rows.get(model)!).id],
      [4, () => dice.pick([...world.byId.keys()])],
      [4, () => dice.pick(["", "none", `${models.get(model)!.prefix}_none`])],
    );
  }

  /** Exactly one of the keys of a look-up. */
  private lookUp(input: GraphQLInputObjectType, model: ModelName): unknown {
    const { dice, injector } = this;
    const fields = inputFields(input);
    if (injector.inject("no key")) return new ByVariable({});
    if (injector.inject("two keys")) {
      return new ByVariable(Object.fromEntries(dice.some(fields, 2, 2).map(({ name }) => [name, "x"])));
    }
    if (injector.inject("null key")) return new ByVariable({ [dice.pick(fields).name]: null });
    if (injector.inject("unknown key")) return new ByVariable({ serial: "x" });
    const reference = fields.find(({ name }) => name === "reference");
    if (reference && injector.inject("ambiguous reference")) return { reference: this.duplicateReference(model) };
    const { name } = dice.pick(fields);
    if (name === "id") return { id: this.maybeInvalid(this.id(model)) };
    const row = dice.chance(0.9) ? this.row(model) : undefined;
    if (name === "reference") {
      const origin = row?.referenceOrigin ?? null;
      return {
        reference: {
          reference: row?.reference ?? "none",
          ...(dice.chance(0.6) && { referenceOrigin: dice.chance(0.8) ? origin : "elsewhere" }),
        },
      };
    }
    const text = String(row?.[name] ?? "none");
    return { [name]: this.maybeInvalid(dice.chance(0.1) ? ` ${text.toUpperCase()}` : text) };
  }

  /** A reference that several rows have. */
  private duplicateReference(model: ModelName): { reference: string } {
    const seen = new Set<unknown>();
    const duplicate = inMode(this.world.rows.get(model)!, this.mode).find(({ reference }) => {
      if (seen.has(reference)) return reference !== null;
      seen.add(reference);
      return false;
    });
    return { reference: String(duplicate?.reference ?? "none") };
  }

  // ---- Pages.

  private page(list: List): Inputs {
    const { dice, injector } = this;
    const keys = dice.chance(0.35) ? this.order(list) : undefined;
    const args: Inputs = { ...this.window(list, keys) };
    if (keys) args.orderBy = keys.length === 1 && dice.chance(0.2) ? keys[0] : keys;
    else if (injector.inject("empty orderBy")) args.orderBy = [];
    else if (dice.chance(0.03)) args.orderBy = null;
    if (this.wantsFilter || dice.chance(0.22)) args.filter = this.filter(list.filter);
    else if (dice.chance(0.03)) args.filter = null;
    if (keys && injector.inject("unknown enum value", 0.5)) args.orderBy = new ByVariable([{ field: "SHOE_SIZE" }]);
    return args;
  }

  private get wantsFilter(): boolean {
    const { fault, done } = this.injector;
    return !done && /null (filter|operand|in)|filter|tests|values|moment|enum|character|wrong type/.test(fault ?? "");
  }

  private window(list: List, keys: Inputs[] | undefined): Inputs {
    const { dice } = this;
    const size = dice.chance(0.06) ? 0 : dice.int(1, 5);
    const cursor = () => this.cursor(list, keys);
    const wrong = this.wrongWindow(list, keys);
    if (wrong) return wrong;
    return dice.either<Inputs>(
      [30, () => ({ first: size })],
      [6, () => ({})],
      [3, () => ({ first: null, ...(dice.chance(0.5) && { after: null }) })],
      [12, () => ({ last: size })],
      [18, () => ({ first: size, after: cursor() })],
      [4, () => ({ after: cursor() })],
      [15, () => ({ last: size, before: cursor() })],
      [3, () => ({ first: size, last: null, before: null })],
      [list.numbered ? 14 : 0, () => ({ first: size, offset: dice.int(0, 8) })],
      [list.numbered ? 2 : 0, () => ({ offset: dice.pick([null, 0, 10_000]), ...(dice.chance(0.5) && { first: 3 }) })],
    );
  }

  private wrongWindow(list: List, keys: Inputs[] | undefined): Inputs | undefined {
    const { dice, injector } = this;
    const end = dice.pick(["first", "last"]);
    const at = (cursor: string) => (end === "first" ? { first: 2, after: cursor } : { last: 2, before: cursor });
    const cursor = () => this.cursor(list, keys);
    if (injector.inject("negative page")) return { [end]: -dice.int(1, 3) };
    if (injector.inject("page too large")) return { [end]: dice.pick([101, 250, 251, 2 ** 31 - 1]) };
    if (injector.inject("first and last")) return { first: 1, last: 1 };
    if (injector.inject("after and before")) return { [end]: 1, after: cursor(), before: cursor() };
    if (injector.inject("before without last")) return { ...(dice.chance(0.5) && { first: 1 }), before: cursor() };
    if (list.numbered) {
      if (injector.inject("negative offset")) return { offset: -1 };
      if (injector.inject("offset too large")) return { offset: 10_001 };
      if (injector.inject("offset with last")) return { offset: 2, ...(dice.chance(0.5) ? { last: 1 } : at(cursor())) };
    }
    if (injector.inject("damaged cursor")) {
      const good = cursor();
      return at(dice.pick(["", "x", good.slice(2), good.slice(0, -5), `${good}AAAA`, "bnVsbA", "WzFd"]));
    }
    if (injector.inject("cursor with odd values")) {
      const parts = JSON.parse(Buffer.from(cursor(), "base64url").toString()) as unknown[];
      parts[dice.int(1, parts.length - 1)] = dice.pick<unknown>([null, 1.5, "2026-02-30T00:00:00.000Z", [], {}, true]);
      return at(Buffer.from(JSON.stringify(parts)).toString("base64url"));
    }
    if (injector.inject("cursor of another order"))
      return at(this.cursor(list, [...(keys ?? []), ...this.order(list)]));
    if (injector.inject("cursor of another list")) return at(this.cursor(dice.pick(rootLists), undefined));
    if (injector.inject("wrong type", 0.3))
      return { first: new ByVariable(dice.pick<unknown>(["2", 1.5, true, [1], {}])) };
    return undefined;
  }

  private order(list: List): Inputs[] {
    const { dice } = this;
    return dice.some(list.sortable, 1, 3).map(({ name }) => ({
      field: name,
      ...(dice.chance(0.6) && { direction: dice.pick(["ASC", "DESC"]) }),
      ...(dice.chance(0.3) && { nulls: dice.pick(["FIRST", "LAST", null]) }),
    }));
  }

  /** The cursor of some row of a list's model in this order. */
  private cursor(list: List, keys: Inputs[] | undefined): string {
    const { datamodel, defaultOrder } = modelTypeNamed(list.model);
    const field = (name: unknown) => list.sortable.find((key) => key.name === name)!.field;
    const order = keys?.map((key) => ({ ...key, field: field(key.field) }) as OrderInput) ?? defaultOrder;
    const row = this.row(list.model) ?? this.dice.pick(this.world.rows.get(list.model)!);
    return encodeCursor(row, totalOrder(datamodel, order), datamodel);
  }

  // ---- Filters.

  private filter(type: GraphQLInputObjectType): unknown {
    const { injector } = this;
    if (injector.inject("filter too deep")) return { not: { not: { and: [{ not: { id: { isNull: false } } }] } } };
    if (injector.inject("too many tests"))
      return { or: Array.from({ length: 31 }, (_, i) => ({ id: { eq: `${i}` } })) };
    if (injector.inject("too many values")) {
      return { id: { in: new ByVariable(Array.from({ length: 1_001 }, (_, i) => `${i}`)) } };
    }
    if (injector.inject("wrong type", 0.5)) return new ByVariable(this.dice.pick<unknown>(["x", 1, [[]], { id: "x" }]));
    return this.filterOf(type, 0);
  }

  private filterOf(type: GraphQLInputObjectType, depth: number): Inputs {
    const { dice, injector } = this;
    const fields = Object.values(type.getFields());
    const combining = fields.filter(({ name }) => ["and", "or", "not"].includes(name));
    const plain = fields.filter((field) => !combining.includes(field));
    const shallow = plain.filter(({ type: inner }) => !modelFilterName(inner));
    const chosen =
      depth < 3
        ? [...dice.some(plain, depth ? 1 : 0, 2), ...(dice.chance(0.35) ? dice.some(combining, 1, 1) : [])]
        : dice.some(shallow, 1, 1);
    const filter: Inputs = {};
    for (const { name, type: inner } of chosen) {
      if (injector.inject("null filter field")) filter[name] = null;
      else if (name === "and" || name === "or") {
        filter[name] = Array.from({ length: dice.int(0, 2) }, () => this.filterOf(type, depth + 1));
      } else if (name === "not") filter.not = this.filterOf(type, depth + 1);
      else filter[name] = this.test(type, name, getNamedType(inner), depth);
    }
    return filter;
  }

  private test(owner: GraphQLInputObjectType, name: string, type: GraphQLNamedInputType, depth: number): unknown {
    const { dice, injector } = this;
    const input = type as GraphQLInputObjectType;
    const model = owner.name.replace(/Filter$/, "") as ModelName;
    if (modelFilterName(input)) {
      if (input.name.endsWith("ListFilter")) {
        const inner = getNamedType(input.getFields().some!.type) as GraphQLInputObjectType;
        return Object.fromEntries(
          dice.some(["some", "none"], 1, 2).map((quantifier) => [quantifier, this.filterOf(inner, depth + 1)]),
        );
      }
      return this.filterOf(input, depth + 1);
    }
    if (input.name === "SetFilter") {
      const tags = inMode(this.world.rows.get("Tag")!, this.mode).map((tag) =>
        String(tag[name === "tags" ? "name" : "id"]),
      );
      const values = () => dice.some([...tags, "none"], 0, 3);
      return Object.fromEntries(dice.some(["any", "all", "none"], 1, 2).map((quantifier) => [quantifier, values()]));
    }
    if (input.name === "MetadataFilter") {
      const entries = this.world.rows.get(model)!.flatMap(({ metadata }) => Object.entries(metadata ?? {}));
      const [key, value] = dice.pick([...entries, ["none", "none"]]);
      return { key, ...(dice.chance(0.6) && { eq: typeof value === "object" ? "null" : String(value) }) };
    }
    const tests: Inputs = {};
    for (const { name: operator, type: operand } of dice.some(inputFields(input), 1, dice.chance(0.2) ? 2 : 1)) {
      if (injector.inject("null operand")) tests[operator] = null;
      else if (operator === "isNull") tests.isNull = dice.chance(0.5);
      else if (operator === "in") {
        tests.in = Array.from({ length: dice.int(0, 3) }, () => this.operand(model, name, operand));
        if (injector.inject("null in a list", 0.9)) tests.in = new ByVariable([null]);
      } else {
        const value = this.operand(model, name, operand);
        const isSubstring = (operator === "contains" || operator === "startsWith") && typeof value === "string";
        tests[operator] = isSubstring ? this.substring(value, operator === "startsWith") : value;
      }
    }
    return tests;
  }

  private operand(model: ModelName, field: string, type: GraphQLNamedInputType): unknown {
    const { dice, injector } = this;
    if (isEnumType(type)) {
      if (injector.inject("unknown enum value", 0.9)) return new ByVariable("PURPLE");
      return dice.pick(type.getValues()).name;
    }
    const value = this.row(model)?.[field] ?? null;
    switch (type.name) {
      case "Int":
        if (injector.inject("wrong type", 0.9)) return new ByVariable(dice.pick<unknown>(["1", 0.5, 2 ** 40]));
        return (typeof value === "number" ? value : 0) + dice.int(-1, 1);
      case "Float":
        return value ?? 0.5;
      case "Boolean":
        return dice.chance(0.5);
      case "DateTime": {
        if (injector.inject("no moment", 0.9)) {
          return new ByVariable(dice.pick<unknown>(["yesterday", "2026-02-30T00:00:00Z", "2026-01-01", 5]));
        }
        const time = value instanceof Date ? value.getTime() : Date.UTC(2026, 5, 1);
        return new Date(time + dice.int(-1, 1)).toISOString();
      }
      default: {
        const text = value === null ? dice.pick(words) : String(value);
        return this.maybeInvalid(dice.chance(0.15) ? text.toUpperCase() : text);
      }
    }
  }

  private substring(text: string, fromStart: boolean): string {
    const letters = [...text];
    const start = fromStart ? 0 : this.dice.int(0, Math.max(0, letters.length - 3));
    return letters.slice(start, start + this.dice.int(1, 4)).join("");
  }
}

/** The name of a filter on rows or related rows of a model; empty for other filters. */
function modelFilterName(type: GraphQLInputType): string {
  const input = getNamedType(type);
  if (!isInputObjectType(input)) return "";
  const fields = input.getFields();
  return "and" in fields || "some" in fields ? input.name : "";
}
