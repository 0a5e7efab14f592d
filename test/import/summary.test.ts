import { createProgress } from "../../src/import/progress.js";
import { formatSummary, type Summary } from "../../src/import/summary.js";

const summary: Summary = {
  written: true,
  types: [
    { type: "customers", created: 1234, updated: 0, unchanged: 5, refused: 0 },
    { type: "line_items", created: 10, updated: 2, unchanged: 0, refused: 1 },
  ],
  refused: 1,
  dangling: 0,
  repeated: 0,
  outdated: 0,
  unlisted: 0,
  recomputed: [
    { name: "customers.status", count: 59, contradicted: 2 },
    { name: "customers.has_password", count: 59, contradicted: 0 },
  ],
  leftOut: [{ name: "shipments", count: 3, contradicted: 0 }],
  unknown: [
    { name: "customers.emial", count: 2, nearest: "email" },
    { name: "customers.x\n", count: 1, nearest: undefined },
    { name: "parcels", count: 4, nearest: undefined },
  ],
};

test("formatSummary prints a table, and a line for what was not imported as stated", () => {
  expect(formatSummary(summary).split("\n")).toEqual([
    "            created  updated  unchanged  refused",
    "customers     1,234        0          5        0",
    "line_items       10        2          0        1",
    "total         1,244        2          5        1",
    "",
    "recomputed, not stored: customers.status (59, 2 of them with a different value), customers.has_password (59)",
    "left out, not stored: shipments (3)",
    "unknown, not stored: customers.emial (2; did you mean email?), customers.x\\u000a (1)",
    "unknown, not stored: parcels (4)",
  ]);
  const strict = { ...summary, written: false, dangling: 2, repeated: 1, outdated: 3, unlisted: 7 };
  expect(formatSummary(strict).split("\n").slice(-5)).toEqual([
    "references that were dropped: 2",
    "stated more than once, with different values: 1",
    "older than the stored row, skipped: 3",
    "issues not listed above: 7",
    "nothing was written: the import is strict; the table shows what would have been written",
  ]);
});

function display(isTTY: boolean) {
  let written = "";
  let time = 0;
  const output = { isTTY, columns: 60, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream;
  const progress = createProgress(output, () => time);
  const after = (ms: number, action: () => void) => {
    time += ms;
    written = "";
    action();
    return written;
  };
  return { progress, after };
}

test("progress on a terminal is a bar in the last line; other output goes above it", () => {
  const { progress, after } = display(true);
  expect(after(0, () => progress.show({ phase: "reading", done: 5e5, total: 1e6 }))).toBe(
    `reading [${"=".repeat(15)}${" ".repeat(15)}] 50%, 0.5 MB`,
  );
  expect(after(10, () => progress.show({ phase: "reading", done: 6e5, total: 1e6 }))).toBe("");
  expect(after(100, () => progress.show({ phase: "merging", done: 1000, total: 1000 }))).toBe(
    `\r\x1b[Kmerging [${"=".repeat(30)}] 100%, 1,000 of 1,0`,
  );
  expect(after(0, () => progress.line("refused"))).toBe("\r\x1b[Krefused\n");
  expect(after(0, () => progress.end())).toBe("");
});

test("progress without a terminal is a line per phase, and one every five seconds", () => {
  const { progress, after } = display(false);
  expect(after(0, () => progress.show({ phase: "reading", done: 5e5, total: undefined }))).toBe("reading, 0.5 MB\n");
  expect(after(4999, () => progress.show({ phase: "reading", done: 6e5, total: undefined }))).toBe("");
  expect(after(1, () => progress.show({ phase: "reading", done: 7e5, total: 1e6 }))).toBe("reading 70%, 0.7 MB\n");
  expect(after(0, () => progress.show({ phase: "merging", done: 1, total: 1000 }))).toBe(
    "merging 0%, 1 of 1,000 resources\n",
  );
});
