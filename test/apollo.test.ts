import { buildSchema } from "graphql";
import type { Context } from "../src/graph/context.js";
import { Apollo, type ApolloAnswer, jsonRequest, type Steps } from "../src/http/apollo.js";
import { createLogger } from "../src/telemetry/logger.js";

/** What the adapter relies on in Apollo Server: these fail when a new version of it goes another way. */

const lines: string[] = [];
const schema = buildSchema("type Query { greeting: String, fault: String }");
const { greeting, fault } = schema.getQueryType()!.getFields();
greeting!.resolve = () => "hello";
fault!.resolve = () => {
  throw new Error("a fault of ours");
};
const apollo = new Apollo({
  schema,
  log: createLogger({ level: "warn", json: true, write: (line) => lines.push(line) }),
  validationRules: [],
  suggestions: true,
});
beforeAll(() => apollo.start());
afterAll(() => apollo.stop());

/** Executes a query; `data` stands in for a plan. */
async function execute(query: string, data?: readonly string[]) {
  const called: string[] = [];
  const steps: Steps = {
    async createContext() {
      called.push("createContext");
      return { requestId: "req-1" } as Context;
    },
    check: ({ operation }) => void called.push(`check ${operation.operation}`),
    async answer() {
      called.push("answer");
      return data;
    },
    complete(result, { requestId }) {
      called.push("complete");
      result.extensions = { requestId };
      return { status: 203, headers: { "retry-after": "7" } };
    },
  };
  const answer: ApolloAnswer = await apollo.execute(jsonRequest({ query }), steps);
  return { ...answer, called, text: answer.pieces.join("") };
}

test("response bodies start with data, so that planned data can be inserted", async () => {
  const executed = await execute("{ greeting }");
  expect(executed.text).toBe('{"data":{"greeting":"hello"},"extensions":{"requestId":"req-1"}}');
  const spliced = await execute("{ greeting }", ['{"greeting":', '"hello"', "}"]);
  expect(spliced.pieces).toHaveLength(5);
  expect({ ...spliced, pieces: executed.pieces }).toEqual(executed);
  expect((await execute("{ greeting }", ["null"])).text).toBe('{"data":null,"extensions":{"requestId":"req-1"}}');
});

test("request lifecycle: hooks run in order and set status and headers", async () => {
  const { called, status, headers } = await execute("{ greeting }");
  expect(called).toEqual(["createContext", "check query", "answer", "complete"]);
  expect([status, headers["retry-after"]]).toEqual([203, "7"]);
});

test("invalid operations are not checked or executed", async () => {
  const { called, text } = await execute("{ greting }");
  expect(called).toEqual(["createContext", "complete"]);
  expect(JSON.parse(text).errors[0].message).toContain("greting");
});

test("errors are formatted with their request", async () => {
  const { text } = await execute("{ fault }");
  expect(text).not.toContain("a fault of ours");
  expect(lines.map((line) => JSON.parse(line).requestId)).toEqual(["req-1"]);
});
