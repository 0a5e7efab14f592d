import { Prisma } from "../../generated/prisma/client.js";
import { demand } from "../../platform/access/guard.js";
import type { Viewer } from "../../platform/access/viewer.js";
import type { Context } from "../../platform/context.js";
import type { EnumValue } from "../../platform/database/datamodel.js";
import { InputError, type UserError, UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { AnonymizationPayload, AnonymizationStateError } from "./anonymization.type.js";

type Status = EnumValue<"AnonymizationStatus">;

/**
 * The life of an anonymization: which move leads from where to where. `null` stands for "never requested". A completed
 * one is final, and one under way can be neither called off nor requested again.
 */
export const moves = {
  request: { from: [null, "failed", "cancelled"], to: "requested" },
  cancel: { from: ["requested"], to: "cancelled" },
  start: { from: ["requested"], to: "started" },
  complete: { from: ["started"], to: "completed" },
  fail: { from: ["started"], to: "failed" },
} as const satisfies Record<string, { from: readonly (Status | null)[]; to: Status }>;

const maximumReason = 500;

interface Request {
  customerId: string;
  reason?: string | null;
}

/** Asks for a customer's anonymization. A new request after a failed or cancelled one starts the record afresh. */
export function requestAnonymization(context: Context, input: Request): Promise<AnonymizationPayload> {
  return move(context, input, "request", {
    anonymizationRequestedAt: context.now(),
    anonymizationRequester: requester(context.viewer),
    anonymizationReason: input.reason ?? null,
    anonymizationStartedAt: null,
    anonymizationCompletedAt: null,
    anonymizationFailedAt: null,
    anonymizationCancelledAt: null,
    anonymizationCancellationRequester: Prisma.DbNull,
    anonymizationCancellationReason: null,
  });
}

/** Calls a requested anonymization off, as long as it has not started. */
export function cancelAnonymization(context: Context, input: Request): Promise<AnonymizationPayload> {
  return move(context, input, "cancel", {
    anonymizationCancelledAt: context.now(),
    anonymizationCancellationRequester: requester(context.viewer),
    anonymizationCancellationReason: input.reason ?? null,
  });
}

/**
 * Moves a customer's anonymization if the table allows it. The state is tested by the statement that changes it, so of
 * several calls at once exactly one wins.
 */
async function move(
  context: Context,
  { customerId, reason }: Request,
  name: keyof typeof moves,
  data: Prisma.CustomerUpdateManyMutationInput,
): Promise<AnonymizationPayload> {
  demand(context, ["customers:update"]);
  const { database, loaders, viewer } = context;
  if (reason && reason.length > maximumReason) {
    const message = `A reason has at most ${maximumReason} characters; this one has ${reason.length}.`;
    return payload(null, [new InputError(UserErrorCode.INVALID, ["input", "reason"], message)]);
  }
  if (!(await loaders.byId("Customer", customerId))) {
    return payload(null, [
      new InputError(UserErrorCode.NOT_FOUND, ["input", "customerId"], "There is no customer with this id."),
    ]);
  }
  const { from, to } = moves[name];
  const states: Prisma.CustomerWhereInput[] = from.map((anonymizationStatus) => ({ anonymizationStatus }));
  const { count } = await database.prisma.customer.updateMany({
    where: { id: customerId, mode: viewer.mode, OR: states },
    data: { ...data, anonymizationStatus: to },
  });
  loaders.refresh("Customer", customerId);
  const customer = (await loaders.byId("Customer", customerId)) as { anonymizationStatus: Status | null } | null;
  if (count) return payload(customer, []);
  const status = customer?.anonymizationStatus ?? null;
  return payload(customer, [new AnonymizationStateError(status, refusals[name as "request" | "cancel"](status))]);
}

const refusals = {
  request: (status: Status | null) =>
    status === "completed"
      ? "The customer has been anonymized already."
      : status === "started"
        ? "The anonymization is under way."
        : "Anonymization has been requested already.",
  cancel: (status: Status | null) =>
    status === "started"
      ? "The anonymization is under way and can no longer be called off."
      : status === "completed"
        ? "The customer has been anonymized; that cannot be undone."
        : "There is no request to call off.",
};

function payload(customer: unknown, userErrors: UserError[]): AnonymizationPayload {
  return Object.assign(new AnonymizationPayload(), { customer, userErrors });
}

/** The record of who asks: the member of the staff behind the token, else the application alone. */
function requester({ owner, applicationId }: Viewer): Prisma.InputJsonObject {
  return {
    id: owner?.id ?? applicationId,
    first_name: owner?.firstName ?? null,
    last_name: owner?.lastName ?? null,
    email: owner?.email ?? null,
  };
}
