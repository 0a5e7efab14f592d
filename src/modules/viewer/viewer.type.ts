import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { type Permission as PermissionName, permissionName, permissions } from "../../graph/access/permission.js";
import type { Viewer as ViewerFacts } from "../../graph/access/viewer.js";
import { DateTime, Json } from "../../graph/model/scalars.js";
import { Mode } from "../../graph/schema/resource.type.js";

export enum ViewerKind {
  ANONYMOUS = "anonymous",
  GUEST = "guest",
  CUSTOMER = "customer",
  INTEGRATION = "integration",
  USER = "user",
}
registerEnumType(ViewerKind, {
  name: "ViewerKind",
  description: "What kind of caller asks.",
  valuesConfig: {
    ANONYMOUS: { description: "A caller without an access token, or with one that gives no access." },
    GUEST: { description: "A sales channel whose shopper has not signed in." },
    CUSTOMER: { description: "A sales channel with its signed-in customer." },
    INTEGRATION: { description: "A back office or service." },
    USER: { description: "A member of the shop's staff in a web application." },
  },
});

export const Permission = Object.fromEntries([...permissions.keys()].map((name) => [permissionName(name), name]));
registerEnumType(Permission, {
  name: "Permission",
  description: "What a caller may do: an action on a kind of resource, or one of a few special rights.",
  valuesConfig: Object.fromEntries(
    [...permissions].map(([name, description]) => [permissionName(name), { description }]),
  ),
});

@ObjectType({ description: "A member of the shop's staff." })
export class StaffUser {
  @Field(() => ID, { description: "The id." })
  id!: string;

  @Field(() => String, { nullable: true, description: "First name." })
  firstName!: string | null;

  @Field(() => String, { nullable: true, description: "Last name." })
  lastName!: string | null;

  @Field(() => String, { nullable: true, description: "E-mail address." })
  email!: string | null;
}

@ObjectType({ description: "Who asks, as the access token says and nothing else." })
export class Viewer {
  constructor(readonly facts: ViewerFacts) {}

  @Field(() => ViewerKind, { description: "What kind of caller asks." })
  get kind(): ViewerKind {
    return this.facts.kind as ViewerKind;
  }

  @Field(() => Mode, { description: "Which of the two separate worlds the caller sees." })
  get mode(): ViewerFacts["mode"] {
    return this.facts.mode;
  }

  @Field(() => [Permission], { description: "What the caller may do, as far as the row rules reach." })
  get permissions(): PermissionName[] {
    return [...this.facts.permissions].sort();
  }

  @Field(() => StaffUser, { nullable: true, description: "The member of the staff behind the token, if any." })
  get owner() {
    return this.facts.owner;
  }

  @Field(() => Json, { nullable: true, description: "The free claim of the token, if any." })
  get customClaim() {
    return this.facts.customClaim;
  }

  @Field(() => DateTime, { nullable: true, description: "When the token expires; null without one." })
  get expiresAt() {
    return this.facts.expiresAt;
  }
}
