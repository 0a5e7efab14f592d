import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../src/paths.js";
import { createTestApp } from "./support/app.js";

/** Columns that every table has, and that say nothing of a person. */
const everywhere = ["id", "mode", "version", "createdAt", "updatedAt"];
const mark =
  /\/\/\/ (@impersonal|@personal\((contact|identity|identifier|credential|financial|location|content|staff): (clear|replace|delete|keep, .+)\))( @internal| @counted| @form\([^)]+\)| @audit\((omit|mask( as \w+)?)\)| @document\([\w., ]+\))*$/;

const schema = readFileSync(join(projectRoot, "prisma", "schema.prisma"), "utf8");
const models = [...schema.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)].map(([, name, body]) => ({ name, body: body! }));
const names = new Set(models.map(({ name }) => name));

const columns = models.flatMap(({ name, body }) =>
  body.split("\n").flatMap((line) => {
    const [, field, type] = /^ {2}(\w+)\s+(\w+)/.exec(line) ?? [];
    return field && !names.has(type) && !everywhere.includes(field) ? [[`${name}.${field}`, line.trim()] as const] : [];
  }),
);

test("the columns of prisma/schema.prisma are found", () => {
  expect(columns.length).toBeGreaterThan(250);
});

test.each(columns)("%s is marked @personal with its erasure, or @impersonal", (_column, line) => {
  expect(line).toMatch(mark);
});

test("no personal value gets into the log, and no read selects password_digest", async () => {
  const app = await createTestApp();
  try {
    await app.query('{ customer(by: { email: "ada@example.com" }) { email orders { nodes { customerEmail } } } }');
    await app.query('{ customers(filter: { email: { eq: "ada@example.com" } }, first: -1) { totalCount } }');
    await app.query('mutation { tagsAdd(id: "cus_ada", names: ["ada@example.com"]) { userErrors { message } } }');
    expect(app.logged.join("\n")).not.toContain("ada@");
    for (const { text } of app.statements()) expect(text).not.toContain("password_digest");
  } finally {
    await app.stop();
  }
});
