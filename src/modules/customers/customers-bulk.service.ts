import type { Outcome } from "../../graph/write/idempotency.js";
import { abort } from "../../graph/write/mutation.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { InputError, type UserError, UserErrorCode } from "../../graph/write/user-error.type.js";
import { customerWrites } from "./customer.writes.js";
import { CustomersBulkPolicy, type CustomersBulkUpdateInput } from "./customers-bulk.inputs.js";

const maximumRows = 100;
const argumentPath: Path = ["input", "rows"];

/** Updates several customers independently: an error in one hides no result of another. */
export async function updateCustomers(
  write: Write,
  { rows, policy }: CustomersBulkUpdateInput,
): Promise<Outcome & { customers: string[] }> {
  if (rows.length < 1 || rows.length > maximumRows) {
    write.abort(
      UserErrorCode.INVALID,
      argumentPath,
      `From 1 to ${maximumRows} rows are needed; these are ${rows.length}.`,
    );
  }
  // Locks all rows in id order, so that concurrent bulk updates cannot deadlock.
  await write.findAll("Customer", "id", [...new Set(rows.map(({ id }) => id))], true);
  const rowOf = new Map<string, number>();
  const customers: string[] = [];
  const userErrors: UserError[] = [];
  for (const [i, { id, ifVersion: version, input }] of rows.entries()) {
    const at = [...argumentPath, String(i)];
    const first = rowOf.get(id);
    if (first !== undefined) {
      const message = `Row ${first} changes this customer already; put both changes into one row.`;
      userErrors.push(new InputError(UserErrorCode.INVALID, [...at, "id"], message));
      continue;
    }
    rowOf.set(id, i);
    const { errors } = await write.attempt(() =>
      customerWrites.update(write, id, input, {
        version,
        path: [...at, "input"],
        idPath: [...at, "id"],
        versionPath: [...at, "ifVersion"],
      }),
    );
    if (errors) userErrors.push(...errors);
    else customers.push(id);
  }
  if (userErrors.length && policy === CustomersBulkPolicy.REJECT_ALL) abort(...userErrors);
  return { customers, updatedCount: customers.length, userErrors };
}
