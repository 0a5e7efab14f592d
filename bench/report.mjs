// Tables of what was measured, and the files results.json and chart.svg. `node bench/report.mjs [results.json]` prints
// the tables of an earlier run and draws its chart again.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chart } from "./chart.mjs";
import { queries } from "./queries.mjs";
import { systems as allSystems } from "./systems.mjs";

/** What the project sets out to reach: the least ratio of throughput, on each query, against each system. */
const goals = {
  handwritten: { one: 0.75, nested: 1, list: 1, wide: 0.75 },
  postgraphile: { one: 4, nested: 7, list: 4, wide: 3 },
  mercurius: { one: 1, nested: 4, list: 3, wide: 2 },
  "typegraphql-prisma": { one: 4, nested: 15, list: 9, wide: 7 },
};
const memoryGoal = 200;
/** Reads that one statement can answer. */
const planned = ["one", "nested", "list", "wide", "walk"];
/** How much dearer a customer may be in a longer page or a larger table and still count as no dearer: noise. */
const tolerance = 1.2;

/** Writes the files into a folder and gives the tables as text. Results of growing databases have a file of their own. */
export async function report(results, folder) {
  await mkdir(folder, { recursive: true });
  const name = results.growth ? "growth.json" : "results.json";
  await writeFile(join(folder, name), `${JSON.stringify(rounded(results), null, 2)}\n`);
  if (results.queries) await writeFile(join(folder, "chart.svg"), chart(results));
  return tables(results);
}

/** All tables, in Markdown that is also readable in a terminal. */
export function tables(results) {
  const { queries: measured, systems, concurrency, documents, pages, growth, differences } = results;
  const parts = [circumstances(results)];
  if (measured) {
    parts.push(
      perQuery(results, "Requests a second (and as a ratio to hand-written SQL)", (result, yardstick) =>
        yardstick
          ? `${whole(result.perSecond)} (${ratio(result.perSecond / yardstick.perSecond)})`
          : whole(result.perSecond),
      ),
      perQuery(results, "CPU a request in ms: server + PostgreSQL", (result) =>
        result.postgresCpuMs === undefined
          ? decimal(result.systemCpuMs)
          : `${decimal(result.systemCpuMs)} + ${decimal(result.postgresCpuMs)}`,
      ),
      perQuery(results, "Latency in ms: half of the requests / 99 % of them", (result) =>
        result.p50 === undefined ? "–" : `${decimal(result.p50)} / ${decimal(result.p99)}`,
      ),
      perQuery(results, "SQL statements a request, one at a time", (result) =>
        result.statements === undefined ? "–" : decimal(result.statements),
      ),
      table(
        "Peak memory of the server in MB",
        ["system", "MB"],
        systems.map(({ name, title }) => [title, whole(results.memory[name])]),
      ),
    );
    if (systems.some(({ name }) => name === "project")) {
      parts.push(againstPeers(results), goalTable(results));
    }
  }
  if (concurrency?.length) {
    parts.push(
      table(
        "One at a time, and many at once",
        ["query", "at once", "system", "a second", "p50 ms", "p99 ms", "CPU ms"],
        concurrency.map((row) => [
          row.query,
          row.connections,
          titleOf(row.system),
          whole(row.perSecond),
          decimal(row.p50),
          decimal(row.p99),
          decimal(row.cpuMs),
        ]),
      ),
    );
  }
  if (documents?.length) {
    parts.push(
      table(
        "Each request a document never seen before (`one`)",
        ["system", "documents", "a second", "of its throughput otherwise", "memory before, MB", "after"],
        documents.map((row) => [
          titleOf(row.system),
          row.requests,
          whole(row.perSecond),
          ratio(row.perSecond / measured?.one?.[row.system]?.perSecond),
          whole(row.memoryBefore),
          whole(row.memoryAfter),
        ]),
      ),
    );
  }
  if (pages?.length) {
    parts.push(
      table(
        "Longer pages of `list`",
        ["system", "customers a page", "CPU ms a customer", "customers a second"],
        pages.map((row) => [
          titleOf(row.system),
          row.first,
          decimal(row.cpuMsPerCustomer),
          whole(row.perSecond * row.first),
        ]),
      ),
    );
  }
  if (growth?.length) {
    parts.push(
      table(
        "Larger tables",
        ["query", "system", "customers in the table", "CPU ms a customer", "a second", "p99 ms"],
        [...growth]
          .sort((a, b) => order(a) - order(b) || a.customers - b.customers)
          .map((row) => [
            row.query,
            titleOf(row.system),
            row.customers.toLocaleString("en"),
            decimal(row.cpuMsPerCustomer),
            whole(row.perSecond),
            decimal(row.p99),
          ]),
      ),
    );
  }
  const failures = failuresOf(results);
  if (failures.length) parts.push(`ERRORS under load:\n${failures.map((line) => `- ${line}`).join("\n")}`);
  if (differences.length) {
    const lines = differences.map(
      ({ system, query, difference }) => `- ${system}${query ? `, ${query}` : ""}: ${difference}`,
    );
    parts.push(`LEFT OUT, because they did not start or answered otherwise:\n${lines.join("\n")}`);
  }
  return parts.join("\n\n");

  function order(row) {
    return 10 * Object.keys(queries).indexOf(row.query) + systems.findIndex(({ name }) => name === row.system);
  }
}

function circumstances({ date, commit, node, postgres, cpu, cores, options }) {
  const database = options.growth
    ? "databases of several sizes"
    : `${options.customers.toLocaleString("en")} customers`;
  return (
    `Measured ${date.slice(0, 16).replace("T", " ")} UTC${commit ? ` at ${commit}` : ""}: ${database}, ` +
    `${options.connections} requests at once, ${options.rounds} × ${options.seconds} s; ` +
    `Node ${node}, PostgreSQL ${postgres}; ${cores} × ${cpu}, shared by server, PostgreSQL and load generator.`
  );
}

function perQuery({ queries: measured, systems }, title, cell) {
  const names = Object.keys(measured);
  const rows = systems.map(({ name, title }) => [
    title,
    ...names.map((query) => (measured[query][name] ? cell(measured[query][name], measured[query].handwritten) : "–")),
  ]);
  return table(title, ["system", ...names], rows);
}

function againstPeers({ queries: measured, systems }) {
  const names = Object.keys(measured);
  const rows = systems
    .filter(({ name }) => name !== "project")
    .map(({ name, title }) => [
      title,
      ...names.map((query) => {
        const [own, other] = [measured[query].project, measured[query][name]];
        if (!own || !other) return "–";
        return `${ratio(own.perSecond / other.perSecond)} (${ratio(other.cpuMs / own.cpuMs)})`;
      }),
    ]);
  return table(
    "customer-graph against each: throughput (and CPU a request), above 1 is better",
    ["against", ...names],
    rows,
  );
}

function goalTable(results) {
  const { queries: measured, memory, pages } = results;
  const names = Object.keys(goals.handwritten);
  const rows = Object.entries(goals).map(([name, least]) => [
    titleOf(name),
    ...names.map((query) => {
      const [own, other] = [measured[query]?.project, measured[query]?.[name]];
      if (!own || !other) return `≥ ${least[query]}: not measured`;
      const factor = own.perSecond / other.perSecond;
      return `≥ ${least[query]}: ${ratio(factor)} ${met(factor >= least[query])}`;
    }),
  ]);
  const lines = [];
  const statements = planned.filter((query) => measured[query]?.project?.statements !== undefined);
  if (statements.length) {
    const said = statements.map((query) => `${query} ${decimal(measured[query].project.statements)}`);
    const good = statements.every((query) => measured[query].project.statements <= 1);
    lines.push(`- One statement a read: ${said.join(", ")}: ${met(good)}`);
  }
  lines.push(`- Under ${memoryGoal} MB of memory: ${whole(memory.project)} MB: ${met(memory.project < memoryGoal)}`);
  const own = (pages ?? []).filter(({ system }) => system === "project");
  if (own.length) {
    const said = own.map(({ first, cpuMsPerCustomer }) => `${decimal(cpuMsPerCustomer)} ms of ${first}`);
    const good = own.at(-1).cpuMsPerCustomer <= own[0].cpuMsPerCustomer * tolerance;
    lines.push(`- A customer of a longer page is no dearer: ${said.join(", ")}: ${met(good)}`);
  }
  const title = "Goals: throughput of customer-graph against each";
  return `${table(title, ["against", ...names], rows)}\n\n${lines.join("\n")}`;
}

function failuresOf({ queries: measured = {}, concurrency = [], documents = [], pages = [], growth = [] }) {
  const rows = Object.entries(measured).flatMap(([query, bySystem]) =>
    Object.entries(bySystem).map(([system, row]) => ({ query, system, ...row })),
  );
  return [...rows, ...concurrency, ...documents, ...pages, ...growth]
    .filter(({ errors }) => errors > 0)
    .map(({ system, query = "", errors, failures }) => `${system} ${query}: ${errors}, such as ${failures[0]}`);
}

const met = (good) => (good ? "met" : "NOT MET");
const titleOf = (name) => allSystems.find((system) => system.name === name)?.title ?? name;

function table(title, head, rows) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  return [`**${title}**`, "", line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n");
}

const isNumber = (number) => Number.isFinite(number);
const whole = (number) => (isNumber(number) ? Math.round(number).toLocaleString("en") : "–");

function decimal(number) {
  if (!isNumber(number)) return "–";
  return number >= 100 ? whole(number) : number >= 10 ? number.toFixed(1) : String(Number(number.toFixed(2)));
}

const ratio = (number) => (isNumber(number) ? number.toFixed(number >= 10 ? 1 : 2) : "–");

/** Numbers without digits that mean nothing. */
function rounded(value) {
  if (typeof value === "number") return Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? fileURLToPath(new URL("results/results.json", import.meta.url));
  const results = JSON.parse(await readFile(file, "utf8"));
  console.log(tables(results));
  if (results.queries) await writeFile(join(dirname(file), "chart.svg"), chart(results));
}
