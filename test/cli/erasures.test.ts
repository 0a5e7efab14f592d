import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { seedDemo } from "../../prisma/seed.js";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { startCommand } from "../support/command.js";
import { createTestDatabase, poolOf, type TestDatabase } from "../support/database.js";

let database: TestDatabase;
let pool: pg.Pool;
let folder: string;
let env: Record<string, string>;
let jwks: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = poolOf(database);
  await seedDemo(pool);
  folder = mkdtempSync(join(tmpdir(), "customer-graph-erasures-"));
  const keySet = JSON.stringify(await newKeySet());
  env = { DATABASE_URL: database.connectionString, SIGNING_KEYS: keySet, LOG_LEVEL: "error" };
  const { published } = await loadSigningKeys({ signingKeys: keySet, dataDir: "", environment: "test" });
  jwks = file("jwks.json", JSON.stringify(published));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs a command of the project as its operators do. */
function run(command: string, args: string[], input = "") {
  const { child, ended } = startCommand(`src/cli/${command}.ts`, args, { env: { PATH: process.env.PATH, ...env } });
  child.stdin!.end(input);
  return ended;
}

const entry = (customerId: string) => `${JSON.stringify({ customerId })}\n`;
const emails = async () =>
  (await pool.query("SELECT email FROM customers WHERE id IN ('cus_ada', 'cus_bruno') ORDER BY id")).rows.map(
    ({ email }) => email,
  );
const anonymized = expect.stringMatching(/^anonymized-[0-9a-f]{24}@anonymized\.invalid$/);

test("erasures again: erases each customer on the list once, with a receipt that verifies", async () => {
  const list = file("list", `${entry("cus_ada")}\n${entry("cus_nobody")}`);
  expect(await run("erasures", ["again", list])).toEqual({
    code: 0,
    out: "Erased again: 1. Erased before, or not in this database: 1.\n",
    err: "",
  });
  expect(await emails()).toEqual([anonymized, "bruno.rossi@example.com"]);
  const { code, out } = await run("erasures", ["list"]);
  expect(code).toBe(0);
  const lines = out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).customerId)).toContain("cus_ada");
  expect(await run("erasures", ["again", "-"], out)).toMatchObject({
    code: 0,
    out: `Erased again: 0. Erased before, or not in this database: ${lines.length}.\n`,
  });

  const { receipt } = lines.map((line) => JSON.parse(line)).find(({ customerId }) => customerId === "cus_ada");
  const genuine = { code: 0, err: "", out: expect.stringMatching(/^The receipt is genuine\.\n\{.*"cus_ada"/s) };
  expect(await run("verify-receipt", [receipt, jwks])).toEqual(genuine);
  expect(await run("verify-receipt", [file("receipt", `${receipt}\n`), jwks])).toEqual(genuine);
  expect(await run("verify-receipt", ["-", jwks], receipt)).toEqual(genuine);
  const refused = async (...args: string[]) => {
    const { code, out, err } = await run("verify-receipt", args);
    expect([code, out]).toEqual([args.length < 2 ? 2 : 1, ""]);
    return err;
  };
  const [head, said, signature] = receipt.split(".");
  expect(await refused(`${head}.${said.slice(0, -4)}AAAA.${signature}`, jwks)).toMatch(/signature verification failed/);
  expect(await refused(join(folder, "nowhere"), jwks)).toMatch(/^RECEIPT: the file .*nowhere cannot be read\.\n$/);
  expect(await refused(jwks, jwks)).toMatch(/^RECEIPT is no receipt/);
  expect(await refused(receipt, file("receipt", receipt))).toMatch(/^JWKS is no set of keys/);
  expect(await refused(receipt)).toMatch(/^Name both: [^\n]*\n\nUsage: /);
});

test("erasures again: a failed erasure exits 1, is not counted and changes nothing", async () => {
  await pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'never bruno.rossi@example.com'; END $$`);
  await pool.query(`CREATE TRIGGER refuse BEFORE UPDATE OF email ON customers FOR EACH ROW
    WHEN (OLD.id = 'cus_bruno') EXECUTE FUNCTION refuse()`);
  const { code, out, err } = await run("erasures", ["again", "-"], entry("cus_bruno"));
  expect([code, out]).toEqual([1, "Erased again: 0. Erased before, or not in this database: 0.\n"]);
  expect(err).toMatch(
    /An anonymization was broken off\..*P0001.*\nFailed: 1\. The log says why; workers try them again\.\n$/s,
  );
  expect(err).not.toContain("bruno.rossi");
  expect((await emails())[1]).toBe("bruno.rossi@example.com");
});

test("erasures: a missing command, unreadable file or invalid line is reported with what would be right", async () => {
  expect(await run("erasures", [])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^Say what to do: list or again\.\n\nUsage: /),
  });
  expect(await run("erasures", ["again", join(folder, "nowhere")])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^The file .*nowhere cannot be read\.\n$/),
  });
  expect(await run("erasures", ["again", "-"], "{}\n")).toMatchObject({
    code: 1,
    err: "Line 1 is no entry of the list: it needs a customerId.\n",
  });
});
