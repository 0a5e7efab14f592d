import { Field, ID, ObjectType } from "type-graphql";
import { DateTime } from "../../graph/model/scalars.js";
import type { Change } from "../../live/changes.js";

/** Prefix of change ids; without it client caches would merge a change with its audit trail entry. */
const prefix = "chg_";

/** The audit trail entry's id behind a change id; ids without the prefix stay valid. */
export function entryIdOf(changeId: string): string {
  return changeId.startsWith(prefix) ? changeId.slice(prefix.length) : changeId;
}

@ObjectType({
  description:
    "A change of a customer or of one of its resources. It names what changed; `customer` has the new values.",
})
export class CustomerChange {
  constructor(
    private readonly change: Change,
    /** Fields of the changed resource that the viewer may see. */
    changed: string[],
  ) {
    this.changed = changed;
  }

  @Field(() => ID, {
    description: "Id of the change. After a disconnect, pass the last one received as `after`. Opaque.",
  })
  get id(): string {
    return `${prefix}${this.change.id}`;
  }

  @Field(() => String, {
    description: "What happened: `create`, `update`, `destroy`, or one of the anonymization events.",
  })
  get event(): string {
    return this.change.event;
  }

  @Field(() => String, { description: "Type of the changed resource, such as `customers` or `orders`." })
  get resourceType(): string {
    return this.change.resourceType;
  }

  @Field(() => ID, { description: "Id of the changed resource." })
  get resourceId(): string {
    return this.change.resourceId;
  }

  @Field(() => DateTime, { description: "When it was changed." })
  get changedAt(): Date {
    return this.change.createdAt;
  }

  @Field(() => ID, { description: "Id of the customer whom the change concerns." })
  get customerId(): string {
    return this.change.customerId;
  }

  @Field(() => [String], {
    description:
      "Names of the fields of the changed resource that have new values, such as `email` or `customerGroup`; only those that the viewer may see. Empty for `destroy`.",
  })
  changed: string[];
}
