import { Field, ID, Int, InterfaceType, ObjectType } from "type-graphql";
import type { Mode as ModeValue } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import { DateTime, Json } from "../model/scalars.js";
import { Attribute, modelTypeOfRow, registerEnum } from "./model.js";
import { derivedFrom } from "./source.js";

export const Mode = registerEnum(
  "Mode",
  "Environment of a resource: test or live. Data of one is never visible in the other.",
  {
    test: "Test data.",
    live: "Production data.",
  },
);

@ObjectType({ description: "Links to a resource." })
export class ResourceLinks {
  @Field(() => String, { description: "The absolute URL of the resource." })
  self!: string;
}

@ObjectType({ description: "Technical data of a resource." })
export class ResourceMeta {
  @Field(() => Mode, { description: "Environment of the resource: test or live." })
  mode!: ModeValue;
}

/**
 * The object type of a row, to resolve interfaces: the name of its class. type-graphql by itself finds only types that
 * declare the interface directly, not those that inherit it from another interface.
 */
export function objectTypeOf(row: object): string {
  return row.constructor.name;
}

let publicUrl = "";
/** Sets the base of `links.self`, once at start: `https://shop.example`, without a slash at the end. */
export function setPublicUrl(url: string) {
  publicUrl = url;
}

/** The absolute address of a path. */
export function absoluteUrl(path: string): string {
  return `${publicUrl}${path}`;
}

/** Anything that `node(id:)` finds. Rows of a model are instances of its class; `M` is the model's name. */
@InterfaceType({ description: "Anything that `node` finds by its id.", resolveType: objectTypeOf })
export abstract class Node<M extends ModelName = ModelName> {
  /** Ties the class to its model for the type checker; absent at run time. */
  declare readonly model: M;
  declare mode: ModeValue;

  @Attribute(() => ID, {
    description: "Unique id of the resource. Opaque; never changes.",
    filter: true,
    sort: true,
  })
  id!: string;

  @derivedFrom([])
  @Field(() => String, { description: "Type of the resource in the plural, such as `customers`." })
  get type(): string {
    return resourceTypes.get(this.constructor) ?? modelTypeOfRow(this).datamodel.table;
  }

  @derivedFrom(["id"])
  @Field(() => ResourceLinks, { description: "Links to the resource." })
  get links(): ResourceLinks {
    return { self: `${publicUrl}/api/${this.type}/${encodeURIComponent(this.id)}` };
  }

  @Attribute(() => DateTime, { description: "When the resource was created.", filter: true, sort: true })
  createdAt!: Date;

  @Attribute(() => DateTime, { description: "When the resource was last updated.", filter: true, sort: true })
  updatedAt!: Date;

  @derivedFrom(["mode"])
  @Field(() => ResourceMeta, { description: "Technical data, such as the environment." })
  get meta(): ResourceMeta {
    return { mode: this.mode };
  }
}

const resourceTypes = new Map<unknown, string>();
/** Sets the resource type of a class's instances, if it is not their table's name. */
export function nameResourceType(type: unknown, name: string) {
  resourceTypes.set(type, name);
}

@InterfaceType({
  implements: Node,
  description: "Fields that all resources of the shop have.",
  resolveType: objectTypeOf,
})
export abstract class Resource<M extends ModelName = ModelName> extends Node<M> {
  @Attribute(() => String, {
    nullable: true,
    description: "Id or name of the resource in an external system, such as an ERP. Not unique.",
    filter: true,
    sort: true,
  })
  reference!: string | null;

  @Attribute(() => String, {
    nullable: true,
    description: "The external system that `reference` belongs to.",
    filter: true,
    sort: true,
  })
  referenceOrigin!: string | null;

  @Attribute(() => Json, { description: "Custom data of the shop: a JSON object, `{}` when empty." })
  metadata!: Record<string, unknown>;

  @Attribute(() => Int, {
    description: "Incremented by one with every change of the resource. Pass it as `ifVersion` to detect conflicts.",
  })
  version!: number;
}
