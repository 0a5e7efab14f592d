import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A member of an interface of the SDK: its type as it is written there, without null. */
export interface Member {
  type: string;
  nullable: boolean;
}

function definitionText(): string {
  const folder = dirname(fileURLToPath(import.meta.resolve("@commercelayer/sdk/bundle")));
  return readdirSync(folder)
    .filter((file) => /^api-.*\.d\.ts$/.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
}

/** The type of resource of each interface of the SDK, by its name. */
export function sdkTypes(): Map<string, string> {
  return new Map(
    [...definitionText().matchAll(/^type (\w+)Type = '(\w+)';$/gm)].map(([, name, type]) => [name!, type!]),
  );
}

/** The SDK's interface of each type of resource, by the name of the type. */
export function sdkDefinitions(): Map<string, Map<string, Member>> {
  const text = definitionText();
  const names = sdkTypes();
  const membersOf = (body: string) =>
    [...body.matchAll(/^ {4}(?:readonly )?(\w+)(\?)?: (.*);$/gm)].map(([, name, optional, type]): [string, Member] => [
      name!,
      { type: type!.replace(/ \| null$/, ""), nullable: Boolean(optional) || type!.endsWith(" | null") },
    ]);
  // Of every resource.
  const bases = [...text.matchAll(/^interface (?:ResourceBase|Resource extends .*) \{\n([\s\S]*?)^\}/gm)];
  const common = bases.flatMap(([, body]) => membersOf(body!));
  const interfaces = text.matchAll(/^interface (\w+) extends Resource \{\n([\s\S]*?)^\}/gm);
  return new Map(
    [...interfaces].map(([, name, body]) => {
      const members = new Map([...common, ...membersOf(body!)]);
      members.delete("type");
      return [names.get(name!)!, members];
    }),
  );
}
