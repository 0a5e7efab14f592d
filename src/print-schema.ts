import "reflect-metadata";
import { join } from "node:path";
import { publishedSdl } from "./graph/schema/access-directive.js";
import { projectRoot } from "./paths.js";
import { createSchema } from "./schema.js";

export const schemaFile = join(projectRoot, "src", "schema.graphql");

/** The SDL of the schema as the code has it; the server gives the same at `/schema.graphql`. */
export function publishedSchema(): string {
  return publishedSdl(createSchema());
}
