import "reflect-metadata";
import { join } from "node:path";
import { type GraphQLEnumType, GraphQLSchema, lexicographicSortSchema, parse, print, printSchema } from "graphql";
import { accessDirective, withAccess } from "./platform/graphql/access-directive.js";
import { projectRoot } from "./platform/paths.js";
import { createSchema } from "./schema.js";

export const schemaFile = join(projectRoot, "src", "schema.graphql");

/** The published SDL, sorted by name so that a change shows as a small diff. */
export function publishedSchema(): string {
  const schema = createSchema();
  const config = schema.toConfig();
  const directives = [...config.directives, accessDirective(schema.getType("Permission") as GraphQLEnumType)];
  const sorted = lexicographicSortSchema(new GraphQLSchema({ ...config, directives }));
  return `${print(withAccess(parse(printSchema(sorted)), schema))}\n`;
}
