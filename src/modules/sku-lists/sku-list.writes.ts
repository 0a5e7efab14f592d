import { StatementTimeoutError } from "../../database/limit-errors.js";
import type { Context } from "../../graph/context.js";
import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { readColumn } from "../../graph/write/columns.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import {
  commonRules,
  flag,
  type InputOf,
  inputOf,
  link,
  Problem,
  rulesOf,
  text,
  value,
} from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { SkuList } from "./sku-list.type.js";
import { findSku, itemRules } from "./sku-list-item.writes.js";
import { newSlug } from "./slug.js";

const maximumItems = 100;
const newItemRules = rulesOf("SkuListItem", { ...itemRules, ...commonRules });
const NewItem = inputOf("SkuListItemOnListInput", "An SKU on a new list.", newItemRules, "create");

const rules = {
  name: text({ description: "The name of the list.", required: true }),
  description: text({ description: "What the list is for: at most 5,000 characters." }),
  imageUrl: text({ description: "A picture of the list." }),
  manual: flag({
    description:
      "Whether SKUs are put in by hand; `false` when `skuCodeRegex` picks them. A list with items stays manual.",
    generated: "`true`",
  }),
  skuCodeRegex: text({
    description:
      "The regular expression that picks the SKUs of an automatic list by their codes: at most 5,000 characters. Needed when `manual` is false.",
  }),
  customerId: link("Customer", {
    description:
      "The id of the customer whose list it is; absent for a list of the shop. The lists of a signed-in customer are its own.",
  }),
  items: value<InputOf<typeof newItemRules>[]>(() => [NewItem], {
    description: `The first SKUs of a manual list: at most ${maximumItems}; put more on it by \`skuListItemCreate\`.`,
    on: "create",
    virtual: true,
  }),
};

type Input = InputOf<typeof rules>;
interface Items {
  items?: readonly ValuesOf<"SkuListItem">[];
}

/** Writes of SKU lists: the shop's, and customers' wish lists. */
export const skuListWrites = new ResourceWrites<"SkuList", typeof rules, string | undefined, Items>(SkuList, {
  rules,
  create: {
    description:
      "Makes a list of SKUs, such as a wish list, with its first items. Its `slug` is made of the name, and stays when the list is renamed.",
    example:
      'input: { name: "Birthday", customerId: "cus_ada", items: [{ skuCode: "CAP-RED", quantity: 2, position: 1 }] }',
    prepare: problemOfRegex,
    before: async (write, values, input, path, problem) => {
      const { viewer } = write;
      const given = await withItems(write, values, input, path);
      const customerId = viewer.kind === "customer" ? viewer.customerId : values.customerId;
      if (typeof customerId === "string") await write.row("Customer", customerId, { path: [...path, "customerId"] });
      refuseUnpicked(write, given, input, path, problem);
      if (values.manual === false && input.items?.length) {
        write.addError(
          UserErrorCode.INVALID,
          [...path, "items"],
          "A list whose SKUs a regular expression picks has none.",
        );
      }
      if (typeof values.name !== "string") return given;
      const slug = await newSlug(write, "SkuList", values.name, customerId ?? null);
      return { ...given, customerId, slug };
    },
    after: async (write, id, _input, path, { items }) => {
      for (const [i, item] of (items ?? []).entries()) {
        await write.create("SkuListItem", { ...item, skuListId: id }, [...path, "items", String(i)]);
      }
    },
  },
  update: {
    example: 'id: "skl_ada_wishes", input: { name: "For my birthday", description: null }',
    prepare: problemOfRegex,
    before: async (write, row, values, input, path, problem) => {
      if (values.customerId === null && write.viewer.kind === "customer") {
        const message = "A list of yours stays yours; leave this out to keep it.";
        write.addError(UserErrorCode.INVALID, [...path, "customerId"], message);
      } else if (typeof values.customerId === "string" && values.customerId !== row.customerId) {
        await write.row("Customer", values.customerId, { path: [...path, "customerId"] });
      }
      refuseUnpicked(write, { ...row, ...values }, input, path, problem);
      if (values.manual === false && row.manual && (await hasItems(write, row))) {
        const message = "There are SKUs on the list that were put there by hand; take them off first.";
        write.addError(UserErrorCode.WRONG_STATE, [...path, "manual"], message);
      }
      const { items: _, ...columns } = values;
      return { ...columns, ...(await movedSlug(write, row, values)) };
    },
  },
  delete: {
    description: "Deletes a list of SKUs, with its items.",
    example: 'id: "skl_ada_wishes"',
  },
});

/** Timeout for compiling a regular expression in PostgreSQL, since short ones can take minutes. */
const timeLimitMs = 300;

/** Checks that PostgreSQL can compile a regular expression, and returns a problem if not. */
async function problemOfRegex({ database }: Context, { skuCodeRegex }: Input): Promise<string | undefined> {
  if (typeof skuCodeRegex !== "string") return undefined;
  if (readColumn(skuListWrites.model.datamodel, "skuCodeRegex", skuCodeRegex) instanceof Problem) return undefined;
  const problem = "This is no regular expression that both JavaScript and PostgreSQL know, such as ^(MUG|CAP)-.";
  try {
    await database.snapshot((query) => query("SELECT '' ~ $1", [skuCodeRegex]), { timeoutMs: timeLimitMs });
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "2201B") return problem;
    if (error instanceof StatementTimeoutError)
      return "This regular expression is too complex; write it with fewer repetitions.";
    throw error;
  }
}

/** Rejects a list that is neither manual nor has a regular expression. */
function refuseUnpicked(
  write: Write,
  after: ValuesOf<"SkuList">,
  input: Input,
  path: Path,
  problem: string | undefined,
) {
  const argumentPath = [...path, "skuCodeRegex"];
  if (problem) write.addError(UserErrorCode.INVALID, argumentPath, problem);
  else if (after.manual === false && !after.skuCodeRegex && !input.skuCodeRegex?.trim()) {
    write.addError(
      UserErrorCode.INVALID,
      argumentPath,
      "A list that is not manual needs a regular expression to pick its SKUs.",
    );
  }
}

/** Renames the slug of a list whose new owner already has the same slug. */
async function movedSlug(
  write: Write,
  row: RowOf<"SkuList">,
  { customerId, name }: ValuesOf<"SkuList">,
): Promise<ValuesOf<"SkuList">> {
  if (customerId === undefined || customerId === row.customerId) return {};
  const existing = await write.query(
    `SELECT FROM sku_lists WHERE mode = $1::"mode" AND slug = $2 AND customer_id IS NOT DISTINCT FROM $3`,
    [write.viewer.mode, row.slug, customerId],
  );
  if (!existing.length) return {};
  return { slug: await newSlug(write, "SkuList", name ?? row.name, customerId) };
}

async function hasItems({ query }: Write, { id }: RowOf<"SkuList">): Promise<boolean> {
  return (await query("SELECT FROM sku_list_items WHERE sku_list_id = $1 LIMIT 1", [id])).length > 0;
}

/** Values of a new list and its items. */
async function withItems(
  write: Write,
  values: Given<"SkuList", typeof rules>,
  { items }: Input,
  path: Path,
): Promise<ValuesOf<"SkuList"> & Items> {
  const { items: _, ...columns } = values;
  if (!items) return columns;
  if (items.length > maximumItems) {
    const message = `At most ${maximumItems} items fit in here; put the others on the list by skuListItemCreate.`;
    write.abort(UserErrorCode.INVALID, [...path, "items"], message);
  }
  const checked: ValuesOf<"SkuListItem">[] = [];
  for (const [i, item] of items.entries()) {
    const argumentPath = [...path, "items", String(i)];
    checked.push(await findSku(write, await write.values(newItemRules, item, "create", argumentPath), argumentPath));
  }
  return { ...columns, items: checked };
}
