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
  description: "Kind of caller.",
  valuesConfig: {
    ANONYMOUS: { description: "No access token, or one without any access." },
    GUEST: { description: "A sales channel; the shopper has not signed in." },
    CUSTOMER: { description: "A sales channel with a signed-in customer." },
    INTEGRATION: { description: "A back-office application or service." },
    USER: { description: "A staff member in a web application." },
  },
});

export const Permission = Object.fromEntries([...permissions.keys()].map((name) => [permissionName(name), name]));
registerEnumType(Permission, {
  name: "Permission",
  description: "Permission: an action on a type of resource, or a special right.",
  valuesConfig: Object.fromEntries(
    [...permissions].map(([name, description]) => [permissionName(name), { description }]),
  ),
});

@ObjectType({ description: "A staff member of the shop." })
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

@ObjectType({ description: "The caller, as identified by the access token." })
export class Viewer {
  constructor(readonly facts: ViewerFacts) {}

  @Field(() => ViewerKind, { description: "Kind of caller." })
  get kind(): ViewerKind {
    return this.facts.kind as ViewerKind;
  }

  @Field(() => Mode, { description: "Environment that the caller sees: test or live." })
  get mode(): ViewerFacts["mode"] {
    return this.facts.mode;
  }

  @Field(() => [Permission], { description: "Permissions of the caller. Row rules restrict them further." })
  get permissions(): PermissionName[] {
    return [...this.facts.permissions].sort();
  }

  @Field(() => StaffUser, { nullable: true, description: "The staff member of the token, if any." })
  get owner() {
    return this.facts.owner;
  }

  @Field(() => Json, { nullable: true, description: "Custom claim of the token, if any." })
  get customClaim() {
    return this.facts.customClaim;
  }

  @Field(() => DateTime, { nullable: true, description: "When the token expires; null without one." })
  get expiresAt() {
    return this.facts.expiresAt;
  }
}
