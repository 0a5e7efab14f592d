import { permissionsOf } from "../graph/access/permission.js";
import { Problem, readEmail } from "../graph/model/values.js";
import {
  createSignInToken,
  createStaff,
  listStaff,
  removeStaff,
  type StaffFacts,
  type StaffMember,
  signInSeconds,
  updateStaff,
} from "../identity/staff.js";
import { runCommand, UsageError } from "./command.js";
import { withSessions } from "./operator-database.js";
import { listOf, verbOf } from "./verbs.js";

const usage = `Usage: npm run -s staff -- create EMAIL [--first-name NAME] [--last-name NAME] [--permissions LIST]
       npm run -s staff -- list
       npm run -s staff -- update EMAIL [--first-name NAME] [--last-name NAME] [--permissions LIST]
       npm run -s staff -- remove EMAIL
       npm run -s staff -- sign-in EMAIL CLIENT_ID [--scope SCOPE]

The members of the shop's staff, who sign in to web applications (npm run application).

  create   adds somebody
  list     prints everybody, a JSON object a line
  update   changes what is named; access tokens with the old permissions are refused, the sessions go on
  remove   removes somebody; their sessions end within a second
  sign-in  prints a token with which the web application signs somebody in, once and within ${signInSeconds / 60} minutes:
           POST /oauth/token with grant_type=refresh_token, refresh_token=<the token>, client_id and client_secret

  --permissions LIST  what they may do: customers:read,orders:* or *:read, or * for everything; read by default
  --scope SCOPE       the markets that they see, such as market:code:europe; all by default`;

const options = {
  "first-name": { type: "string" },
  "last-name": { type: "string" },
  permissions: { type: "string" },
  scope: { type: "string" },
} as const;

const facts = ["first-name", "last-name", "permissions"];
const verbs = {
  create: { arguments: ["EMAIL"], options: facts },
  list: { arguments: [] },
  update: { arguments: ["EMAIL"], options: facts },
  remove: { arguments: ["EMAIL"] },
  "sign-in": { arguments: ["EMAIL", "CLIENT_ID"], options: ["scope"] },
} as const;

interface Values {
  "first-name"?: string;
  "last-name"?: string;
  permissions?: string;
}

function factsOf(values: Values): StaffFacts {
  const permissions = listOf(values.permissions);
  try {
    permissionsOf(permissions ?? []);
  } catch (error) {
    throw new UsageError(`--permissions: ${(error as Error).message}`);
  }
  return { firstName: values["first-name"], lastName: values["last-name"], permissions };
}

function addressOf(given: string): string {
  const email = readEmail(given);
  if (email instanceof Problem) throw new UsageError(`EMAIL: ${email.message}`);
  return email;
}

function print(user: StaffMember | null, email: string): void {
  if (!user) throw nobody(email);
  process.stdout.write(`${JSON.stringify(user)}\n`);
}

function nobody(email: string): Error {
  return new Error(`There is no member of the staff with the address ${email}.`);
}

void runCommand({
  usage,
  options,
  positionals: ["COMMAND", "EMAIL", "CLIENT_ID"],
  async main({ values, positionals }) {
    const { verb, args } = verbOf({ values, positionals }, verbs);
    if (verb === "list") {
      for (const user of await withSessions(listStaff)) print(user, "");
      return;
    }
    const email = addressOf(args[0]!);
    const changes = factsOf(values);
    switch (verb) {
      case "create":
        print(await withSessions((resources) => createStaff(resources, email, changes)), email);
        return;
      case "update":
        if (Object.values(changes).every((change) => change === undefined)) throw new UsageError("Say what to change.");
        print(await withSessions((resources) => updateStaff(resources, email, changes)), email);
        return;
      case "remove":
        if (!(await withSessions((resources) => removeStaff(resources, email)))) throw nobody(email);
        process.stdout.write("The member of the staff is gone; their tokens are refused within a second.\n");
        return;
      case "sign-in": {
        const request = { email, clientId: args[1]!, scope: values.scope };
        process.stdout.write(`${await withSessions((resources) => createSignInToken(resources, request))}\n`);
      }
    }
  },
});
