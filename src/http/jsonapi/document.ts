import type { Viewer } from "../../graph/access/viewer.js";
import { absoluteUrl } from "../../graph/schema/resource.type.js";
import { JsonApiError } from "./errors.js";
import { documentValue, isOfToken } from "./resources.js";
import { maximumIncluded, type ResourceSelection, type RowsSelection } from "./selection.js";

/** A row as the plan answers it, with the names of documents. */
export type Row = Record<string, unknown> & { id: string; meta: { mode: string }; __typename?: string };

interface Identifier {
  readonly type: string;
  readonly id: string;
}

interface RelationshipObject {
  readonly links: { readonly self: string; readonly related: string };
  data?: Identifier | null | readonly Identifier[];
}

export interface ResourceObject extends Identifier {
  readonly links: { readonly self: string };
  readonly attributes: Record<string, unknown>;
  readonly relationships: Record<string, RelationshipObject>;
  readonly meta: { readonly mode: string };
}

/** The address of a resource. */
export function addressOf(type: string, id: string): string {
  return absoluteUrl(`/api/${type}/${encodeURIComponent(id)}`);
}

/** Builds the resource objects of one response: primary data, and every included resource once. */
export class Resources {
  private readonly byKey = new Map<string, ResourceObject>();

  /** `ofToken`: the rows of relationships that come from the access token, by name. */
  constructor(
    private readonly viewer: Viewer,
    private readonly ofToken: Readonly<Record<string, { rows: readonly Row[]; selection: RowsSelection }>>,
  ) {}

  /** The included resources, without those that are primary data. */
  included(primary: readonly ResourceObject[]): ResourceObject[] {
    const shown = new Set(primary.map(keyOf));
    return [...this.byKey.values()].filter((resource) => !shown.has(keyOf(resource)));
  }

  resource(rows: RowsSelection, row: Row): ResourceObject {
    const selection = selectionFor(rows, row);
    const { name } = selection.type;
    const self = addressOf(name, row.id);
    const attributes: Record<string, unknown> = {};
    for (const attribute of selection.attributes) {
      attributes[attribute.name] = isOfToken(attribute)
        ? this.viewer.customClaim
        : documentValue(attribute, row[attribute.name]);
    }
    const relationships: Record<string, RelationshipObject> = {};
    for (const { relationship, included } of selection.relationships) {
      const links = { self: `${self}/relationships/${relationship.name}`, related: `${self}/${relationship.name}` };
      relationships[relationship.name] = { links };
      if (included) relationships[relationship.name]!.data = this.linkage(selection, relationship.name, row);
    }
    return {
      id: row.id,
      type: name,
      links: { self },
      attributes,
      relationships,
      meta: { mode: row.meta.mode.toLowerCase() },
    };
  }

  private linkage({ type, relationships }: ResourceSelection, name: string, row: Row): RelationshipObject["data"] {
    const { relationship, included } = relationships.find((selected) => selected.relationship.name === name)!;
    const { kind, many } = relationship;
    if (kind === "about") return { type: String(row[`${name}_type`]), id: String(row[`${name}_id`]) };
    if (kind === "viewer") {
      const { rows, selection } = this.ofToken[name]!;
      const identifiers = rows.map((related) => this.include(selection, related));
      return many ? identifiers : (identifiers[0] ?? null);
    }
    const value = row[name];
    if (kind === "parent") return value ? this.include(included!, value as Row) : null;
    const rows = (kind === "list" ? (value as { nodes: Row[] }).nodes : (value ?? [])) as Row[];
    if (rows.length > maximumIncluded) {
      throw new JsonApiError(
        "INVALID_INCLUDE",
        `${type.name} ${row.id} has more than ${maximumIncluded} ${name}; list them at ${addressOf(type.name, row.id)}/${name}.`,
        { parameter: "include" },
      );
    }
    return rows.map((related) => this.include(included!, related));
  }

  private include(rows: RowsSelection, row: Row): Identifier {
    const resource = this.resource(rows, row);
    const key = keyOf(resource);
    const existing = this.byKey.get(key);
    if (!existing) this.byKey.set(key, resource);
    else {
      // Included by several paths, each of which may include other relationships.
      for (const [name, { data }] of Object.entries(resource.relationships)) {
        if (data !== undefined) existing.relationships[name]!.data = data;
      }
    }
    return { type: resource.type, id: resource.id };
  }
}

function keyOf({ type, id }: Identifier): string {
  return `${type} ${id}`;
}

function selectionFor(rows: RowsSelection, { __typename }: Row): ResourceSelection {
  return __typename === undefined ? rows.values().next().value! : rows.get(__typename)!;
}

/** The type and id of a row. */
export function identifierOf(rows: RowsSelection, row: Row): Identifier {
  return { type: selectionFor(rows, row).type.name, id: row.id };
}
