import { createHash } from "node:crypto";
import { models } from "../src/graph/model/datamodel.js";
import { UserErrorCode } from "../src/graph/write/user-error.type.js";
import { createSchema } from "../src/schema.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { examplesOf } from "./support/examples.js";
import { insert } from "./support/rows.js";

const examples = examplesOf(createSchema());
const owner = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ owner });
  // A password reset, whose token nobody can make up.
  await insert(app.database.query, "CustomerPasswordReset", {
    id: "cpr_1",
    tokenDigest: createHash("sha256").update("from-the-mail").digest("hex"),
    expiresAt: new Date(Date.now() + 3_600_000),
    customerId: "cus_bruno",
  });
});
afterAll(() => app.stop());

/** Everything in the database. */
async function everything() {
  const tables = [...models.values()]
    .map(({ table }) => table)
    .concat("idempotency_records", "refresh_tokens", "revocations");
  const rows = await Promise.all(
    tables.map(async (table) => {
      const found = await app.database.pool.query(
        `SELECT coalesce(json_agg(t ORDER BY t.*), '[]')::text AS rows FROM "${table}" t`,
      );
      return [table, found.rows[0].rows] as const;
    }),
  );
  return Object.fromEntries(rows);
}

test.each(examples)(
  "the example of $field works, and leaves nothing when it is only tried",
  async ({ field, dryRun }) => {
    const before = await everything();
    const { data, errors, extensions } = await app.query(dryRun);
    expect(errors).toBeUndefined();
    expect(data[field].userErrors).toEqual([]);
    const [first] = Object.keys(data[field]);
    expect(data[field][first!]).not.toBeNull();
    expect(extensions).toMatchObject({ dryRun: [field] });
    expect(await everything()).toEqual(before);
  },
);

test("every description names the codes of its user errors, and no others than there are", () => {
  for (const { codes } of examples) expect(Object.keys(UserErrorCode)).toEqual(expect.arrayContaining(codes));
  expect(examples.filter(({ codes }) => !codes.length)).toEqual([]);
});
