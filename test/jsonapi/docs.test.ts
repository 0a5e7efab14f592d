import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes } from "../../src/http/jsonapi/errors.js";
import { predicateNames } from "../../src/http/jsonapi/filters.js";
import { projectRoot } from "../../src/paths.js";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

const text = readFileSync(join(projectRoot, "docs/rest.md"), "utf8");
const blocks = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, block]) => JSON.parse(block!) as object);

let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest();
});
afterAll(() => app.stop());

test("the example of docs/rest.md is answered as it says", async () => {
  const [, url] = /curl -g "([^"]+)"/.exec(text)!;
  const { pathname, search, origin } = new URL(url!);
  const { status, body } = await app.request(pathname + search);
  expect(status).toBe(200);
  expect(JSON.parse(JSON.stringify(body).replaceAll(app.url, origin))).toEqual(blocks[0]);
});

test("the error of docs/rest.md is what a taken e-mail address is answered by", async () => {
  const body = { data: { type: "customers", attributes: { email: "ada@example.com" } } };
  const reply = await app.request("/api/customers", { method: "POST", body });
  expect(reply.body).toEqual(blocks[1]);
});

test("docs/rest.md names every predicate and every code, and no others", () => {
  const [, named] = /^Predicates: `([^`]+)`/m.exec(text)!;
  expect(named!.split(/\s+/).sort()).toEqual(
    predicateNames.filter((name) => !/_(any|all)$/.test(name) || name === "not_eq_all").sort(),
  );
  const shown = [...text.matchAll(/`([A-Z]+_[A-Z_]+|TIMEOUT|UNAVAILABLE|UNAUTHORIZED)`/g)].map(([, code]) => code!);
  const codes = errorCodes.filter((code) => code !== "INTERNAL_SERVER_ERROR");
  expect([...new Set(shown)].filter((code) => code !== "INTEGRATION_PAGE_SIZE").sort()).toEqual(codes.sort());
});
