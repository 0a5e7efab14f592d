import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelNamed } from "../../src/graph/model/datamodel.js";
import { resourceTypesOf } from "../../src/http/jsonapi/resources.js";
import { leftOutNames } from "../../src/import/documents.js";
import { createSchema } from "../../src/schema.js";

const types = resourceTypesOf(createSchema());
const definitions = readDefinitions();

/** Members of the SDK's interface of each type of resource, by the name of the type. */
function readDefinitions(): Map<string, string[]> {
  const folder = dirname(fileURLToPath(import.meta.resolve("@commercelayer/sdk/bundle")));
  const text = readdirSync(folder)
    .filter((file) => /^api-.*\.d\.ts$/.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
  const names = new Map([...text.matchAll(/^type (\w+)Type = '(\w+)';$/gm)].map(([, name, type]) => [name!, type!]));
  const interfaces = text.matchAll(/^interface (\w+) extends Resource \{\n([\s\S]*?)^\}/gm);
  return new Map(
    [...interfaces].map(([, name, body]) => [
      names.get(name!)!,
      [...body!.matchAll(/^ {4}(?:readonly )?(\w+)\??:/gm)]
        .map(([, member]) => member!)
        .filter((one) => one !== "type"),
    ]),
  );
}

/** Attributes of every resource in the SDK. */
const common = ["created_at", "updated_at", "reference", "reference_origin", "metadata"];

/** What the gateway does not have yet, beside the audit trail of some types. Of reset tokens it keeps hashes alone. */
const missing: Record<string, string[]> = {
  customer_password_resets: ["events", "reset_password_token"],
  orders: ["discount_engine_item"],
  skus: ["events", "sku_list_items", "sku_lists"],
};

/** The types that both have; a shop may add others. */
const shared = [...types.keys()].filter((type) => definitions.has(type));

test("the SDK's definitions are found", () => {
  expect(definitions.get("customers")).toEqual(expect.arrayContaining(["email", "jwt_customer", "event_stores"]));
  expect(shared.length).toBeGreaterThan(30);
});

test.each(shared)("%s have the attributes and relationships of Commerce Layer, but those left out", (name) => {
  const { attributes, relationships, model } = types.get(name)!;
  const leftOut = new Set([...leftOutNames(modelNamed(model.name), name), ...(missing[name] ?? [])]);
  const ofShared = [...relationships.values()].filter(
    ({ to }) => to === undefined || shared.some((type) => types.get(type)!.model.name === to),
  );
  const names = [...attributes.keys(), ...ofShared.map((relationship) => relationship.name)];
  const own = names.filter((one) => !common.includes(one));
  const known = definitions
    .get(name)!
    .filter((one) => (!leftOut.has(one) && one !== "event_stores") || own.includes(one));
  expect(own.sort()).toEqual(known.sort());
});
