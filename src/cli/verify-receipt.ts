import { existsSync, readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { verifyReceipt } from "../modules/anonymization/receipt.js";
import { runCommand, UsageError } from "./command.js";

const usage = `Usage: npm run -s verify-receipt -- RECEIPT JWKS

Checks the receipt of an erasure without any network. RECEIPT is the text of \`anonymizationInfo.receipt\` or a file with
it, JWKS a file with what the server shows at /.well-known/jwks.json. - is standard input.`;

/** A signed text in the compact form: three parts of base 64. */
const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/;

async function main(receipt: string | undefined, keys: string | undefined) {
  if (!receipt || !keys) throw new UsageError("Name both: the receipt and the set of keys.");
  const signed = (compact.test(receipt) && !existsSync(receipt) ? receipt : read("RECEIPT", receipt)).trim();
  if (!compact.test(signed)) {
    throw new Error("RECEIPT is no receipt: it has three parts with full stops between them, and nothing else.");
  }
  const claims = await verifyReceipt(signed, keySetOf(read("JWKS", keys)));
  process.stdout.write(`The receipt is genuine.\n${JSON.stringify(claims, null, 2)}\n`);
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

void runCommand({
  usage,
  positionals: ["RECEIPT", "JWKS"],
  async main({ positionals: [receipt, keys] }) {
    await main(receipt, keys);
  },
});
