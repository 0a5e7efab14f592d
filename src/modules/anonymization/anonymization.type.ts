import { Field, ID, InputType, ObjectType } from "type-graphql";
import { Guarded } from "../../platform/access/guard.js";
import type { EnumValue } from "../../platform/database/datamodel.js";
import { DateTime } from "../../platform/graphql/scalars.js";
import { StateError, UserError } from "../../platform/graphql/user-error.type.js";
import { AnonymizationStatus } from "../customers/customer.type.js";

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

  @Field(() => String, { nullable: true, description: "Why it was made, if a reason was given." })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: "Why it was called off, if a reason was given." })
  cancellationReason!: string | null;
}

@InputType({ description: "Whom to anonymize." })
export class AnonymizationRequestInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, { nullable: true, description: "Why, for the record: at most 500 characters." })
  reason?: string | null;
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
