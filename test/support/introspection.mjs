import { minifyIntrospection, preprocessIntrospection } from "gql.tada/internal";
import { introspectionFromSchema } from "graphql";

/** A plugin of codegen.yml: the schema as a type, which says what an operation's text selects. */
export const plugin = (schema) =>
  `export type Introspection = ${preprocessIntrospection(minifyIntrospection(introspectionFromSchema(schema)))};\n`;
