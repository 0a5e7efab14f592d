import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../src/paths.js";

/** What the generator says of a datamodel that does not say who may do what: run as `npm run generate` does. */

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "customer-graph-datamodel-"));
  for (const name of ["prisma.config.ts", "generate.mjs", "datamodel-generator.mjs"]) {
    cpSync(join(projectRoot, "prisma", name), join(root, "prisma", name));
  }
  cpSync(join(projectRoot, "package.json"), join(root, "package.json"));
  symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
});
afterAll(() => rmSync(root, { recursive: true }));

/** A datamodel of one model, with these lines above it. */
function generate(...marks: string[]) {
  const generators = readFileSync(join(projectRoot, "prisma/schema.prisma"), "utf8").split("\n///")[0]!;
  const model = `model Note {\n  id String @id\n  mode String\n  text String\n  @@map("notes")\n}\n`;
  const lines = ["A note.", "@prefix(not)", ...marks].map((line) => `/// ${line}\n`);
  writeFileSync(join(root, "prisma/schema.prisma"), `${generators}\n${lines.join("")}${model}`);
  const output = join(root, "src/generated/datamodel.ts");
  rmSync(output, { force: true });
  const { status, stderr } = spawnSync(process.execPath, ["prisma/generate.mjs"], { cwd: root, encoding: "utf8" });
  return { status, stderr, written: existsSync(output) ? readFileSync(output, "utf8") : undefined };
}

test("a model says what each caller may do, and which permissions and sentences are its own", () => {
  const { status, stderr, written } = generate(
    "@permissions(guest: nothing; customer: read, update, notes:pin; user: read)",
    "@permission(notes:pin, Keep a note (one, that is) on top.)",
    "@constraint(notes_text_length, A note has 1 to 500 characters (not bytes).)",
  );
  expect([status, stderr]).toEqual([0, ""]);
  const { Note } = JSON.parse(/datamodel = (\{.*?\n\}) as const/s.exec(written!)![1]!);
  expect(Note).toMatchObject({
    permissions: { guest: [], customer: ["notes:read", "notes:update", "notes:pin"], user: ["notes:read"] },
    special: { "notes:pin": "Keep a note (one, that is) on top." },
    constraints: { notes_text_length: "A note has 1 to 500 characters (not bytes)." },
  });
}, 30_000);

const refused: [marks: string[], message: string][] = [
  [[], "The model Note does not say what a guest may do when the token does not say: write `/// @permissions(guest: …"],
  [["@permissions(guest: read; customer: read)"], "The model Note does not say what a user may do"],
  [["@permissions(guest: raed; customer: read; user: read)"], "gives a guest raed; there are read, create, update"],
  [["@permissions(guest: read; customer: read; user: read; staff: read)"], "names staff, which is none of guest"],
];
test.each(refused)(
  "%j is refused",
  (marks, message) => {
    const { status, stderr, written } = generate(...marks);
    expect(stderr).toContain(message);
    expect([status, written]).toEqual([1, undefined]);
  },
  30_000,
);
