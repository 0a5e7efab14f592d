import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DocumentNode, print } from "graphql";
import { examples } from "../../src/http/playground/playground-examples.js";
import { projectRoot } from "../../src/paths.js";
import * as generated from "../generated/operations.js";

/** A query and the variables to run it with. */
export interface OperationInUse {
  name: string;
  document: string;
  variables: Record<string, unknown>[];
}

const ada = { id: "cus_ada" };
const search = "a";
/** Variables of the screens, by document name. */
const variables: Record<string, Record<string, unknown>[]> = {
  AddressBookDocument: [ada],
  CustomerDetailDocument: [ada],
  CustomersTableDocument: [
    {},
    { first: 5, offset: 5, orderBy: [{ field: "TOTAL_ORDERS_COUNT", direction: "DESC" }] },
    {
      filter: {
        status: { in: ["REPEAT", "ACQUIRED"] },
        tags: { any: ["vip"] },
        or: [{ email: { startsWith: "ADA@" } }],
      },
    },
  ],
  EmailPickerDocument: [{ typed: "EXAMPLE", current: "ada@example.com" }],
  FilterOptionsDocument: [{ search: "VI", tagIds: ["tag_vip"] }],
  LatestOrdersDocument: [{ ...ada, statuses: ["PLACED", "APPROVED", "EDITING", "CANCELLED"] }],
  MyOrderDocument: [{ id: "ord_1001" }, { id: "ord_1024" }],
  MyOrdersDocument: [
    { ...ada, first: 3, offset: 3 },
    { ...ada, orderBy: [{ field: "STATUS", direction: "DESC" }] },
  ],
  MySubscriptionDocument: [{ id: "osu_ada_coffee" }],
  MySubscriptionsDocument: [ada],
  OrderCustomerDocument: [{ id: "ord_1001" }],
  PublicMarketsDocument: [{}],
  ReturnsTableDocument: [{ statuses: ["REQUESTED", "APPROVED", "SHIPPED", "RECEIVED", "REFUNDED"], search }],
  SubscriptionsTableDocument: [{ statuses: ["ACTIVE", "PENDING", "INACTIVE", "CANCELLED"], search: "ada@" }],
  TagsTableDocument: [{ search: "V", orderBy: [{ field: "NAME", direction: "DESC" }] }],
  WalletDocument: [ada],
};

const documents = new Map(Object.entries(generated) as [string, DocumentNode][]);

export const screens: readonly OperationInUse[] = Object.entries(variables).map(([name, given]) => ({
  name,
  document: print(documents.get(name)!),
  variables: given,
}));

const playground = examples
  .filter(({ query }) => !/^mutation/m.test(query))
  .map(({ query, variables }) => ({
    name: `the playground's ${/query (\w+)/.exec(query)![1]}`,
    document: query,
    variables: [JSON.parse(variables ?? "{}")],
  }));

const docs = ["README.md", ...readdirSync(join(projectRoot, "docs")).map((name) => join("docs", name))];

/** The operations in README.md and docs/, with their files. */
export const documentedQueries: readonly { file: string; document: string }[] = docs.flatMap((file) =>
  [...readFileSync(join(projectRoot, file), "utf8").matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, document]) => ({
    file,
    document: document!,
  })),
);

/** Operations of shop frontends, the playground and the docs, for the demo shop. */
export const operationsInUse: readonly OperationInUse[] = [
  ...screens,
  ...playground,
  ...documentedQueries.map(({ file, document }, i) => ({
    name: `the query ${i + 1} of ${file}`,
    document,
    variables: [{}],
  })),
];
