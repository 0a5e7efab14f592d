import { promisify } from "node:util";
import { type BrotliOptions, brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from "node:zlib";
import {
  BREAK,
  type DocumentNode,
  type GraphQLField,
  type GraphQLSchema,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import type { Permission } from "../graph/access/permission.js";
import { accessOf } from "../graph/schema/access-directive.js";
import type { Coding } from "./negotiation.js";

/** Minimum size to compress: a shorter body fits one packet anyway. */
export const shortestCompressed = 1_400;

/** Maximum size to compress synchronously: a worker thread would cost more than the work itself, some 0.5 ms. */
const longestAtOnce = 65_536;

/** Brotli level 4 is as fast as gzip level 6 and 5 % smaller; level 5 takes twice as long. */
const brotliOptions: BrotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
};
const gzipOptions = { level: 6 };

export const codings = ["br", "gzip"] as const satisfies readonly Coding[];

export async function compress(text: string, bytes: number, coding: Coding): Promise<Buffer> {
  if (bytes <= longestAtOnce) {
    return coding === "br" ? brotliCompressSync(text, brotliOptions) : gzipSync(text, gzipOptions);
  }
  return coding === "br"
    ? promisify<string, BrotliOptions, Buffer>(brotliCompress)(text, brotliOptions)
    : promisify<string, typeof gzipOptions, Buffer>(gzip)(text, gzipOptions);
}

/** Permissions of fields with secrets: whoever has the value can pay, or act, as its owner. */
const opensSecrets: readonly Permission[] = ["gateway_tokens:read", "order_secrets:read"];

/** Whether a field of an object is a secret. */
export function isSecret(field: GraphQLField<unknown, unknown>): boolean {
  return accessOf(field)?.some((permission) => opensSecrets.includes(permission)) ?? false;
}

const selectsSecrets = new WeakMap<DocumentNode, boolean>();

/**
 * Whether a document selects secrets, so that its response must not be compressed (BREACH attack): an attacker who can
 * place text beside a secret, in a name or a note, and sees the length of the encrypted responses, guesses the secret
 * character by character.
 */
export function asksForSecrets(schema: GraphQLSchema, document: DocumentNode): boolean {
  let hasSecrets = selectsSecrets.get(document);
  if (hasSecrets === undefined) {
    hasSecrets = false;
    const types = new TypeInfo(schema);
    const Field = () => {
      const field = types.getFieldDef();
      if (!field || !isSecret(field)) return;
      hasSecrets = true;
      return BREAK;
    };
    visit(document, visitWithTypeInfo(types, { Field }));
    selectsSecrets.set(document, hasSecrets);
  }
  return hasSecrets;
}
