import type { ModelName } from "../graph/model/datamodel.js";
import { readInstrument } from "../modules/payment-sources/payment-instrument.js";
import { stockAddressesSql } from "../modules/returns/return-import.js";
import { slugsSql } from "../modules/sku-lists/slug.js";

/** Module-specific processing of staged resources before they are written. */
export interface Completion {
  /** Columns that it fills in for new resources without them. */
  readonly fills: readonly string[];
  /** SQL over the staged resources `s` for which `where` is true; `isNew` is true for those without a row. */
  sql(where: string, isNew: string): string;
}

export const completions: Partial<Readonly<Record<ModelName, Completion>>> = {
  SkuList: { fills: ["slug"], sql: slugsSql },
  Return: { fills: [], sql: stockAddressesSql },
};

/** Whether a column may be missing in a document because a module fills it in. */
export function isFilledIn(model: ModelName, column: string): boolean {
  return Boolean(completions[model]?.fills.includes(column));
}

/** Parsers of JSON columns whose structure a module defines, by model and field. */
export const jsonReaders: Partial<Readonly<Record<ModelName, Readonly<Record<string, typeof readInstrument>>>>> = {
  PaymentSource: { paymentInstrument: readInstrument },
};
