import type { GraphQLInterfaceType } from "graphql";
import { exportPath } from "../../src/erasure/subject-export.js";
import type { ModelName } from "../../src/graph/model/datamodel.js";
import { entryIdOf } from "../../src/modules/customer-changes/customer-change.type.js";
import type { Caller, TestApp } from "./app.js";
import { examplesOf } from "./examples.js";
import { modelOf, resourceTypes, rootLists, schema, whole } from "./graph.js";
import { stream, until } from "./live.js";
import { operationsInUse } from "./operations-in-use.js";

/** Response bodies, as text. */
export interface Heard {
  asked: string;
  text: string;
  hasErrors: boolean;
}

/**
 * Everything that the API tells a caller of a customer and all around it: every field of every type by the ids of what
 * the customer has or had, whole root lists in every order, all operations in use, the preview and export of its data,
 * all changes ever, and what the mutations would answer.
 */
export async function everyAnswer(
  app: TestApp,
  as: Caller,
  customerId: string,
  ids: ReadonlyMap<ModelName, readonly string[]>,
): Promise<Heard[]> {
  const heard: Heard[] = [];
  const ask = async (asked: string, document: string, variables: Record<string, unknown> = {}) => {
    const answer = await app.query(document, variables, { as });
    heard.push({ asked, text: JSON.stringify(answer), hasErrors: Boolean(answer.errors) });
    return answer.data;
  };

  for (const type of resourceTypes) {
    const some = ids.get(modelOf(type)) ?? [];
    for (let i = 0; i < some.length; i += 20) {
      const document = `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on ${type} ${whole(type)} } }`;
      await ask(type, document, { ids: some.slice(i, i + 20) });
    }
  }

  for (const { field, model, sortable } of rootLists) {
    const type = schema.getType(model);
    const types = resourceTypes.includes(model) ? [model] : schema.getPossibleTypes(type as GraphQLInterfaceType);
    const nodes = `{ __typename ${types.map((one) => `... on ${one} ${whole(String(one))}`).join(" ")} }`;
    for (let after: string | null = null; ; ) {
      const document = `query ($after: String) { list: ${field}(first: 20, after: $after) { nodes ${nodes} pageInfo { hasNextPage endCursor } } }`;
      const data = await ask(field, document, { after });
      if (!data?.list?.pageInfo.hasNextPage) break;
      after = data.list.pageInfo.endCursor;
    }
    // Cursors say where a row stands in an order, by its values.
    for (const { name } of sortable) {
      await ask(
        `${field} by ${name}`,
        `{ ${field}(first: 100, orderBy: [{ field: ${name}, direction: ASC }]) { edges { cursor node { id } } } }`,
      );
    }
  }

  for (const { name, document, variables } of operationsInUse) {
    for (const given of variables) await ask(name, document, given);
  }
  await ask("viewer", `{ viewer ${whole("Viewer")} }`);
  const preview = `anonymizationPreview(customerId: $id) ${whole("AnonymizationPreview")}`;
  await ask("preview", `query ($id: ID!) { ${preview} }`, { id: customerId });
  await ask("where the export is", "query ($id: ID!) { subjectExport(customerId: $id) { customerId url } }", {
    id: customerId,
  });
  for (const { field, tried } of examplesOf(schema)) await ask(`@dryRun ${field}`, tried);

  const headers: Record<string, string> = as ? { authorization: `Bearer ${await app.token(as)}` } : {};
  const exported = await fetch(`${app.url}${exportPath}${customerId}`, { headers });
  heard.push({ asked: "export", text: await exported.text(), hasErrors: !exported.ok });
  heard.push(await everyChange(app, as, customerId));
  return heard;
}

/** The feed of changes, from the customer's first one to its last one. */
async function everyChange(app: TestApp, as: Caller, customerId: string): Promise<Heard> {
  const { rows } = await app.database.pool.query(
    `SELECT id FROM event_stores WHERE transaction_id IS NOT NULL AND resource_type = 'customers' AND resource_id = $1
     ORDER BY transaction_id, id`,
    [customerId],
  );
  const change = whole("CustomerChange").replace("customer { __typename id }", "customer { email reference metadata }");
  const query = `subscription ($after: ID) { customerChanged(after: $after) ${change} }`;
  const changes = await stream(app, { query, variables: { after: rows[0].id }, as });
  const last = rows.at(-1).id;
  await until(() => changes.ended || changes.changes().some(({ id }) => entryIdOf(id) === last));
  changes.close();
  const { events, body } = changes;
  return { asked: "changes", text: JSON.stringify({ events, body }), hasErrors: !changes.changes().length };
}
