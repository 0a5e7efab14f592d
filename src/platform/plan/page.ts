import { UserInputError } from "../errors.js";
import { type PageArgs, type Window, windowOf } from "../graphql/connection.js";
import { filterCondition } from "../graphql/filter-condition.js";
import type { ModelType } from "../graphql/model.js";
import { type Condition, everything, withSlots } from "./condition.js";
import { decodeCursor, type Keyset, type TotalOrder, totalOrder } from "./order.js";
import { Slot } from "./parameters.js";

/** A page to read: `limit` rows from a place on, or from the end when `backward`. Numbers and values may be slots. */
export interface Page {
  order: TotalOrder;
  limit: number | Slot;
  /** 0 when none are skipped. */
  offset: number | Slot;
  backward: boolean;
  after?: Keyset;
  filter: Condition;
}

/** The arguments of a list, understood: what its page reads, and what its cursors and `pageInfo` need. */
export interface ListArgs {
  page: Page & { limit: number; offset: number };
  window: Window;
  order: TotalOrder;
}

/** Understands the arguments of a list of a model, or refuses them with an error that names the argument. */
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

/** A page with slots for all values, and the values; pages that differ in their values alone make the same one. */
export interface PageTemplate {
  page: Page;
  values: readonly unknown[];
}

export function pageTemplate({ page }: ListArgs, slot: (index: number) => Slot): PageTemplate {
  const values: unknown[] = [];
  const take = (value: unknown) => slot(values.push(value) - 1);
  return {
    page: {
      order: page.order,
      backward: page.backward,
      limit: take(page.limit),
      offset: page.offset && take(page.offset),
      after: page.after?.map((value) => (value === null ? null : take(value))),
      filter: page.filter === everything ? everything : withSlots(page.filter, values, slot),
    },
    values,
  };
}
