import { createHash, randomBytes } from "node:crypto";
import type { Context } from "../../graph/context.js";
import { modelNamed } from "../../graph/model/datamodel.js";
import { newId } from "../../graph/model/ids.js";
import { emailKey, Problem } from "../../graph/model/values.js";
import { readColumn } from "../../graph/write/columns.js";
import { abort } from "../../graph/write/mutation.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { InputError, UserErrorCode } from "../../graph/write/user-error.type.js";
import { hashPassword, passwordProblem, verifyPassword } from "../../identity/password.js";
import { endSessions } from "../customers/customer.service.js";
import type {
  CustomerPasswordChangeInput,
  CustomerPasswordResetConsumeInput,
  CustomerPasswordResetCreateInput,
} from "./password.inputs.js";

/** domain rule: lifetime of the token. */
const lifeMs = 6 * 3_600_000;

const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

function abortInput(path: Path, message: string, code: UserErrorCode = UserErrorCode.INVALID): never {
  return abort(new InputError(code, [...path], message));
}

/** The current digest of a customer's password, and the new one. */
interface Digests {
  before: string | null;
  after: string;
}

/** Sets a customer's password: the first one freely, a change only with the old one, integrations always. */
export async function checkPassword(context: Context, input: CustomerPasswordChangeInput): Promise<Digests> {
  const { database, limits, loaders, viewer } = context;
  const { customerId, oldPassword, newPassword } = input;
  if (!(await loaders.byId("Customer", customerId))) {
    return abortInput(["input", "customerId"], "There is no customer with this id.", UserErrorCode.NOT_FOUND);
  }
  const problem = passwordProblem(newPassword);
  if (problem) return abortInput(["input", "newPassword"], `A password ${problem}.`);
  const [[before]] = (await database.query("SELECT password_digest FROM customers WHERE id = $1", [customerId])) as [
    [string | null],
  ];
  if (before && viewer.kind === "customer") {
    if (typeof oldPassword !== "string") return abortInput(["input", "oldPassword"], "Give the password so far.");
    // Rate-limits guesses of the old password like logins, in case the session was stolen.
    const attempt = limits.logIn(viewer.applicationId, `${viewer.mode} ${customerId}`, context.address());
    attempt.check();
    if (!(await verifyPassword(oldPassword, before, { beforehand: attempt.check }))) {
      attempt.failed();
      return abortInput(["input", "oldPassword"], "This is not the password so far.");
    }
    attempt.succeeded();
  }
  return { before, after: await hashPassword(newPassword) };
}

/** Stores the new digest unless the password changed since the check (compare and swap). */
export async function changePassword(
  write: Write,
  { customerId }: CustomerPasswordChangeInput,
  { before, after }: Digests,
): Promise<void> {
  await write.row("Customer", customerId, { path: ["input", "customerId"] });
  const changed = await write.query(
    "UPDATE customers SET password_digest = $2 WHERE id = $1 AND password_digest IS NOT DISTINCT FROM $3 RETURNING 1",
    [customerId, after, before],
  );
  if (!changed.length) {
    write.abort(UserErrorCode.WRONG_STATE, ["input", "oldPassword"], "The password was changed in the meantime.");
  }
  await endSessions(write, customerId);
}

/** What a password reset is called in an external system. */
interface External {
  reference: string | null;
  referenceOrigin: string | null;
}

/** Checks the texts of a new password reset: before the customer is looked up, whose existence no error may tell. */
export function checkExternal(input: CustomerPasswordResetCreateInput): External {
  const model = modelNamed("CustomerPasswordReset");
  const read = (field: keyof External): string | null => {
    const value = input[field] ?? "";
    const stored = readColumn(model, field, value);
    if (stored instanceof Problem) return abortInput(["input", field], stored.message);
    return stored as string | null;
  };
  return { reference: read("reference"), referenceOrigin: read("referenceOrigin") };
}

/**
 * Creates a password reset token. Neither the answer nor its duration reveals whether the customer exists. Guests get
 * their first password this way: receiving the e-mail proves that the address, with its orders and subscriptions, is
 * theirs. domain rule: a new token invalidates older ones.
 */
export async function createPasswordReset(
  { query, viewer, context }: Write,
  customerEmail: string,
  { reference, referenceOrigin }: External,
) {
  const id = newId("CustomerPasswordReset");
  const token = randomBytes(20).toString("base64url");
  const now = context.now();
  const expiresAt = new Date(now.getTime() + lifeMs);
  const [[customerId]] = (await query(
    `SELECT (SELECT id FROM customers WHERE mode = $1::"mode" AND email = $2
             AND anonymization_status IS DISTINCT FROM 'started' AND anonymization_status IS DISTINCT FROM 'completed'
             FOR NO KEY UPDATE)`,
    [viewer.mode, emailKey(customerEmail)],
  )) as [[string | null]];
  // Runs the same statements without a customer, for constant time: they match no row.
  await query(
    `UPDATE customer_password_resets SET expires_at = $2
     WHERE customer_id = $1 AND reset_password_at IS NULL AND expires_at > $2`,
    [customerId, now],
  );
  await query(
    `INSERT INTO customer_password_resets (id, mode, token_digest, expires_at, customer_id, reference, reference_origin)
     SELECT $1, mode, $2, $3, id, $5, $6 FROM customers WHERE id = $4`,
    [id, digestOf(token), expiresAt, customerId, reference, referenceOrigin],
  );
  return { id, resetPasswordToken: token, expiresAt };
}

/** The password reset of a token, and the digest of the new password. */
interface Consumption {
  customerId: string;
  passwordDigest: string;
}

const open = `id = $1 AND mode = $2::"mode" AND token_digest = $3 AND reset_password_at IS NULL AND expires_at > $4`;
const stale = "This link is no longer good; ask for a new one.";

/** Finds the password reset of a token. */
export async function checkPasswordReset(
  { database, viewer, now }: Context,
  { id, resetPasswordToken, customerPassword }: CustomerPasswordResetConsumeInput,
): Promise<Consumption> {
  const problem = passwordProblem(customerPassword);
  if (problem) return abortInput(["input", "customerPassword"], `A password ${problem}.`);
  const [found] = await database.query(`SELECT customer_id FROM customer_password_resets WHERE ${open}`, [
    id,
    viewer.mode,
    digestOf(resetPasswordToken),
    now(),
  ]);
  if (!found) return abortInput(["input", "resetPasswordToken"], stale);
  return { customerId: found[0] as string, passwordDigest: await hashPassword(customerPassword) };
}

/** Resets a password with a one-time token; of concurrent calls exactly one succeeds. */
export async function consumePasswordReset(
  write: Write,
  { id, resetPasswordToken }: CustomerPasswordResetConsumeInput,
  { customerId, passwordDigest }: Consumption,
): Promise<void> {
  const { query, viewer, context } = write;
  // Locks the customer first, as every write does; the caller need not be able to see it.
  await query("SELECT FROM customers WHERE id = $1 FOR NO KEY UPDATE", [customerId]);
  const now = context.now();
  const used = await query(`UPDATE customer_password_resets SET reset_password_at = $4 WHERE ${open} RETURNING 1`, [
    id,
    viewer.mode,
    digestOf(resetPasswordToken),
    now,
  ]);
  if (!used.length) write.abort(UserErrorCode.INVALID, ["input", "resetPasswordToken"], stale);
  await query("UPDATE customers SET password_digest = $2 WHERE id = $1", [customerId, passwordDigest]);
  await endSessions(write, customerId);
}
