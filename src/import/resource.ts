import {
  aboutOf,
  type Column,
  type Model,
  type ModelName,
  modelNamed,
  modelOfType,
  models,
  type Relation,
  typeColumnOf,
  typesOf,
} from "../graph/model/datamodel.js";
import { escapePointer } from "../graph/model/json.js";
import { amountOf, possibleAmounts } from "../graph/model/money.js";
import { nearest } from "../graph/model/nearest.js";
import { codeKey } from "../graph/model/values.js";
import type { TextReader } from "../graph/write/columns.js";
import { normalizedPassword, passwordProblem } from "../identity/password.js";
import { maximumTags } from "../modules/tags/tag-rules.js";
import { isFilledIn, jsonReaders } from "./completions.js";
import { isAttribute, leftOutNames, leftOutTypes, mergedColumns } from "./documents.js";
import { UnreadableFileError } from "./read.js";
import { type Checked, checkColumn, checkText, checkValue, formatProblem, isObject } from "./values.js";

export type Mode = "test" | "live";

/** A resource that passed all checks that need no other resource. Rows are keyed by column name. */
export interface CheckedResource {
  readonly type: string;
  readonly id: string;
  readonly mode: Mode;
  /** It does not state its mode. */
  readonly isModeAssumed: boolean;
  readonly model: Model;
  /**
   * Stated values to store; absent keys keep their value. Keys without a column are for the merge: `customer_email` finds the
   * customer, `payment_source_id:type` is the type of a polymorphic reference.
   */
  readonly row: Record<string, unknown>;
  /** Stated values of computed columns. */
  readonly derived: Record<string, unknown>;
  /** Foreign keys of other resources that its to-many relationships set. */
  readonly links: readonly Link[];
  readonly tags: readonly TagStatement[];
  /** The complete lists of a mirror. */
  readonly lists: readonly CompleteList[];
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

/** All resources that belong to one, by a to-many relationship that documents of a mirror state completely. */
export interface CompleteList {
  readonly model: ModelName;
  readonly ids: readonly string[];
}

/** The relationships that a mirror states completely: what is not listed is gone. */
export const completeLists: ReadonlyMap<ModelName, string> = new Map([
  ["Order", "lineItems"],
  ["OrderSubscription", "orderSubscriptionItems"],
  ["Return", "returnLineItems"],
]);

/**
 * `all` replaces the tags of the resource by the `tag` statements that follow, by id; `also` adds one, by the relationship of
 * the tag. `add` and `remove` name a tag.
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
  readonly unknown: readonly UnknownName[];
}

/** A name that is not known here, and the most similar one that is. */
export interface UnknownName {
  readonly name: string;
  readonly nearest: string | undefined;
}

/** Why a resource is rejected; `reason` completes the sentence "The value at `pointer` …". */
export interface ResourceError {
  readonly pointer: string;
  readonly reason: string;
}

export type Outcome =
  | { readonly is: "checked"; readonly resource: CheckedResource }
  | { readonly is: "left out"; readonly type: string }
  | { readonly is: "unknown"; readonly type: UnknownName }
  | {
      readonly is: "refused";
      readonly type: string | undefined;
      readonly id: string | undefined;
      readonly errors: readonly ResourceError[];
    };

export interface CheckOptions {
  /** Default mode of a resource without one. */
  mode: Mode;
  /** Unknown attributes, relationships and types are left out, not a reason to reject the resource. */
  lenient?: boolean;
  /** JSON pointers of its duplicate keys. */
  repeated?: readonly string[];
  /** The `meta` of its document, which may state the mode and the organization for all of its resources. */
  documentMeta?: unknown;
  /** The organization that it has to be of, if it says of which it is. */
  organizationId?: string | undefined;
  /** Derived attributes that triggers keep are stored as stated, and some lists are complete. */
  mirror?: boolean;
}

/** The mode that the `meta` of a document states; undefined if it states none. */
export function modeOfDocument(meta: unknown): Mode | undefined {
  const mode = isObject(meta) ? (meta.mode ?? undefined) : undefined;
  if (mode === undefined || mode === "test" || mode === "live") return mode;
  throw new UnreadableFileError("/meta/mode: must be test or live");
}

/** Validates one resource by itself and reports all its errors. */
export function checkResource(resource: unknown, options: CheckOptions): Outcome {
  const { lenient = false, repeated = [], documentMeta, organizationId, mirror = false } = options;
  if (!isObject(resource)) return rejected(undefined, undefined, "", "must be a resource: an object with type and id");
  const { type, id } = resource;
  if (typeof type !== "string") return rejected(undefined, undefined, "/type", "must be a text");
  const known = knownTypes.get(type);
  if (!known) {
    if (leftOutTypes.has(type)) return { is: "left out", type };
    const suggestion = nearest(type, knownTypes.keys());
    if (lenient) return { is: "unknown", type: { name: type, nearest: suggestion } };
    return rejected(
      truncatedText(type),
      truncatedText(id),
      "/type",
      `is not a known type${suggestion ? `; did you mean ${suggestion}?` : ""}`,
    );
  }
  const badId = idProblem(id);
  if (badId) return rejected(type, undefined, "/id", badId);

  const reader = new Reader(known, id as string, lenient, mirror);
  const modeOfAll = modeOfDocument(documentMeta);
  const mode = reader.mode(resource.meta, modeOfAll ?? options.mode);
  const isModeAssumed = modeOfAll === undefined && (!isObject(resource.meta) || (resource.meta.mode ?? null) === null);
  if (organizationId !== undefined) reader.organization(resource.meta, documentMeta, organizationId);
  reader.attributes(resource.attributes);
  reader.relationships(resource.relationships);
  reader.meta(resource.meta);
  reader.unknownMembers(resource);
  reader.repeatedKeys(repeated);
  return reader.outcome(mode, isModeAssumed);
}

function rejected(type: string | undefined, id: string | undefined, pointer: string, reason: string): Outcome {
  return { is: "refused", type, id, errors: [{ pointer, reason }] };
}

function truncatedText(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 255) : undefined;
}

function idProblem(id: unknown): string | undefined {
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
  | { readonly is: "derived"; readonly field?: string; readonly column?: Column }
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

/** Whether a column is both an attribute and a member of an object attribute. */
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
    .flatMap((model) => typesOf(model).map((type) => [type, describeType(type, model)])),
);

function describeType(type: string, model: Model): KnownType {
  const attributes = new Map<string, Attribute>();
  const keys = new Set(Object.values(model.relations).flatMap(({ key, many }) => (key && !many ? [key] : [])));
  for (const [field, column] of Object.entries(model.columns)) {
    const isInternal = keys.has(field) || column.id || ["mode", "version"].includes(field);
    if (isInternal || (column.secret && !column.document)) continue;
    for (const name of column.document ?? [column.column]) addAttribute(attributes, name, field, column);
  }
  const { computed, attributes: own } = model.documents;
  for (const name of computed) attributes.set(name, { is: "derived" });
  for (const [name, ownType] of Object.entries(own[type] ?? {})) attributes.set(name, { is: "own", type: ownType });
  for (const { foundBy } of Object.values(model.relations)) {
    if (foundBy && !attributes.has(foundBy.attribute)) attributes.set(foundBy.attribute, { is: "found by" });
  }

  const relationships = new Map<string, Relationship>();
  for (const [name, relation] of Object.entries(model.relations)) {
    relationships.set(snakeCase(name), describeRelationship(model, name, relation));
  }
  const about = aboutOf(model);
  if (about) relationships.set(about.relationship, { is: "reference of any type", ...about });
  if (model.relations.tags?.through) {
    attributes.set("_add_tags", { is: "tag names", what: "add" });
    attributes.set("_remove_tags", { is: "tag names", what: "remove" });
  }
  return { type, model, attributes, relationships, leftOut: leftOutNames(model, type) };
}

/** Adds the attribute, or the member of an object attribute, called `name`. */
function addAttribute(attributes: Map<string, Attribute>, name: string, field: string, column: Column): void {
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
  attributes.set(
    name,
    column.derived || column.counted ? { is: "derived", field, column } : { is: "stored", field, column },
  );
  if (!name.endsWith("_cents")) return;
  const amount = name.slice(0, -"_cents".length);
  attributes.set(`${amount}_float`, { is: "money", cents: column, form: "float" });
  attributes.set(`formatted_${amount}`, { is: "money", cents: column, form: "formatted" });
}

function describeRelationship(model: Model, name: string, relation: Relation): Relationship {
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
  private readonly lists: CompleteList[] = [];
  private password: string | undefined;
  private readonly recomputed: string[] = [];
  private readonly contradicted: string[] = [];
  private readonly leftOut: string[] = [];
  private readonly unknown: UnknownName[] = [];
  /** The resource is about one of a type that is left out here, and goes with it. */
  private isAboutLeftOut = false;
  private readonly errors: ResourceError[] = [];

  constructor(
    private readonly known: KnownType,
    private readonly id: string,
    private readonly lenient: boolean,
    private readonly mirror: boolean,
  ) {}

  outcome(mode: Mode, isModeAssumed: boolean): Outcome {
    const { type, model } = this.known;
    const { id, row, derived, links, tags, lists, password, recomputed, contradicted, leftOut, unknown } = this;
    const typeColumn = typeColumnOf(model);
    if (typeColumn) row[typeColumn.column] = type;
    this.checkAttachment();
    if (this.errors.length > 0) return { is: "refused", type, id, errors: this.errors };
    if (this.isAboutLeftOut) return { is: "left out", type: `${type}.${aboutOf(model)!.relationship}` };
    const notes = { recomputed, contradicted, leftOut, unknown };
    const values = { row, derived, links, tags, lists, password, notes };
    return { is: "checked", resource: { type, id, mode, isModeAssumed, model, ...values } };
  }

  mode(meta: unknown, defaultMode: Mode): Mode {
    const mode = isObject(meta ?? {}) ? ((meta as { mode?: unknown } | undefined)?.mode ?? defaultMode) : undefined;
    if (mode === "test" || mode === "live") return mode;
    this.addError("/meta/mode", "must be test or live");
    return defaultMode;
  }

  organization(meta: unknown, documentMeta: unknown, expected: string) {
    const [own, ofDocument] = [meta, documentMeta].map((one) => (isObject(one) ? one.organization_id : undefined));
    const stated = own ?? ofDocument ?? expected;
    if (stated !== expected) this.addError("/meta/organization_id", `must be ${expected}`);
  }

  /** Members of `meta` besides the mode: the owner of an audit entry, the version of a copied row. */
  meta(meta: unknown) {
    if (!isObject(meta)) return;
    const { columns, documents } = this.known.model;
    for (const [name, { column, type }] of Object.entries(documents.meta)) {
      const value = meta[name] ?? null;
      if (value === null) continue;
      const badId = name.endsWith("_id") ? idProblem(value) : undefined;
      const checked = badId ? { wrong: badId } : checkValue(type, camelCase(name), value);
      this.take(`/meta/${name}`, checked, (valid) => {
        this.row[column] = valid;
      });
    }
    if (!columns.version || (meta.version ?? null) === null) return;
    const isVersion = Number.isInteger(meta.version) && Number(meta.version) >= 1;
    const checked = isVersion ? checkValue("Int", "version", meta.version) : { wrong: "must be a whole number from 1" };
    this.take("/meta/version", checked, (valid) => {
      this.row.version = valid;
    });
  }

  unknownMembers(resource: Record<string, unknown>) {
    const members = ["type", "id", "attributes", "relationships", "links", "meta"];
    for (const name of Object.keys(resource)) {
      if (!members.includes(name)) this.addUnknownName(`/${escapePointer(name)}`, name, "a resource", members);
    }
  }

  repeatedKeys(pointers: readonly string[]) {
    for (const pointer of pointers) this.addError(pointer, "must not be stated twice in one object");
  }

  attributes(attributes: unknown) {
    if (attributes === undefined || attributes === null) return;
    if (!isObject(attributes)) return this.addError("/attributes", "must be an object");
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
        return this.checkedContent(attribute, pointer, value);
      case "own": {
        const checked = value === null ? { value } : checkValue(attribute.type, camelCase(name), value);
        return this.take(pointer, checked, (valid) => {
          for (const column of mergedColumns(this.known.model)) {
            this.row[column] = { ...(this.row[column] as object), [name]: valid };
          }
        });
      }
      case "derived":
        if (this.mirror && attribute.field !== undefined && attribute.column?.counted) {
          return this.stored({ is: "stored", field: attribute.field, column: attribute.column }, pointer, value);
        }
        this.recomputed.push(name);
        // Only compared with the computed value; incomparable values differ.
        if (attribute.column && isComparable(value)) this.derived[name] = value;
        else if (attribute.column) this.contradicted.push(name);
        return;
      case "money":
        return this.money(attribute.cents, attribute.form, pointer, value, all);
      case "found by":
        if (value === null) return;
        return this.take(pointer, checkValue("String", camelCase(name), value), (valid) => {
          if (valid !== null) this.row[name] = valid;
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
      // The attribute sets it; null in the object must not clear it.
      if (isStatedTwice(column)) return;
      if (column.nullable) this.row[column.column] = null;
      else if (column.type === "Json") this.row[column.column] = {};
      // Null stands for the default: a new row gets it, an existing one keeps its value.
      else if (!column.hasDefault && !isFilledIn(this.known.model.name, column.column)) {
        this.addError(pointer, "must not be null");
      }
      return;
    }
    this.take(pointer, checkColumn(this.known.model, field, value), (valid) => {
      this.row[column.column] = valid;
    });
  }

  /** Stores a value, after the additional check of its module if it has one. */
  private checkedContent(attribute: StoredAttribute, pointer: string, value: unknown) {
    const { model } = this.known;
    const read = jsonReaders[model.name]?.[attribute.field];
    if (!read || !isObject(value) || "wrong" in checkColumn(model, attribute.field, value)) {
      return this.stored(attribute, pointer, value);
    }
    const check = (name: string, text: unknown, reader: TextReader) => checkValue("String", name, text, reader);
    this.row[attribute.column.column] = read(value, check, (at, reason) => {
      this.addError(`${pointer}${at}`, typeof reason === "string" ? reason : formatProblem(reason));
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
      this.addError(pointer, `is computed from ${cents.column}, which is missing`);
    } else if (form === "float" && typeof value === "number" && typeof amount === "number") {
      // The factor depends on the currency, which may be in another resource.
      const currency = all.currency_code;
      const amounts =
        typeof currency === "string" ? [amountOf(amount, currency.toUpperCase())] : possibleAmounts(amount);
      if (!amounts.some((expected) => Math.abs(expected - value) < 0.00001)) this.contradicted.push(note);
    }
  }

  private plainPassword(pointer: string, value: unknown) {
    if (value === null) return; // documents never contain the stored password
    const checked = checkText(value);
    if ("wrong" in checked) return this.addError(pointer, checked.wrong);
    const password = checked.value as string;
    const problem = passwordProblem(password);
    if (problem) this.addError(pointer, problem);
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
    if (!isObject(object)) return this.addError(pointer, "must be an object or null");
    for (const [member, { column }] of members) {
      if (!isStatedTwice(column)) continue;
      const [stated, mirror] = [object[member] ?? null, column.document!.find(isAttribute)!];
      if (Object.keys(object).length > 0 && stated === null) this.addError(`${pointer}/${member}`, "is missing");
      if (all[mirror] !== undefined && all[mirror] !== stated) {
        this.addError(`${pointer}/${member}`, `contradicts ${mirror}`);
      }
    }
    for (const [member, inner] of Object.entries(object)) {
      const column = members.get(member)?.column;
      const itemPointer = `${pointer}/${escapePointer(member)}`;
      if (!column) this.addUnknownName(itemPointer, member, name, members.keys());
      else if (column.type === "Json" && inner !== null) this.user(itemPointer, inner);
    }
    for (const [member, attribute] of members) {
      if (member in object) this.stored(attribute, `${pointer}/${member}`, object[member]);
    }
  }

  private user(pointer: string, user: unknown) {
    if (!isObject(user)) return; // reported by the check of the column
    const names = ["id", "first_name", "last_name", "email"];
    if (typeof user.id !== "string") this.addError(`${pointer}/id`, "must be a text");
    for (const [name, value] of Object.entries(user)) {
      if (!names.includes(name)) this.addUnknownName(`${pointer}/${escapePointer(name)}`, name, "a user", names);
      else if (value !== null && typeof value !== "string")
        this.addError(`${pointer}/${name}`, "must be a text or null");
    }
  }

  private tagNames(what: "add" | "remove", pointer: string, value: unknown) {
    if (value === null) return;
    if (typeof value !== "string") return this.addError(pointer, "must be a text of tag names, separated by commas");
    const model = this.known.model.name;
    for (const name of value.split(",").map(codeKey)) {
      const checked = checkColumn(modelNamed("Tag"), "name", name);
      if ("wrong" in checked) this.addError(pointer, `each name ${checked.wrong}`);
      else this.tags.push({ what, model, owner: this.id, tag: name, pointer });
    }
  }

  private unknownAttribute(name: string, pointer: string, value: unknown) {
    if (this.known.relationships.has(name))
      return this.addError(pointer, `is a relationship: state it in /relationships/${name}`);
    const relationship = name.replace(/_ids?$/, "");
    if (relationship !== name && this.known.relationships.has(relationship)) {
      return this.addError(pointer, `is not an attribute: state it in /relationships/${relationship}`);
    }
    const reason = this.known.model.documents.refused[name];
    if (reason) {
      if (value === null) this.leftOut.push(name);
      else this.addError(pointer, reason);
      return;
    }
    if (name.startsWith("_")) {
      if (value === null || value === false) this.leftOut.push("_*");
      else this.addError(pointer, "is a command, not a fact: omit it and state its result");
      return;
    }
    this.addUnknownName(pointer, name, this.known.type, this.known.attributes.keys());
  }

  relationships(relationships: unknown) {
    if (relationships === undefined || relationships === null) return;
    if (!isObject(relationships)) return this.addError("/relationships", "must be an object");
    for (const [name, value] of Object.entries(relationships)) {
      const pointer = `/relationships/${escapePointer(name)}`;
      const relationship = this.known.relationships.get(name);
      if (relationship) this.relationship(relationship, name, pointer, value);
      else if (this.known.leftOut.has(name)) this.leftOut.push(name);
      else if (this.known.attributes.has(name))
        this.addError(pointer, `is an attribute: state it in /attributes/${name}`);
      else this.addUnknownName(pointer, name, this.known.type, this.known.relationships.keys());
    }
  }

  private relationship(relationship: Relationship, name: string, pointer: string, value: unknown) {
    if (!isObject(value)) return this.addError(pointer, "must be an object with data");
    const { data } = value;
    if (data === undefined) return; // only links
    const itemPointer = `${pointer}/data`;
    switch (relationship.is) {
      case "reference":
        return this.reference(relationship.column, relationship.types, itemPointer, data);
      case "reference of any type":
        return this.referenceOfAnyType(relationship.idColumn, relationship.typeColumn, itemPointer, data);
      case "list":
        return this.list(name, relationship.relation, relationship.types, itemPointer, data);
      case "tags":
        return this.tagList(relationship.types, itemPointer, data);
      case "tagged":
        return this.tagged(relationship.model, relationship.types, itemPointer, data);
    }
  }

  private reference({ column, nullable }: Column, types: readonly string[], pointer: string, data: unknown) {
    if (data === null) {
      if (nullable) this.row[column] = null;
      else this.addError(pointer, "must not be null");
      return;
    }
    if (this.isOfLeftOutType(data)) return;
    const target = this.identifier(types, pointer, data);
    if (!target) return;
    this.row[column] = target.id;
    if (types.length > 1) this.row[`${column}:type`] = target.type;
  }

  private referenceOfAnyType(idColumn: Column, typeColumn: Column, pointer: string, data: unknown) {
    if (data === null) return this.addError(pointer, "must not be null");
    const target = this.identifier(undefined, pointer, data);
    if (!target) return;
    const type = knownTypes.get(target.type)?.model.table ?? target.type;
    for (const [column, stated] of [[idColumn.column, target.id] as const, [typeColumn.column, type] as const]) {
      if ((this.row[column] ?? stated) !== stated) this.addError(pointer, `contradicts the attribute ${column}`);
      this.row[column] = stated;
    }
  }

  private list(name: string, relation: Relation, types: readonly string[], pointer: string, data: unknown) {
    const target = modelNamed(relation.to);
    const listed = this.identifiers(types, pointer, data);
    if (this.mirror && completeLists.get(this.known.model.name) === camelCase(name)) {
      this.lists.push({ model: relation.to, ids: listed.map(({ id }) => id) });
    }
    const values: Record<string, string> = { [target.columns[relation.key!]!.column]: this.id };
    for (const [field, value] of Object.entries(relation.where ?? {})) values[target.columns[field]!.column] = value;
    for (const { type, id, pointer: itemPointer } of listed) {
      this.links.push({ model: relation.to, type, id, values, pointer: itemPointer });
    }
  }

  private tagList(types: readonly string[], pointer: string, data: unknown) {
    const model = this.known.model.name;
    const tags = this.identifiers(types, pointer, data);
    if (tags.length > maximumTags) this.addError(pointer, `must not have more than ${maximumTags} tags`);
    this.tags.push({ what: "all", model, owner: this.id, pointer });
    for (const { id, pointer: itemPointer } of tags) {
      this.tags.push({ what: "tag", model, owner: this.id, tag: id, pointer: itemPointer });
    }
  }

  /** The relationship of a tag: each listed resource has this tag, among others. */
  private tagged(model: ModelName, types: readonly string[], pointer: string, data: unknown) {
    for (const { id, pointer: itemPointer } of this.identifiers(types, pointer, data)) {
      this.tags.push({ what: "also", model, owner: id, tag: this.id, pointer: itemPointer });
    }
  }

  private identifiers(types: readonly string[], pointer: string, data: unknown) {
    if (!Array.isArray(data)) {
      this.addError(pointer, "must be a list");
      return [];
    }
    return data.flatMap((item, index) => {
      if (this.isOfLeftOutType(item)) return [];
      const itemPointer = `${pointer}/${index}`;
      const identifier = this.identifier(types, itemPointer, item);
      return identifier ? [{ ...identifier, pointer: itemPointer }] : [];
    });
  }

  /** Whether a resource identifier is of a type that is not stored here, which is counted. */
  private isOfLeftOutType(data: unknown): boolean {
    if (!this.lenient || !isObject(data) || typeof data.type !== "string" || knownTypes.has(data.type)) return false;
    this.leftOut.push(truncatedText(data.type)!);
    return true;
  }

  /** Reads a resource identifier; any type if `types` is undefined. */
  private identifier(
    types: readonly string[] | undefined,
    pointer: string,
    data: unknown,
  ): { type: string; id: string } | undefined {
    if (!isObject(data)) {
      this.addError(pointer, "must be an object with type and id");
      return;
    }
    const { type, id } = data;
    const badId = idProblem(id);
    if (badId) this.addError(`${pointer}/id`, badId);
    const fits = typeof type === "string" && (types ? types.includes(type) : /^[a-z_]{1,64}$/.test(type));
    if (!fits)
      this.addError(`${pointer}/type`, types ? `must be ${types.join(" or ")}` : "must be the type of a resource");
    return fits && !badId ? { type: type as string, id: id as string } : undefined;
  }

  /** Checks that an attachment is of a stored type; other polymorphic rows may outlive their resource. */
  private checkAttachment() {
    const { model } = this.known;
    const about = aboutOf(model);
    if (!about || !model.documents.attached) return;
    const { column } = about.typeColumn;
    const stated = this.row[column];
    if (typeof stated === "string" && !modelOfType(stated)) {
      if (this.lenient) {
        this.isAboutLeftOut = true;
        return;
      }
      const suggestion = nearest(
        stated,
        [...models.values()].map(({ table }) => table),
      );
      this.addError(
        `/attributes/${column}`,
        `must be a resource type that is stored here${suggestion ? `, such as ${suggestion}` : ""}`,
      );
    }
  }

  private take(pointer: string, checked: Checked, store: (value: unknown) => void) {
    if ("wrong" in checked) this.addError(`${pointer}${checked.at ?? ""}`, checked.wrong);
    else store(checked.value);
  }

  private addUnknownName(pointer: string, name: string, of: string, known: Iterable<string>) {
    const suggestion = nearest(name, known);
    if (this.lenient) return void this.unknown.push({ name, nearest: suggestion });
    this.addError(pointer, `is unknown in ${of}${suggestion ? `; did you mean ${suggestion}?` : ""}`);
  }

  private addError(pointer: string, reason: string) {
    // Limit the number of problems per resource.
    if (this.errors.length < 20) this.errors.push({ pointer, reason });
  }
}
