import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
} from "graphql";
import { LRUCache } from "lru-cache";
import { ruleKey } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import { type Plan, planOf, planOfRow, planOfTypes, type Switches, switchKey, switchVariables } from "./plan.js";

/** Input of a plan. */
export interface PlanRequest {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Coerced to the schema's types. */
  readonly variables: Record<string, unknown>;
  readonly context: { readonly viewer: Viewer };
}

interface DocumentFacts {
  readonly id: number;
  /** Names of the switching variables. */
  readonly switches: readonly string[];
  readonly fragments: Record<string, FragmentDefinitionNode>;
}

/** Size of the plan cache, in fields. */
const maximumFields = 20_000;

/** LRU cache of plans. */
export class Plans {
  private readonly plans = new LRUCache<string, Plan | "none">({
    maxSize: maximumFields,
    sizeCalculation: (plan) => (plan === "none" ? 10 : 10 + plan.size),
  });
  private readonly documents = new WeakMap<DocumentNode, DocumentFacts>();
  private documentCount = 0;

  constructor(private readonly schema: GraphQLSchema) {}

  /** The cached plan of a query; undefined if resolvers must answer. A compile error is thrown once. */
  for(request: PlanRequest): Plan | undefined {
    return this.cached(request, "", (switches) => planOf(request.operation, switches));
  }

  /** The cached plan of the selection of one row, by response path. */
  forRow(request: PlanRequest, path: string, model: ModelName, nodes: readonly FieldNode[]): Plan | undefined {
    return this.cached(request, `${path} ${model}`, (switches) => planOfRow(model, nodes, switches));
  }

  /** The cached plan of a document whose root fields are named by types. */
  forTypes(request: PlanRequest, maximumPageSize: number): Plan | undefined {
    return this.cached(request, "types", (switches) =>
      planOfTypes(request.operation, { ...switches, maximumPageSize }),
    );
  }

  private cached(
    { document, operation, variables, context: { viewer } }: PlanRequest,
    row: string,
    make: (switches: Switches) => Plan | undefined,
  ): Plan | undefined {
    const { id, switches, fragments } = this.factsOf(document);
    // No segment of the key contains a line break.
    let key = `${id}\n${operation.name?.value ?? ""}\n${ruleKey(viewer)}\n${row}`;
    const values: Record<string, unknown> = {};
    for (const name of switches) {
      if (!Object.hasOwn(variables, name)) continue;
      values[name] = variables[name];
      key += `\n${name}=${switchKey(variables[name])}`;
    }
    let plan = this.plans.get(key);
    if (!plan) {
      // Negative caching: a document that cannot be planned is not compiled again.
      this.plans.set(key, "none");
      plan = make({ schema: this.schema, fragments, variables: values, viewer }) ?? "none";
      this.plans.set(key, plan);
    }
    return plan === "none" ? undefined : plan;
  }

  private factsOf(document: DocumentNode): DocumentFacts {
    let facts = this.documents.get(document);
    if (!facts) {
      facts = { id: this.documentCount++, switches: switchVariables(document), fragments: fragmentsOf(document) };
      this.documents.set(document, facts);
    }
    return facts;
  }
}

/** Fragments of a document, by name. */
export function fragmentsOf({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}
