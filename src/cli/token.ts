import { demoApplications, demoUsers } from "../../prisma/demo-access.js";
import { loadConfig } from "../config.js";
import { createDatabase } from "../database/client.js";
import { runningEmbeddedPostgres } from "../database/embedded.js";
import { emailKey } from "../graph/model/values.js";
import { type AccessClaimsOptions, accessClaims } from "../identity/access-claims.js";
import { loadSigningKeys } from "../identity/keys.js";
import { Tokens } from "../identity/tokens.js";
import { createLogger } from "../telemetry/logger.js";
import { runCommand, UsageError } from "./command.js";

const usage = `Usage: npm run -s token -- integration | sales-channel | customer [EMAIL] | user

Prints an access token for the demo shop on the local server:
  integration       a back office or service: everything in the mode test
  sales-channel     a storefront whose visitor has not signed in
  customer [EMAIL]  a storefront with its signed-in customer; Ada (ada@example.com) by default
  user              Vera of the staff, in a web application`;

const all = { scope: "market:all", marketIds: null, stockLocationIds: [] };
const europe = { scope: "market:code:europe", marketIds: ["mkt_europe"], stockLocationIds: [] };

async function tokenFor(persona: string | undefined, email: string | undefined): Promise<string> {
  const config = loadConfig();
  if (config.environment === "production") {
    throw new Error("In production there are no tokens for the asking: get them from POST /oauth/token.");
  }
  if (email !== undefined && persona !== "customer") throw new UsageError(`${persona} names nobody: drop ${email}.`);
  const { integration, storefront, dashboard } = demoApplications;

  async function claimsOf(): Promise<Omit<AccessClaimsOptions, "now">> {
    switch (persona) {
      case "integration":
        return { application: integration, confidential: true, granted: all };
      case "sales-channel":
        return { application: storefront, confidential: false, granted: europe };
      case "customer":
        return {
          application: storefront,
          confidential: false,
          granted: europe,
          customerId: email ? await customerId(email) : "cus_ada",
        };
      case "user":
        return { application: dashboard, confidential: true, granted: all, user: demoUsers.vera };
      default:
        throw new UsageError(persona ? `There is no ${persona}.` : "Say for whom.");
    }
  }

  async function customerId(email: string): Promise<string> {
    const connectionString =
      config.databaseUrl ?? (await runningEmbeddedPostgres(config.dataDir).catch(() => undefined));
    if (!connectionString) throw new Error("To find a customer the server must run: npm start.");
    const log = createLogger({ level: "silent", json: false });
    const database = createDatabase({ connectionString, poolSize: 1, log });
    try {
      const customer = await database.prisma.customer.findUnique({
        where: { mode_email: { mode: storefront.mode, email: emailKey(email) } },
        select: { id: true },
      });
      if (!customer) throw new Error(`There is no customer ${email}.`);
      return customer.id;
    } finally {
      await database.close();
    }
  }

  const now = new Date();
  const claims = accessClaims({ ...(await claimsOf()), now });
  const tokens = new Tokens({
    keys: await loadSigningKeys(config),
    issuer: config.tokenIssuer,
    organization: config.organization,
    revocations: { isRevoked: () => false },
    log: createLogger({ level: config.logLevel, json: false }),
  });
  return tokens.sign(claims);
}

void runCommand({
  usage,
  positionals: ["PERSONA", "EMAIL"],
  async main({ positionals: [persona, email] }) {
    process.stdout.write(`${await tokenFor(persona, email)}\n`);
  },
});
