import { Prisma } from "../../generated/prisma/client.js";
import { hashPassword, passwordProblem } from "../../platform/access/password.js";
import { permissionsByKind } from "../../platform/access/permission.js";
import type { Context } from "../../platform/context.js";
import { newId } from "../../platform/database/ids.js";
import { Loaders } from "../../platform/database/loaders.js";
import { InputError, type UserError, UserErrorCode } from "../../platform/graphql/user-error.type.js";
import type { CustomerCreateInput, CustomerCreatePayload } from "./customer.inputs.js";

const emailForm = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;
const maximumEmail = 255;
const maximumText = 255;

/**
 * Makes a customer; with a password a registered one, without a guest. The answer shows the new customer once, also to
 * a sales channel that may see no other.
 */
export async function createCustomer(context: Context, input: CustomerCreateInput): Promise<CustomerCreatePayload> {
  const { database, viewer } = context;
  const email = input.email.trim().toLowerCase();
  const problems = checkInput(input, email);
  if (problems.length) return { customer: null, userErrors: problems };
  const passwordDigest = typeof input.password === "string" ? await hashPassword(input.password) : null;
  const id = newId("Customer");
  try {
    await database.prisma.customer.create({
      data: {
        id,
        mode: viewer.mode,
        email,
        passwordDigest,
        reference: input.reference ?? null,
        referenceOrigin: input.referenceOrigin ?? null,
        metadata: (input.metadata ?? {}) as Prisma.InputJsonObject,
      },
      select: { id: true },
    });
  } catch (error) {
    if (!isTaken(error)) throw error;
    const message = "There is a customer with this e-mail address already; sign in, or ask for a new password.";
    return { customer: null, userErrors: [new InputError(UserErrorCode.TAKEN, ["input", "email"], message)] };
  }
  const asItself = new Loaders(database, {
    ...viewer,
    kind: "customer",
    customerId: id,
    owner: null,
    permissions: permissionsByKind.customer,
  });
  return { customer: await asItself.byId("Customer", id), userErrors: [] };
}

function checkInput({ password, reference, referenceOrigin }: CustomerCreateInput, email: string): UserError[] {
  const errors: UserError[] = [];
  const invalid = (field: string, message: string) =>
    errors.push(new InputError(UserErrorCode.INVALID, ["input", field], message));
  if (!emailForm.test(email) || email.length > maximumEmail) {
    invalid("email", `An e-mail address looks like name@example.com, with at most ${maximumEmail} characters.`);
  }
  const problem = typeof password === "string" ? passwordProblem(password) : undefined;
  if (problem) invalid("password", `A password ${problem}.`);
  for (const [field, text] of Object.entries({ reference, referenceOrigin })) {
    if (text && text.length > maximumText)
      invalid(field, `At most ${maximumText} characters fit here; this one has ${text.length}.`);
  }
  return errors;
}

/** Whether the database refused a second row with the same e-mail address. */
function isTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002";
}
