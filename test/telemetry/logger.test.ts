import { personalNames } from "../../src/graph/model/manifest.js";
import { createLogger, type LogLevel } from "../../src/telemetry/logger.js";

function recorder(options: { level?: LogLevel; json?: boolean }) {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", json: true, ...options, write: (line) => lines.push(line) });
  return { lines, log, last: () => JSON.parse(lines.at(-1)!) };
}

test.each([
  ["debug", 4],
  ["info", 3],
  ["warn", 2],
  ["error", 1],
  ["silent", 0],
] as const)("log level %s writes %i of four lines", (level, count) => {
  const { lines, log } = recorder({ level });
  for (const write of [log.debug, log.info, log.warn, log.error]) write("hello");
  expect(lines).toHaveLength(count);
});

test("JSON: one object per line; facts never replace its own keys", () => {
  const { lines, log, last } = recorder({});
  log.info("two\nlines", { level: "fatal", port: 4000, size: 10n });
  expect(lines).toHaveLength(1);
  expect(lines[0]!.trimEnd()).not.toContain("\n");
  expect(last()).toEqual({ time: expect.any(String), level: "info", message: "two\nlines", port: 4000, size: "10" });
});

test("an error is logged with name, message, code and stack, without the row in its detail", () => {
  const { log, lines, last } = recorder({});
  const cause = new Error("below");
  const error = Object.assign(new Error("duplicate", { cause }), {
    code: "23505",
    detail: "Key (email)=(a@b.c) exists",
  });
  log.error("failed", { error });
  expect(last().error).toMatchObject({
    name: "Error",
    message: "duplicate",
    code: "23505",
    cause: { message: "below" },
  });
  expect(lines.join()).not.toContain("a@b.c");
});

test("circular values and values unknown to JSON are logged, too", () => {
  const { log, last } = recorder({});
  const circle: { self?: object } = {};
  circle.self = circle;
  log.info("circle", { circle });
  expect(last()).toMatchObject({ level: "info", message: "circle", circle: { self: "[Circular]" } });
});

test("text format: one short line, with the stack of an error below", () => {
  const { log, lines } = recorder({ json: false });
  log.warn("Slow", { ms: 12, tags: ["a"], path: "/x", nothing: undefined, error: new Error("why") });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}Slow ms=12 tags=\[ 'a' \] path=\/x\nError: why\n {4}at /);
});

test("values under the name of a personal column are not logged, at any depth", () => {
  const facts = {
    email: "a@example.com",
    customer: { phone: "1", first_name: "Ada", id: "cus_1" },
    list: [{ line1: "x" }],
  };
  for (const json of [true, false]) {
    const lines: string[] = [];
    createLogger({ level: "info", json, write: (line) => lines.push(line) }).info("A change.", {
      ...facts,
      name: "Error",
    });
    expect(lines.join()).not.toMatch(/a@example|Ada|"1"|'1'|'x'|"x"/);
    expect(lines.join()).toContain("[personal]");
    for (const kept of ["cus_1", "Error"]) expect(lines.join()).toContain(kept);
  }
  expect(personalNames).toContain("customerEmail");
  expect(personalNames).toContain("billing_info");
  expect(personalNames).not.toContain("name");
});
