import { demand } from "../../graph/access/guard.js";
import type { Viewer } from "../../graph/access/viewer.js";
import type { Context } from "../../graph/context.js";
import { nearest } from "../../graph/model/nearest.js";
import { absoluteUrl } from "../../graph/schema/resource.type.js";
import { sourceOf } from "../../graph/schema/source.js";
import { type Organization, organizationTexts } from "../../identity/organization.js";
import type { ResourceObject } from "./document.js";
import { JsonApiError, parameterError } from "./errors.js";
import type { ResourceTypes } from "./resources.js";

type Attributes = Record<string, unknown>;

/** A resource of which each access token has one, at an address without an id. */
export interface Singleton {
  readonly path: string;
  readonly type: string;
  read(
    context: Context,
    organization: Organization & Limits,
  ): Promise<{ id: string; attributes: Attributes } | undefined>;
}

/** Limits of the gateway that the organization tells. */
interface Limits {
  readonly maximumTags: number | null;
}

/** The limits that the schema has. */
export function limitsOf(types: ResourceTypes): Limits {
  const tags = types.get("customers")?.object.getFields().tags;
  const source = tags && sourceOf(tags);
  return { maximumTags: source?.kind === "all" ? source.limit : null };
}

/** By their paths. */
export const singletons: ReadonlyMap<string, Singleton> = new Map(
  [
    { path: "organization", type: "organizations", read: readOrganization },
    { path: "application", type: "applications", read: readApplication },
  ].map((singleton) => [singleton.path, singleton]),
);

/** What the gateway does not know of any resource here. */
const unknown = { created_at: null, updated_at: null, reference: null, reference_origin: null, metadata: {} };

async function readOrganization(
  { viewer }: Context,
  { slug, attributes: given = {}, maximumTags }: Organization & Limits,
) {
  const id = viewer.organization?.id ?? slug;
  if (id === undefined) return undefined;
  const texts = organizationTexts.map((name) => [name, given[name] ?? null]);
  const attributes = {
    ...(Object.fromEntries(texts) as Attributes),
    slug: viewer.organization?.slug ?? slug ?? null,
    config: given.config ?? null,
    tags_max_allowed_number: maximumTags,
    ...unknown,
  };
  return { id, attributes };
}

const applicationKinds: Record<Exclude<Viewer["kind"], "anonymous">, "sales_channel" | "integration" | "webapp"> = {
  guest: "sales_channel",
  customer: "sales_channel",
  integration: "integration",
  user: "webapp",
};

async function readApplication({ database, viewer }: Context) {
  if (viewer.kind === "anonymous") return undefined;
  const kind = applicationKinds[viewer.kind];
  // Those of an outside issuer are not known by name.
  const [row] = (await database.query(
    `SELECT name, created_at FROM applications WHERE id = $1 AND mode = $2::"mode" AND kind = $3::"application_kind"`,
    [viewer.applicationId, viewer.mode, kind],
  )) as [name: string, createdAt: Date][];
  const [name = null, createdAt = null] = row ?? [];
  const attributes = {
    name,
    kind,
    // domain rule: sales channels are public, also those that have a secret.
    public_access: kind === "sales_channel",
    redirect_uri: null,
    scopes: null,
    ...unknown,
    created_at: createdAt,
  };
  return { id: viewer.applicationId, attributes };
}

/** The document of a singleton. */
export async function readSingleton(
  { path, type, read }: Singleton,
  search: URLSearchParams,
  context: Context,
  organization: Organization & Limits,
): Promise<{ data: ResourceObject }> {
  demand(context, []);
  const found = await read(context, organization);
  if (!found) throw new JsonApiError("RECORD_NOT_FOUND", `This server is not told its ${path}: set ORGANIZATION.`);
  const { id } = found;
  const links = { self: absoluteUrl(`/api/${path}`) };
  const attributes = chosen(type, found.attributes, search);
  return { data: { id, type, links, attributes, relationships: {}, meta: { mode: context.viewer.mode } } };
}

/** The attributes that `fields` names; all without it. */
function chosen(type: string, attributes: Attributes, search: URLSearchParams): Attributes {
  const parameter = `fields[${type}]`;
  for (const name of search.keys()) {
    if (name !== parameter) {
      throw parameterError("PARAM_NOT_ALLOWED", name, `${name.slice(0, 60)} is not allowed; there is ${parameter}.`);
    }
  }
  const text = search.get(parameter);
  if (text === null) return attributes;
  const names = text.split(",").map((name) => name.trim());
  const known = [...Object.keys(attributes), "id", "type"];
  const wrong = names.find((name) => name !== "" && !known.includes(name));
  if (wrong !== undefined) {
    const hint = nearest(wrong, known);
    const detail = `${wrong.slice(0, 60)} is not a valid field for ${type}.${hint ? ` Did you mean ${hint}?` : ""}`;
    throw parameterError("INVALID_FIELD", parameter, detail);
  }
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));
}
