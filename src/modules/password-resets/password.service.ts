import { createHash, randomBytes } from "node:crypto";
import type { Prisma } from "../../generated/prisma/client.js";
import { hashPassword, passwordProblem, verifyPassword } from "../../platform/access/password.js";
import type { Context } from "../../platform/context.js";
import { newId } from "../../platform/database/ids.js";
import { InputError, UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { endSessionsOf } from "../auth/sessions.js";
import type {
  CustomerPasswordChangeInput,
  CustomerPasswordPayload,
  CustomerPasswordResetConsumeInput,
  CustomerPasswordResetCreatePayload,
} from "./password.inputs.js";

/** domain rule: the token's life. */
const lifeMs = 6 * 3_600_000;

const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

function refused(path: string[], message: string, code = UserErrorCode.INVALID): CustomerPasswordPayload {
  return { customer: null, userErrors: [new InputError(code, path, message)] };
}

/** Sets a customer's password: the first without more, another with the old one, an integration's without it. */
export async function changePassword(
  context: Context,
  input: CustomerPasswordChangeInput,
): Promise<CustomerPasswordPayload> {
  const { database, loaders, viewer } = context;
  const { customerId, oldPassword, newPassword } = input;
  if (!(await loaders.byId("Customer", customerId))) {
    return refused(["input", "customerId"], "There is no customer with this id.", UserErrorCode.NOT_FOUND);
  }
  const problem = passwordProblem(newPassword);
  if (problem) return refused(["input", "newPassword"], `A password ${problem}.`);
  const known = await database.prisma.customer.findUniqueOrThrow({
    where: { id: customerId },
    select: { passwordDigest: true },
  });
  if (known.passwordDigest && viewer.kind === "customer") {
    if (typeof oldPassword !== "string") return refused(["input", "oldPassword"], "Give the password so far.");
    if (!(await verifyPassword(oldPassword, known.passwordDigest))) {
      return refused(["input", "oldPassword"], "This is not the password so far.");
    }
  }
  const passwordDigest = await hashPassword(newPassword);
  const done = await database.prisma.$transaction(async (transaction) => {
    // Only if nobody changed it in the meantime.
    const { count } = await transaction.customer.updateMany({
      where: { id: customerId, passwordDigest: known.passwordDigest },
      data: { passwordDigest },
    });
    if (count) await endSessionsOf(context, customerId, transaction);
    return count > 0;
  });
  if (!done)
    return refused(["input", "oldPassword"], "The password was changed in the meantime.", UserErrorCode.WRONG_STATE);
  loaders.refresh("Customer", customerId);
  return { customer: await loaders.byId("Customer", customerId), userErrors: [] };
}

/**
 * Makes a token that lets its bearer set a new password. The answer, and the time it takes, do not tell whether there is
 * such a customer. domain rule: guests have no password to reset, and a new token ends the older ones.
 */
export async function createPasswordReset(
  context: Context,
  customerEmail: string,
): Promise<CustomerPasswordResetCreatePayload> {
  const { database, viewer, now } = context;
  const id = newId("CustomerPasswordReset");
  const token = randomBytes(20).toString("base64url");
  const expiresAt = new Date(now().getTime() + lifeMs);
  await database.prisma.$transaction(async (transaction) => {
    const customer = await transaction.customer.findFirst({
      where: { mode: viewer.mode, email: customerEmail.trim().toLowerCase(), hasPassword: true },
      select: { id: true },
    });
    // The same statements for nobody: they touch no row.
    const customerId = customer?.id ?? "";
    await transaction.customerPasswordReset.updateMany({
      where: { customerId, resetPasswordAt: null, expiresAt: { gt: now() } },
      data: { expiresAt: now() },
    });
    await transaction.$executeRaw`
      INSERT INTO customer_password_resets (id, mode, token_digest, expires_at, customer_id)
      SELECT ${id}, mode, ${digestOf(token)}, ${expiresAt}, id FROM customers WHERE id = ${customerId}`;
  });
  return { id, resetPasswordToken: token, expiresAt, userErrors: [] };
}

/** Sets a new password by a token, once. Of several calls at once one wins. */
export async function consumePasswordReset(
  context: Context,
  input: CustomerPasswordResetConsumeInput,
): Promise<CustomerPasswordPayload> {
  const { database, viewer, now, loaders } = context;
  const problem = passwordProblem(input.customerPassword);
  if (problem) return refused(["input", "customerPassword"], `A password ${problem}.`);
  const open: Prisma.CustomerPasswordResetWhereInput = {
    id: input.id,
    mode: viewer.mode,
    tokenDigest: digestOf(input.resetPasswordToken),
    resetPasswordAt: null,
    expiresAt: { gt: now() },
  };
  const stale = () => refused(["input", "resetPasswordToken"], "This link is no longer good; ask for a new one.");
  const found = await database.prisma.customerPasswordReset.findFirst({ where: open, select: { customerId: true } });
  if (!found) return stale();
  const passwordDigest = await hashPassword(input.customerPassword);
  const done = await database.prisma.$transaction(async (transaction) => {
    const { count } = await transaction.customerPasswordReset.updateMany({
      where: open,
      data: { resetPasswordAt: now() },
    });
    if (!count) return false;
    await transaction.customer.update({
      where: { id: found.customerId },
      data: { passwordDigest },
      select: { id: true },
    });
    await endSessionsOf(context, found.customerId, transaction);
    return true;
  });
  if (!done) return stale();
  return { customer: await loaders.byId("Customer", found.customerId), userErrors: [] };
}
