import { demand } from "../../platform/access/guard.js";
import type { Viewer } from "../../platform/access/viewer.js";
import type { EnumValue } from "../../platform/database/datamodel.js";
import { UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { leadsFrom, type Step } from "../../platform/write/moves.js";
import type { Values, Write } from "../../platform/write/write.js";
import { AnonymizationStateError } from "./anonymization.type.js";

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
} as const satisfies Record<string, Step<Status | null>>;

const maximumReason = 500;

export interface Request {
  customerId: string;
  reason?: string | null;
}

/** Asks for a customer's anonymization. A new request after a failed or cancelled one starts the record afresh. */
export function requestAnonymization(write: Write, input: Request): Promise<void> {
  return move(write, input, "request", {
    anonymizationRequestedAt: write.now(),
    anonymizationRequester: requester(write.viewer),
    anonymizationReason: input.reason ?? null,
    anonymizationStartedAt: null,
    anonymizationCompletedAt: null,
    anonymizationFailedAt: null,
    anonymizationCancelledAt: null,
    anonymizationCancellationRequester: null,
    anonymizationCancellationReason: null,
  });
}

/** Calls a requested anonymization off, as long as it has not started. */
export function cancelAnonymization(write: Write, input: Request): Promise<void> {
  return move(write, input, "cancel", {
    anonymizationCancelledAt: write.now(),
    anonymizationCancellationRequester: requester(write.viewer),
    anonymizationCancellationReason: input.reason ?? null,
  });
}

/** Moves a customer's anonymization if the table allows it. The row is locked, so of several at once exactly one wins. */
async function move(
  write: Write,
  { customerId, reason }: Request,
  name: "request" | "cancel",
  values: Values,
): Promise<void> {
  demand(write.context, ["customers:update"]);
  if (reason && reason.length > maximumReason) {
    const message = `A reason has at most ${maximumReason} characters; this one has ${reason.length}.`;
    write.refuse(UserErrorCode.INVALID, ["input", "reason"], message);
  }
  const customer = await write.find("Customer", customerId, true);
  if (!customer) {
    return write.stop(UserErrorCode.NOT_FOUND, ["input", "customerId"], "There is no customer with this id.");
  }
  const status = customer.anonymizationStatus as Status | null;
  const step: Step<Status | null> = moves[name];
  if (!leadsFrom(step, status)) {
    write.fail(new AnonymizationStateError(status, refusals[name](status), ["input", "customerId"]));
  }
  write.check();
  await write.update("Customer", customer, { ...values, anonymizationStatus: step.to });
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

/** The record of who asks: the member of the staff behind the token, else the application alone. */
function requester({ owner, applicationId }: Viewer) {
  return {
    id: owner?.id ?? applicationId,
    first_name: owner?.firstName ?? null,
    last_name: owner?.lastName ?? null,
    email: owner?.email ?? null,
  };
}
