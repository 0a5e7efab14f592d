import { Int, Resolver } from "type-graphql";
import { emailKey } from "../../graph/model/values.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../graph/write/mutation.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import type { Write } from "../../graph/write/transaction.js";
import { countForm } from "./customer.service.js";
import { Customer } from "./customer.type.js";
import { customerWrites } from "./customer.writes.js";
import { CustomersBulkUpdateInput } from "./customers-bulk.inputs.js";
import { updateCustomers } from "./customers-bulk.service.js";

@Resolver(() => Customer)
export class CustomerResolver extends ResourceResolver(Customer, {
  one: "customer",
  many: "customers",
  keys: {
    email: { description: "Its e-mail address, case-insensitive.", stored: emailKey },
    reference: {
      description: "Its reference in an external system; rejected when several customers share it.",
      shared: true,
    },
  },
}) {
  @Mutates<Args<CustomersBulkUpdateInput>>({
    access: ["customers:update"],
    needs: [{ permission: "customers:read" }],
    description:
      "Updates up to 100 customers in one transaction, each by the rules of `customerUpdate`. With the policy `REJECT_ALL` a single error rejects all rows; with `REJECT_ROW` only the rows with errors are rejected. Passwords cannot be set.",
    errors: ["NOT_FOUND", "INVALID", "VERSION_CONFLICT", "TAKEN", "WRONG_STATE", "UNKNOWN_TAG", "TOO_MANY_TAGS"],
    example:
      'mutation { customersBulkUpdate(input: { policy: REJECT_ROW, rows: [{ id: "cus_ada", input: { reference: "C-1" } }, { id: "cus_mia", ifVersion: 1, input: { customerGroupId: null } }] }) { customers { id } updatedCount userErrors { code message path } } }',
    payload: payloadOf(
      "CustomersBulkUpdate",
      "Result of `customersBulkUpdate`.",
      {
        customers: {
          description: "The updated customers, in the order of the rows.",
          row: () => Customer,
          list: true,
        },
        updatedCount: { description: "Number of updated rows.", type: () => Int, otherwise: 0 },
      },
      "Why rows were rejected, in the order of the rows; `path` names the row. With `REJECT_ALL` nothing was changed if there is any, with `REJECT_ROW` all other rows were updated.",
    ),
    input: [CustomersBulkUpdateInput, "Customers to update."],
    count: (context, { input }) => (input.rows.some((row) => row.input.email) ? countForm(context) : undefined),
  })
  customersBulkUpdate(write: Write, { input }: Args<CustomersBulkUpdateInput>): Promise<Outcome> {
    return updateCustomers(write, input);
  }
}

export const CustomerMutations = ResourceMutations(customerWrites);

export const resolvers = [CustomerResolver, CustomerMutations];
