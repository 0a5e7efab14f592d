import type { GraphQLInterfaceType } from "graphql";
import { exportPath } from "../../src/erasure/subject-export.js";
import type { ModelName } from "../../src/graph/model/datamodel.js";
import { entryIdOf } from "../../src/modules/customer-changes/customer-change.type.js";
import type { Caller, TestApp } from "./app.js";
import { examplesOf } from "./examples.js";
import { modelOf, resourceTypes, rootLists, schema, whole } from "./graph.js";
import { stream, until } from "./live.js";
import { operationsInUse } from "./operations-in-use.js";

/** A response body as text, by what was requested. */
export interface RecordedAnswer {
  request: string;
  text: string;
  hasErrors: boolean;
}

/**
 * All answers that a caller can get about a customer: every field of every type by id, whole root lists in every order, all
 * operations in use, the erasure preview, the export, all changes, and dry runs of all mutations.
 */
export async function everyAnswer(
  app: TestApp,
  as: Caller,
  customerId: string,
  ids: ReadonlyMap<ModelName, readonly string[]>,
): Promise<RecordedAnswer[]> {
  const answers: RecordedAnswer[] = [];
  const ask = async (request: string, document: string, variables: Record<string, unknown> = {}) => {
    const answer = await app.query(document, variables, { as });
    answers.push({ request, text: JSON.stringify(answer), hasErrors: Boolean(answer.errors) });
    return answer.data;
  };

  for (const type of resourceTypes) {
    const modelIds = ids.get(modelOf(type)) ?? [];
    for (let i = 0; i < modelIds.length; i += 20) {
      const document = `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on ${type} ${whole(type)} } }`;
      await ask(type, document, { ids: modelIds.slice(i, i + 20) });
    }
  }

  for (const { field, model, sortable } of rootLists) {
    const type = schema.getType(model);
    const types = resourceTypes.includes(model) ? [model] : schema.getPossibleTypes(type as GraphQLInterfaceType);
    const nodes = `{ __typename ${types.map((name) => `... on ${name} ${whole(String(name))}`).join(" ")} }`;
    for (let after: string | null = null; ; ) {
      const document = `query ($after: String) { list: ${field}(first: 20, after: $after) { nodes ${nodes} pageInfo { hasNextPage endCursor } } }`;
      const data = await ask(field, document, { after });
      if (!data?.list?.pageInfo.hasNextPage) break;
      after = data.list.pageInfo.endCursor;
    }
    // Cursors contain the values of the sort fields.
    for (const { name } of sortable) {
      await ask(
        `${field} by ${name}`,
        `{ ${field}(first: 100, orderBy: [{ field: ${name}, direction: ASC }]) { edges { cursor node { id } } } }`,
      );
    }
  }

  for (const { name, document, variables } of operationsInUse) {
    for (const values of variables) await ask(name, document, values);
  }
  await ask("viewer", `{ viewer ${whole("Viewer")} }`);
  const preview = `anonymizationPreview(customerId: $id) ${whole("AnonymizationPreview")}`;
  await ask("preview", `query ($id: ID!) { ${preview} }`, { id: customerId });
  await ask("URL of the export", "query ($id: ID!) { subjectExport(customerId: $id) { customerId url } }", {
    id: customerId,
  });
  for (const { field, dryRun } of examplesOf(schema)) await ask(`@dryRun ${field}`, dryRun);

  const headers: Record<string, string> = as ? { authorization: `Bearer ${await app.token(as)}` } : {};
  const exported = await fetch(`${app.url}${exportPath}${customerId}`, { headers });
  answers.push({ request: "export", text: await exported.text(), hasErrors: !exported.ok });
  answers.push(await everyChange(app, as, customerId));
  return answers;
}

/** The feed of changes, from the customer's first one to its last one. */
async function everyChange(app: TestApp, as: Caller, customerId: string): Promise<RecordedAnswer> {
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
  return { request: "changes", text: JSON.stringify({ events, body }), hasErrors: !changes.changes().length };
}
