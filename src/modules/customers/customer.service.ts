import type { Context } from "../../graph/context.js";
import { newId } from "../../graph/model/ids.js";
import type { Settle } from "../../graph/write/mutation.js";
import { email, link, Problem, readEmail } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { endSessionsOf } from "../../identity/sessions.js";

/**
 * Rate-limits forms with an e-mail address from sales channels, which are anonymous. An attempt that would reveal
 * whether the address has a customer, or a dry run that leaves no trace, costs more.
 */
export function countForm({ viewer, limits, address }: Context, { mayTell = true } = {}): Settle | undefined {
  if (viewer.kind !== "guest" && viewer.kind !== "customer") return undefined;
  const form = limits.form(viewer.applicationId, address(), { mayTell });
  return (userErrors, dryRun) => {
    const revealed = userErrors.length ? userErrors.some(({ code }) => code === UserErrorCode.TAKEN) : dryRun;
    if (!revealed) form.revealedNothing();
  };
}

/** Revokes all sessions of a customer after the commit. */
export async function endSessions(write: Write, customerId: string): Promise<void> {
  write.afterCommit.push(await endSessionsOf(write.context, write.query, customerId));
}

/** Input rules by which a new resource names its customer. */
export const ownerRules = {
  customerId: link("Customer", {
    description:
      "The id of the customer; give it, `customerEmail`, or both of one customer. A signed-in customer may leave out both.",
    on: "create",
  }),
  customerEmail: email({
    description: "The e-mail address of the customer, instead of the id; the case does not matter.",
    on: "create",
    virtual: true,
  }),
};

interface Owner {
  customerId?: string | null;
  customerEmail?: string | null;
}

/**
 * Resolves and locks the customer of a new resource until the write ends; `values` are validated input. Adds an error
 * if there is no such customer.
 */
export async function ownerOf(write: Write, values: Owner, input: Owner, path: Path): Promise<string | undefined> {
  const { viewer, context } = write;
  const itself = viewer.kind === "customer";
  const byEmail = [...path, "customerEmail"];
  if (itself && !input.customerId && !input.customerEmail) return lock(write, viewer.customerId, path);
  // domain rule: the SDK's types ask for both.
  if (!(input.customerId && input.customerEmail)) write.oneOf(input, ["customerId", "customerEmail"], path);
  if (values.customerId) {
    const { id, email } = await write.row("Customer", values.customerId, { path: [...path, "customerId"] });
    if (values.customerEmail && values.customerEmail !== email) {
      write.addError(UserErrorCode.INVALID, byEmail, "The customer of `customerId` has another e-mail address.");
    }
    return id;
  }
  if (input.customerId || !values.customerEmail) return undefined;
  const found = await context.loaders.byField("Customer", "email", values.customerEmail);
  if (found) return lock(write, found.id as string, byEmail);
  // Shoppers may only use their own address, so that they cannot probe for others.
  if (itself) write.addError(UserErrorCode.INVALID, byEmail, "This is not your own e-mail address; leave it out.");
  else write.addError(UserErrorCode.NOT_FOUND, byEmail, "There is no customer with this e-mail address.");
  return undefined;
}

async function lock(write: Write, id: string, path: Path): Promise<string> {
  return (await write.row("Customer", id, { path })).id;
}

/**
 * Finds the customer with this e-mail address or creates a guest, and locks the row until the write ends. domain rule:
 * orders and subscriptions find their customer this way. The caller cannot tell which happened; of concurrent calls one
 * creates, the others find.
 */
export async function findOrCreateCustomer(write: Write, email: string, path: Path): Promise<string> {
  const id = await customerOf(write, email, path);
  await write.lockOwners([id], path);
  return id;
}

/** Same without the lock, for writes that lock several customers in one go. */
export async function customerOf(write: Write, email: string, path: Path): Promise<string> {
  const address = readEmail(email);
  if (address instanceof Problem) return write.abort(UserErrorCode.INVALID, path, address.message);
  const { query, viewer } = write;
  await query(
    `INSERT INTO customers (id, mode, email) VALUES ($1, $2::"mode", $3) ON CONFLICT (mode, email) DO NOTHING`,
    [newId("Customer"), viewer.mode, address],
  );
  const [[id]] = (await query(`SELECT id FROM customers WHERE mode = $1::"mode" AND email = $2`, [
    viewer.mode,
    address,
  ])) as [[string]];
  return id;
}
