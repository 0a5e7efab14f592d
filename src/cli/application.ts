import { permissionsOf } from "../graph/access/permission.js";
import { enumValues } from "../graph/model/datamodel.js";
import {
  createApplication,
  listApplications,
  type NewApplication,
  revokeApplication,
  rotateSecret,
  type ShownApplication,
} from "../identity/applications.js";
import { runCommand, UsageError } from "./command.js";
import { withSessions } from "./operator-database.js";
import { listOf, verbOf } from "./verbs.js";

const usage = `Usage: npm run -s application -- create --name NAME --kind KIND --mode MODE [--permissions LIST] [--secret]
                                     [--token-seconds N]
       npm run -s application -- list
       npm run -s application -- rotate CLIENT_ID [--end-tokens]
       npm run -s application -- revoke CLIENT_ID

The applications that get access tokens at POST /oauth/token. A secret is printed once, when it is made; only a hash of it
is kept.

  create  prints the new application with its client id and secret
  list    prints every application, a JSON object a line, without secrets
  rotate  prints a new secret; the old one is refused at once
  revoke  removes an application; its access and refresh tokens are refused within a second

  --kind KIND          sales_channel (a storefront: its client id is public), integration (a back office or service) or
                       webapp (what members of the staff sign in to: they have the permissions)
  --mode MODE          test or live: the only rows that its tokens see
  --permissions LIST   what an integration may do: customers:read,orders:* or *:read, or * for everything
  --secret             a secret for a sales channel too, whose server then authenticates itself
  --token-seconds N    how long its access tokens live, 60 to 86400; a sales channel's 14400, others' 7200 by default
  --end-tokens         the access tokens that it was given are refused too, as after a theft of the secret`;

const options = {
  name: { type: "string" },
  kind: { type: "string" },
  mode: { type: "string" },
  permissions: { type: "string" },
  secret: { type: "boolean" },
  "token-seconds": { type: "string" },
  "end-tokens": { type: "boolean" },
} as const;

const verbs = {
  create: { arguments: [], options: ["name", "kind", "mode", "permissions", "secret", "token-seconds"] },
  list: { arguments: [] },
  rotate: { arguments: ["CLIENT_ID"], options: ["end-tokens"] },
  revoke: { arguments: ["CLIENT_ID"] },
} as const;

interface Values {
  name?: string;
  kind?: string;
  mode?: string;
  permissions?: string;
  secret?: boolean;
  "token-seconds"?: string;
}

function newApplication(values: Values): NewApplication {
  const name = values.name?.trim();
  if (!name || name.length > 255) throw new UsageError("--name must be a text of 1 to 255 characters.");
  const kind = oneOf("--kind", values.kind?.replace("-", "_"), "ApplicationKind") as NewApplication["kind"];
  const mode = oneOf("--mode", values.mode, "Mode") as NewApplication["mode"];
  const permissions = listOf(values.permissions) ?? [];
  if (kind === "integration" && permissions.length === 0) {
    throw new UsageError("--permissions must say what the integration may do, such as customers:read,orders:*.");
  }
  if (kind !== "integration" && permissions.length > 0) {
    throw new UsageError(
      kind === "webapp"
        ? "A webapp has no --permissions: give them to the members of the staff (npm run staff)."
        : "A sales channel has no --permissions: it may do what every shopper may.",
    );
  }
  try {
    permissionsOf(permissions);
  } catch (error) {
    throw new UsageError(`--permissions: ${(error as Error).message}`);
  }
  const seconds = values["token-seconds"] ?? (kind === "sales_channel" ? "14400" : "7200");
  if (!/^\d{2,5}$/.test(seconds) || Number(seconds) < 60 || Number(seconds) > 86_400) {
    throw new UsageError("--token-seconds must be a whole number from 60 to 86400.");
  }
  return { name, kind, mode, permissions, withSecret: values.secret ?? false, accessTokenSeconds: Number(seconds) };
}

function oneOf(option: string, given: string | undefined, type: "ApplicationKind" | "Mode"): string {
  const values = enumValues(type);
  if (given && values.includes(given)) return given;
  throw new UsageError(`${option} must be one of ${values.join(", ")}.`);
}

function print(application: ShownApplication | null, clientId: string): void {
  if (!application) throw new Error(`There is no application with the client id ${clientId}.`);
  process.stdout.write(`${JSON.stringify(application, null, 2)}\n`);
  if (application.clientSecret) {
    process.stderr.write("The secret is shown this once; only a hash of it is kept.\n");
  }
}

void runCommand({
  usage,
  options,
  positionals: ["COMMAND", "CLIENT_ID"],
  async main({ values, positionals }) {
    const { verb, args } = verbOf({ values, positionals }, verbs);
    const clientId = args[0] ?? "";
    switch (verb) {
      case "create": {
        const application = newApplication(values);
        print(await withSessions((resources) => createApplication(resources, application)), "");
        return;
      }
      case "list":
        for (const application of await withSessions(listApplications)) {
          process.stdout.write(`${JSON.stringify(application)}\n`);
        }
        return;
      case "rotate": {
        const endTokens = values["end-tokens"] ?? false;
        print(await withSessions((resources) => rotateSecret(resources, clientId, { endTokens })), clientId);
        return;
      }
      case "revoke":
        if (!(await withSessions((resources) => revokeApplication(resources, clientId)))) print(null, clientId);
        process.stdout.write("The application is gone; its tokens are refused within a second.\n");
    }
  },
});
