import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lexicographicSortSchema, printSchema } from "graphql";
import { projectRoot } from "./platform/paths.js";
import { createSchema } from "./schema.js";

export const schemaFile = join(projectRoot, "src", "schema.graphql");

/** The published SDL, sorted by name so that a change shows as a small diff. */
export function publishedSchema(): string {
  return `${printSchema(lexicographicSortSchema(createSchema()))}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(schemaFile, publishedSchema());
