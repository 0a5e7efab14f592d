import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { type ASTVisitor, GraphQLError, type GraphQLSchema, type ValidationContext } from "graphql";
import { publishedSdl } from "../graph/schema/access-directive.js";
import { sendKept } from "./answer.js";

/** Serves the SDL with its `@access` directives, which introspection cannot show, as plain text, so that browsers display it. */
export function createSchemaFile(schema: GraphQLSchema) {
  return createTextFile(() => publishedSdl(schema), "text/plain; charset=utf-8");
}

/** Serves a text that stays the same while the server runs. It is made when it is first asked for. */
export function createTextFile(make: () => string, contentType: string) {
  let file: { packed: Buffer; etag: string } | undefined;
  return (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!file) {
      const text = make();
      const digest = createHash("sha256").update(text).digest("base64url");
      file = { packed: gzipSync(text), etag: `"${digest.slice(0, 20)}"` };
    }
    return sendKept(request, response, file.packed, {
      etag: file.etag,
      "cache-control": "no-cache",
      "content-type": contentType,
    });
  };
}

/** Validation rule that disables introspection: rejects `__schema` and `__type`. */
export function noIntrospection(context: ValidationContext): ASTVisitor {
  return {
    Field(node) {
      const { value } = node.name;
      if (value !== "__schema" && value !== "__type") return;
      const message = `\`${value}\` is not answered: introspection is switched off on this server.`;
      context.reportError(new GraphQLError(message, { nodes: node }));
    },
  };
}
