import { type Condition, everything, withSlots } from "./condition.js";
import type { Keyset, TotalOrder } from "./order.js";
import type { Slot } from "./parameters.js";

/** A page: `limit` rows after a keyset position, or before it if `backward`. Numbers and values may be slots. */
export interface Page {
  order: TotalOrder;
  limit: number | Slot;
  /** Number of skipped rows. */
  offset: number | Slot;
  backward: boolean;
  after?: Keyset;
  filter: Condition;
}

/** A page whose limit and offset are numbers, not slots. */
export type KnownPage = Page & { limit: number; offset: number };

/** A page with its values replaced by slots: pages that differ only in values have equal templates. */
export interface PageTemplate {
  page: Page;
  values: readonly unknown[];
}

export function pageTemplate(page: KnownPage, slot: (index: number) => Slot): PageTemplate {
  const values: unknown[] = [];
  const toSlot = (value: unknown) => slot(values.push(value) - 1);
  return {
    page: {
      order: page.order,
      backward: page.backward,
      limit: toSlot(page.limit),
      offset: page.offset && toSlot(page.offset),
      after: page.after?.map((value) => (value === null ? null : toSlot(value))),
      filter: page.filter === everything ? everything : withSlots(page.filter, values, slot),
    },
    values,
  };
}
