import { demand } from "../../platform/access/guard.js";
import type { Permission } from "../../platform/access/permission.js";
import type { Context } from "../../platform/context.js";
import type { Query } from "../../platform/database/client.js";
import { relationOf } from "../../platform/database/datamodel.js";
import { modelTypeOf } from "../../platform/graphql/model.js";
import type { Node } from "../../platform/graphql/resource.type.js";
import { maximumTags, Taggable } from "../../platform/graphql/taggable.type.js";
import { InputError, UserError, UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { TagsAddPayload, TagsRemovePayload, TooManyTagsError, UnknownTagError } from "./tag.payloads.js";

/** What the rules allow a tag to be called: domain rule, names are kept in lower case. */
const tagName = /^[a-z0-9]+([-_:][a-z0-9]+)*$/;
const maximumNames = 100;

/** Adds tags by name, all or none. Tags that are there already stay; parallel calls lose nothing and keep the limit. */
export async function addTags(context: Context, id: string, names: string[]): Promise<TagsAddPayload> {
  const change = await changeTags(context, id, names, (present, named) => {
    const added = named.filter((tag) => !present.includes(tag));
    const total = present.length + added.length;
    if (total > maximumTags) throw new TooManyTagsError(maximumTags, total);
    return {
      changed: added,
      sql: ({ table, from, to }) => `INSERT INTO "${table}" ("${from}", "${to}") SELECT $1, unnest($2::text[])`,
    };
  });
  const { resource, changed, unchanged, userErrors } = change;
  return Object.assign(new TagsAddPayload(), { resource, added: changed, unchanged, userErrors });
}

/** Removes tags by name. Tags that are not there change nothing. */
export async function removeTags(context: Context, id: string, names: string[]): Promise<TagsRemovePayload> {
  const change = await changeTags(context, id, names, (present, named) => ({
    changed: named.filter((tag) => present.includes(tag)),
    sql: ({ table, from, to }) => `DELETE FROM "${table}" WHERE "${from}" = $1 AND "${to}" = ANY ($2::text[])`,
  }));
  const { resource, changed, unchanged, userErrors } = change;
  return Object.assign(new TagsRemovePayload(), { resource, removed: changed, unchanged, userErrors });
}

type Links = { table: string; from: string; to: string };
type Decide = (present: string[], named: string[]) => { changed: string[]; sql: (links: Links) => string };

/**
 * One change of the tags of a resource. The resource's row is locked first, so that changes of the same resource come
 * one after the other and each sees what the one before it left.
 */
async function changeTags(context: Context, id: string, names: string[], decide: Decide) {
  const { loaders, viewer, database } = context;
  const nothing = { resource: null as unknown, changed: [] as unknown[], unchanged: [] as unknown[] };
  const resource = await loaders.node(id);
  if (!resource) {
    return {
      ...nothing,
      userErrors: [new InputError(UserErrorCode.NOT_FOUND, ["id"], "There is no resource with this id.")],
    };
  }
  if (!(resource instanceof Taggable)) {
    const error = new InputError(
      UserErrorCode.INVALID,
      ["id"],
      `Resources of type ${(resource as unknown as Node).type} cannot carry tags.`,
    );
    return { ...nothing, userErrors: [error] };
  }
  demand(context, [`${modelTypeOf(resource.constructor as never).datamodel.table}:update` as Permission]);
  const wanted = [...new Set(names.map((name) => name.trim().toLowerCase()))];
  const invalid = checkNames(names);
  if (invalid.length) return { ...nothing, resource, userErrors: invalid };

  const model = modelTypeOf(resource.constructor as never).datamodel;
  const links = relationOf(model, "tags").through!;
  try {
    const { changed, unchanged } = await database.transaction(async (query) => {
      await query(`SELECT FROM "${model.table}" WHERE "id" = $1 FOR NO KEY UPDATE`, [id]);
      const [[known, present]] = (await query(
        `SELECT (SELECT coalesce(json_agg(json_build_object('id', "id", 'name', "name")), '[]')
                 FROM "tags" WHERE "mode" = $2::"mode" AND "name" = ANY ($3::text[])),
                ARRAY(SELECT "${links.to}" FROM "${links.table}" WHERE "${links.from}" = $1)`,
        [id, viewer.mode, wanted],
      )) as [[{ id: string; name: string }[], string[]]];
      const unknown = names.flatMap((name, i) => {
        const clean = name.trim().toLowerCase();
        return known.some((tag) => tag.name === clean) ? [] : [{ name: clean, path: ["names", String(i)] }];
      });
      if (unknown.length) throw await unknownTags(query, viewer.mode, unknown);

      const named = known.map((tag) => tag.id);
      const { changed, sql } = decide(present, named);
      if (changed.length) {
        await query(
          `WITH changed AS (${sql(links)})
           UPDATE "${model.table}" SET "version" = "version" + 1, "updated_at" = now() WHERE "id" = $1`,
          [id, changed],
        );
      }
      return { changed, unchanged: named.filter((tag) => !changed.includes(tag)) };
    });
    loaders.refresh(model.name, id);
    const tags = (ids: string[]) => Promise.all(ids.map((tag) => loaders.byId("Tag", tag)));
    return {
      resource: await loaders.byId(model.name, id),
      changed: await tags(changed),
      unchanged: await tags(unchanged),
      userErrors: [],
    };
  } catch (error) {
    const userErrors = error instanceof UserErrors ? error.errors : error instanceof UserError ? [error] : undefined;
    if (!userErrors) throw error;
    return { ...nothing, resource, userErrors };
  }
}

function checkNames(names: string[]): InputError[] {
  const invalid = (path: string[], message: string) => new InputError(UserErrorCode.INVALID, path, message);
  if (!names.length) return [invalid(["names"], "Name at least one tag.")];
  if (names.length > maximumNames) return [invalid(["names"], `Name at most ${maximumNames} tags at once.`)];
  return names.flatMap((name, i) => {
    const clean = name.trim().toLowerCase();
    return clean.length <= 25 && tagName.test(clean)
      ? []
      : [
          invalid(
            ["names", String(i)],
            'A tag is called by at most 25 letters and digits, joined by single "-", "_" or ":".',
          ),
        ];
  });
}

/** Several user errors, thrown to roll a transaction back. */
class UserErrors extends Error {
  constructor(readonly errors: UserError[]) {
    super("user errors");
  }
}

async function unknownTags(
  query: Query,
  mode: string,
  unknown: { name: string; path: string[] }[],
): Promise<UserErrors> {
  const names = [...new Set(unknown.map(({ name }) => name))];
  const nearest = await query(
    `SELECT n.name, (SELECT t."name" FROM "tags" t WHERE t."mode" = $2::"mode" AND t."name" % n.name
                     ORDER BY similarity(t."name", n.name) DESC, t."name" LIMIT 1) AS near
     FROM unnest($1::text[]) n (name)`,
    [names, mode],
  );
  const suggestions = new Map(nearest as [name: string, near: string | null][]);
  return new UserErrors(
    unknown.map(({ name, path }) => new UnknownTagError(path, name, suggestions.get(name) ?? null)),
  );
}
