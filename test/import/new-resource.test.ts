import { cpSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { projectRoot } from "../../src/paths.js";
import { startCommand } from "../support/command.js";
import { createDatamodelCopy, type DatamodelCopy, ownSchema } from "../support/datamodel-copy.js";
import { createImportTest, customer, type ImportTest, type Resource, ref } from "./support.js";

/** What a resource needs to be imported is said beside its model: here is one that the code of the import does not know. */
const note = `
/// A note of the staff about a customer.
/// @prefix(cno)
/// @owner(customer)
/// @permissions(guest: nothing; customer: read; user: read)
/// @computed(summary)
/// @leftOut(author editors)
/// @refused(customer_password, is not taken from a note)
model CustomerNote {
  id           String   @id
  mode         Mode
  text         String                                           /// @personal(content: delete) @document(body)
  pinned       Boolean  @default(false)                         /// @impersonal
  readersCount Int      @default(0) @map("readers_count")       /// @impersonal @counted
  secretNumber Int      @default(0) @map("secret_number")       /// @impersonal @document(nothing)
  customerId   String   @map("customer_id")                     /// @impersonal
  version      Int      @default(1)
  createdAt    DateTime @default(now()) @db.Timestamptz(3) @map("created_at")
  updatedAt    DateTime @default(now()) @db.Timestamptz(3) @map("updated_at")
  customer     Customer @relation("CustomerNote_customer", fields: [customerId], references: [id], onDelete: Cascade) /// @foundBy(customer_email: email)

  @@index([customerId, createdAt, id])
  @@map("customer_notes")
}
`;

let copy: DatamodelCopy;
let db: ImportTest;
beforeAll(async () => {
  copy = createDatamodelCopy();
  const list = '  customerNotes CustomerNote[] @relation("CustomerNote_customer")\n';
  const customerAt = ownSchema.indexOf("  passwordResets ");
  const { stderr } = copy.generate(`${ownSchema.slice(0, customerAt)}${list}${ownSchema.slice(customerAt)}${note}`);
  expect(stderr).toBe("");
  cpSync(join(projectRoot, "src"), join(copy.root, "src"), {
    recursive: true,
    filter: (path) => !path.startsWith(join(projectRoot, "src/generated")),
  });
  symlinkSync(join(projectRoot, "prisma/migrations"), join(copy.root, "prisma/migrations"));
  db = await createImportTest();
  await db.rows(`CREATE TABLE customer_notes (
    id text COLLATE "C" PRIMARY KEY, mode mode NOT NULL, text text NOT NULL, pinned bool NOT NULL DEFAULT false,
    readers_count int NOT NULL DEFAULT 0, secret_number int NOT NULL DEFAULT 0,
    customer_id text COLLATE "C" NOT NULL REFERENCES customers ON DELETE CASCADE, version int NOT NULL DEFAULT 1,
    created_at timestamptz(3) NOT NULL DEFAULT now(), updated_at timestamptz(3) NOT NULL DEFAULT now())`);
}, 120_000);
afterAll(async () => {
  copy.remove();
  await db.end();
});

/** Imports with the new datamodel, in a process of its own. */
async function run(...data: Resource[]) {
  const file = await db.file("notes.json", JSON.stringify({ data }));
  const env = { ...process.env, DATABASE_URL: db.connectionString, MODE: "test", NODE_OPTIONS: "" };
  return startCommand(relative(projectRoot, join(copy.root, "src/import/main.ts")), [file], { env }).ended;
}

const noteOf = (id: string, attributes: object, customerId?: string): Resource => ({
  type: "customer_notes",
  id,
  attributes: { ...attributes },
  ...(customerId && { relationships: { customer: ref("customers", customerId) } }),
});

test("resources of a new model are imported by the marks of prisma/schema.prisma", async () => {
  const { code, out, err } = await run(
    customer("ada"),
    noteOf("own", { body: "Likes tea.", pinned: true, readers_count: 7, summary: "tea", author: "Vera" }, "ada"),
    noteOf("found", { body: "By e-mail.", customer_email: "ada@example.com" }),
    noteOf("lost", { body: "Nobody's.", customer_email: "nobody@example.com" }),
    noteOf("empty", {}, "ada"),
    noteOf("wrong", { body: "x", text: "y", secret_number: 1, customer_password: "z" }, "ada"),
  );
  const issues = err.split("\n").filter((line) => line.startsWith("refused"));
  expect([
    code,
    issues.map((line) => line.replace(/^refused +customer_notes (\w+) \(line 1, \/data\/\d/, "$1 (")),
  ]).toEqual([
    0,
    [
      "wrong (/attributes/customer_password): is not taken from a note",
      "lost (/attributes/customer_email): must be the email of one of the customers",
      "empty (/attributes/body): is missing: new customer_notes need it",
    ],
  ]);
  expect(await db.rows("SELECT id, text, pinned, readers_count, customer_id FROM customer_notes ORDER BY id")).toEqual([
    { id: "found", text: "By e-mail.", pinned: false, readers_count: 0, customer_id: "ada" },
    { id: "own", text: "Likes tea.", pinned: true, readers_count: 0, customer_id: "ada" },
  ]);
  expect(out).toContain(
    "recomputed, not stored: customer_notes.readers_count (1, 1 of them with a different value), customer_notes.summary (1)",
  );
  expect(out).toContain("left out, not stored: customer_notes.author (1)");
}, 60_000);

test("resources of a new model are refused for an anonymized customer", async () => {
  await run(customer("bob"), noteOf("bobs", { body: "old" }, "bob"));
  await db.rows("UPDATE customers SET anonymization_status = 'completed' WHERE id = 'bob'");
  const { err } = await run(noteOf("bobs", { body: "new" }), noteOf("more", { body: "new" }, "bob"));
  expect(err.match(/refused .* belongs to a customer who was anonymized here/g)).toHaveLength(2);
  expect(await db.rows("SELECT id, text FROM customer_notes WHERE customer_id = 'bob'")).toEqual([
    { id: "bobs", text: "old" },
  ]);
}, 60_000);
