import { Field, ID, InputType, Int, ObjectType } from "type-graphql";
import { Guarded } from "../../graph/access/guard.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime } from "../../graph/model/scalars.js";
import { registerWords } from "../../graph/schema/model.js";
import { StateError, UserError, UserErrorCode } from "../../graph/write/user-error.type.js";
import { AnonymizationStatus } from "../customers/customer.type.js";
import type { Blocker } from "./blockers.js";

type Status = EnumValue<"AnonymizationStatus">;

@ObjectType({
  description:
    "The requester: a staff member, with name and e-mail at that time, or an application, of which only the id is known.",
})
export class AnonymizationUser {
  @Field(() => ID, { description: "Id of the staff member or application." })
  id!: string;

  @Field(() => String, { nullable: true, description: "First name." })
  firstName!: string | null;

  @Field(() => String, { nullable: true, description: "Last name." })
  lastName!: string | null;

  @Field(() => String, { nullable: true, description: "E-mail address." })
  email!: string | null;
}

@ObjectType({ description: "The latest request to anonymize a customer." })
export class AnonymizationInfo {
  @Field(() => AnonymizationStatus, { description: "Status of the request." })
  status!: Status;

  @Field(() => DateTime, { nullable: true, description: "When it was requested." })
  requestedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the erasure started; null before." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the erasure completed; null before." })
  completedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the erasure failed; null when it did not." })
  failedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was cancelled; null when it was not." })
  cancelledAt!: Date | null;

  @Guarded("staff:read")
  @Field(() => AnonymizationUser, { nullable: true, simple: false, description: "Who requested it." })
  requester!: AnonymizationUser | null;

  @Guarded("staff:read")
  @Field(() => AnonymizationUser, {
    nullable: true,
    simple: false,
    description: "Who cancelled it; null when nobody did.",
  })
  cancellationRequester!: AnonymizationUser | null;

  @Guarded("staff:read")
  @Field(() => String, { nullable: true, simple: false, description: "Reason for the request, if one was given." })
  reason!: string | null;

  @Guarded("staff:read")
  @Field(() => String, { nullable: true, simple: false, description: "Reason for the cancellation, if one was given." })
  cancellationReason!: string | null;

  @Guarded("staff:read")
  @Field(() => String, {
    nullable: true,
    simple: false,
    description:
      "Receipt of the completed erasure: a signed statement of what was erased (JWS), verified with the keys at `/.well-known/jwks.json`.",
  })
  receipt!: string | null;
}

@ObjectType({ description: "Legal hold: prevents the erasure of a customer's data, whoever requests it." })
export class LegalHold {
  @Field(() => DateTime, { description: "When it was set." })
  heldAt!: Date;

  @Field(() => String, { nullable: true, description: "Reason for the hold." })
  reason!: string | null;

  @Field(() => AnonymizationUser, { nullable: true, description: "Who set it." })
  requester!: AnonymizationUser | null;
}

@ObjectType({ description: "Export of all data of one customer, as one JSON:API document." })
export class SubjectExport {
  @Field(() => ID, { description: "The customer." })
  customerId!: string;

  @Field(() => String, {
    description:
      "URL of the document: GET it with the same access token. It is generated while it is downloaded, from the data at that time, and `npm run import` can read it.",
  })
  url!: string;
}

export const PersonalCategory = registerWords("PersonalCategory", "Category of personal data.", {
  CONTACT: "Contact data, such as an e-mail address.",
  IDENTITY: "Identity, such as a name.",
  IDENTIFIER: "Identifiers in external systems.",
  CREDENTIAL: "Credentials, such as a password.",
  FINANCIAL: "Payment and tax data.",
  LOCATION: "Location data.",
  CONTENT: "Free text written by or about the person.",
  STAFF: "The staff member who did something.",
});

export const ErasureAction = registerWords("ErasureAction", "What the erasure does to a value.", {
  CLEAR: "Sets it to null or empty.",
  REPLACE: "Replaces it by a random or meaningless value.",
  DELETE: "Deletes the whole resource.",
  KEEP: "Keeps it, for the given reason.",
});

export const BlockerKind = registerWords("AnonymizationBlockerKind", "Kind of blocker of an erasure.", {
  LEGAL_HOLD: "A legal hold is set. It cannot be overridden, only lifted.",
  UNFINISHED_ORDERS: "Orders are not delivered yet and need the address.",
  OPEN_RETURNS: "Returns are in progress and need the address.",
  ACTIVE_SUBSCRIPTIONS: "Recurring orders are active and would be cancelled.",
});

@ObjectType({ description: "A blocker of an erasure." })
export class AnonymizationBlocker {
  @Field(() => BlockerKind, { description: "Kind of blocker." })
  kind!: Blocker["kind"];

  @Field(() => String, { description: "Message to show to the user." })
  message!: string;

  count!: number;

  numbers!: string[];
}

@ObjectType({ description: "One attribute of one type of resource, and what the erasure does to it." })
export class AnonymizationPreviewField {
  @Field(() => String, { description: "The attribute, such as `firstName`." })
  field!: string;

  @Field(() => PersonalCategory, { description: "Category of personal data." })
  category!: string;

  @Field(() => ErasureAction, { description: "What the erasure does to it." })
  action!: string;

  @Field(() => String, { nullable: true, description: "Why it is kept; null when it is not." })
  reason!: string | null;

  @Field(() => Int, { description: "Number of values." })
  count!: number;
}

@ObjectType({ description: "The customer's data in one type of resource." })
export class AnonymizationPreviewResource {
  @Field(() => String, { description: "The type of resource, such as `addresses`." })
  resourceType!: string;

  @Field(() => Int, { description: "Number of resources." })
  count!: number;

  @Field(() => Boolean, { description: "Whether the whole resources are deleted." })
  deleted!: boolean;

  @Field(() => [AnonymizationPreviewField], { description: "Their attributes with personal data." })
  fields!: AnonymizationPreviewField[];
}

@ObjectType({ description: "Preview of the erasure of a customer's data, from the current data." })
export class AnonymizationPreview {
  @Field(() => ID, { description: "The customer." })
  customerId!: string;

  resources!: AnonymizationPreviewResource[];

  @Field(() => [AnonymizationBlocker], { description: "Blockers of the erasure; empty when there are none." })
  blockers!: AnonymizationBlocker[];

  @Field(() => String, {
    description:
      "Digest of this preview. A request with it is rejected if the preview has changed since, and overrides all blockers except a legal hold.",
  })
  digest!: string;
}

@InputType({ description: "Input of `anonymizationRequest`." })
export class AnonymizationRequestInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { nullable: true, description: "Reason, for the record: at most 500 characters." })
  reason?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The `digest` of the preview that was confirmed. Required when the erasure has blockers; the request is rejected if the preview has changed since.",
  })
  previewDigest?: string | null;
}

@InputType({ description: "Input of `legalHoldSet`." })
export class LegalHoldSetInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { description: "Reason, for the record: at most 500 characters." })
  reason!: string;
}

@InputType({ description: "Input of `legalHoldLift`." })
export class LegalHoldLiftInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;
}

@InputType({ description: "Input of `anonymizationCancel`." })
export class AnonymizationCancelInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { nullable: true, description: "Reason, for the record: at most 500 characters." })
  reason?: string | null;
}

@ObjectType({ implements: UserError, description: "The state of the customer's anonymization does not allow this." })
export class AnonymizationStateError extends StateError<Status | null> {
  @Field(() => AnonymizationStatus, {
    nullable: true,
    description: "Status of the customer's anonymization; null when none was requested.",
  })
  override status!: Status | null;
}

@ObjectType({ implements: UserError, description: "The erasure is blocked." })
export class AnonymizationBlockedError extends UserError {
  @Field(() => [AnonymizationBlocker], { description: "The blockers." })
  blockers!: AnonymizationBlocker[];

  constructor(blockers: Blocker[]) {
    super();
    const held = blockers.some(({ kind }) => kind === "LEGAL_HOLD");
    const advice = held
      ? "Lift the legal hold first."
      : "Check `anonymizationPreview`, and send its `digest` to proceed anyway.";
    const message = `${blockers.map((blocker) => blocker.message).join(" ")} ${advice}`;
    Object.assign(this, { code: UserErrorCode.BLOCKED, path: ["input", "customerId"], message, blockers });
  }
}
