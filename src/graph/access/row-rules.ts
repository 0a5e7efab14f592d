import { aboutOf, type Model, type ModelName, modelNamed, models, relationOf } from "../model/datamodel.js";
import { type Condition, everything, nothing, type RowRule } from "../sql/condition.js";
import { Slot } from "../sql/parameters.js";
import { permissionsByKind, toRead, unreadable } from "./permission.js";
import type { Viewer } from "./viewer.js";

const some = (relation: string): Condition => ({ op: "some", relation, where: everything });
const allOf = (...of: Condition[]): Condition => ({ op: "and", of });

/** A viewer with slots for the values that differ between viewers with the same rules. */
type WithSlots<V> = { readonly [F in keyof V]: F extends keyof typeof viewerFacts ? V[F] | Slot : V[F] };
type ViewerOf<K extends Viewer["kind"]> = WithSlots<Extract<Viewer, { kind: K }>>;
/** A shopper, signed in or not. */
export type Shopper = ViewerOf<"guest" | "customer">;
type RuleFor<K extends Viewer["kind"]> = Condition | ((viewer: ViewerOf<K>, model: Model) => Condition);

/** Row rule of a model for shoppers; all other viewers see every row of their mode that they may read. */
export interface VisibleTo {
  /** Rule of signed-in customers: their own rows. */
  readonly customer: RuleFor<"customer">;
  /** Rule of guests: the catalogue. Undefined: no rows. */
  readonly guest?: RuleFor<"guest" | "customer">;
}

/**
 * The customer's own rows, by `@owner(…)` of the datamodel: by the customer's key if the model has it, or through a
 * related row that the customer sees. `some` applies the other model's own rule, so a part is visible with its whole.
 * Owners only lead towards the customer, so rules have no cycles.
 */
export function own({ customerId }: ViewerOf<"customer">, model: Model): Condition {
  const { owners = [] } = model;
  if (!owners.length) throw new Error(`${model.name} has no @owner(…), so nothing of it is a customer's own`);
  const key = owners.map((owner) => relationOf(model, owner)).find(({ to, many }) => to === "Customer" && !many)?.key;
  return key ? { op: "eq", field: key, value: customerId } : through(...owners);
}

/** Rows that are related, by one of these relations, to a row that the viewer sees. */
export function through(...relations: string[]): Condition {
  return relations.length === 1 ? some(relations[0]!) : { op: "or", of: relations.map(some) };
}

const rules = new Map<ModelName, VisibleTo>();

/** Registers the row rule of a model, from its class. */
export function registerRowRule(model: ModelName, visibleTo: VisibleTo): void {
  rules.set(model, visibleTo);
}

/** Throws if a model has no row rule. */
export function demandRowRules(): void {
  for (const model of models.keys()) rowRuleOf(model);
}

function rowRuleOf(model: ModelName): VisibleTo {
  const rule = rules.get(model);
  if (rule) return rule;
  throw new Error(
    `The model ${model} has no row rule: declare its class with @Model({ visibleTo: { customer: … } }), and name the resolvers of its module in src/schema.ts.`,
  );
}

function conditionOf<V>(rule: Condition | ((viewer: V, model: Model) => Condition), viewer: V, model: Model) {
  return typeof rule === "function" ? rule(viewer, model) : rule;
}

/**
 * Which rows of a model a viewer may see, by the row rule of its class. Every statement of src/graph/sql applies the rule
 * of each table it reads, so pages, counts, relations, filters and look-ups by id agree, and a hidden row is an absent
 * one. A rule is always a condition, never undefined: a missing rule cannot mean "all rows".
 */
export function visibleRows(model: ModelName, viewer: WithSlots<Viewer>): Condition {
  // Rows without read permission do not exist for relation filters.
  if (!viewer.permissions.has(toRead(model))) return nothing;
  const inMode: Condition = { op: "eq", field: "mode", value: viewer.mode };
  switch (viewer.kind) {
    case "anonymous":
      return nothing;
    case "integration":
    case "user":
      return quotedRows(model, viewer, inMode);
    case "guest":
      return allOf(inMode, conditionOf(rowRuleOf(model).guest ?? nothing, viewer, modelNamed(model)));
    case "customer":
      return allOf(inMode, conditionOf(rowRuleOf(model).customer, viewer, modelNamed(model)));
  }
}

/** Rows that quote a resource are visible only with permission to read its type; so are rows that depend on them. */
function quotedRows(model: ModelName, { permissions }: WithSlots<Viewer>, inMode: Condition): Condition {
  if (!unreadable(permissions).length) return inMode;
  const about = aboutOf(modelNamed(model));
  if (about) {
    const types = [...models.values()].filter(({ name }) => permissions.has(toRead(name))).map(({ table }) => table);
    return allOf(inMode, { op: "in", field: about.typeField, values: types });
  }
  const { owners = [] } = modelNamed(model);
  const quote = owners.find((owner) => aboutOf(modelNamed(relationOf(modelNamed(model), owner).to)));
  return quote ? allOf(inMode, some(quote)) : inMode;
}

const slotOf = (read: (viewer: Viewer) => unknown) => new Slot(({ viewer }) => read(viewer as Viewer));
/** Values that differ between viewers with the same rules. */
export const viewerFacts = {
  mode: slotOf(({ mode }) => mode),
  customerId: slotOf((viewer) => viewer.kind === "customer" && viewer.customerId),
  marketIds: slotOf(({ marketIds }) => marketIds),
  stockLocationIds: slotOf(({ stockLocationIds }) => stockLocationIds),
};

/** The row rules of all viewers with the same `ruleKey`, with slots for the values that differ. */
export function rulesLike(viewer: Viewer): RowRule {
  const template: WithSlots<Viewer> = {
    ...viewer,
    ...viewerFacts,
    marketIds: viewer.marketIds && viewerFacts.marketIds,
  };
  return (model) => visibleRows(model, template);
}

const ruleKeys = new WeakMap<Viewer, string>();

/** Cache key: viewers with equal keys have the same row and field rules, except for the values of slots. */
export function ruleKey(viewer: Viewer): string {
  let key = ruleKeys.get(viewer);
  if (key === undefined) {
    const standard = viewer.permissions === permissionsByKind[viewer.kind];
    const permissions = standard ? "" : [...viewer.permissions].sort().join();
    key = `${viewer.kind}:${viewer.marketIds ? "scoped" : ""}:${standard ? "standard" : permissions}`;
    ruleKeys.set(viewer, key);
  }
  return key;
}
