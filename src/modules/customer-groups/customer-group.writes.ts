import type { RowOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { text } from "../../graph/write/rules.js";
import type { Write } from "../../graph/write/transaction.js";
import { CustomerGroup } from "./customer-group.type.js";

const rules = {
  name: text({ description: "The internal name of the group.", required: true }),
  code: text({
    description:
      "A short code of at most 25 letters, digits, `_` and `-`, unique in the shop. The case does not matter; it is kept in lower case.",
  }),
};

/** Writes of customer groups; membership is written with the customer. */
export const customerGroupWrites = new ResourceWrites(CustomerGroup, {
  rules,
  create: { example: 'input: { name: "Press", code: "press" }' },
  update: { example: 'id: "cgr_staff", input: { name: "Our staff", reference: "HR-7" }' },
  delete: {
    description:
      "Deletes a customer group. All its customers stay and are in no group then; `customerGroup { customers { totalCount } }` tells beforehand how many. A group with private markets is in use: these must not silently become public.",
    errors: ["IN_USE"],
    needs: [{ permission: "markets:read" }],
    example: 'id: "cgr_staff"',
    before: lockMembers,
  },
});

/** Locks the group's customers in id order to avoid deadlocks, because deleting the group updates them. */
async function lockMembers({ query }: Write, { id }: RowOf<"CustomerGroup">) {
  await query("SELECT FROM customers WHERE customer_group_id = $1 ORDER BY id FOR NO KEY UPDATE", [id]);
}
