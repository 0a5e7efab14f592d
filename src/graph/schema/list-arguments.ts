import { UserInputError } from "../../errors.js";
import { decodeCursor, type TotalOrder, totalOrder } from "../sql/order.js";
import type { KnownPage } from "../sql/page.js";
import { type PageArgs, type Window, windowOf } from "./connection.js";
import { filterCondition } from "./filter-condition.js";
import type { ModelType } from "./model.js";

/** Parsed arguments of a list: for reading its page, and for its cursors and `pageInfo`. */
export interface ListArgs {
  page: KnownPage;
  window: Window;
  order: TotalOrder;
}

/** Parses the arguments of a list, or throws an error that names the argument. */
export function listArgs(type: ModelType, args: PageArgs, maximum: number): ListArgs {
  const window = windowOf(args, maximum);
  if (args.orderBy?.length === 0) throw new UserInputError(["orderBy"], "must not be empty; leave it out.");
  const order = totalOrder(type.datamodel, args.orderBy ?? type.defaultOrder);
  const page = {
    order,
    limit: window.limit,
    offset: window.offset,
    backward: window.backward,
    after: window.cursor && decodeCursor(window.cursor.value, window.cursor.argument, order, type.datamodel),
    filter: filterCondition(type, args.filter),
  };
  return { window, order, page };
}
