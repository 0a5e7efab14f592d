import { type Need, permits } from "../../graph/access/guard.js";
import type { Permission } from "../../graph/access/permission.js";
import { type Model, type ModelName, modelNamed, modelOfId, models, relationOf } from "../../graph/model/datamodel.js";
import { Problem } from "../../graph/model/values.js";
import { modelTypeNamed, modelTypeOfRow, plural } from "../../graph/schema/model.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { TooManyTagsError, UnknownTagError } from "./tag-errors.js";
import { maximumTags, readTagName } from "./tag-rules.js";
import { Taggable } from "./taggable.type.js";

const maximumNames = 100;

const isTaggable = ({ relations }: Model) => Boolean(relations.tags?.through);
const toUpdate = ({ table }: Model) => `${table}:update` as Permission;

/** Permissions to change the tags of a resource: reading tags, and what every write of the resource needs. */
export const needsOfTagging: readonly Need[] = [
  { permission: "tags:read", when: "where tags are named" },
  ...[...models.values()]
    .filter(isTaggable)
    .map((model) => ({ permission: toUpdate(model), when: `for ${plural(model.name)}` })),
];

/** Result of a change of tags: tag ids. */
export interface TagChange {
  added: string[];
  removed: string[];
  unchanged: string[];
}

/** Adds tags by name, all or none; existing ones are kept. */
export function addTags(write: Write, id: string, names: readonly string[]): Promise<TagChange> {
  return changeTags(write, id, names, (present, named) => [...new Set([...present, ...named])]);
}

/** Removes tags by name; missing ones are ignored. */
export function removeTags(write: Write, id: string, names: readonly string[]): Promise<TagChange> {
  return changeTags(write, id, names, (present, named) => present.filter((tag) => !named.includes(tag)));
}

/** Replaces the tags of a resource; an empty list removes all. */
export function replaceTags(write: Write, id: string, names: readonly string[]): Promise<TagChange> {
  return changeTags(write, id, names, (_present, named) => [...named], true);
}

type Decide = (present: readonly string[], named: readonly string[]) => string[];

/** Changes the tags of a resource. Locks its row first, which serialises concurrent changes. */
async function changeTags(
  write: Write,
  id: string,
  names: readonly string[],
  decide: Decide,
  mayBeEmpty = false,
): Promise<TagChange> {
  const name = await taggableModel(write, id);
  write.need(toUpdate(modelNamed(name)));
  if (!names.length && !mayBeEmpty) write.addError(UserErrorCode.INVALID, ["names"], "Name at least one tag.");
  await write.row(name, id);
  return applyTags(write, name, id, names, ["names"], decide);
}

/** The taggable model of an id, by its prefix where it has one; existence is checked when the row is locked. */
async function taggableModel(write: Write, id: string): Promise<ModelName> {
  const known = modelOfId(id);
  if (known && isTaggable(modelNamed(known))) return known;
  const resource = await write.context.loaders.node(id);
  if (!resource) return write.abort(UserErrorCode.NOT_FOUND, ["id"], "There is no resource with this id.");
  if (resource instanceof Taggable) return modelTypeOfRow(resource).name;
  return write.abort(UserErrorCode.INVALID, ["id"], `Resources of type ${String(resource.type)} cannot carry tags.`);
}

/** Replaces the tags of a resource that the write has locked; `path` is the input path of the names. */
export function setTags(write: Write, model: ModelName, id: string, names: readonly string[], path: Path) {
  return applyTags(write, model, id, names, path, (_present, named) => [...named]);
}

async function applyTags(
  write: Write,
  name: ModelName,
  id: string,
  names: readonly string[],
  path: Path,
  decide: Decide,
): Promise<TagChange> {
  const { query, viewer } = write;
  const model = modelTypeNamed(name).datamodel;
  const { table, from, to } = relationOf(model, "tags").through!;
  if (names.length > maximumNames) {
    write.addError(UserErrorCode.INVALID, path, `Name at most ${maximumNames} tags at once.`);
  }
  const wanted = names.map((given, i) => {
    const clean = readTagName(given);
    if (clean instanceof Problem) write.addError(UserErrorCode.INVALID, [...path, String(i)], clean.message);
    return clean as string;
  });
  write.check();
  // Invisible tags count as unknown, so that callers cannot probe for them.
  const [[known, present]] = (await query(
    `SELECT (SELECT coalesce(json_agg(json_build_object('id', "id", 'name', "name")), '[]')
             FROM "tags" WHERE "mode" = $2::"mode" AND "name" = ANY ($3::text[])),
            ARRAY(SELECT "${to}" FROM "${table}" WHERE "${from}" = $1)`,
    [id, viewer.mode, permits(viewer, ["tags:read"]) ? wanted : []],
  )) as [[{ id: string; name: string }[], string[]]];
  await refuseUnknown(
    write,
    wanted.flatMap((tag, i) => (known.some((found) => found.name === tag) ? [] : { tag, path: [...path, String(i)] })),
  );
  const named = known.map((tag) => tag.id);
  const after = decide(present, named);
  const added = after.filter((tag) => !present.includes(tag));
  const removed = present.filter((tag) => !after.includes(tag));
  if (added.length && after.length > maximumTags)
    write.abortWith(new TooManyTagsError(maximumTags, after.length, path));
  if (added.length || removed.length) {
    await query(
      `WITH added AS (INSERT INTO "${table}" ("${from}", "${to}") SELECT $1, unnest($2::text[])),
            removed AS (DELETE FROM "${table}" WHERE "${from}" = $1 AND "${to}" = ANY ($3::text[]))
       UPDATE "${model.table}" SET "version" = "version" + 1, "updated_at" = now() WHERE "id" = $1`,
      [id, added, removed],
    ).catch((error: unknown) => {
      if ((error as { constraint?: string }).constraint !== `${table}_${to}_fkey`) throw error;
      write.abort(UserErrorCode.UNKNOWN_TAG, path, "One of these tags was deleted just now; nothing was changed.");
    });
  }
  const touched = [...added, ...removed];
  return { added, removed, unchanged: named.filter((tag) => !touched.includes(tag)) };
}

/** Adds errors for unknown tags, each with the most similar visible name. */
async function refuseUnknown(write: Write, unknown: { tag: string; path: string[] }[]) {
  if (!unknown.length) return;
  const nearest = permits(write.viewer, ["tags:read"])
    ? await write.query(
        `SELECT n.name, (SELECT t."name" FROM "tags" t WHERE t."mode" = $2::"mode" AND t."name" % n.name
                         ORDER BY similarity(t."name", n.name) DESC, t."name" LIMIT 1) AS near
         FROM unnest($1::text[]) n (name)`,
        [[...new Set(unknown.map(({ tag }) => tag))], write.viewer.mode],
      )
    : [];
  const suggestions = new Map(nearest as [name: string, near: string | null][]);
  for (const { tag, path } of unknown) write.errors.push(new UnknownTagError(path, tag, suggestions.get(tag) ?? null));
  write.check();
}
