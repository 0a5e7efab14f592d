import type { GraphQLSchema } from "graphql";
import { demand } from "../../graph/access/guard.js";
import type { Viewer } from "../../graph/access/viewer.js";
import type { PlannedExecution } from "../../graph/answer/planned-execution.js";
import type { Context } from "../../graph/context.js";
import { modelNamed, relationOf } from "../../graph/model/datamodel.js";
import type { ListArgs } from "../../graph/schema/list-arguments.js";
import { modelTypeNamed } from "../../graph/schema/model.js";
import type { LookUp } from "../../graph/schema/source.js";
import { type Condition, everything } from "../../graph/sql/condition.js";
import { type OrderInput, totalOrder } from "../../graph/sql/order.js";
import { identifierOf, Resources, type Row } from "./document.js";
import { JsonApiError } from "./errors.js";
import { filterConditionOf } from "./filters.js";
import { type PageSizes, type ReadParameters, readParameters } from "./parameters.js";
import type { Relationship, ResourceType, ResourceTypes } from "./resources.js";
import {
  documentOf,
  maximumIncluded,
  mayRead,
  type RowsSelection,
  rowsText,
  selectionOf,
  showsSecrets,
  targetsOf,
} from "./selection.js";

/** What reading needs of the server. */
export interface Reading {
  readonly schema: GraphQLSchema;
  readonly types: ResourceTypes;
  readonly planner: PlannedExecution;
}

/** A request that reads: the resource or the resources at an address. */
export interface ReadRequest {
  readonly search: URLSearchParams;
  /** The address without its parameters, for links between pages. */
  readonly address: string;
  readonly pageSizes: PageSizes;
}

/** A response document, and whether it shows secrets. */
export interface ReadDocument {
  readonly document: Record<string, unknown>;
  readonly secret: boolean;
}

type Roots = Map<string, { text: string; args: ListArgs | LookUp }>;

/** Reads what a request asks for, in one statement. */
export class Reader {
  private readonly viewer: Viewer;

  constructor(
    private readonly reading: Reading,
    private readonly context: Context,
    private readonly request: ReadRequest,
  ) {
    this.viewer = context.viewer;
  }

  /** `/api/customers` */
  async list(type: ResourceType): Promise<ReadDocument> {
    this.demand(type);
    if (type.model.datamodel.auditTrail) {
      throw new JsonApiError("ROUTE_NOT_FOUND", `${type.name} are listed at the resource that they are about.`);
    }
    const parameters = this.parameters(type, true);
    return this.page([type], parameters, kindCondition(type), new Map());
  }

  /** `/api/customers/:id` */
  async get(type: ResourceType, id: string): Promise<ReadDocument> {
    this.demand(type);
    const parameters = this.parameters(type, false);
    const rows = this.select([type], parameters);
    const { data, resources } = await this.read(rows, new Map([["data", rootOfOne(type, id, rowsText(rows))]]));
    if (!data) throw notFound(type, id);
    const resource = resources.resource(rows, data as Row);
    return this.document(resource, [resource], resources, rows);
  }

  /** Throws if a parameter of `get` is invalid. */
  check(type: ResourceType) {
    this.parameters(type, false);
  }

  /** `/api/customers/:id/orders` */
  async related(type: ResourceType, id: string, relationship: Relationship): Promise<ReadDocument> {
    const targets = this.targets(type, relationship);
    const parameters = this.parameters(targets[0]!, relationship.many);
    if (relationship.many) return this.relatedPage(type, id, relationship, targets, parameters);
    const rows = this.select(targets, parameters);
    const { data, resources } = await this.relatedOne(type, id, relationship, rows);
    const found = data ? [resources.resource(rows, data)] : [];
    return this.document(found[0] ?? null, found, resources, rows);
  }

  /** `/api/customers/:id/relationships/orders` */
  async linkage(type: ResourceType, id: string, relationship: Relationship): Promise<ReadDocument> {
    const targets = this.targets(type, relationship);
    const parameters = this.parameters(targets[0]!, relationship.many);
    const none = new Set<string>();
    const fields = new Map(targets.map(({ name }) => [name, none]));
    const bare = { ...parameters, include: new Map(), fields };
    const self = `${this.request.address}`;
    const links = { self, related: self.replace(/\/relationships\/([^/]+)$/, "/$1") };
    if (relationship.many) {
      const page = await this.relatedPage(type, id, relationship, targets, bare);
      const data = (page.document.data as { type: string; id: string }[]).map(({ type, id }) => ({ type, id }));
      return { ...page, document: { ...page.document, data, links: { ...links, ...(page.document.links as object) } } };
    }
    const rows = this.select(targets, bare);
    const { data } = await this.relatedOne(type, id, relationship, rows);
    return { document: { data: data ? identifierOf(rows, data) : null, links }, secret: false };
  }

  private demand({ access }: ResourceType) {
    demand(this.context, access);
  }

  /** The types that a relationship leads to, if the viewer may read both ends. */
  private targets(type: ResourceType, relationship: Relationship): ResourceType[] {
    this.demand(type);
    if (!mayRead(relationship, this.viewer)) demand(this.context, relationship.access);
    const targets = targetsOf(relationship, this.reading.types);
    if (targets.length) return targets;
    const detail = `${relationship.name} may be of any type; read it at its own address.`;
    throw new JsonApiError("ROUTE_NOT_FOUND", detail);
  }

  private parameters(type: ResourceType, list: boolean): ReadParameters {
    const { search, pageSizes } = this.request;
    return readParameters(search, type, this.reading.types, { list, pageSizes });
  }

  private select(types: readonly ResourceType[], parameters: ReadParameters): RowsSelection {
    return selectionOf(types, parameters.include, parameters, { types: this.reading.types, viewer: this.viewer });
  }

  /** One page of the rows that fit a condition, with how many there are. */
  private async page(
    types: readonly ResourceType[],
    parameters: ReadParameters,
    condition: Condition,
    others: Roots,
    missing?: JsonApiError,
  ): Promise<ReadDocument> {
    const [type] = types as [ResourceType];
    const { number, size } = parameters.page;
    const filter = filterConditionOf(type, parameters.filters, this.reading);
    const rows = this.select(types, parameters);
    const text = `{ totalCount nodes { ${rowsText(rows)} } }`;
    const args = listOf(type, both(condition, filter), {
      sort: parameters.sort,
      limit: size,
      offset: (number - 1) * size,
    });
    const roots: Roots = new Map([...others, ["data", { text: `${type.model.name}Connection ${text}`, args }]]);
    const { data, parent, resources } = await this.read(rows, roots);
    if (missing && !parent) throw missing;
    const { totalCount, nodes } = data as { totalCount: number; nodes: Row[] };
    const page = nodes.map((row) => resources.resource(rows, row));
    const pages = Math.ceil(totalCount / size);
    const { document, secret } = this.document(page, page, resources, rows);
    const meta = { record_count: totalCount, page_count: pages };
    return { document: { ...document, meta, links: this.pageLinks(number, pages) }, secret };
  }

  private pageLinks(number: number, pages: number) {
    const last = Math.max(pages, 1);
    const link = (page: number) => {
      const search = new URLSearchParams(this.request.search);
      search.set("page[number]", String(page));
      return `${this.request.address}?${search}`;
    };
    return {
      first: link(1),
      ...(number > 1 && { prev: link(Math.min(number - 1, last)) }),
      ...(number < last && { next: link(number + 1) }),
      last: link(last),
    };
  }

  /** One page of what a to-many relationship leads to. */
  private async relatedPage(
    type: ResourceType,
    id: string,
    relationship: Relationship,
    targets: readonly ResourceType[],
    parameters: ReadParameters,
  ): Promise<ReadDocument> {
    const parent: Roots = new Map([["parent", rootOfOne(type, id, "id")]]);
    const condition = this.conditionOf(type, id, relationship);
    return this.page(targets, parameters, condition, parent, notFound(type, id));
  }

  /** Which rows a to-many relationship leads to. */
  private conditionOf(type: ResourceType, id: string, relationship: Relationship): Condition {
    if (relationship.kind === "viewer") return { op: "in", field: "id", values: this.idsOfToken(relationship) };
    return ownedBy(type, id, relationship);
  }

  /** What a to-one relationship leads to. */
  private async relatedOne(type: ResourceType, id: string, relationship: Relationship, rows: RowsSelection) {
    const { kind, name, field } = relationship;
    if (kind === "viewer") {
      const roots: Roots = new Map();
      roots.set("data", this.rootOfToken(relationship, rows)).set("parent", rootOfOne(type, id, "id"));
      const { data, parent, resources } = await this.read(rows, roots);
      if (!parent) throw notFound(type, id);
      return { data: (data as { nodes: Row[] }).nodes[0], resources };
    }
    const root = rootOfOne(type, id, `id ${name}: ${field} { ${rowsText(rows)} }`);
    const { data, resources } = await this.read(rows, new Map([["data", root]]));
    if (!data) throw notFound(type, id);
    return { data: (data as Row)[name] as Row | null, resources };
  }

  /** Reads the roots, and the included relationships of the access token. */
  private async read(rows: RowsSelection, roots: Roots) {
    const ofToken = tokenRelationships(rows);
    const all: Roots = new Map(roots);
    for (const [name, { relationship, included }] of ofToken) {
      all.set(`token_${name}`, this.rootOfToken(relationship, included));
    }
    const { document, operation } = documentOf([...all].map(([key, { text }]) => `${key}: ${text}`));
    const variables = Object.fromEntries([...all].map(([key, { args }]) => [key, args]));
    const answer = (await this.reading.planner.read(
      { document, operation, variables, context: this.context },
      maximumIncluded + 1,
    )) as Record<string, unknown>;
    const tokenRows = Object.fromEntries(
      [...ofToken].map(([name, { included }]) => {
        const { nodes } = answer[`token_${name}`] as { nodes: Row[] };
        return [name, { rows: nodes, selection: included }];
      }),
    );
    return { data: answer.data, parent: answer.parent, resources: new Resources(this.viewer, tokenRows) };
  }

  /** The rows that the access token names, as a root. */
  private rootOfToken(relationship: Relationship, rows: RowsSelection) {
    const type = [...rows.values()][0]!.type;
    const args = listOf(
      type,
      { op: "in", field: "id", values: this.idsOfToken(relationship) },
      { limit: maximumIncluded, offset: 0 },
    );
    return { text: `${relationship.to}Connection { nodes { ${rowsText(rows)} } }`, args };
  }

  private idsOfToken({ field }: Relationship): readonly string[] {
    const { viewer } = this;
    const ids: Record<string, readonly string[]> = {
      jwtCustomer: viewer.kind === "customer" ? [viewer.customerId] : [],
      jwtMarkets: viewer.marketIds ?? [],
      jwtStockLocations: viewer.stockLocationIds,
    };
    return ids[field] ?? [];
  }

  private document(
    data: unknown,
    primary: Parameters<Resources["included"]>[0],
    resources: Resources,
    rows: RowsSelection,
  ): ReadDocument {
    const included = resources.included(primary);
    const hasIncluded = [...rows.values()].some(({ relationships }) => relationships.some(({ included }) => included));
    return { document: { data, ...(hasIncluded && { included }) }, secret: showsSecrets(rows) };
  }
}

function tokenRelationships(
  rows: RowsSelection,
  result = new Map<string, { relationship: Relationship; included: RowsSelection }>(),
) {
  for (const { relationships } of rows.values()) {
    for (const { relationship, included } of relationships) {
      if (!included) continue;
      if (relationship.kind === "viewer") result.set(relationship.name, { relationship, included });
      tokenRelationships(included, result);
    }
  }
  return result;
}

function both(one: Condition, other: Condition | undefined): Condition {
  if (!other) return one;
  return one === everything ? other : { op: "and", of: [one, other] };
}

/** Which rows of a model are of a type. */
function kindCondition({ model, kind }: ResourceType): Condition {
  return kind === undefined ? everything : { op: "eq", field: model.kindField!, value: kind };
}

function rootOfOne(type: ResourceType, id: string, text: string): { text: string; args: LookUp } {
  const byId: Condition = { op: "eq", field: "id", value: id };
  const condition = both(byId, type.kind === undefined ? undefined : kindCondition(type));
  const name = type.model.name;
  return {
    text: `${name} { ${text} }`,
    args: { condition, unique: true },
  };
}

/** The related rows of a list, by their foreign key. */
function ownedBy({ model }: ResourceType, id: string, { field }: Relationship): Condition {
  const { key, where, to, through } = relationOf(model.datamodel, field);
  if (through) {
    const inverse = Object.entries(modelNamed(to).relations).find(
      ([, other]) => other.through?.table === through.table,
    );
    return { op: "some", relation: inverse![0], where: { op: "eq", field: "id", value: id } };
  }
  if (!key) throw new Error(`The rows of ${to} have no key`);
  const fixed = Object.entries(where ?? {}).map(([name, value]): Condition => ({ op: "eq", field: name, value }));
  const byKey: Condition = { op: "eq", field: key, value: id };
  return fixed.length ? { op: "and", of: [byKey, ...fixed] } : byKey;
}

function listOf(
  { model }: ResourceType,
  filter: Condition,
  { sort, limit, offset }: { sort?: readonly OrderInput[]; limit: number; offset: number },
): ListArgs {
  const { datamodel, defaultOrder } = modelTypeNamed(model.name);
  const order = totalOrder(datamodel, sort ?? defaultOrder);
  const page = { order, limit, offset, backward: false, filter };
  return { page, order, window: { limit, offset, backward: false } };
}

/** A resource that is not there, or not for the viewer: both are answered alike. */
export function notFound({ name }: ResourceType, id: string): JsonApiError {
  return new JsonApiError(
    "RECORD_NOT_FOUND",
    `The record identified by ${id.slice(0, 100)} could not be found in ${name}.`,
  );
}
