import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField, type UserError } from "../support/operation-data.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const FIELDS = `attachment { id name description url attachableType attachableId referenceOrigin version attachable { id } }
  userErrors { code message path }`;
const CREATE = `mutation ($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { ${FIELDS} } }` as const;
const UPDATE =
  `mutation ($id: ID!, $input: AttachmentUpdateInput!) { attachmentUpdate(id: $id, input: $input) { ${FIELDS} } }` as const;
const DELETE = `mutation ($id: ID!) { attachmentDelete(id: $id) { deletedId userErrors { code path } } }`;

async function send<const Document extends string>(document: Document, variables: Record<string, unknown>) {
  const { data, errors } = await app.query(document, variables);
  expect(errors).toBeUndefined();
  return onlyField(data);
}
const create = (input: object) => send(CREATE, { input });
const update = (id: string, input: object) => send(UPDATE, { id, input });
const codes = ({ userErrors }: { userErrors: UserError[] }) => userErrors.map(({ code, path }) => [code, ...path]);

test("attachmentCreate, attachmentUpdate and attachmentDelete: a document is added, moved to another resource and deleted", async () => {
  const made = await create({ attachableId: "cus_ada", name: "Contract", url: "https://example.com/c.pdf" });
  expect(made.userErrors).toEqual([]);
  expect(made.attachment).toMatchObject({
    name: "Contract",
    description: null,
    url: "https://example.com/c.pdf",
    attachableType: "customers",
    attachableId: "cus_ada",
    attachable: { id: "cus_ada" },
    version: 1,
  });
  const { id } = made.attachment;
  const moved = await update(id, { attachableId: "ord_1001", description: "Signed" });
  expect(moved.attachment).toMatchObject({ attachableType: "orders", attachable: { id: "ord_1001" }, version: 2 });
  const { data } = await app.query(`{ order(by: { id: "ord_1001" }) { attachments { nodes { id } } } }`);
  expect(data.order.attachments.nodes).toContainEqual({ id });
  expect(await send(DELETE, { id })).toEqual({ deletedId: id, userErrors: [] });
});

test("attachmentCreate accepts every attachable type and refuses others", async () => {
  const ids = ["cgr_vip", "ret_1004_1", "skl_ada_wishes", "sku_mug", "mkt_europe", "slo_milan"];
  const { rows } = await app.database.pool.query("SELECT id FROM payment_methods WHERE mode = 'test' LIMIT 1");
  for (const attachableId of [...ids, rows[0].id]) {
    const { userErrors, attachment } = await create({ attachableId, name: "Note", description: "Text" });
    expect(userErrors).toEqual([]);
    expect(attachment.attachable.id).toBe(attachableId);
  }
  const { userErrors } = await create({ attachableId: "tag_vip", name: "Note", description: "Text" });
  expect(userErrors).toEqual([
    {
      code: "INVALID",
      path: ["input", "attachableId"],
      message: "Resources of type tags cannot have attachments.",
    },
  ]);
});

test("attachmentCreate requires a url or a description, and reports all errors at once", async () => {
  const note = await create({
    attachableId: "cus_ada",
    name: "Note",
    description: "Call her.",
    referenceOrigin: "app-orders--note",
  });
  expect(note.attachment).toMatchObject({ url: null, description: "Call her.", referenceOrigin: "app-orders--note" });
  const { id } = note.attachment;
  expect(codes(await create({ attachableId: "cus_nobody", name: "" }))).toEqual([
    ["INVALID", "input", "name"],
    ["INVALID", "input", "description"],
    ["NOT_FOUND", "input", "attachableId"],
  ]);
  expect(codes(await create({ attachableId: "cus_ada", name: "x", url: "javascript:alert(1)" }))).toEqual([
    ["INVALID", "input", "url"],
  ]);
  expect(codes(await create({ attachableId: "cus_ada", name: "x", description: "y".repeat(5_001) }))).toEqual([
    ["INVALID", "input", "description"],
  ]);
  expect(codes(await update(id, { description: null }))).toEqual([["INVALID", "input", "description"]]);
  expect(codes(await update(id, { description: null, url: "https://example.com" }))).toEqual([]);
  expect(codes(await update(id, { attachableId: null, name: null }))).toEqual([
    ["INVALID", "input", "name"],
    ["INVALID", "input", "attachableId"],
  ]);
});

test("attachmentCreate refuses anonymized customers (WRONG_STATE) and the other mode (NOT_FOUND)", async () => {
  const { rows } = await app.database.pool.query(
    "SELECT id FROM customers WHERE mode = 'test' AND anonymization_status = 'completed'",
  );
  const input = { name: "Note", description: "Text" };
  expect(codes(await create({ ...input, attachableId: rows[0].id }))).toEqual([
    ["WRONG_STATE", "input", "attachableId"],
  ]);
  expect(codes(await create({ ...input, attachableId: "cus_live_ada" }))).toEqual([
    ["NOT_FOUND", "input", "attachableId"],
  ]);
});

test("attachmentCreate is FORBIDDEN for customers, guests and read-only staff", async () => {
  const callers: Caller[] = [{ kind: "customer", id: "cus_ada" }, { kind: "guest" }, { kind: "user" }];
  for (const as of callers) {
    const { errors } = await app.query(
      CREATE,
      { input: { attachableId: "cus_ada", name: "x", url: "https://example.com" } },
      { as },
    );
    expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  }
});
