import { type Model, modelOfType } from "../model/datamodel.js";

/** What the checks of single columns want, and what else has words of its own. Everything else follows from the name that PostgreSQL gives a constraint. */
const checks: Record<string, readonly [field: string, message: string]> = {
  customers_mode_email_key: [
    "email",
    "There is a customer with this e-mail address already, perhaps by a subscription or an order and without a password. Sign in, or ask for a link by e-mail that sets a password.",
  ],
  customers_email_lower_case: ["email", "An e-mail address has 3 to 255 characters."],
  customers_shopper_reference_length: ["shopperReference", "This has 3 to 128 characters."],
  customers_profile_id_length: ["profileId", "This has 1 to 255 characters."],
  customer_addresses_customer_id_address_id_key: ["addressId", "This address is in the address book already."],
  addresses_country_code_format: ["countryCode", "A country is two letters, such as DE (ISO 3166-1 alpha-2)."],
  tags_name_format: ["name", 'A tag is called by at most 25 letters and digits, joined by single "-", "_" or ":".'],
  order_subscriptions_renewal_alert_period_range: ["renewalAlertPeriod", "This is from 1 to 720 hours."],
};

/** Why a row cannot go because of those that refer to it, where that needs words of its own. */
const dependents: Record<string, string> = {
  markets_customer_group_id_fkey:
    "Private markets are open to this group alone, and would be open to everybody without it; give them to another group first.",
};

/** What a statement broke. */
export interface BrokenConstraint {
  /** A unique index, a foreign key, or a check. */
  readonly kind: "unique" | "reference" | "check";
  /** Where the constraint stands: of a foreign key, the table that refers. */
  readonly table: string;
  /** Undefined for a table that joins two resources, such as tags. */
  readonly model: Model | undefined;
  /** The field that it is about. */
  readonly field?: string;
  /** What would be right, if it has words of its own. */
  readonly words?: string;
}

/** PostgreSQL 18 has a code of its own for what RESTRICT keeps. */
const kinds: Record<string, BrokenConstraint["kind"]> = {
  "23001": "reference",
  "23503": "reference",
  "23505": "unique",
  "23514": "check",
};

/**
 * The constraint that an error of PostgreSQL is about; undefined for any other error. Unique indexes and foreign keys are
 * named by their table and columns, so this is the one place that knows them all.
 */
export function brokenConstraint(error: unknown): BrokenConstraint | undefined {
  const { code = "", constraint, table } = error as { code?: string; constraint?: string; table?: string };
  const kind = kinds[code];
  if (!kind || !constraint || !table) return undefined;
  const model = modelOfType(table);
  if (!model) return constraint.endsWith("_tags_tag_id_fkey") ? { kind, table, model } : undefined;
  const known = checks[constraint];
  if (known) return { kind, table, model, field: known[0], words: known[1] };
  // The longest first: `customer_group_id` also ends in `id`.
  const fields = Object.entries(model.columns)
    .filter(([, { column }]) => new RegExp(`_${column}(_|$)`).test(constraint.slice(table.length)))
    .sort(([, a], [, b]) => b.column.length - a.column.length)
    .map(([field]) => field)
    .filter((field) => field !== "mode" && field !== "id");
  // What is one of a customer's own is told at the other field.
  const field = (kind === "unique" && fields.find((name) => name !== "customerId")) || fields[0];
  return { kind, table, model, field, words: dependents[constraint] };
}
