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

/** The transitions as a Mermaid diagram, for docs/erasure.md. */
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

/** Requests a customer's anonymization; a request after a failed or cancelled one resets the record. */
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

/** Cancels a requested anonymization that has not started. */
export function cancelAnonymization(write: Write, input: Request): Promise<void> {
  return move(write, input, "cancel", {
    anonymizationCancelledAt: write.now(),
    anonymizationCancellationRequester: requester(write.viewer),
    anonymizationCancellationReason: input.reason ?? null,
  });
}

/** Applies a transition if the table allows it; the row lock makes exactly one of several concurrent calls succeed. */
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
 * Requires the digest of the current preview when there are blockers; a legal hold cannot be overridden, and a digest
 * that is given must always match.
 */
async function checkBlockers(write: Write, customerId: string, previewDigest: string | null | undefined) {
  const blockers = await blockersOf(write.query, write.viewer, customerId);
  const held = blockers.some(({ kind }) => kind === "LEGAL_HOLD");
  if (held || (blockers.length && !previewDigest)) write.abortWith(new AnonymizationBlockedError(blockers));
  if (!previewDigest || (await previewErasure(write.query, customerId)).digest === previewDigest) return;
  const message = "The customer's data has changed since that preview; look at a new one.";
  write.abort(UserErrorCode.STALE_PREVIEW, ["input", "previewDigest"], message);
}

/** The erasure preview, read in one snapshot; null if there is no such customer. */
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

/** Places a legal hold; a pending request stays pending. */
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

/** Releases the legal hold. */
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

/** The actor recorded with the request: the staff member of the token, otherwise the application. */
function requester({ owner, applicationId }: Viewer) {
  return {
    id: owner?.id ?? applicationId,
    first_name: owner?.firstName ?? null,
    last_name: owner?.lastName ?? null,
    email: owner?.email ?? null,
  };
}
