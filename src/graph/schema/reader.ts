import type { GuardContext } from "../access/guard.js";
import type { Lists, ModelName, Parents } from "../model/datamodel.js";
import type { Condition } from "../sql/condition.js";
import type { Connection, PageArgs } from "./connection.js";
import type { Node } from "./resource.type.js";

type Row = Record<string, unknown>;

/** Data access of resolvers. Rows that the viewer may not see are absent. */
export interface Reader {
  /** The row that has this value in a field which is unique in the viewer's mode, or null. */
  byField(model: ModelName, field: string, value: unknown): Promise<Row | null>;
  /** The rows of a model that match a condition, `limit` at most. */
  find(model: ModelName, filter: Condition, limit: number): Promise<readonly Row[]>;
  /** One page of all rows of a model. */
  rootPage(model: ModelName, args: PageArgs): Promise<Connection>;
  /** The row at the other end of a to-one relation, or null. */
  parent<M extends ModelName>(row: Node<M>, relation: Parents<M>): Promise<Row | null> | null;
  /** One page of a to-many relation. */
  page<M extends ModelName>(row: Node<M>, relation: Lists<M>, args: PageArgs): Promise<Connection>;
}

/** The part of the request context that resolvers read with. */
export interface ReadContext extends GuardContext {
  readonly loaders: Reader;
}
