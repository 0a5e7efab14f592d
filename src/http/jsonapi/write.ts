import {
  coerceInputValue,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isObjectType,
  isRequiredInputField,
} from "graphql";
import { demand } from "../../graph/access/guard.js";
import type { Context } from "../../graph/context.js";
import type { ModelName } from "../../graph/model/datamodel.js";
import { nearest } from "../../graph/model/nearest.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { isMutation, type MutationCall, mutateTogether } from "../../graph/write/mutation.js";
import type { UserError } from "../../graph/write/user-error.type.js";
import { type ErrorObject, JsonApiError, validationError } from "./errors.js";
import type { Reading } from "./read.js";
import { type Relationship, type ResourceType, snakeCase } from "./resources.js";
import { targetsOf } from "./selection.js";

/** The resource object in the body of a request. */
export interface GivenResource {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly relationships: Readonly<Record<string, unknown>>;
}

export interface Written {
  /** Undefined if the caller is not told whether there is one. */
  readonly id: string | undefined;
  /** Attributes that are shown once, after the write. */
  readonly once: Readonly<Record<string, unknown>>;
}

/** A mutation to call, and the pointers to its arguments in the body. */
interface Call extends MutationCall {
  /** The pointer to the value of an argument, by its path. */
  readonly pointerOf: (path: readonly string[]) => string | undefined;
}

type Verb = "Create" | "Update" | "Delete";

/** Writes that have another name in the graph, and what their input calls the attributes. */
const others: Record<string, { mutation: string; attributes: Readonly<Record<string, string>> }> = {
  "customer_password_resets Update": {
    mutation: "customerPasswordResetConsume",
    attributes: { _reset_password_token: "resetPasswordToken", customer_password: "customerPassword" },
  },
};

/** Triggers that are mutations with an input. Those of states are named like the mutation: `_place` is `orderPlace`. */
const triggers: Record<string, (id: string) => MutationCall> = {
  "customers _request_anonymization": (id) => ({ name: "anonymizationRequest", args: { input: { customerId: id } } }),
  "customers _cancel_anonymization": (id) => ({ name: "anonymizationCancel", args: { input: { customerId: id } } }),
};

/** The name of a type's mutation, if there is one: `customerCreate`. */
function mutationOf({ model, name }: ResourceType, verb: Verb): string | undefined {
  const other = others[`${name} ${verb}`];
  const mutation = other?.mutation ?? fieldOf(model.name) + verb;
  return isMutation(mutation) ? mutation : undefined;
}

function fieldOf(model: ModelName): string {
  return model[0]!.toLowerCase() + model.slice(1);
}

/** The methods that an address of resources, or of one, takes. */
export function methodsOf(type: ResourceType, isOne: boolean): string[] {
  const writes = isOne
    ? [
        mutationOf(type, "Update") || type.relationships.has("tags") ? "PATCH" : "",
        mutationOf(type, "Delete") ? "DELETE" : "",
      ]
    : [mutationOf(type, "Create") ? "POST" : ""];
  return ["GET", "HEAD", ...writes.filter(Boolean)];
}

/** The input type of a type's mutation, and what it calls attributes that have another name. */
function inputOf(type: ResourceType, verb: "Create" | "Update", schema: GraphQLSchema) {
  const other = others[`${type.name} ${verb}`];
  const name = other
    ? `${other.mutation[0]!.toUpperCase()}${other.mutation.slice(1)}Input`
    : `${type.model.name}${verb}Input`;
  const input = schema.getType(name) as GraphQLInputObjectType | undefined;
  return { fields: input?.getFields() ?? {}, names: other?.attributes ?? {} };
}

/** A member of the body that creates or updates a resource. */
export interface WritableMember {
  /** `attributes` or `relationships`, and the name there. */
  readonly member: "attributes" | "relationships";
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly description: string | undefined;
  readonly required: boolean;
}

/** What a body may have that creates or updates a resource, without triggers; undefined if nothing does. */
export function writableMembers(
  type: ResourceType,
  verb: "Create" | "Update",
  schema: GraphQLSchema,
): WritableMember[] | undefined {
  if (!mutationOf(type, verb)) return undefined;
  const { fields, names } = inputOf(type, verb, schema);
  return Object.values(fields)
    .filter(({ name }) => name !== "id")
    .map((field) => {
      const [, , member, name] = pointerTo(type, field.name, names).split("/") as [
        string,
        string,
        WritableMember["member"],
        string,
      ];
      return {
        member,
        name,
        type: field.type,
        description: field.description ?? undefined,
        required: isRequiredInputField(field),
      };
    });
}

/** Creates, updates and deletes resources by the mutations of the graph: with their rules, audit trail and idempotency. */
export class Writer {
  constructor(
    private readonly reading: Pick<Reading, "schema" | "types">,
    private readonly context: Context,
    private readonly idempotencyKey: string | undefined,
  ) {}

  async create(type: ResourceType, given: GivenResource): Promise<Written> {
    const mutation = mutationOf(type, "Create")!;
    const { input, pointerOf } = this.input(type, "Create", given);
    const first: Call = { name: mutation, args: { input }, pointerOf };
    const field = fieldOf(type.model.name);
    const idOf = ([outcome]: readonly Outcome[]) => (outcome![field] ?? outcome!.id) as string;
    const later = await this.later(type, given, idOf);
    const outcomes = await this.call([first, ...later], ["POST", type.name, given]);
    const { resetPasswordToken: token } = outcomes[0]!;
    return {
      id: (outcomes[0]![field] ?? outcomes[0]!.id) as string | undefined,
      once: token ? { reset_password_token: token } : {},
    };
  }

  async update(type: ResourceType, id: string, given: GivenResource): Promise<void> {
    const mutation = mutationOf(type, "Update");
    const calls: Call[] = [];
    if (mutation) {
      const { input, pointerOf } = this.input(type, "Update", given);
      const other = others[`${type.name} Update`];
      if (other) calls.push({ name: mutation, args: { input: { ...input, id } }, pointerOf });
      else if (Object.keys(input).length) calls.push({ name: mutation, args: { id, input }, pointerOf });
    }
    calls.push(...(await this.later(type, given, () => id)));
    if (calls.length) await this.call(calls, ["PATCH", type.name, id, given]);
  }

  async delete(type: ResourceType, id: string): Promise<void> {
    const call: Call = { name: mutationOf(type, "Delete")!, args: { id }, pointerOf: () => undefined };
    await this.call([call], ["DELETE", type.name, id]);
  }

  private async call(calls: readonly Call[], request: unknown): Promise<readonly Outcome[]> {
    const key = this.idempotencyKey;
    const { outcomes, refusal } = await mutateTogether(
      this.context,
      this.reading.schema,
      calls,
      key === undefined ? undefined : { key, request },
    );
    if (refusal) throw refused(refusal.errors, calls[refusal.call]!.pointerOf);
    return outcomes;
  }

  /** The input of a mutation from attributes and relationships; reports all errors at once. */
  private input(type: ResourceType, verb: "Create" | "Update", { attributes, relationships }: GivenResource) {
    const { fields, names } = inputOf(type, verb, this.reading.schema);
    const input: Record<string, unknown> = {};
    const pointers = new Map<string, string>();
    const errors: ErrorObject[] = [];
    const coerced = (field: string, pointer: string, value: unknown) => {
      pointers.set(field, pointer);
      const inputType = fields[field]!.type;
      input[field] = coerceInputValue(inputValue(value, inputType), inputType, (_path, _value, error) => {
        const blank = value === null || value === undefined;
        errors.push(
          validationError(pointer, blank ? "blank" : "invalid", blank ? "can't be blank" : sentence(error.message)),
        );
      });
    };
    for (const [attribute, value] of Object.entries(attributes)) {
      const pointer = `/data/attributes/${attribute}`;
      if (
        isTrigger(type, this.reading.schema, attribute) ||
        (type.relationships.get(attribute)?.many && Array.isArray(value))
      )
        continue;
      const field = names[attribute] ?? type.attributes.get(attribute)?.field.name ?? camelCase(attribute);
      if (!fields[field]) throw attributeNotAllowed(type, attribute, verb, Object.keys(fields));
      const changed = attribute === "metadata" && verb === "Update" ? { replace: value ?? {} } : value;
      coerced(field, pointer, changed);
    }
    for (const [relationship, value] of Object.entries(relationships)) {
      const pointer = `/data/relationships/${relationship}`;
      const known = type.relationships.get(relationship);
      if (!known) {
        const hint = nearest(relationship, type.relationships.keys());
        throw notAllowed(
          pointer,
          `${relationship.slice(0, 60)} is not a relationship of ${type.name}.${hint ? ` Did you mean ${hint}?` : ""}`,
        );
      }
      const data = dataOf(value, pointer);
      if (known.many) {
        this.checkTags(known, data, pointer);
        continue;
      }
      const field = `${known.field}Id`;
      if (!fields[field])
        throw notAllowed(
          pointer,
          `${relationship} is not allowed: it cannot be set ${verb === "Create" ? "when one is created" : "later"}.`,
        );
      if (Array.isArray(data)) throw notAllowed(pointer, `${relationship} is one resource, not a list.`);
      coerced(field, pointer, data === null ? null : this.idOf(known, data, pointer));
    }
    for (const field of Object.values(fields)) {
      if (!isRequiredInputField(field) || field.name in input || field.name === "id") continue;
      const pointer = pointerTo(type, field.name, names);
      errors.push(validationError(pointer, "blank", "can't be blank"));
    }
    if (errors.length) throw new JsonApiError(errors);
    const pointerOf = ([argument, field]: readonly string[]) =>
      argument === "input" && field !== undefined ? (pointers.get(field) ?? pointerTo(type, field, names)) : undefined;
    return { input, pointerOf };
  }

  /** The calls after the resource is there: its tags, and its triggers. */
  private async later(
    type: ResourceType,
    { attributes, relationships }: GivenResource,
    idOf: (outcomes: readonly Outcome[]) => string,
  ): Promise<Call[]> {
    const calls: Call[] = [];
    const add = (pointer: string, make: (id: string) => MutationCall) => {
      const { name } = make("");
      calls.push({ name, args: (outcomes) => make(idOf(outcomes)).args, pointerOf: () => pointer });
    };
    const tags =
      relationships.tags !== undefined ? dataOf(relationships.tags, "/data/relationships/tags") : attributes.tags;
    if (Array.isArray(tags) && type.relationships.has("tags")) {
      const pointer = "/data/relationships/tags";
      const names = await this.tagNames(tags, pointer);
      add(pointer, (id) => ({ name: "tagsReplace", args: { id, names } }));
    }
    // domain rule: removals apply after additions, so they win.
    const removed = await this.knownTags(type, attributes, "_remove_tags");
    const added = (await this.knownTags(type, attributes, "_add_tags")).filter((name) => !removed.includes(name));
    if (removed.length) {
      add("/data/attributes/_remove_tags", (id) => ({ name: "tagsRemove", args: { id, names: removed } }));
    }
    if (added.length) add("/data/attributes/_add_tags", (id) => ({ name: "tagsAdd", args: { id, names: added } }));
    const known = triggersOf(type, this.reading.schema);
    for (const [name, value] of Object.entries(attributes)) {
      const trigger = known.get(name);
      if (!trigger) continue;
      const pointer = `/data/attributes/${name}`;
      if (typeof value !== "boolean" && value !== null) {
        throw new JsonApiError([validationError(pointer, "invalid", "must be true to have an effect")]);
      }
      // domain rule: triggers act only on `true`.
      if (value !== true) continue;
      add(pointer, trigger);
    }
    return calls;
  }

  /** The tags that a trigger names and that there are. domain rule: unknown names and duplicates are discarded. */
  private async knownTags(
    type: ResourceType,
    attributes: GivenResource["attributes"],
    trigger: string,
  ): Promise<string[]> {
    const value = attributes[trigger];
    if (value === undefined || value === null || !isTagTrigger(type, trigger)) return [];
    // Even if none of the named tags exists.
    demand(this.context, ["tags:assign"]);
    if (typeof value !== "string") {
      throw new JsonApiError([
        validationError(`/data/attributes/${trigger}`, "invalid", "must be names of tags, separated by commas"),
      ]);
    }
    const names = [...new Set(value.split(",").map((name) => name.trim().toLowerCase()))]
      .filter(Boolean)
      .slice(0, 1_000);
    const tags = await Promise.all(names.map((name) => this.context.loaders.byField("Tag", "name", name)));
    return names.filter((_, i) => tags[i]);
  }

  /** The names of tags by their ids. */
  private async tagNames(tags: readonly unknown[], pointer: string): Promise<string[]> {
    const rows = await Promise.all(
      tags.map((tag) => this.context.loaders.byId("Tag", String((tag as { id?: unknown } | null)?.id ?? ""))),
    );
    const missing = rows.indexOf(null);
    if (missing >= 0) throw new JsonApiError([validationError(`${pointer}/data/${missing}`, "invalid", "must exist")]);
    return rows.map((row) => String((row as { name?: unknown }).name));
  }

  private checkTags({ name }: Relationship, data: unknown, pointer: string) {
    if (name !== "tags") throw notAllowed(pointer, `${name} is not allowed: set it from the other side.`);
    if (!Array.isArray(data)) throw notAllowed(pointer, `${name} is a list of resources.`);
  }

  private idOf(relationship: Relationship, data: { type: string; id: string }, pointer: string): string {
    const targets = targetsOf(relationship, this.reading.types).map(({ name }) => name);
    if (targets.length && !targets.includes(data.type)) {
      throw notAllowed(
        `${pointer}/data/type`,
        `${data.type.slice(0, 60)} is not allowed here; it is one of ${targets.join(", ")}.`,
      );
    }
    return data.id;
  }
}

const triggersByType = new WeakMap<ResourceType, ReadonlyMap<string, (id: string) => MutationCall>>();

/** The trigger attributes of a type, except those of tags, and the mutations they call: `_place` is the mutation `orderPlace`. */
export function triggersOf(
  type: ResourceType,
  schema: GraphQLSchema,
): ReadonlyMap<string, (id: string) => MutationCall> {
  let calls = triggersByType.get(type);
  if (!calls) {
    const field = fieldOf(type.model.name);
    const moves = Object.values(schema.getMutationType()!.getFields()).flatMap(
      (mutation): [string, (id: string) => MutationCall][] => {
        const { name, args } = mutation;
        const payload = getNamedType(mutation.type);
        // A move of the state takes the id alone, and answers with the resource: no other resource, and no deletion.
        const isMove =
          isObjectType(payload) &&
          payload.getFields()[field] &&
          args.every((arg) => ["id", "ifVersion"].includes(arg.name));
        if (!isMove || !name.startsWith(field)) return [];
        return [[snakeCase(name.slice(field.length)), (id) => ({ name, args: { id } })]];
      },
    );
    const prefix = `${type.name} `;
    const others = Object.entries(triggers).filter(([name]) => name.startsWith(prefix));
    calls = new Map([...moves, ...others.map(([name, call]) => [name.slice(prefix.length), call] as const)]);
    triggersByType.set(type, calls);
  }
  return calls;
}

/** Whether an attribute is a trigger of a type. */
function isTrigger(type: ResourceType, schema: GraphQLSchema, name: string): boolean {
  return isTagTrigger(type, name) || triggersOf(type, schema).has(name);
}

function isTagTrigger(type: ResourceType, name: string): boolean {
  return (name === "_add_tags" || name === "_remove_tags") && type.relationships.has("tags");
}

/** The `data` of a relationship object. */
function dataOf(value: unknown, pointer: string): null | { type: string; id: string } | unknown[] {
  const { data } = (value ?? {}) as { data?: unknown };
  if (data === null || Array.isArray(data)) return data;
  const { type, id } = (data ?? {}) as { type?: unknown; id?: unknown };
  if (typeof type === "string" && typeof id === "string") return { type, id };
  throw notAllowed(pointer, "A relationship has `data`: null, an object with type and id, or a list of them.");
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A value as the inputs of the graph take it: its enums are in upper case. */
function inputValue(value: unknown, type: GraphQLInputType): unknown {
  const inner = getNullableType(type);
  if (isListType(inner)) return Array.isArray(value) ? value.map((item) => inputValue(item, inner.ofType)) : value;
  const named = getNamedType(inner);
  if (isEnumType(named)) return named.getValues().find((enumValue) => enumValue.value === value)?.name ?? value;
  if (!isInputObjectType(named) || typeof value !== "object" || value === null || "replace" in value) return value;
  const fields = named.getFields();
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const field = fields[camelCase(name)];
      return field ? [field.name, inputValue(member, field.type)] : [name, member];
    }),
  );
}

/** JSON pointer to an input field in a body. */
function pointerTo(type: ResourceType, field: string, names: Readonly<Record<string, string>> = {}): string {
  const other = Object.keys(names).find((name) => names[name] === field);
  if (other) return `/data/attributes/${other}`;
  for (const { field: relation, name } of type.relationships.values()) {
    if (`${relation}Id` === field || (relation === field && relation === "tags")) return `/data/relationships/${name}`;
  }
  for (const attribute of type.attributes.values()) {
    if (attribute.field.name === field) return `/data/attributes/${attribute.name}`;
  }
  return `/data/attributes/${snakeCase(field)}`;
}

function sentence(message: string): string {
  return message.replace(/^(Expected|Field|Value)\b[^.]*?; /, "").replace(/\.$/, "");
}

function notAllowed(pointer: string, detail: string): JsonApiError {
  return new JsonApiError("PARAM_NOT_ALLOWED", detail, { pointer });
}

function attributeNotAllowed(type: ResourceType, name: string, verb: Verb, fields: readonly string[]): JsonApiError {
  const known = fields.map(snakeCase);
  const hint = nearest(name, known);
  const why = type.attributes.has(name)
    ? `it is read only${verb === "Update" ? ", or can be set only when one is created" : ""}.`
    : `${type.name} have no such attribute.${hint ? ` Did you mean ${hint}?` : ""}`;
  return notAllowed(`/data/attributes/${name}`, `${name.slice(0, 60)} is not allowed: ${why}`);
}

/** Rule keys of validation errors, by code. */
const rules: Partial<Record<string, string>> = { TAKEN: "taken", NOT_FOUND: "required", WRONG_STATE: "invalid_status" };

/** The error objects of user errors. */
function refused(errors: readonly UserError[], pointerOf: Call["pointerOf"]): JsonApiError {
  const [first] = errors;
  const about = first!.path[0];
  if (first!.code === "NOT_FOUND" && (about === "id" || first!.path.join() === "input,customerId")) {
    return new JsonApiError("RECORD_NOT_FOUND", first!.message);
  }
  if (first!.code === "IN_USE") return new JsonApiError("RECORD_LOCKED", first!.message);
  return new JsonApiError(
    errors.map(({ code, message, path }) => {
      const pointer = pointerOf(path) ?? "/data";
      const title = code === "TAKEN" ? "has already been taken" : message.replace(/\.$/, "");
      return validationError(pointer, rules[code] ?? "invalid", title);
    }),
  );
}
