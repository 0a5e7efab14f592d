import { type Column, type Model, type ModelName, models } from "../graph/model/datamodel.js";

/** A foreign key: `column` of a model holds the id of a `target`. */
export interface Reference {
  readonly relation: string;
  readonly column: Column;
  readonly target: Model;
}

/** A model, and its deferred references: written after all models. */
export interface MergeStep {
  readonly model: Model;
  readonly references: readonly Reference[];
  readonly deferred: readonly Reference[];
}

export function referencesOf(model: Model): Reference[] {
  return Object.entries(model.relations).flatMap(([relation, { to, many, key }]) =>
    many ? [] : [{ relation, column: model.columns[key!]!, target: models.get(to)! }],
  );
}

/**
 * Sorts the models topologically: referenced models first. Cycles are cut at nullable references, which are deferred.
 * Polymorphic models (attachments, events) come last.
 */
export function mergeOrder(): MergeStep[] {
  const polymorphic = new Set(
    [...models.values()].flatMap(({ relations }) =>
      Object.values(relations).flatMap(({ to, where }) => (where ? [to] : [])),
    ),
  );
  const waiting = new Map([...models.values()].map((model) => [model.name, referencesOf(model)]));
  const steps: MergeStep[] = [];

  const missing = (name: ModelName) => waiting.get(name)!.filter(({ target }) => waiting.has(target.name));
  const addStep = (name: ModelName) => {
    const deferred = missing(name);
    const references = waiting.get(name)!.filter((reference) => !deferred.includes(reference));
    waiting.delete(name);
    steps.push({ model: models.get(name)!, references, deferred });
  };
  const usedBy = (name: ModelName) =>
    [...waiting.values()].filter((references) => references.some(({ target }) => target.name === name)).length;

  while (waiting.size > 0) {
    const names = [...waiting.keys()];
    const ready = names.find((name) => missing(name).length === 0 && !polymorphic.has(name));
    // Cut each cycle at the model with the fewest deferred references that unblocks the most others.
    const cut = names
      .filter((name) => !polymorphic.has(name) && missing(name).every(({ column }) => column.nullable))
      .sort((a, b) => missing(a).length - missing(b).length || usedBy(b) - usedBy(a))[0];
    const next = ready ?? cut ?? names.find((name) => missing(name).length === 0);
    if (!next) throw new Error(`These models require each other: ${names.join(", ")}`);
    addStep(next);
  }
  return steps;
}
