import type { Permission } from "../../src/graph/access/permission.js";
import { demandRowRules, own, registerRowRule, rulesLike, through } from "../../src/graph/access/row-rules.js";
import { anonymous } from "../../src/graph/access/viewer.js";
import { type ModelName, modelNamed, models } from "../../src/graph/model/datamodel.js";
import { everything, nothing } from "../../src/graph/sql/condition.js";

/** Row rules as classes give them, without the classes: none is loaded here. */

const viewer = { ...anonymous, kind: "customer" as const, customerId: "cus_1", owner: null };

test("the start is refused if a model has no row rule", () => {
  const rule = /^The model Market has no row rule: declare its class with @Model\(\{ visibleTo: \{ customer: … \} \}\)/;
  for (const model of models.keys()) if (model !== "Market") registerRowRule(model, { customer: nothing });
  expect(demandRowRules).toThrow(rule);
  const reader = { ...viewer, permissions: new Set<Permission>(["markets:read"]) };
  expect(() => rulesLike(reader)("Market")).toThrow(rule);
  registerRowRule("Market", { customer: everything });
  expect(demandRowRules).not.toThrow();
});

const isTheirs = { op: "eq", field: "customerId", value: "cus_1" };
const owned: [model: ModelName, condition: object][] = [
  ["CustomerAddress", isTheirs],
  // By the customer's key alone where it has one, though `@owner` names more.
  ["Order", isTheirs],
  ["OrderSubscription", isTheirs],
  ["Return", isTheirs],
  ["LineItem", { op: "some", relation: "order", where: everything }],
  ["SkuListItem", { op: "some", relation: "skuList", where: everything }],
  ["PaymentSource", through("order", "customerPaymentSources", "orders")],
];
test.each(owned)("own() is the SQL condition of the customer's rows of %s", (model, condition) => {
  expect(own(viewer, modelNamed(model))).toEqual(condition);
});

test("own() throws for a model without @owner", () => {
  expect(() => own(viewer, modelNamed("Sku"))).toThrow("Sku has no @owner(…), so nothing of it is a customer's own");
});
