import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../src/paths.js";

/** A copy of the project's generators for datamodels of a test's own. */
export interface DatamodelCopy {
  readonly root: string;
  /** Runs `npm run generate` with this as prisma/schema.prisma. `written` is src/generated/datamodel.ts. */
  generate(schema: string): { status: number | null; stderr: string; written: string | undefined };
  remove(): void;
}

/** The datamodel of the project. */
export const ownSchema = readFileSync(join(projectRoot, "prisma/schema.prisma"), "utf8");

export function createDatamodelCopy(): DatamodelCopy {
  const root = mkdtempSync(join(tmpdir(), "customer-graph-datamodel-"));
  const scripts = readdirSync(join(projectRoot, "prisma")).filter((name) => name.endsWith(".mjs"));
  for (const name of ["prisma.config.ts", ...scripts]) {
    cpSync(join(projectRoot, "prisma", name), join(root, "prisma", name));
  }
  cpSync(join(projectRoot, "package.json"), join(root, "package.json"));
  mkdirSync(join(root, "src/generated"), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
  return {
    root,
    generate(schema) {
      writeFileSync(join(root, "prisma/schema.prisma"), schema);
      const output = join(root, "src/generated/datamodel.ts");
      rmSync(output, { force: true });
      const { status, stderr } = spawnSync(process.execPath, ["prisma/generate.mjs"], { cwd: root, encoding: "utf8" });
      return { status, stderr, written: existsSync(output) ? readFileSync(output, "utf8") : undefined };
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}
