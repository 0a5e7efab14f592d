import { Arg, Args, type ClassType, Ctx, Field, ID, InputType, Query, Resolver } from "type-graphql";
import { UserInputError } from "../../errors.js";
import { declareAccess, demand } from "../access/guard.js";
import { toRead } from "../access/permission.js";
import type { ModelName } from "../model/datamodel.js";
import { decorate } from "../model/decorate.js";
import type { Condition } from "../sql/condition.js";
import { connectionOf, type PageArgs, pageArgsOf } from "./connection.js";
import { modelTypeOf, plural } from "./model.js";
import type { ReadContext } from "./reader.js";
import { declareSource, type LookUp } from "./source.js";

export interface ResourceOptions {
  /** The root field that finds one: `customer`. */
  one: string;
  /** The root field that lists them, if any: `customers`. */
  many?: string;
  /** Look-up keys besides the id. They are unique in a mode unless they are `shared`. */
  keys?: Record<string, KeyOptions>;
}

interface KeyOptions {
  description: string;
  /** Normalises a given value to its stored form. */
  stored?: (given: string) => string;
  /** Not unique: rejected if several rows have the value. */
  shared?: true;
}

/**
 * Base class of a resource's resolver, with its root fields for one row and for lists. The row is looked up by its id or,
 * if there are more keys, by a `@oneOf` input.
 */
export function ResourceResolver(
  type: abstract new (...args: never[]) => object,
  { one, many, keys = {} }: ResourceOptions,
): abstract new () => object {
  const model = modelTypeOf(type);
  const name = model.name;

  @Resolver()
  abstract class Base {}

  const identifier = Object.keys(keys).length ? identifierInput(name, keys) : undefined;
  const access = [toRead(name)];
  const findOne = async (by: unknown, context: ReadContext) => {
    demand(context, access);
    const { condition, unique } = lookUp(identifier ? (by as Identifier) : { id: by as string }, keys);
    if (unique) return context.loaders.byField(name, condition.field, condition.value);
    const rows = await context.loaders.find(name, condition, 2);
    if (rows.length > 1) {
      const [key] = Object.keys(by as Identifier).filter((field) => (by as Identifier)[field] !== undefined);
      throw new UserInputError(["by", key!], `names several ${plural(name)}; list them with a filter instead.`);
    }
    return rows[0] ?? null;
  };
  define(
    Base.prototype,
    one,
    findOne,
    declareSource({
      kind: "one",
      model: name,
      where: (args) => lookUp((identifier ? args.by : args) as Identifier, keys),
      shared: Object.keys(keys).filter((key) => keys[key]!.shared),
    }),
    declareAccess(access),
    Query(() => model.type, {
      nullable: true,
      description: `One of the ${plural(name)} by its key; null when it does not exist.`,
    }),
  );
  if (identifier)
    Arg("by", () => identifier, { description: "Key to look it up by: give exactly one." })(Base.prototype, one, 0);
  else Arg("id", () => ID, { description: "Its id." })(Base.prototype, one, 0);
  Ctx()(Base.prototype, one, 1);

  if (many) {
    const list = (page: PageArgs, context: ReadContext) => {
      demand(context, access);
      return context.loaders.rootPage(name, page);
    };
    const connection = connectionOf(model.type);
    const args = pageArgsOf(model, true);
    define(
      Base.prototype,
      many,
      list,
      declareAccess(access),
      declareSource({ kind: "many", model: name }),
      Query(() => connection, { nullable: true, description: `Paginated list of the ${plural(name)} of the shop.` }),
    );
    Args(() => args)(Base.prototype, many, 0);
    Ctx()(Base.prototype, many, 1);
  }
  return Base;
}

/** Adds a decorated method to a class. */
function define(prototype: object, name: string, value: unknown, ...decorators: readonly MethodDecorator[]) {
  const descriptor = { value, writable: true, configurable: true };
  Object.defineProperty(prototype, name, descriptor);
  decorate(prototype, name, descriptor, ...decorators);
}

@InputType({ description: "Reference of a resource in an external system." })
export class ReferenceInput {
  @Field(() => String, { description: "The resource's `reference`: its id or name in the external system." })
  reference!: string;

  @Field(() => String, {
    nullable: true,
    description: "The external system (`referenceOrigin`). Without it, any system matches.",
  })
  referenceOrigin?: string | null;
}

/** Input types to mark with `@oneOf`, which type-graphql does not support, after the schema is built. */
export const oneOfInputs = new Set<string>(["MetadataInput"]);

function identifierInput(model: ModelName, keys: Record<string, KeyOptions>): ClassType {
  const input = class {};
  const name = `${model}Identifier`;
  InputType(name, { description: `Identifies one of the ${plural(model)}. Give exactly one key.` })(input);
  Field(() => ID, { nullable: true, description: "Its id." })(input.prototype, "id");
  for (const [key, { description }] of Object.entries(keys)) {
    const type = key === "reference" ? ReferenceInput : String;
    Field(() => type, { nullable: true, description })(input.prototype, key);
  }
  oneOfInputs.add(name);
  return input;
}

/** The input that identifies a resource: exactly one key is given. */
type Identifier = Record<string, string | ReferenceInput | undefined>;

type KeyLookUp = LookUp &
  ({ unique: true; condition: { op: "eq"; field: string; value: unknown } } | { unique: false; condition: Condition });

/** The condition of an identifier. References need not be unique. */
function lookUp(by: Identifier, keys: Record<string, KeyOptions>): KeyLookUp {
  const [field, value] = Object.entries(by).find(([, value]) => value !== undefined)!;
  if (typeof value === "string") {
    const key = keys[field]?.stored?.(value) ?? value;
    const condition = { op: "eq", field, value: key } as const;
    return keys[field]?.shared ? { unique: false, condition } : { unique: true, condition };
  }
  const { reference, referenceOrigin } = value!;
  const of: Condition[] = [{ op: "eq", field: "reference", value: reference }];
  if (typeof referenceOrigin === "string") of.push({ op: "eq", field: "referenceOrigin", value: referenceOrigin });
  return { unique: false, condition: { op: "and", of } };
}
