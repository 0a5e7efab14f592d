import { existsSync, readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { verifyReceipt } from "../modules/anonymization/receipt.js";

const usage = `Usage: npm run -s verify-receipt -- RECEIPT JWKS

Checks the receipt of an erasure without any network. RECEIPT is the text of \`anonymizationInfo.receipt\` or a file with
it, JWKS a file with what the server shows at /.well-known/jwks.json. - is standard input.`;

/** A signed text in the compact form: three parts of base 64. */
const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/;

async function main() {
  const [receipt, keys, ...others] = process.argv.slice(2);
  if (!receipt || !keys || others.length) throw new Error(usage);
  const signed = (compact.test(receipt) && !existsSync(receipt) ? receipt : read("RECEIPT", receipt)).trim();
  if (!compact.test(signed)) {
    throw new Error("RECEIPT is no receipt: it has three parts with full stops between them, and nothing else.");
  }
  const said = await verifyReceipt(signed, keySetOf(read("JWKS", keys)));
  process.stdout.write(`The receipt is genuine.\n${JSON.stringify(said, null, 2)}\n`);
}

function read(argument: string, file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch {
    throw new Error(`${argument}: the file ${file} cannot be read.`);
  }
}

function keySetOf(text: string): JSONWebKeySet {
  try {
    const set = JSON.parse(text) as JSONWebKeySet;
    if (Array.isArray(set.keys)) return set;
  } catch {}
  throw new Error('JWKS is no set of keys: it is JSON such as {"keys": [ … ]}.');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
