import { readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { verifyReceipt } from "../modules/anonymization/receipt.js";

const usage = `Usage: npm run -s verify-receipt -- RECEIPT JWKS

Checks the receipt of an erasure without any network. RECEIPT and JWKS are files: the text of
\`anonymizationInfo.receipt\`, and what the server shows at /.well-known/jwks.json. - is standard input.`;

async function main() {
  const [receipt, keys, ...others] = process.argv.slice(2);
  if (!receipt || !keys || others.length) throw new Error(usage);
  const read = (file: string) => readFileSync(file === "-" ? 0 : file, "utf8");
  const said = await verifyReceipt(read(receipt), JSON.parse(read(keys)) as JSONWebKeySet);
  process.stdout.write(`The receipt is genuine.\n${JSON.stringify(said, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
