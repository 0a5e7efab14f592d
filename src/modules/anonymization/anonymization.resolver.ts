import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { Access } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { Derived } from "../../platform/graphql/relation.js";
import { Customer } from "../customers/customer.type.js";
import { cancelAnonymization, requestAnonymization } from "./anonymization.service.js";
import {
  AnonymizationCancelInput,
  AnonymizationInfo,
  AnonymizationPayload,
  AnonymizationRequestInput,
} from "./anonymization.type.js";

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

  @Access("anonymizations:create")
  @Mutation(() => AnonymizationPayload, {
    description:
      "Asks for the erasure of a customer's personal data. Allowed when none was requested, or the last request failed or was called off.",
  })
  anonymizationRequest(
    @Arg("input", () => AnonymizationRequestInput, { description: "Whom, and why." }) input: AnonymizationRequestInput,
    @Ctx() context: Context,
  ): Promise<AnonymizationPayload> {
    return requestAnonymization(context, input);
  }

  @Access("anonymizations:create")
  @Mutation(() => AnonymizationPayload, {
    description: "Calls a requested erasure off. Allowed until the work has begun.",
  })
  anonymizationCancel(
    @Arg("input", () => AnonymizationCancelInput, { description: "Whose, and why." }) input: AnonymizationCancelInput,
    @Ctx() context: Context,
  ): Promise<AnonymizationPayload> {
    return cancelAnonymization(context, input);
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
