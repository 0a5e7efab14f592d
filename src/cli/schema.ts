import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { publishedSchema, schemaFile } from "../print-schema.js";
import { runCommand } from "./command.js";

const usage = `Usage: npm run schema

Writes the published schema to src/schema.graphql, to be committed with the change that it comes from.`;

void runCommand({
  usage,
  async main() {
    writeFileSync(schemaFile, publishedSchema());
  },
});
