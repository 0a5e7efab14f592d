import { newId } from "../../platform/database/ids.js";
import { UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { Problem, readEmail } from "../../platform/write/rules.js";
import type { Path, Write } from "../../platform/write/write.js";

/**
 * The id of the customer with this e-mail address, who is made as a guest if there is none, and kept from changes by
 * others until the write ends. domain rule: orders and subscriptions find their customer so. It does not tell the caller
 * whether there was one. Of several at once one makes it, and the others find it.
 */
export async function findOrCreateCustomer(write: Write, email: string, path: Path): Promise<string> {
  const id = await customerOf(write, email, path);
  await write.lockCustomers([id], path);
  return id;
}

/** The same without locking the customer, for writes that lock it together with others. */
export async function customerOf(write: Write, email: string, path: Path): Promise<string> {
  const address = readEmail(email);
  if (address instanceof Problem) return write.stop(UserErrorCode.INVALID, path, address.message);
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
