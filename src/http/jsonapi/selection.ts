import { type DocumentNode, Kind, type OperationDefinitionNode, parse } from "graphql";
import { LRUCache } from "lru-cache";
import { permits } from "../../graph/access/guard.js";
import type { Viewer } from "../../graph/access/viewer.js";
import { aboutOf } from "../../graph/model/datamodel.js";
import { isSecret } from "../compression.js";
import { type Includes, type ReadParameters, typesOfModel } from "./parameters.js";
import {
  type Attribute,
  isOfToken,
  isReadable,
  type Relationship,
  type ResourceType,
  type ResourceTypes,
} from "./resources.js";

/** What is shown of a resource of one type. */
export interface ResourceSelection {
  readonly type: ResourceType;
  readonly attributes: readonly Attribute[];
  readonly relationships: readonly RelationshipSelection[];
}

export interface RelationshipSelection {
  readonly relationship: Relationship;
  /** What is included, for each type that the related resources may have; undefined: links alone. */
  readonly included: RowsSelection | undefined;
}

/** What is shown of rows, by the name of their object type. */
export type RowsSelection = ReadonlyMap<string, ResourceSelection>;

/** How many related resources of one resource are included at most: they are not paginated. */
export const maximumIncluded = 1_000;

/** Selects what parameters ask for of a type, as far as the viewer may read it. */
export function selectionOf(
  resourceTypes: readonly ResourceType[],
  include: Includes,
  { fields }: Pick<ReadParameters, "fields">,
  { types, viewer }: { types: ResourceTypes; viewer: Viewer },
): RowsSelection {
  return new Map(
    resourceTypes.map((type): [string, ResourceSelection] => {
      const chosen = fields.get(type.name);
      const isChosen = ({ name }: { name: string }) => !chosen || chosen.has(name);
      const attributes = readable([...type.attributes.values()].filter(isChosen), viewer);
      const relationships: RelationshipSelection[] = [];
      for (const relationship of type.relationships.values()) {
        const inner = include.get(relationship.name);
        if (!inner && !isChosen(relationship)) continue;
        const included =
          inner && mayRead(relationship, viewer)
            ? selectionOf(targetsOf(relationship, types), inner, { fields }, { types, viewer })
            : undefined;
        relationships.push({ relationship, included });
      }
      return [type.object.name, { type, attributes, relationships }];
    }),
  );
}

/** The attributes, and their members, that a viewer may read. */
function readable(attributes: readonly Attribute[], viewer: Viewer): Attribute[] {
  return attributes
    .filter((attribute) => isReadable(attribute, viewer))
    .map((attribute) =>
      attribute.members ? { ...attribute, members: readable(attribute.members, viewer) } : attribute,
    );
}

/** Whether a viewer may read a relationship; what it may not is never included. */
export function mayRead({ access }: Relationship, viewer: Viewer): boolean {
  return access.length === 0 || permits(viewer, access);
}

/** The types of the related resources; none if they may be of any type. */
export function targetsOf({ to }: Relationship, types: ResourceTypes): ResourceType[] {
  return to ? typesOfModel(types, to) : [];
}

/** The selection of rows in the language of the graph, with the names of documents as aliases. */
export function rowsText(rows: RowsSelection): string {
  const [first] = rows.values();
  if (rows.size === 1 && first!.type.kind === undefined) return rowText(first!);
  return `__typename id ${[...rows].map(([object, row]) => `... on ${object} { ${rowText(row)} }`).join(" ")}`;
}

function rowText({ type, attributes, relationships }: ResourceSelection): string {
  const parts = ["id meta { mode }"];
  for (const attribute of attributes) if (!isOfToken(attribute)) parts.push(attributeText(attribute));
  for (const { relationship, included } of relationships) {
    if (!included) continue;
    const { name, field, kind } = relationship;
    switch (kind) {
      case "parent":
      case "all":
        parts.push(`${name}: ${field} { ${rowsText(included)} }`);
        break;
      case "list":
        parts.push(`${name}: ${field}(first: ${maximumIncluded + 1}) { nodes { ${rowsText(included)} } }`);
        break;
      case "about": {
        const { typeField, idField } = aboutOf(type.model.datamodel)!;
        parts.push(`${name}_type: ${typeField} ${name}_id: ${idField}`);
      }
    }
  }
  return parts.join(" ");
}

function attributeText({ name, field, members }: Attribute): string {
  const text = name === field.name ? name : `${name}: ${field.name}`;
  return members ? `${text} { ${members.map(attributeText).join(" ")} }` : text;
}

/** Whether rows show secrets, so that their response must not be compressed. */
export function showsSecrets(rows: RowsSelection): boolean {
  return [...rows.values()].some(
    ({ attributes, relationships }) =>
      attributes.some(({ field }) => isSecret(field)) ||
      relationships.some(({ included }) => included && showsSecrets(included)),
  );
}

/** Parsed documents, by their texts: plans are cached by them. */
const documents = new LRUCache<string, { document: DocumentNode; operation: OperationDefinitionNode }>({ max: 500 });

/** The document with these root fields. */
export function documentOf(roots: readonly string[]) {
  const text = `{ ${roots.join(" ")} }`;
  let known = documents.get(text);
  if (!known) {
    const document = parse(text, { noLocation: true });
    const [operation] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error("A document of one operation");
    known = { document, operation };
    documents.set(text, known);
  }
  return known;
}
