import type { GraphQLResolveInfo } from "graphql";
import { Args, type ClassType, Ctx, FieldResolver, ID, Info, Resolver, Root } from "type-graphql";
import { declareAccess, isRedacted } from "../access/guard.js";
import { type Permission, toRead } from "../access/permission.js";
import { relationOf } from "../model/datamodel.js";
import { decorate } from "../model/decorate.js";
import { connectionOf, emptyConnection, type PageArgs, pageArgsOf } from "./connection.js";
import { filterInputFor, relatedFilterFor } from "./filters.js";
import { addFilter, modelTypeNamed, modelTypeOf } from "./model.js";
import type { ReadContext } from "./reader.js";
import type { Node } from "./resource.type.js";
import { declareSource } from "./source.js";

type ModelClass = abstract new (...args: never[]) => object;

export interface RelationOptions {
  description: string;
  /** The model whose lists can be filtered by the relation: the one that the field is on. There must be an index. */
  filters?: ModelClass;
  /** Permissions of the relation. Default: to read the other model. */
  read?: Permission;
}

/**
 * A to-one relation: `(row, context) => row of the other model`. Always nullable, since access may hide the other side.
 * Filters by it take the other row's filter, and the other row's id.
 */
export function BelongsTo(type: ModelClass, { description, filters, read }: RelationOptions): MethodDecorator {
  return (prototype, name, descriptor) => {
    const access = [read ?? toRead(modelTypeOf(type).name)];
    guard(descriptor, access, 1, () => null);
    decorate(
      prototype,
      name,
      descriptor,
      declareAccess(access),
      declareSource({ kind: "parent", relation: name as string }),
      FieldResolver(() => type, { nullable: true, description }),
    );
    Root()(prototype, name, 0);
    Ctx()(prototype, name, 1);
    Info()(prototype, name, 2);
    if (!filters) return;
    const model = modelTypeOf(filters);
    const relation = name as string;
    const { key, to } = relationOf(model.datamodel, relation);
    const target = () => modelTypeNamed(to).filterInput;
    addFilter(
      model,
      relation,
      { kind: "one", name: relation },
      target,
      `Filter on its \`${relation}\`, which must exist.`,
    );
    const id = () => filterInputFor(ID, false);
    const meaning = `Filter on the id of its \`${relation}\`. One that the caller may not see counts as missing.`;
    addFilter(model, key!, { kind: "key", name: relation }, id, meaning);
  };
}

/** A to-many relation as a connection: `(row, page, context) => connection`. `numbered` adds `offset`. */
export function HasMany(
  type: ModelClass,
  { description, filters, nullable, read, numbered = false }: RelationOptions & { nullable?: true; numbered?: boolean },
): MethodDecorator {
  return (prototype, name, descriptor) => {
    const target = modelTypeOf(type);
    // Types must be created while modules load: type-graphql does not see those created in a thunk.
    const connection = connectionOf(type);
    const args = pageArgsOf(target, numbered);
    const access = [read ?? toRead(target.name)];
    guard(descriptor, access, 2, () => (nullable ? null : emptyConnection(target)));
    decorate(
      prototype,
      name,
      descriptor,
      declareAccess(access),
      declareSource({ kind: "list", relation: name as string }),
      FieldResolver(() => connection, { nullable, description }),
    );
    Root()(prototype, name, 0);
    Args(() => args)(prototype, name, 1);
    Ctx()(prototype, name, 2);
    Info()(prototype, name, 3);
    if (!filters) return;
    const relation = name as string;
    const input = relatedFilterFor(target.name, target.filterInput);
    addFilter(
      modelTypeOf(filters),
      relation,
      { kind: "many", name: relation },
      () => input,
      `Filter on its \`${relation}\`.`,
    );
  };
}

export interface DerivedOptions {
  type: () => object;
  description: string;
  nullable?: boolean;
  /** The columns that it reads; undefined: any. A change of one of them is a change of the field. */
  needs?: readonly string[];
  /** A to-one relation whose row the value also needs, and the columns of it. */
  from?: { relation: string; needs: readonly string[] };
}

/**
 * A field that is a function of the row, `(row) => value`, or of it and the row at the other end of a to-one relation,
 * `(row, other | null) => value`, where a row that the caller may not see is null.
 */
export function Derived({ type, description, nullable, needs, from }: DerivedOptions): MethodDecorator {
  return (prototype, name, descriptor) => {
    const property = descriptor as PropertyDescriptor;
    const value = property.value as (row: Node, other: unknown) => unknown;
    if (from) {
      property.value = async (row: Node, { loaders }: ReadContext) =>
        // The relation is known at run time only.
        value(row, await loaders.parent(row, from.relation as never));
    }
    decorate(
      prototype,
      name,
      property,
      declareSource({ kind: "derived", value, ...(from ? { needs: [], other: from } : { needs }) }),
      FieldResolver(type, { nullable, description }),
    );
    Root()(prototype, name, 0);
    Ctx()(prototype, name, 1);
  };
}

/** Wraps a relation's method with its permission check; the context is its argument at `at`, followed by `info`. */
function guard(descriptor: PropertyDescriptor, access: readonly Permission[], at: number, redacted: () => unknown) {
  const method = descriptor.value as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    const [context, info] = args.slice(at) as [ReadContext, GraphQLResolveInfo];
    return isRedacted(context, access, info) ? redacted() : method.apply(this, args);
  };
}

/** Resolver classes that give each of several models the same to-many relation, under the same name. */
export function hasManyEach(
  owners: readonly ModelClass[],
  relation: string,
  type: ModelClass,
  { filters, ...options }: Omit<Parameters<typeof HasMany>[1], "filters"> & { filters?: true },
): ClassType[] {
  return owners.map((owner) => {
    class RelationResolver {}
    // The relation is known at run time only.
    const value = (row: Node, page: PageArgs, { loaders }: ReadContext) => loaders.page(row, relation as never, page);
    Object.defineProperty(RelationResolver.prototype, relation, { value, configurable: true });
    const descriptor = Object.getOwnPropertyDescriptor(RelationResolver.prototype, relation)!;
    HasMany(type, { ...options, ...(filters && { filters: owner }) })(RelationResolver.prototype, relation, descriptor);
    Object.defineProperty(RelationResolver.prototype, relation, descriptor);
    Resolver(() => owner)(RelationResolver);
    return RelationResolver;
  });
}
