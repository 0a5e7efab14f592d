import { permissionsByKind } from "../../graph/access/permission.js";
import { Loaders } from "../../graph/answer/loaders.js";
import type { Context } from "../../graph/context.js";
import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { link, Problem, text, value } from "../../graph/write/rules.js";
import type { AnyRow, Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { hashPassword, passwordProblem, passwordRule } from "../../identity/password.js";
import { setTags } from "../tags/tagging.js";
import { countForm, endSessions } from "./customer.service.js";
import { Customer } from "./customer.type.js";

const rules = {
  email: text({
    description: "The e-mail address, which identifies the customer. Kept in lower case.",
    required: true,
  }),
  password: value<string>(
    () => String,
    {
      description: `The password: ${passwordRule}. Without one the customer is a guest. It can never be read.`,
      virtual: true,
    },
    (given: string) => {
      const problem = passwordProblem(given);
      return problem ? new Problem(`A password ${problem}.`) : given;
    },
  ),
  shopperReference: text({
    description: "Identifies the customer in payment sessions at the gateways: 3 to 128 characters.",
    generated: true,
  }),
  profileId: text({
    description: "Identifies the customer at connected external services: at most 255 characters.",
    generated: true,
  }),
  taxExemptionCode: text({
    description: "The reason why the customer pays no taxes.",
    access: ["tax_exemptions:assign"],
  }),
  customerGroupId: link("CustomerGroup", {
    description: "The id of the group that the customer is in.",
    access: ["customer_groups:assign"],
  }),
  tags: value<string[]>(() => [String], {
    description: "The names of all its tags; those not named are taken off.",
    access: ["tags:assign"],
    virtual: true,
  }),
};

interface Input {
  password?: string | null;
  tags?: string[] | null;
}

/** Writes of customers. */
export const customerWrites = new ResourceWrites<"Customer", typeof rules, string | null | undefined>(Customer, {
  rules,
  create: {
    description:
      "Signs a customer up: with a password as a registered customer, without one as a guest. Whoever subscribed to something or ordered as a guest is a customer already, so the address is `TAKEN`: offer a way to sign in and one to a new password, whose link by e-mail (`customerPasswordResetCreate`, by an integration) sets a first one as well.",
    errors: ["TAKEN", "NOT_FOUND", "UNKNOWN_TAG", "TOO_MANY_TAGS"],
    example: 'input: { email: "new@example.com", password: "a long enough one", metadata: { locale: "en" } }',
    count: (context) => countForm(context),
    revealsTaken: true,
    prepare: digestOf,
    before: async (_write, values, _input, _path, passwordDigest) => ({ ...values, passwordDigest }),
    after: replaceTags,
    read: readAsCustomer,
  },
  update: {
    description:
      "Changes a customer. Absent fields stay, null clears: `customerGroupId: null` takes it out of its group.",
    errors: ["UNKNOWN_TAG", "TOO_MANY_TAGS"],
    example: 'id: "cus_ada", input: { reference: null, metadata: { merge: { locale: "it" } } }',
    count: (context, { email }) => (email ? countForm(context) : undefined),
    prepare: digestOf,
    before: changePassword,
    after: (write, { id }, input, path) => replaceTags(write, id, input, path),
  },
  delete: {
    description:
      "Deletes a customer without any order, with its address book, wallet, subscriptions and lists. One with orders, of whatever status, can only be anonymized.",
    errors: ["IN_USE", "WRONG_STATE"],
    // The error names what prevents the deletion.
    needs: [{ permission: "orders:read" }, { permission: "order_subscriptions:read" }, { permission: "returns:read" }],
    example: 'id: "cus_mia"',
    before: deleteOwnedRows,
  },
});

/** The stored digest of a new password, if one was given and may be set; null removes it. */
async function digestOf(_: Context, { password }: Input): Promise<string | null | undefined> {
  if (typeof password !== "string") return password;
  return passwordProblem(password) ? undefined : hashPassword(password);
}

/** domain rule: customers may set a first password only; replacing it takes the old one or a reset. */
async function changePassword(
  write: Write,
  row: RowOf<"Customer">,
  values: ValuesOf<"Customer">,
  { password }: Input,
  path: Path,
  passwordDigest: string | null | undefined,
): Promise<ValuesOf<"Customer">> {
  if (password === undefined) return values;
  if (row.hasPassword && write.viewer.kind === "customer") {
    const message = "There is a password already; change it with `customerPasswordChange`, which takes the old one.";
    write.addError(UserErrorCode.INVALID, [...path, "password"], message);
  }
  if (row.hasPassword) await endSessions(write, row.id);
  return { ...values, passwordDigest };
}

async function replaceTags(write: Write, id: string, { tags }: Input, path: Path) {
  if (tags !== undefined) await setTags(write, "Customer", id, tags ?? [], [...path, "tags"]);
}

/**
 * Shows the new customer once, even to a sales channel that cannot read customers. A retry returns it as it was
 * created, without later changes; nothing is left if it has been erased since.
 */
async function readAsCustomer({ database, viewer, loaders }: Context, id: string, first?: AnyRow) {
  const readable = await loaders.byId("Customer", id);
  if (readable) return readable;
  const permissions = permissionsByKind.customer;
  const ofCustomer = new Loaders(database, { ...viewer, kind: "customer", customerId: id, owner: null, permissions });
  ofCustomer.readThrough(loaders.transaction);
  const now = await ofCustomer.byId("Customer", id);
  const isErased = now?.anonymizationStatus === "started" || now?.anonymizationStatus === "completed";
  return isErased ? null : first && now ? first : now;
}

/** domain rule: only a customer without orders can be deleted; rows that belong to it alone are deleted with it. */
async function deleteOwnedRows(write: Write, { id }: RowOf<"Customer">) {
  const [[orders]] = (await write.query("SELECT count(*)::int FROM orders WHERE customer_id = $1", [id])) as [[number]];
  if (orders) {
    const count = orders === 1 ? "an order" : `${orders} orders`;
    const message = `The customer has ${count}, so it cannot be deleted; ask for its anonymization instead.`;
    write.abort(UserErrorCode.IN_USE, ["id"], message);
  }
  await write.query(
    `DELETE FROM attachments
     WHERE attachable_type = 'sku_lists' AND attachable_id IN (SELECT id FROM sku_lists WHERE customer_id = $1)`,
    [id],
  );
  // Also deletes addresses and payment sources of its entries, unless an order, a return or another customer's entry
  // uses them.
  const book = await write.query("DELETE FROM customer_addresses WHERE customer_id = $1 RETURNING address_id", [id]);
  const wallet = await write.query(
    "DELETE FROM customer_payment_sources WHERE customer_id = $1 RETURNING payment_source_id",
    [id],
  );
  const made = await write.query("UPDATE addresses SET customer_id = NULL WHERE customer_id = $1 RETURNING id", [id]);
  await deleteUnused(write, "Address", [...book, ...made].flat());
  await deleteUnused(write, "PaymentSource", wallet.flat());
  await endSessions(write, id);
}
