import type { ModelName } from "../database/datamodel.js";
import type { Condition } from "../plan/condition.js";
import type { Viewer } from "./viewer.js";

/**
 * Which rows of a model a viewer may see: the row rules, all in this place. Every statement of src/platform/plan carries
 * the rule of each table it touches, so pages, counts, relations, filters and look-ups by id agree, and a hidden row is
 * an absent one. A rule is always a condition, never "none": forgetting one cannot mean "all rows".
 */
export function visibleRows(_model: ModelName, viewer: Viewer): Condition {
  return { op: "eq", field: "mode", value: viewer.mode };
}
