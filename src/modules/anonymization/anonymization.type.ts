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
    "Who asked: a member of the shop's staff as they were at that time, or an application, of which the id alone is known.",
})
export class AnonymizationUser {
  @Field(() => ID, { description: "The id of the member of the staff, or of the application." })
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
  @Field(() => AnonymizationStatus, { description: "Where the request stands." })
  status!: Status;

  @Field(() => DateTime, { nullable: true, description: "When it was made." })
  requestedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the work began; null before." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the work was done; null before." })
  completedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When the work broke off; null when it did not." })
  failedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was called off; null when it was not." })
  cancelledAt!: Date | null;

  @Guarded("staff:read")
  @Field(() => AnonymizationUser, { nullable: true, simple: false, description: "Who made it." })
  requester!: AnonymizationUser | null;

  @Guarded("staff:read")
  @Field(() => AnonymizationUser, {
    nullable: true,
    simple: false,
    description: "Who called it off; null when nobody did.",
  })
  cancellationRequester!: AnonymizationUser | null;

  @Guarded("staff:read")
  @Field(() => String, { nullable: true, simple: false, description: "Why it was made, if a reason was given." })
  reason!: string | null;

  @Guarded("staff:read")
  @Field(() => String, { nullable: true, simple: false, description: "Why it was called off, if a reason was given." })
  cancellationReason!: string | null;

  @Guarded("staff:read")
  @Field(() => String, {
    nullable: true,
    simple: false,
    description:
      "The proof, once it is completed: a signed statement of what was erased (JWS), to be checked with the keys at `/.well-known/jwks.json`.",
  })
  receipt!: string | null;
}

@ObjectType({ description: "Keeps a customer's data from erasure, whoever asks for it." })
export class LegalHold {
  @Field(() => DateTime, { description: "Since when." })
  heldAt!: Date;

  @Field(() => String, { nullable: true, description: "Why it was set." })
  reason!: string | null;

  @Field(() => AnonymizationUser, { nullable: true, description: "Who set it." })
  requester!: AnonymizationUser | null;
}

@ObjectType({ description: "Everything that there is of one customer, as one JSON:API document." })
export class SubjectExport {
  @Field(() => ID, { description: "The customer." })
  customerId!: string;

  @Field(() => String, {
    description:
      "Where to get the document: by GET, with the same access token. It is made while it is read, as things are then, and the import reads it back.",
  })
  url!: string;
}

export const PersonalCategory = registerWords("PersonalCategory", "What kind of personal data it is.", {
  CONTACT: "Ways to reach somebody, such as an e-mail address.",
  IDENTITY: "Who somebody is, such as a name.",
  IDENTIFIER: "What tells somebody apart in other systems.",
  CREDENTIAL: "What lets somebody in.",
  FINANCIAL: "How somebody pays, and is taxed.",
  LOCATION: "Where somebody is.",
  CONTENT: "What somebody wrote, or others wrote about them.",
  STAFF: "Which member of the staff did something.",
});

export const ErasureAction = registerWords("ErasureAction", "What erasure does to a value.", {
  CLEAR: "Leaves nothing.",
  REPLACE: "Puts something random or meaningless in its place.",
  DELETE: "Deletes the whole row.",
  KEEP: "Keeps it, for the reason given.",
});

export const BlockerKind = registerWords("AnonymizationBlockerKind", "What speaks against an erasure.", {
  LEGAL_HOLD: "The data must be kept. Nothing overrules this but lifting the hold.",
  UNFINISHED_ORDERS: "Orders are not delivered yet, and need the address.",
  OPEN_RETURNS: "Returns are under way, and need the address.",
  ACTIVE_SUBSCRIPTIONS: "Recurring orders run, and would be cancelled.",
});

@ObjectType({ description: "Something that speaks against an erasure." })
export class AnonymizationBlocker {
  @Field(() => BlockerKind, { description: "What it is." })
  kind!: Blocker["kind"];

  @Field(() => String, { description: "The same for people: a whole sentence." })
  message!: string;

  count!: number;

  numbers!: string[];
}

@ObjectType({ description: "One kind of value in one type of resource, and what erasure does to it." })
export class AnonymizationPreviewField {
  @Field(() => String, { description: "The attribute, such as `firstName`." })
  field!: string;

  @Field(() => PersonalCategory, { description: "What kind of personal data it is." })
  category!: string;

  @Field(() => ErasureAction, { description: "What erasure does to it." })
  action!: string;

  @Field(() => String, { nullable: true, description: "Why it is kept; null where it is not." })
  reason!: string | null;

  @Field(() => Int, { description: "How many values there are." })
  count!: number;
}

@ObjectType({ description: "What there is of a customer in one type of resource." })
export class AnonymizationPreviewResource {
  @Field(() => String, { description: "The type of resource, such as `addresses`." })
  resourceType!: string;

  @Field(() => Int, { description: "How many there are." })
  count!: number;

  @Field(() => Boolean, { description: "Whether they are deleted whole." })
  deleted!: boolean;

  @Field(() => [AnonymizationPreviewField], { description: "Their personal values." })
  fields!: AnonymizationPreviewField[];
}

@ObjectType({ description: "What the erasure of a customer's data would come to, as things are now." })
export class AnonymizationPreview {
  @Field(() => ID, { description: "The customer." })
  customerId!: string;

  resources!: AnonymizationPreviewResource[];

  @Field(() => [AnonymizationBlocker], { description: "What speaks against it; empty when nothing does." })
  blockers!: AnonymizationBlocker[];

  @Field(() => String, {
    description:
      "Stands for this very picture. A request that carries it is refused if the picture has changed, and goes through despite blockers other than a legal hold.",
  })
  digest!: string;
}

@InputType({ description: "Whom to anonymize." })
export class AnonymizationRequestInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { nullable: true, description: "Why, for the record: at most 500 characters." })
  reason?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The `digest` of the preview that was decided on. Needed where something speaks against the erasure; if the picture has changed since, the request is refused.",
  })
  previewDigest?: string | null;
}

@InputType({ description: "Whose data must be kept, and why." })
export class LegalHoldSetInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { description: "Why, for the record: at most 500 characters." })
  reason!: string;
}

@InputType({ description: "Whose data need not be kept any longer." })
export class LegalHoldLiftInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;
}

@InputType({ description: "Whose anonymization to call off." })
export class AnonymizationCancelInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { nullable: true, description: "Why, for the record: at most 500 characters." })
  reason?: string | null;
}

@ObjectType({ implements: UserError, description: "The state of the customer's anonymization does not allow this." })
export class AnonymizationStateError extends StateError<Status | null> {
  @Field(() => AnonymizationStatus, {
    nullable: true,
    description: "Where the customer's anonymization stands; null when none was requested.",
  })
  override status!: Status | null;
}

@ObjectType({ implements: UserError, description: "Something speaks against the erasure." })
export class AnonymizationBlockedError extends UserError {
  @Field(() => [AnonymizationBlocker], { description: "What it is." })
  blockers!: AnonymizationBlocker[];

  constructor(blockers: Blocker[]) {
    super();
    const held = blockers.some(({ kind }) => kind === "LEGAL_HOLD");
    const advice = held
      ? "Lift the legal hold first."
      : "Look at `anonymizationPreview`, and send its `digest` along to have it done all the same.";
    const message = `${blockers.map((blocker) => blocker.message).join(" ")} ${advice}`;
    Object.assign(this, { code: UserErrorCode.BLOCKED, path: ["input", "customerId"], message, blockers });
  }
}
