import { previewErasure } from "../../erasure/preview.js";
import type { Viewer } from "../../graph/access/viewer.js";
import type { Context } from "../../graph/context.js";
import type { EnumValue, ValuesOf } from "../../graph/model/datamodel.js";
import { leadsFrom, type Step } from "../../graph/write/state-machine.js";
import type { Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { AnonymizationBlockedError, type AnonymizationPreview, AnonymizationStateError } from "./anonymization.type.js";
import { blockersOf } from "./blockers.js";

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

/** The moves as a diagram, for docs/erasure.md. */
export function movesAsDiagram(): string {
  const lines = Object.entries(moves).flatMap(([name, { from, to }]) =>
    from.map((status) => `  ${status ?? "[*]"} --> ${to}: ${name}`),
  );
  return ["```mermaid", "stateDiagram-v2", ...lines, "  completed --> [*]", "```"].join("\n");
}

const maximumReason = 500;

export interface Request {
  customerId: string;
  reason?: string | null;
  previewDigest?: string | null;
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
    anonymizationReceipt: null,
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
  { customerId, reason, previewDigest }: Request,
  name: "request" | "cancel",
  values: ValuesOf<"Customer">,
): Promise<void> {
  checkReason(write, reason);
  const customer = await write.find("Customer", customerId, true);
  if (!customer) {
    return write.abort(UserErrorCode.NOT_FOUND, ["input", "customerId"], "There is no customer with this id.");
  }
  const status = customer.anonymizationStatus;
  const step: Step<Status | null> = moves[name];
  if (!leadsFrom(step, status)) {
    write.abortWith(new AnonymizationStateError(status, refusals[name](status), ["input", "customerId"]));
  }
  write.check();
  if (name === "request") await checkBlockers(write, customerId, previewDigest);
  await write.update("Customer", customer, { ...values, anonymizationStatus: step.to });
}

/**
 * Where something speaks against the erasure, the request must show by the digest of a preview that it was seen; nothing
 * overrules a legal hold. A digest that is given must fit in any case.
 */
async function checkBlockers(write: Write, customerId: string, previewDigest: string | null | undefined) {
  const blockers = await blockersOf(write.query, write.viewer, customerId);
  const held = blockers.some(({ kind }) => kind === "LEGAL_HOLD");
  if (held || (blockers.length && !previewDigest)) write.abortWith(new AnonymizationBlockedError(blockers));
  if (!previewDigest || (await previewErasure(write.query, customerId)).digest === previewDigest) return;
  const message = "The customer's data has changed since that preview; look at a new one.";
  write.abort(UserErrorCode.STALE_PREVIEW, ["input", "previewDigest"], message);
}

/** What an erasure would come to, as things are at one moment; null where there is no such customer. */
export async function previewAnonymization({ database, loaders, viewer }: Context, customerId: string) {
  if (!(await loaders.byId("Customer", customerId))) return null;
  return database.snapshot(async (query): Promise<AnonymizationPreview> => {
    const { tables, digest } = await previewErasure(query, customerId);
    const resources = tables.map(({ resourceType, rows, deleted, fields }) => ({
      resourceType,
      count: rows,
      deleted,
      fields: fields.map(({ field, count, category, action, reason = null }) => ({
        field,
        count,
        category: category.toUpperCase(),
        action: action.toUpperCase(),
        reason,
      })),
    }));
    return { customerId, resources, blockers: await blockersOf(query, viewer, customerId), digest };
  });
}

/** Keeps a customer's data from erasure; a request that waits goes on waiting. */
export async function setLegalHold(write: Write, { customerId, reason }: { customerId: string; reason: string }) {
  checkReason(write, reason);
  if (!reason.trim()) write.addError(UserErrorCode.INVALID, ["input", "reason"], "Say why, for the record.");
  const customer = await write.row("Customer", customerId, { path: ["input", "customerId"] });
  write.check();
  await write.update("Customer", customer, {
    legalHoldAt: customer.legalHoldAt ?? write.now(),
    legalHoldReason: reason,
    legalHoldRequester: requester(write.viewer),
  });
}

/** Lets a customer's data be erased again. */
export async function liftLegalHold(write: Write, { customerId }: { customerId: string }) {
  const customer = await write.row("Customer", customerId, { path: ["input", "customerId"] });
  if (!customer.legalHoldAt) {
    write.abort(UserErrorCode.WRONG_STATE, ["input", "customerId"], "There is no legal hold to lift.");
  }
  await write.update("Customer", customer, { legalHoldAt: null, legalHoldReason: null, legalHoldRequester: null });
}

function checkReason(write: Write, reason: string | null | undefined) {
  if (!reason || reason.length <= maximumReason) return;
  const message = `A reason has at most ${maximumReason} characters; this one has ${reason.length}.`;
  write.addError(UserErrorCode.INVALID, ["input", "reason"], message);
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
      ? "The anonymization has started and can no longer be cancelled."
      : status === "completed"
        ? "The customer has been anonymized; that cannot be undone."
        : "There is no request to cancel.",
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
