import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from "type-graphql";
import { customerRows } from "../../erasure/customer-rows.js";
import { exportPath } from "../../erasure/subject-export.js";
import { Access, Guarded, isRedacted } from "../../graph/access/guard.js";
import { toRead } from "../../graph/access/permission.js";
import type { Context } from "../../graph/context.js";
import { type ModelName, modelOfType } from "../../graph/model/datamodel.js";
import { Derived } from "../../graph/schema/relation.js";
import { absoluteUrl } from "../../graph/schema/resource.type.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../graph/write/mutation.js";
import type { Write } from "../../graph/write/transaction.js";
import { Customer } from "../customers/customer.type.js";
import {
  cancelAnonymization,
  liftLegalHold,
  previewAnonymization,
  type Request,
  requestAnonymization,
  setLegalHold,
} from "./anonymization.service.js";
import {
  AnonymizationBlocker,
  AnonymizationCancelInput,
  AnonymizationInfo,
  AnonymizationPreview,
  AnonymizationPreviewResource,
  AnonymizationRequestInput,
  LegalHold,
  LegalHoldLiftInput,
  LegalHoldSetInput,
  SubjectExport,
} from "./anonymization.type.js";
import { accessOfBlockers, type Blocker } from "./blockers.js";

type RequestArgs = Args<Request>;

const selection = "{ customer { anonymizationStatus } userErrors { code message path } }";
const payloadFields = {
  customer: { description: "The customer after the change; null when there is none.", row: () => Customer },
};

/** Payload fields shared by both mutations. */
const change = {
  access: ["anonymizations:create"],
  needs: [{ permission: "customers:update" }, { permission: "customers:read" }],
  errors: ["NOT_FOUND", "INVALID", "WRONG_STATE"],
  subject: "customer",
  subjectId: ({ input }: Args<{ customerId: string }>) => input.customerId,
} as const;

/** Fields that anonymization adds to a customer. */
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
      receipt: customer.anonymizationReceipt,
    };
  }

  @Guarded("staff:read")
  @Derived({
    type: () => LegalHold,
    nullable: true,
    description: "Legal hold that prevents the erasure of the customer's data; null when there is none.",
    needs: ["legalHoldAt", "legalHoldReason", "legalHoldRequester"],
  })
  legalHold({ legalHoldAt, legalHoldReason, legalHoldRequester }: Customer): LegalHold | null {
    return legalHoldAt && { heldAt: legalHoldAt, reason: legalHoldReason, requester: user(legalHoldRequester) };
  }

  @Access("anonymizations:create")
  @Query(() => AnonymizationPreview, {
    nullable: true,
    description:
      "Preview of the erasure of a customer's data: what would be erased, what is kept and why, and what blocks it. Null when there is no such customer.",
  })
  anonymizationPreview(
    @Arg("customerId", () => ID, { description: "The customer." }) customerId: string,
    @Ctx() context: Context,
  ): Promise<AnonymizationPreview | null> {
    return previewAnonymization(context, customerId);
  }

  @Access("subjects:export")
  @Query(() => SubjectExport, {
    nullable: true,
    description:
      "Export of all data of a customer (right of access): where to download it. Null when there is no such customer.",
  })
  async subjectExport(
    @Arg("customerId", () => ID, { description: "The customer." }) customerId: string,
    @Ctx() { loaders }: Context,
  ): Promise<SubjectExport | null> {
    if (!(await loaders.byId("Customer", customerId))) return null;
    return { customerId, url: absoluteUrl(`${exportPath}${encodeURIComponent(customerId)}`) };
  }

  @Mutates<RequestArgs>({
    ...change,
    errors: [...change.errors, "BLOCKED", "STALE_PREVIEW"],
    description:
      "Requests the erasure of a customer's personal data. Allowed when none was requested, or the last request failed or was cancelled.",
    example: `mutation { anonymizationRequest(input: { customerId: "cus_kenji", reason: "asked by mail" }) ${selection} }`,
    payload: payloadOf("AnonymizationRequest", "Result of `anonymizationRequest`.", payloadFields),
    input: [AnonymizationRequestInput, "The customer, and the reason."],
  })
  async anonymizationRequest(write: Write, { input }: RequestArgs): Promise<Outcome> {
    await requestAnonymization(write, input);
    return { customer: input.customerId };
  }

  @Mutates<RequestArgs>({
    ...change,
    description: "Cancels a requested erasure. Allowed until it has started.",
    example: `mutation { anonymizationCancel(input: { customerId: "cus_joao", reason: "a mistake" }) ${selection} }`,
    payload: payloadOf("AnonymizationCancel", "Result of `anonymizationCancel`.", payloadFields),
    input: [AnonymizationCancelInput, "The customer, and the reason."],
  })
  async anonymizationCancel(write: Write, { input }: RequestArgs): Promise<Outcome> {
    await cancelAnonymization(write, input);
    return { customer: input.customerId };
  }

  @Mutates<Args<LegalHoldSetInput>>({
    ...change,
    description:
      "Sets a legal hold: the customer's data is not erased until the hold is lifted. A pending request stays pending.",
    example: `mutation { legalHoldSet(input: { customerId: "cus_ada", reason: "court case 7" }) ${selection} }`,
    payload: payloadOf("LegalHoldSet", "Result of `legalHoldSet`.", payloadFields),
    input: [LegalHoldSetInput, "The customer, and the reason."],
  })
  async legalHoldSet(write: Write, { input }: Args<LegalHoldSetInput>): Promise<Outcome> {
    await setLegalHold(write, input);
    return { customer: input.customerId };
  }

  @Mutates<Args<LegalHoldLiftInput>>({
    ...change,
    description: "Lifts a legal hold, so that the customer's data can be erased again.",
    example: `mutation { legalHoldLift(input: { customerId: "cus_joao" }) ${selection} }`,
    payload: payloadOf("LegalHoldLift", "Result of `legalHoldLift`.", payloadFields),
    input: [LegalHoldLiftInput, "The customer."],
  })
  async legalHoldLift(write: Write, { input }: Args<LegalHoldLiftInput>): Promise<Outcome> {
    await liftLegalHold(write, input);
    return { customer: input.customerId };
  }
}

/** Hides parts of the preview that the caller may not read. */
@Resolver(() => AnonymizationPreview)
export class AnonymizationPreviewResolver {
  @FieldResolver(() => [AnonymizationPreviewResource], {
    description:
      "The customer's data by type of resource. Types that the caller may not read are left out, and `extensions.redactions` says which permissions they need.",
  })
  resources(
    @Root() { resources }: AnonymizationPreview,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): AnonymizationPreviewResource[] {
    // Marks every possible type as redacted, so that the list does not reveal which ones exist.
    const hidden = Object.keys(customerRows).filter((name) => isRedacted(context, [toRead(name as ModelName)], info));
    return resources.filter(({ resourceType }) => !hidden.includes(modelOfType(resourceType)!.name));
  }
}

function isHidden(kind: Blocker["kind"], context: Context, info: GraphQLResolveInfo): boolean {
  const access = accessOfBlockers[kind];
  return Boolean(access && isRedacted(context, [access], info));
}

/** Fields of a blocker that the viewer may see, by its kind. */
@Resolver(() => AnonymizationBlocker)
export class AnonymizationBlockerResolver {
  @FieldResolver(() => [String], {
    description:
      "Numbers of the affected orders, returns or recurring orders, at most ten. Empty, and listed in `extensions.redactions`, without the permission to read these, such as `orders:read`.",
  })
  numbers(@Root() { kind, numbers }: Blocker, @Ctx() context: Context, @Info() info: GraphQLResolveInfo): string[] {
    return isHidden(kind, context, info) ? [] : numbers;
  }

  @FieldResolver(() => Int, {
    nullable: true,
    description:
      "Number of affected resources. Null, and listed in `extensions.redactions`, without the permission to read these.",
  })
  count(@Root() { kind, count }: Blocker, @Ctx() context: Context, @Info() info: GraphQLResolveInfo): number | null {
    return isHidden(kind, context, info) ? null : count;
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

export const resolvers = [AnonymizationResolver, AnonymizationBlockerResolver, AnonymizationPreviewResolver];
