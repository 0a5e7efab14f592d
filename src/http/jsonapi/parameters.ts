import { nearest } from "../../graph/model/nearest.js";
import type { OrderInput } from "../../graph/sql/order.js";
import { type JsonApiError, parameterError } from "./errors.js";
import type { Relationship, ResourceType, ResourceTypes } from "./resources.js";

/** What to include of a resource, by relationship; nested. */
export interface Includes extends ReadonlyMap<string, Includes> {}

/** The parameters of a request that reads. */
export interface ReadParameters {
  readonly include: Includes;
  /** The attributes and relationships to show, by type; absent: all. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>;
  readonly filters: readonly (readonly [name: string, value: string])[];
  readonly sort: readonly OrderInput[] | undefined;
  readonly page: { readonly number: number; readonly size: number };
}

export interface PageSizes {
  readonly default: number;
  readonly maximum: number;
}

export const maximumPaths = 30;
export const maximumDepth = 5;
/** The last page that can be asked for: offsets are 32-bit integers. Far pages are slow; walking by id is not. */
export const maximumPage = 1_000_000;

/** Reads the parameters of a query string about resources of a type, or throws the error of the first that is wrong. */
export function readParameters(
  search: URLSearchParams,
  type: ResourceType,
  types: ResourceTypes,
  { list, pageSizes }: { list: boolean; pageSizes: PageSizes },
): ReadParameters {
  const fields = new Map<string, ReadonlySet<string>>();
  const filters: [string, string][] = [];
  let include: Includes = new Map();
  let sort: OrderInput[] | undefined;
  let number = 1;
  let size = pageSizes.default;
  for (const name of search.keys()) {
    if (search.getAll(name).length > 1) throw parameterError("PARAM_NOT_ALLOWED", name, `${name} is given twice.`);
  }
  for (const [name, value] of search) {
    const [, family, argument, inner] = /^(\w+)(?:\[([^\]]*)\])?(?:\[([^\]]*)\])?$/.exec(name) ?? [];
    if (family === "include" && argument === undefined) include = includesOf(value, type, types);
    else if (family === "fields" && argument !== undefined && inner === undefined) {
      fields.set(argument, fieldsOf(name, argument, value, types));
    } else if (list && family === "filter" && argument === "q" && inner) filters.push([inner, value]);
    else if (list && family === "sort" && argument === undefined) sort = sortOf(value, type);
    else if (list && family === "page" && argument === "number" && inner === undefined) {
      number = wholeNumber(name, value, 1, maximumPage);
    } else if (list && family === "page" && argument === "size" && inner === undefined) {
      size = wholeNumber(name, value, 1, pageSizes.maximum);
    } else throw notAllowed(name, list);
  }
  return { include, fields, filters, sort, page: { number, size } };
}

const listParameters = ["filter[q][<attribute>_<predicate>]", "sort", "page[number]", "page[size]"];

function notAllowed(name: string, list: boolean): JsonApiError {
  const known = ["include", "fields[<type>]", ...(list ? listParameters : [])];
  return parameterError("PARAM_NOT_ALLOWED", name, `${name} is not allowed; there are ${known.join(", ")}.`);
}

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw parameterError(
    "INVALID_PAGE_VALUE",
    name,
    `${JSON.stringify(value.slice(0, 60))} is not a valid value for ${name}: give a whole number from ${least} to ${most}.`,
  );
}

function namesOf(value: string): string[] {
  return value === "" ? [] : value.split(",");
}

function didYouMean(name: string, known: Iterable<string>): string {
  const hint = nearest(name, known);
  return hint ? ` Did you mean ${hint}?` : "";
}

function includesOf(value: string, type: ResourceType, types: ResourceTypes): Includes {
  const include = new Map<string, Map<string, never>>() as Map<string, Includes>;
  const paths = namesOf(value);
  const tooMany = (detail: string) => parameterError("INVALID_INCLUDE", "include", detail);
  if (paths.length > maximumPaths) throw tooMany(`include has ${paths.length} paths; at most ${maximumPaths}.`);
  for (const path of paths) {
    const steps = path.split(".");
    if (steps.length > maximumDepth) throw tooMany(`${path} is too deep; includes go ${maximumDepth} levels deep.`);
    let level = include;
    let at: ResourceType | undefined = type;
    for (const step of steps) {
      const relationship: Relationship | undefined = at?.relationships.get(step);
      if (!relationship || !isIncludable(relationship)) {
        const name = at?.name ?? "resources of any type";
        const hint = didYouMean(step, at ? includableOf(at) : []);
        throw tooMany(
          `${path.slice(0, 100)} is not a valid includable relationship: ${name} has no ${step.slice(0, 60)} to include.${hint}`,
        );
      }
      if (!level.has(step)) level.set(step, new Map());
      level = level.get(step) as Map<string, Includes>;
      at = relationship.to && typesOfModel(types, relationship.to)[0];
    }
  }
  return include;
}

/** The names of the relationships that can be included of a type. */
export function includableOf({ relationships }: ResourceType): string[] {
  return [...relationships.values()].filter(isIncludable).map(({ name }) => name);
}

function isIncludable({ name }: Relationship): boolean {
  return name !== "event_stores";
}

/** The resource types of a model: several, if its rows are of several types. */
export function typesOfModel(types: ResourceTypes, model: string): ResourceType[] {
  return [...types.values()].filter((type) => type.model.name === model);
}

function fieldsOf(parameter: string, typeName: string, value: string, types: ResourceTypes): ReadonlySet<string> {
  const type = types.get(typeName);
  if (!type) {
    const hint = didYouMean(typeName, types.keys());
    throw parameterError("INVALID_FIELD", parameter, `${typeName.slice(0, 60)} is not a type of resource.${hint}`);
  }
  const known = [...type.attributes.keys(), ...type.relationships.keys(), "id", "type"];
  const names = namesOf(value).map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, known);
    throw parameterError(
      "INVALID_FIELD",
      parameter,
      `${unknown.slice(0, 60)} is not a valid field for ${typeName}.${hint}`,
    );
  }
  return new Set(names);
}

/** The sort keys of a type, with the field of the graph that each of them is. */
export function sortKeysOf({ model, attributes }: ResourceType): ReadonlyMap<string, string> {
  const keys = new Map([...attributes.values()].map((attribute) => [attribute.name, attribute.field.name]));
  keys.set("id", "id");
  for (const [key, field] of keys) if (!model.sortable.includes(field)) keys.delete(key);
  return keys;
}

function sortOf(value: string, type: ResourceType): OrderInput[] | undefined {
  const sortable = sortKeysOf(type);
  const order = namesOf(value).map((key): OrderInput => {
    const descending = key.startsWith("-");
    const field = sortable.get(descending ? key.slice(1) : key);
    if (field) return { field, direction: descending ? "DESC" : "ASC" };
    throw parameterError(
      "INVALID_SORT_CRITERIA",
      "sort",
      `${key.slice(0, 60)} is not a valid sort criteria for ${type.name}; there are ${[...sortable.keys()].join(", ")}.`,
    );
  });
  return order.length ? order : undefined;
}
