import type { GraphQLSchema } from "graphql";
import { UserInputError } from "../../errors.js";
import { demand } from "../../graph/access/guard.js";
import { toRead } from "../../graph/access/permission.js";
import { visibleRows } from "../../graph/access/row-rules.js";
import type { Viewer } from "../../graph/access/viewer.js";
import { Loaders } from "../../graph/answer/loaders.js";
import type { Context } from "../../graph/context.js";
import { type Model, modelNamed, modelOfType, models } from "../../graph/model/datamodel.js";
import { changedFields } from "../../graph/schema/changed-fields.js";
import { type Change, positionOf, type Scope } from "../../live/changes.js";
import { decide } from "../../live/decide.js";
import { onceAvailable } from "../../live/once-available.js";
import { CustomerChange, entryIdOf } from "./customer-change.type.js";

export interface CustomerChangedArgs {
  customerId?: string | null;
  after?: string | null;
}

/** Async iterator of the changes that the viewer may see; `return` ends it immediately. */
export async function customerChanges(
  context: Context,
  { customerId, after }: CustomerChangedArgs,
  schema: GraphQLSchema,
): Promise<AsyncIterableIterator<CustomerChange, undefined>> {
  // Field middleware of a subscription runs per change, not at subscribe time, so permissions are checked here.
  demand(context, ["customers:read"]);
  const { viewer, live, lastEventId, database } = context;
  const visible = scopeOf(viewer);
  const last = lastEventId ?? after;
  const position = typeof last === "string" ? await positionOf(database.query, visible, entryIdOf(last)) : undefined;
  if (typeof last === "string" && !position) {
    throw new UserInputError(
      ["after"],
      "is not the id of a change that one can go on from. Read the customer anew, and subscribe without it.",
    );
  }
  const changes = await live.subscribe(database.query, narrowed(visible, customerId), position);

  return shownOf(changes, (change) => show(change, context, schema));
}

/** Streams changes to the viewer, and waits while the database is unreachable. */
function shownOf(
  changes: AsyncIterableIterator<Change, undefined>,
  show: (change: Change) => Promise<CustomerChange | null>,
): AsyncIterableIterator<CustomerChange, undefined> {
  let over = false;
  return {
    async next() {
      for (;;) {
        const { done, value: change } = await changes.next();
        if (done) return { done, value: undefined };
        const shown = await onceAvailable(
          () => show(change),
          () => over,
        );
        if (shown) return { done: false, value: shown };
      }
    },
    async return() {
      over = true;
      await changes.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this as AsyncIterableIterator<CustomerChange, undefined>;
    },
  };
}

/** Models whose changes a viewer may receive; each change is checked again before delivery. */
function scopeOf(viewer: Viewer): Scope {
  const readable = [...models.values()].filter(({ name }) => viewer.permissions.has(toRead(name)));
  return {
    mode: viewer.mode,
    customerId: viewer.kind === "customer" ? viewer.customerId : undefined,
    resourceTypes: new Set(readable.map(({ table }) => table)),
  };
}

/** Changes of one customer; an invisible customer yields none, like one that does not exist. */
function narrowed(scope: Scope, customerId: string | null | undefined): Scope {
  if (typeof customerId !== "string") return scope;
  if (scope.customerId !== undefined && scope.customerId !== customerId) return { ...scope, resourceTypes: new Set() };
  return { ...scope, customerId };
}

/** Loads a change as the viewer may see it, or null. */
async function show(
  change: Change,
  { viewer, database, requester }: Context,
  schema: GraphQLSchema,
): Promise<CustomerChange | null> {
  const model = modelOfType(change.resourceType);
  if (!model) return null;
  // The read budget is reset for each change, because a stream has no end.
  const loaders = new Loaders(database.forRequest(requester), viewer);
  const { mode, customerId, resourceId, event, names } = change;
  const isVisible = async (of: Model, id: string) => {
    const facts = { mode, id, ...(of.columns.customerId && { customerId }) };
    return decide(visibleRows(of.name, viewer), facts) ?? (await loaders.byId(of.name, id)) !== null;
  };
  if (!(await isVisible(model, resourceId)) || !(await isVisible(modelNamed("Customer"), customerId))) return null;
  if (event === "destroy") return new CustomerChange(change, []);
  // Entries of an anonymization hold the request under their own attribute names.
  const columns = event.startsWith("anonymization_") ? ["anonymization_status"] : names;
  const changed = changedFields(schema, model, columns, viewer);
  // Skips updates in which the viewer may see no changed field.
  if (event === "update" && names.length > 0 && changed.length === 0) return null;
  return new CustomerChange(change, changed);
}
