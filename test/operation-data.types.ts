import type { TestApp } from "./support/app.js";

// An answer has the fields that its operation's text selects: `npm run typecheck` fails if a misspelt one compiles. Nothing
// here is run.

const FIELDS = "id email status customerGroup { name }";

export const misspelt = {
  field: async ({ query }: TestApp) => {
    const { data } = await query(`{ customer(by: { id: "cus_ada" }) { ${FIELDS} } }`);
    // @ts-expect-error
    return [data.customer.email, data.customer.customerGroup.name, data.customer.emial];
  },
  notSelected: async ({ query }: TestApp) =>
    // @ts-expect-error
    (await query("{ customers(first: 1) { totalCount nodes { id } } }")).data.customers.nodes[0]!.email,
  root: async ({ query }: TestApp) =>
    // @ts-expect-error
    (await query("{ customer { id } }")).data.costumer,
  alias: async ({ query }: TestApp) =>
    // @ts-expect-error
    (await query("{ her: customer { id } }")).data.customer,
  value: async ({ query }: TestApp, id: string) =>
    // @ts-expect-error
    (await query(`{ customer(by: { id: "${id}" }) { status } }`)).data.customer.status === "REPAET",
  ofAnyType: async ({ query }: TestApp) => {
    const { data } = await query(
      "query ($id: ID!) { node(id: $id) { ... on Customer { email } ...order } } fragment order on Order { number }",
    );
    // @ts-expect-error
    return [data.node.email, data.node.number, data.node.nmuber];
  },
  selectedTwice: async ({ query }: TestApp) => {
    const { data } = await query("{ node(id: 1) { ... on Customer { tags { name } } ... on Order { tags { id } } } }");
    // @ts-expect-error
    return data.node.tags.map(({ name, id, colour }) => [name, id, colour]);
  },
  untouchedByAVariable: async ({ query }: TestApp) =>
    // @ts-expect-error
    (await query("query ($some: Boolean!) { customer { id email @include(if: $some) } }")).data.customer.emial,
  userErrors: async ({ query }: TestApp) =>
    // @ts-expect-error
    (await query('mutation { orderPlace(id: "x") { userErrors { code path } } }')).data.orderPlace.userErrors[0]!.paht,
} satisfies Record<string, (app: TestApp, id: string) => Promise<unknown>>;
