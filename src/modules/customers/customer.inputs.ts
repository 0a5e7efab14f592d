import { Field, InputType, ObjectType } from "type-graphql";
import { Json } from "../../platform/graphql/scalars.js";
import { UserError } from "../../platform/graphql/user-error.type.js";
import { Customer } from "./customer.type.js";

@InputType({ description: "Who signs up." })
export class CustomerCreateInput {
  @Field(() => String, { description: "The e-mail address, which identifies the customer. Kept in lower case." })
  email!: string;

  @Field(() => String, {
    nullable: true,
    description: "The password: 8 characters to 72 bytes. Without one the customer is a guest. It can never be read.",
  })
  password?: string | null;

  @Field(() => String, { nullable: true, description: "How another system names the customer." })
  reference?: string | null;

  @Field(() => String, { nullable: true, description: "The system that `reference` comes from." })
  referenceOrigin?: string | null;

  @Field(() => Json, { nullable: true, description: "Free data of the shop's own." })
  metadata?: Record<string, unknown> | null;
}

@ObjectType({ description: "What signing up came to." })
export class CustomerCreatePayload {
  @Field(() => Customer, { nullable: true, description: "The new customer; null when there is none." })
  customer!: unknown;

  @Field(() => [UserError], { description: "Why nothing was changed; empty when all went well." })
  userErrors!: UserError[];
}
