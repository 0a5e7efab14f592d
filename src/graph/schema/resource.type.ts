import { Field, ID, Int, InterfaceType, ObjectType } from "type-graphql";
import type { Mode as ModeValue } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import { DateTime, Json } from "../model/scalars.js";
import { Attribute, modelTypeOfRow, registerEnum } from "./model.js";
import { derivedFrom } from "./source.js";

export const Mode = registerEnum("Mode", "Which of the two separate worlds a resource belongs to.", {
  test: "For trying things out; never mixed with real business.",
  live: "Real business.",
});

@ObjectType({ description: "Addresses of a resource." })
export class ResourceLinks {
  @Field(() => String, { description: "The absolute URL of the resource." })
  self!: string;
}

@ObjectType({ description: "Facts about the record of a resource." })
export class ResourceMeta {
  @Field(() => Mode, { description: "Which of the two separate worlds the resource belongs to." })
  mode!: ModeValue;
}

/**
 * The object type of a row, for interfaces: rows are instances of the class of that name. Left to itself, type-graphql
 * knows only the types that name an interface themselves, not those that have it through another interface.
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
  /** Ties the class to its model for the type checker; never there at run time. */
  declare readonly model: M;
  declare mode: ModeValue;

  @Attribute(() => ID, {
    description: "Identifies the resource. Opaque, and stable for ever.",
    filter: true,
    sort: true,
  })
  id!: string;

  @derivedFrom([])
  @Field(() => String, { description: "The kind of resource in the plural, such as `customers`." })
  get type(): string {
    return resourceTypes.get(this.constructor) ?? modelTypeOfRow(this).datamodel.table;
  }

  @derivedFrom(["id"])
  @Field(() => ResourceLinks, { description: "Addresses of the resource." })
  get links(): ResourceLinks {
    return { self: `${publicUrl}/api/${this.type}/${encodeURIComponent(this.id)}` };
  }

  @Attribute(() => DateTime, { description: "When the resource was made.", filter: true, sort: true })
  createdAt!: Date;

  @Attribute(() => DateTime, { description: "When the resource was last changed.", filter: true, sort: true })
  updatedAt!: Date;

  @derivedFrom(["mode"])
  @Field(() => ResourceMeta, { description: "Facts about the record." })
  get meta(): ResourceMeta {
    return { mode: this.mode };
  }
}

const resourceTypes = new Map<unknown, string>();
/** Says which resource type the instances of a class are, where it is not the name of their table. */
export function nameResourceType(type: unknown, name: string) {
  resourceTypes.set(type, name);
}

@InterfaceType({ implements: Node, description: "What all resources of the shop share.", resolveType: objectTypeOf })
export abstract class Resource<M extends ModelName = ModelName> extends Node<M> {
  @Attribute(() => String, {
    nullable: true,
    description: "How another system, such as an ERP, names the resource. Not unique.",
    filter: true,
    sort: true,
  })
  reference!: string | null;

  @Attribute(() => String, {
    nullable: true,
    description: "The system that `reference` comes from.",
    filter: true,
    sort: true,
  })
  referenceOrigin!: string | null;

  @Attribute(() => Json, { description: "Free data of the shop's own: a JSON object, `{}` when there is none." })
  metadata!: Record<string, unknown>;

  @Attribute(() => Int, { description: "Grows by one with every change of the resource." })
  version!: number;
}
