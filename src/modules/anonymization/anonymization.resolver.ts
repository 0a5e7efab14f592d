import { Resolver } from "type-graphql";
import { Derived } from "../../platform/graphql/relation.js";
import type { Outcome } from "../../platform/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../platform/write/mutation.js";
import type { Write } from "../../platform/write/write.js";
import { Customer } from "../customers/customer.type.js";
import { cancelAnonymization, type Request, requestAnonymization } from "./anonymization.service.js";
import { AnonymizationCancelInput, AnonymizationInfo, AnonymizationRequestInput } from "./anonymization.type.js";

type RequestArgs = Args<Request>;

const selection = "{ customer { anonymizationStatus } userErrors { code message path } }";
const payloadFields = {
  customer: { description: "The customer after the change; null when there is none.", row: () => Customer },
};

/** What both changes have in common. */
const change = {
  access: ["anonymizations:create"],
  errors: ["NOT_FOUND", "INVALID", "WRONG_STATE"],
  subject: "customer",
  subjectId: ({ input }: RequestArgs) => input.customerId,
} as const;

/** What anonymization adds to a customer. */
@Resolver(() => Customer)
export class AnonymizationResolver {
  @Derived({
    type: () => AnonymizationInfo,
    nullable: true,
    description: "The latest request to anonymize the customer; null when there was none.",
  })
  anonymizationInfo(customer: Customer): AnonymizationInfo | null {
    if (!customer.anonymizationStatus) return null;
    return {
      status: customer.anonymizationStatus,
      requestedAt: customer.anonymizationRequestedAt,
      startedAt: customer.anonymizationStartedAt,
      completedAt: customer.anonymizationCompletedAt,
      failedAt: customer.anonymizationFailedAt,
      cancelledAt: customer.anonymizationCancelledAt,
      requester: user(customer.anonymizationRequester),
      cancellationRequester: user(customer.anonymizationCancellationRequester),
      reason: customer.anonymizationReason,
      cancellationReason: customer.anonymizationCancellationReason,
    };
  }

  @Mutates<RequestArgs>({
    ...change,
    description:
      "Asks for the erasure of a customer's personal data. Allowed when none was requested, or the last request failed or was called off.",
    example: `mutation { anonymizationRequest(input: { customerId: "cus_ada", reason: "asked by mail" }) ${selection} }`,
    payload: payloadOf("AnonymizationRequest", "What asking for an erasure came to.", payloadFields),
    input: [AnonymizationRequestInput, "Whom, and why."],
  })
  async anonymizationRequest(write: Write, { input }: RequestArgs): Promise<Outcome> {
    await requestAnonymization(write, input);
    return { customer: input.customerId };
  }

  @Mutates<RequestArgs>({
    ...change,
    description: "Calls a requested erasure off. Allowed until the work has begun.",
    example: `mutation { anonymizationCancel(input: { customerId: "cus_joao", reason: "a mistake" }) ${selection} }`,
    payload: payloadOf("AnonymizationCancel", "What calling an erasure off came to.", payloadFields),
    input: [AnonymizationCancelInput, "Whose, and why."],
  })
  async anonymizationCancel(write: Write, { input }: RequestArgs): Promise<Outcome> {
    await cancelAnonymization(write, input);
    return { customer: input.customerId };
  }
}

function user(stored: Record<string, string | null> | null) {
  if (!stored?.id) return null;
  return {
    id: stored.id,
    firstName: stored.first_name ?? null,
    lastName: stored.last_name ?? null,
    email: stored.email ?? null,
  };
}
