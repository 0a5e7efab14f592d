import {
  aboutOf,
  type Column,
  type Model,
  type ModelName,
  modelNamed,
  modelOfType,
  models,
  type Relation,
} from "../graph/model/datamodel.js";
import { escapePointer } from "../graph/model/json.js";
import { amountOf, possibleAmounts } from "../graph/model/money.js";
import { nearest } from "../graph/model/nearest.js";
import { codeKey } from "../graph/model/values.js";
import type { TextReader } from "../graph/write/columns.js";
import { normalizedPassword, passwordProblem } from "../identity/password.js";
import { maximumTags } from "../modules/tags/tag-rules.js";
import { contents, isFilledIn } from "./completions.js";
import { isAttribute, leftOutNames, leftOutTypes, mergedColumns, typeColumnOf, typesOf } from "./documents.js";
import { type Checked, checkColumn, checkOwn, checkText, isObject, wordsOf } from "./values.js";

export type Mode = "test" | "live";

/** A resource that passed all checks that need no other resource. Rows are keyed by column name. */
export interface CheckedResource {
  readonly type: string;
  readonly id: string;
  readonly mode: Mode;
  readonly model: Model;
  /**
   * What the document states and the database stores. Absent: not stated. Keys that are no columns serve the merge:
   * `customer_email` finds the customer, `payment_source_id:type` is the type of a reference that has several.
   */
  readonly row: Record<string, unknown>;
  /** Stated values of computed columns. */
  readonly derived: Record<string, unknown>;
  /** Foreign keys of other resources that its to-many relationships set. */
  readonly links: readonly Link[];
  readonly tags: readonly TagStatement[];
  readonly password: string | undefined;
  readonly notes: Notes;
}

/** A foreign key of another resource, set by a to-many relationship that lists it. */
export interface Link {
  readonly model: ModelName;
  readonly type: string;
  readonly id: string;
  readonly values: Readonly<Record<string, string>>;
  readonly pointer: string;
}

/**
 * `all`: the resource's tags are stated, and `tag` is one of them, by id; `also` is one more, said from the tag's side.
 * `add` and `remove` name a tag.
 */
export interface TagStatement {
  readonly what: "all" | "tag" | "also" | "add" | "remove";
  readonly model: ModelName;
  readonly owner: string;
  readonly tag?: string;
  readonly pointer: string;
}

/** Names of attributes that are not stored as stated. */
export interface Notes {
  readonly recomputed: readonly string[];
  /** Those that contradict other attributes of the same resource. */
  readonly contradicted: readonly string[];
  readonly leftOut: readonly string[];
}

/** Why a resource is rejected: `reason` says what would be right at `pointer` within the resource. */
export interface Refusal {
  readonly pointer: string;
  readonly reason: string;
}

export type Outcome =
  | { readonly is: "checked"; readonly resource: CheckedResource }
  | { readonly is: "left out"; readonly type: string }
  | {
      readonly is: "refused";
      readonly type: string | undefined;
      readonly id: string | undefined;
      readonly refusals: readonly Refusal[];
    };

/**
 * Checks one resource by itself. Everything that is wrong with it is told at once. `repeated` are the pointers of keys
 * that it has more than once.
 */
export function checkResource(resource: unknown, defaultMode: Mode, repeated: readonly string[] = []): Outcome {
  if (!isObject(resource)) return refused(undefined, undefined, "", "must be a resource: an object with type and id");
  const { type, id } = resource;
  if (typeof type !== "string") return refused(undefined, undefined, "/type", "must be a text");
  const known = knownTypes.get(type);
  if (!known) {
    if (leftOutTypes.has(type)) return { is: "left out", type };
    const meant = nearest(type, knownTypes.keys());
    return refused(
      textOrNothing(type),
      textOrNothing(id),
      "/type",
      `is no known type${meant ? `; is ${meant} meant?` : ""}`,
    );
  }
  const badId = whyBadId(id);
  if (badId) return refused(type, undefined, "/id", badId);

  const reader = new Reader(known, id as string);
  const mode = reader.mode(resource.meta, defaultMode);
  reader.attributes(resource.attributes);
  reader.relationships(resource.relationships);
  reader.meta(resource.meta);
  reader.unknownMembers(resource);
  reader.repeatedKeys(repeated);
  return reader.outcome(mode);
}

function refused(type: string | undefined, id: string | undefined, pointer: string, reason: string): Outcome {
  return { is: "refused", type, id, refusals: [{ pointer, reason }] };
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 255) : undefined;
}

function whyBadId(id: unknown): string | undefined {
  const fits = typeof id === "string" && id.length >= 1 && id.length <= 255 && !/\p{Cc}/u.test(id) && id.isWellFormed();
  return fits ? undefined : "must be a text of 1 to 255 characters without control characters";
}

function isComparable(value: unknown): boolean {
  if (typeof value === "string") return !("wrong" in checkText(value));
  return typeof value === "number" || typeof value === "boolean";
}

interface StoredAttribute {
  readonly is: "stored";
  readonly field: string;
  readonly column: Column;
}

type Attribute =
  | StoredAttribute
  | { readonly is: "own"; readonly type: string }
  | { readonly is: "derived"; readonly column?: Column }
  | { readonly is: "money"; readonly cents: Column; readonly form: "float" | "formatted" }
  | { readonly is: "found by" }
  | { readonly is: "password" }
  | { readonly is: "object"; readonly members: Map<string, StoredAttribute> }
  | { readonly is: "tag names"; readonly what: "add" | "remove" };

type Relationship =
  | { readonly is: "reference"; readonly column: Column; readonly types: readonly string[] }
  | { readonly is: "reference of any type"; readonly idColumn: Column; readonly typeColumn: Column }
  | { readonly is: "list"; readonly relation: Relation; readonly types: readonly string[] }
  | { readonly is: "tags"; readonly types: readonly string[] }
  | { readonly is: "tagged"; readonly model: ModelName; readonly types: readonly string[] };

interface KnownType {
  readonly type: string;
  readonly model: Model;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly relationships: ReadonlyMap<string, Relationship>;
  readonly leftOut: ReadonlySet<string>;
}

const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Whether a column is both an attribute and a member of another. */
function isStatedTwice({ document = [] }: Column): boolean {
  return document.length > 1;
}

/** Whether a model has a required secret column: documents cannot create such rows. */
function needsSecret({ columns }: Model): boolean {
  return Object.values(columns).some(({ secret, nullable }) => secret && !nullable);
}

/** Allowed attributes and relationships by type, derived from the datamodel. */
export const knownTypes: ReadonlyMap<string, KnownType> = new Map(
  [...models.values()]
    .filter((model) => !needsSecret(model))
    .flatMap((model) => typesOf(model).map((type) => [type, knowType(type, model)])),
);

function knowType(type: string, model: Model): KnownType {
  const attributes = new Map<string, Attribute>();
  const keys = new Set(Object.values(model.relations).flatMap(({ key, many }) => (key && !many ? [key] : [])));
  for (const [field, column] of Object.entries(model.columns)) {
    const isInternal = keys.has(field) || column.id || ["mode", "version"].includes(field);
    if (isInternal || (column.secret && !column.document)) continue;
    for (const name of column.document ?? [column.column]) knowAttribute(attributes, name, field, column);
  }
  const { computed, attributes: own } = model.documents;
  for (const name of computed) attributes.set(name, { is: "derived" });
  for (const [name, ownType] of Object.entries(own[type] ?? {})) attributes.set(name, { is: "own", type: ownType });
  for (const { foundBy } of Object.values(model.relations)) {
    if (foundBy && !attributes.has(foundBy.attribute)) attributes.set(foundBy.attribute, { is: "found by" });
  }

  const relationships = new Map<string, Relationship>();
  for (const [name, relation] of Object.entries(model.relations)) {
    relationships.set(snakeCase(name), knowRelationship(model, name, relation));
  }
  const about = aboutOf(model);
  if (about) relationships.set(about.relationship, { is: "reference of any type", ...about });
  if (model.relations.tags?.through) {
    attributes.set("_add_tags", { is: "tag names", what: "add" });
    attributes.set("_remove_tags", { is: "tag names", what: "remove" });
  }
  return { type, model, attributes, relationships, leftOut: leftOutNames(model, type) };
}

/** Adds the attribute, or the member of one, that `name` stands for. */
function knowAttribute(attributes: Map<string, Attribute>, name: string, field: string, column: Column): void {
  const [object, member] = name.split(".") as [string, string?];
  if (object === "meta") return;
  if (member) {
    const known = attributes.get(object);
    const members = known?.is === "object" ? known.members : new Map<string, StoredAttribute>();
    attributes.set(object, { is: "object", members: members.set(member, { is: "stored", field, column }) });
    return;
  }
  if (!isAttribute(name)) return;
  if (column.secret) {
    attributes.set(name, { is: "password" });
    return;
  }
  attributes.set(name, column.derived || column.counted ? { is: "derived", column } : { is: "stored", field, column });
  if (!name.endsWith("_cents")) return;
  const amount = name.slice(0, -"_cents".length);
  attributes.set(`${amount}_float`, { is: "money", cents: column, form: "float" });
  attributes.set(`formatted_${amount}`, { is: "money", cents: column, form: "formatted" });
}

function knowRelationship(model: Model, name: string, relation: Relation): Relationship {
  const types = typesOf(modelNamed(relation.to));
  if (relation.through) return name === "tags" ? { is: "tags", types } : { is: "tagged", model: relation.to, types };
  if (relation.many) return { is: "list", relation, types };
  return { is: "reference", column: model.columns[relation.key!]!, types };
}

/** Reads the members of one resource, and collects values and problems. */
class Reader {
  private readonly row: Record<string, unknown> = {};
  private readonly derived: Record<string, unknown> = {};
  private readonly links: Link[] = [];
  private readonly tags: TagStatement[] = [];
  private password: string | undefined;
  private readonly recomputed: string[] = [];
  private readonly contradicted: string[] = [];
  private readonly leftOut: string[] = [];
  private readonly refusals: Refusal[] = [];

  constructor(
    private readonly known: KnownType,
    private readonly id: string,
  ) {}

  outcome(mode: Mode): Outcome {
    const { type, model } = this.known;
    const { id, row, derived, links, tags, password, recomputed, contradicted, leftOut } = this;
    const typeColumn = typeColumnOf(model);
    if (typeColumn) row[typeColumn.column] = type;
    this.attachment();
    if (this.refusals.length > 0) return { is: "refused", type, id, refusals: this.refusals };
    const notes = { recomputed, contradicted, leftOut };
    return { is: "checked", resource: { type, id, mode, model, row, derived, links, tags, password, notes } };
  }

  mode(meta: unknown, defaultMode: Mode): Mode {
    const mode = isObject(meta ?? {}) ? ((meta as { mode?: unknown } | undefined)?.mode ?? defaultMode) : undefined;
    if (mode === "test" || mode === "live") return mode;
    this.refuse("/meta/mode", "must be test or live");
    return defaultMode;
  }

  /** Members of `meta` besides the mode: the owner of an audit entry, the version of a copied row. */
  meta(meta: unknown) {
    if (!isObject(meta)) return;
    const { columns, documents } = this.known.model;
    for (const [name, { column, type }] of Object.entries(documents.meta)) {
      const value = meta[name] ?? null;
      if (value === null) continue;
      const badId = name.endsWith("_id") ? whyBadId(value) : undefined;
      const checked = badId ? { wrong: badId } : checkOwn(type, camelCase(name), value);
      this.take(`/meta/${name}`, checked, (taken) => {
        this.row[column] = taken;
      });
    }
    if (!columns.version || (meta.version ?? null) === null) return;
    const isVersion = Number.isInteger(meta.version) && Number(meta.version) >= 1;
    const checked = isVersion ? checkOwn("Int", "version", meta.version) : { wrong: "must be a whole number from 1" };
    this.take("/meta/version", checked, (taken) => {
      this.row.version = taken;
    });
  }

  unknownMembers(resource: Record<string, unknown>) {
    const members = ["type", "id", "attributes", "relationships", "links", "meta"];
    for (const name of Object.keys(resource)) {
      if (!members.includes(name)) this.refuseUnknown(`/${escapePointer(name)}`, name, "a resource", members);
    }
  }

  repeatedKeys(pointers: readonly string[]) {
    for (const pointer of pointers) this.refuse(pointer, "must not be stated twice in one object");
  }

  attributes(attributes: unknown) {
    if (attributes === undefined || attributes === null) return;
    if (!isObject(attributes)) return this.refuse("/attributes", "must be an object");
    for (const [name, value] of Object.entries(attributes)) {
      const pointer = `/attributes/${escapePointer(name)}`;
      const attribute = this.known.attributes.get(name);
      if (attribute) this.attribute(attribute, name, pointer, value, attributes);
      else if (this.known.leftOut.has(name)) this.leftOut.push(name);
      else this.unknownAttribute(name, pointer, value);
    }
  }

  private attribute(attribute: Attribute, name: string, pointer: string, value: unknown, all: Record<string, unknown>) {
    switch (attribute.is) {
      case "stored":
        return this.content(attribute, pointer, value);
      case "own": {
        const checked = value === null ? { value } : checkOwn(attribute.type, camelCase(name), value);
        return this.take(pointer, checked, (taken) => {
          for (const column of mergedColumns(this.known.model)) {
            this.row[column] = { ...(this.row[column] as object), [name]: taken };
          }
        });
      }
      case "derived":
        this.recomputed.push(name);
        // Only compared with the computed value; incomparable values differ.
        if (attribute.column && isComparable(value)) this.derived[name] = value;
        else if (attribute.column) this.contradicted.push(name);
        return;
      case "money":
        return this.money(attribute.cents, attribute.form, pointer, value, all);
      case "found by":
        if (value === null) return;
        return this.take(pointer, checkOwn("String", camelCase(name), value), (taken) => {
          if (taken !== null) this.row[name] = taken;
        });
      case "password":
        return this.plainPassword(pointer, value);
      case "object":
        return this.object(name, attribute.members, pointer, value, all);
      case "tag names":
        return this.tagNames(attribute.what, pointer, value);
    }
  }

  private stored({ field, column }: StoredAttribute, pointer: string, value: unknown) {
    if (value === null) {
      // Null is the value of most rows, and must not undo what was done here.
      if (isStatedTwice(column)) return;
      if (column.nullable) this.row[column.column] = null;
      else if (column.type === "Json") this.row[column.column] = {};
      // Null stands for the default: a new row gets it, an existing one keeps its value.
      else if (!column.hasDefault && !isFilledIn(this.known.model.name, column.column)) {
        this.refuse(pointer, "must not be null");
      }
      return;
    }
    this.take(pointer, checkColumn(this.known.model, field, value), (taken) => {
      this.row[column.column] = taken;
    });
  }

  /** A value that its module checks further, after the check of its column. */
  private content(attribute: StoredAttribute, pointer: string, value: unknown) {
    const { model } = this.known;
    const read = contents[model.name]?.[attribute.field];
    if (!read || !isObject(value) || "wrong" in checkColumn(model, attribute.field, value)) {
      return this.stored(attribute, pointer, value);
    }
    const check = (name: string, text: unknown, form: TextReader) => checkOwn("String", name, text, form);
    this.row[attribute.column.column] = read(value, check, (at, reason) => {
      this.refuse(`${pointer}${at}`, typeof reason === "string" ? reason : wordsOf(reason));
    });
  }

  /** The float and formatted forms of an amount: ignored, whether or not the cents are given. */
  private money(
    cents: Column,
    form: "float" | "formatted",
    pointer: string,
    value: unknown,
    all: Record<string, unknown>,
  ) {
    const note = form === "float" ? "*_float" : "formatted_*";
    this.recomputed.push(note);
    if (cents.derived || cents.counted || value === null) return;
    const amount = all[cents.column];
    if (amount === undefined || amount === null) {
      this.refuse(pointer, `is computed from ${cents.column}, which is missing`);
    } else if (form === "float" && typeof value === "number" && typeof amount === "number") {
      // The factor depends on the currency, which may be in another resource.
      const currency = all.currency_code;
      const amounts =
        typeof currency === "string" ? [amountOf(amount, currency.toUpperCase())] : possibleAmounts(amount);
      if (!amounts.some((one) => Math.abs(one - value) < 0.00001)) this.contradicted.push(note);
    }
  }

  private plainPassword(pointer: string, value: unknown) {
    if (value === null) return; // documents cannot show it, so an absent one says nothing
    const checked = checkText(value);
    if ("wrong" in checked) return this.refuse(pointer, checked.wrong);
    const password = checked.value as string;
    const problem = passwordProblem(password);
    if (problem) this.refuse(pointer, problem);
    else this.password = normalizedPassword(password);
  }

  /** An object with a column per member. A member that is also an attribute must be present. */
  private object(
    name: string,
    members: ReadonlyMap<string, StoredAttribute>,
    pointer: string,
    value: unknown,
    all: Readonly<Record<string, unknown>>,
  ) {
    const object = value ?? {};
    if (!isObject(object)) return this.refuse(pointer, "must be an object or null");
    for (const [member, { column }] of members) {
      if (!isStatedTwice(column)) continue;
      const [stated, mirror] = [object[member] ?? null, column.document!.find(isAttribute)!];
      if (Object.keys(object).length > 0 && stated === null) this.refuse(`${pointer}/${member}`, "is missing");
      if (all[mirror] !== undefined && all[mirror] !== stated) {
        this.refuse(`${pointer}/${member}`, `contradicts ${mirror}`);
      }
    }
    for (const [member, inner] of Object.entries(object)) {
      const column = members.get(member)?.column;
      const innerPointer = `${pointer}/${escapePointer(member)}`;
      if (!column) this.refuseUnknown(innerPointer, member, name, members.keys());
      else if (column.type === "Json" && inner !== null) this.user(innerPointer, inner);
    }
    for (const [member, attribute] of members) {
      if (member in object) this.stored(attribute, `${pointer}/${member}`, object[member]);
    }
  }

  private user(pointer: string, user: unknown) {
    if (!isObject(user)) return; // told by the column's own check
    const names = ["id", "first_name", "last_name", "email"];
    if (typeof user.id !== "string") this.refuse(`${pointer}/id`, "must be a text");
    for (const [name, value] of Object.entries(user)) {
      if (!names.includes(name)) this.refuseUnknown(`${pointer}/${escapePointer(name)}`, name, "a user", names);
      else if (value !== null && typeof value !== "string") this.refuse(`${pointer}/${name}`, "must be a text or null");
    }
  }

  private tagNames(what: "add" | "remove", pointer: string, value: unknown) {
    if (value === null) return;
    if (typeof value !== "string") return this.refuse(pointer, "must be a text of tag names with commas between them");
    const model = this.known.model.name;
    for (const name of value.split(",").map(codeKey)) {
      const checked = checkColumn(modelNamed("Tag"), "name", name);
      if ("wrong" in checked) this.refuse(pointer, `each name ${checked.wrong}`);
      else this.tags.push({ what, model, owner: this.id, tag: name, pointer });
    }
  }

  private unknownAttribute(name: string, pointer: string, value: unknown) {
    if (this.known.relationships.has(name))
      return this.refuse(pointer, `is a relationship: state it in /relationships/${name}`);
    const relationship = name.replace(/_ids?$/, "");
    if (relationship !== name && this.known.relationships.has(relationship)) {
      return this.refuse(pointer, `is not an attribute: state it in /relationships/${relationship}`);
    }
    const refused = this.known.model.documents.refused[name];
    if (refused) {
      if (value === null) this.leftOut.push(name);
      else this.refuse(pointer, refused);
      return;
    }
    if (name.startsWith("_")) {
      if (value === null || value === false) this.leftOut.push("_*");
      else this.refuse(pointer, "is a command, not a fact: state what it led to, and leave it away");
      return;
    }
    this.refuseUnknown(pointer, name, this.known.type, this.known.attributes.keys());
  }

  relationships(relationships: unknown) {
    if (relationships === undefined || relationships === null) return;
    if (!isObject(relationships)) return this.refuse("/relationships", "must be an object");
    for (const [name, value] of Object.entries(relationships)) {
      const pointer = `/relationships/${escapePointer(name)}`;
      const relationship = this.known.relationships.get(name);
      if (relationship) this.relationship(relationship, pointer, value);
      else if (this.known.leftOut.has(name)) this.leftOut.push(name);
      else if (this.known.attributes.has(name))
        this.refuse(pointer, `is an attribute: state it in /attributes/${name}`);
      else this.refuseUnknown(pointer, name, this.known.type, this.known.relationships.keys());
    }
  }

  private relationship(relationship: Relationship, pointer: string, value: unknown) {
    if (!isObject(value)) return this.refuse(pointer, "must be an object with data");
    const { data } = value;
    if (data === undefined) return; // only links: nothing is stated
    const innerPointer = `${pointer}/data`;
    switch (relationship.is) {
      case "reference":
        return this.reference(relationship.column, relationship.types, innerPointer, data);
      case "reference of any type":
        return this.referenceOfAnyType(relationship.idColumn, relationship.typeColumn, innerPointer, data);
      case "list":
        return this.list(relationship.relation, relationship.types, innerPointer, data);
      case "tags":
        return this.tagList(relationship.types, innerPointer, data);
      case "tagged":
        return this.tagged(relationship.model, relationship.types, innerPointer, data);
    }
  }

  private reference({ column, nullable }: Column, types: readonly string[], pointer: string, data: unknown) {
    if (data === null) {
      if (nullable) this.row[column] = null;
      else this.refuse(pointer, "must not be null");
      return;
    }
    const found = this.identifier(types, pointer, data);
    if (!found) return;
    this.row[column] = found.id;
    if (types.length > 1) this.row[`${column}:type`] = found.type;
  }

  private referenceOfAnyType(idColumn: Column, typeColumn: Column, pointer: string, data: unknown) {
    if (data === null) return this.refuse(pointer, "must not be null");
    const found = this.identifier(undefined, pointer, data);
    if (!found) return;
    const type = knownTypes.get(found.type)?.model.table ?? found.type;
    for (const [column, stated] of [[idColumn.column, found.id] as const, [typeColumn.column, type] as const]) {
      if ((this.row[column] ?? stated) !== stated) this.refuse(pointer, `contradicts the attribute ${column}`);
      this.row[column] = stated;
    }
  }

  private list(relation: Relation, types: readonly string[], pointer: string, data: unknown) {
    const target = modelNamed(relation.to);
    const values: Record<string, string> = { [target.columns[relation.key!]!.column]: this.id };
    for (const [field, value] of Object.entries(relation.where ?? {})) values[target.columns[field]!.column] = value;
    for (const { type, id, pointer: innerPointer } of this.identifiers(types, pointer, data)) {
      this.links.push({ model: relation.to, type, id, values, pointer: innerPointer });
    }
  }

  private tagList(types: readonly string[], pointer: string, data: unknown) {
    const model = this.known.model.name;
    const found = this.identifiers(types, pointer, data);
    if (found.length > maximumTags) this.refuse(pointer, `must not have more than ${maximumTags} tags`);
    this.tags.push({ what: "all", model, owner: this.id, pointer });
    for (const { id, pointer: innerPointer } of found) {
      this.tags.push({ what: "tag", model, owner: this.id, tag: id, pointer: innerPointer });
    }
  }

  /** The relationship of a tag: each listed resource has this tag, among others. */
  private tagged(model: ModelName, types: readonly string[], pointer: string, data: unknown) {
    for (const { id, pointer: innerPointer } of this.identifiers(types, pointer, data)) {
      this.tags.push({ what: "also", model, owner: id, tag: this.id, pointer: innerPointer });
    }
  }

  private identifiers(types: readonly string[], pointer: string, data: unknown) {
    if (!Array.isArray(data)) {
      this.refuse(pointer, "must be a list");
      return [];
    }
    return data.flatMap((item, index) => {
      const innerPointer = `${pointer}/${index}`;
      const found = this.identifier(types, innerPointer, item);
      return found ? [{ ...found, pointer: innerPointer }] : [];
    });
  }

  /** Undefined types: any type. */
  private identifier(
    types: readonly string[] | undefined,
    pointer: string,
    data: unknown,
  ): { type: string; id: string } | undefined {
    if (!isObject(data)) {
      this.refuse(pointer, "must be an object with type and id");
      return;
    }
    const { type, id } = data;
    const badId = whyBadId(id);
    if (badId) this.refuse(`${pointer}/id`, badId);
    const fits = typeof type === "string" && (types ? types.includes(type) : /^[a-z_]{1,64}$/.test(type));
    if (!fits)
      this.refuse(`${pointer}/type`, types ? `must be ${types.join(" or ")}` : "must be the type of a resource");
    return fits && !badId ? { type: type as string, id: id as string } : undefined;
  }

  /** Attachments need a resource that exists here; other polymorphic rows may outlive theirs. */
  private attachment() {
    const { model } = this.known;
    const about = aboutOf(model);
    if (!about || !model.documents.attached) return;
    const { column } = about.typeColumn;
    const stated = this.row[column];
    if (typeof stated === "string" && !modelOfType(stated)) {
      const meant = nearest(
        stated,
        [...models.values()].map(({ table }) => table),
      );
      this.refuse(`/attributes/${column}`, `must be a type that is kept here${meant ? `, such as ${meant}` : ""}`);
    }
  }

  private take(pointer: string, checked: Checked, keep: (value: unknown) => void) {
    if ("wrong" in checked) this.refuse(`${pointer}${checked.at ?? ""}`, checked.wrong);
    else keep(checked.value);
  }

  private refuseUnknown(pointer: string, name: string, of: string, known: Iterable<string>) {
    const meant = nearest(name, known);
    this.refuse(pointer, `is not known of ${of}${meant ? `; is ${meant} meant?` : ""}`);
  }

  private refuse(pointer: string, reason: string) {
    // Limit the number of problems per resource.
    if (this.refusals.length < 20) this.refusals.push({ pointer, reason });
  }
}
