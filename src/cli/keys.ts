import { chown, open, readFile, rename, rm, stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { JSONWebKeySet } from "jose";
import { createKeySet, describeKeySet, retireKeys, rotateKeySet } from "../identity/key-rotation.js";
import { runCommand, UsageError } from "./command.js";
import { verbOf } from "./verbs.js";

const usage = `Usage: npm run -s keys -- create FILE
       npm run -s keys -- list FILE
       npm run -s keys -- rotate FILE [--announce]
       npm run -s keys -- retire FILE [KID] [--force]

The keys that sign access tokens: FILE is what SIGNING_KEYS names. - reads standard input and prints the new set, for a
SIGNING_KEYS that holds the set itself. Servers read their keys when they start.

  create  makes a set with a new key; never replaces a file
  list    prints what each key is for, a JSON object a line, without the private halves
  rotate  has another key sign; the one that signed until now goes on checking the tokens that it signed
  retire  takes out the keys whose tokens have all expired, or the key KID

  --announce  only publishes the next key, so that every server knows it before one signs with it
  --force     takes out KID though its tokens may be good: they are refused`;

const options = { announce: { type: "boolean" }, force: { type: "boolean" } } as const;
const verbs = {
  create: { arguments: ["FILE"] },
  list: { arguments: ["FILE"] },
  rotate: { arguments: ["FILE"], options: ["announce"] },
  retire: { arguments: ["FILE", "KID?"], options: ["force"] },
} as const;

void runCommand({
  usage,
  options,
  positionals: ["COMMAND", "FILE", "KID"],
  async main({ values, positionals }) {
    const { verb, args } = verbOf({ values, positionals }, verbs);
    const [file, kid] = args as [string, string | undefined];
    const now = new Date();
    switch (verb) {
      case "create":
        return write(file, await createKeySet(now), { replace: false });
      case "list":
        return print(await describeKeySet(await read(file)));
      case "rotate":
        return write(file, await rotateKeySet(await read(file), now, values), { replace: true });
      case "retire": {
        if (values.force && !kid) throw new UsageError("--force needs KID.");
        const { set, retired } = await retireKeys(await read(file), now, { kid, force: values.force });
        if (retired.length > 0 || file === "-") await write(file, set, { replace: true });
        process.stderr.write(retired.length > 0 ? `Retired: ${retired.join(", ")}.\n` : "No key can be retired yet.\n");
      }
    }
  },
});

async function print(keys: readonly object[]): Promise<undefined> {
  for (const key of keys) process.stdout.write(`${JSON.stringify(key)}\n`);
}

async function read(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`The file ${file} cannot be read (${error.code}).`);
  });
}

/** Writes a file that only its owner may read: whole, or not at all. Its owner and mode stay if it was there before. */
async function write(file: string, set: JSONWebKeySet, { replace }: { replace: boolean }): Promise<undefined> {
  const contents = JSON.stringify(set);
  if (file === "-") {
    process.stdout.write(`${contents}\n`);
    return;
  }
  const before = replace ? await stat(file) : undefined;
  const draft = replace ? `${file}.new` : file;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${contents}\n`);
      if (before) await handle.chmod(before.mode & 0o777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!before) return;
    if (before.uid !== process.getuid?.()) await chown(draft, before.uid, before.gid);
    await rename(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && replace) await rm(draft, { force: true });
    throw new Error(
      code === "EEXIST" ? `The file ${draft} is there already.` : `The file ${draft} cannot be written (${code}).`,
    );
  }
}
