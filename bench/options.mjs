import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { defaultConnections, queries } from "./queries.mjs";
import { systems } from "./systems.mjs";

export class UsageError extends Error {}

const queryNames = Object.keys(queries);
const systemNames = systems.map((system) => system.name);
const sectionNames = ["queries", "concurrency", "documents", "pages"];

const usage = `Usage: npm run bench -- [options]

Measures this server against hand-written SQL and other GraphQL servers, on one database.

  --customers N       how many generated customers there are (100000)
  --database URL      a PostgreSQL database to use instead of one of the bench's own. Generated customers are
                      added to it, and tags put on them for a while: take one that nobody needs
  --data FOLDER       where the bench's own PostgreSQL keeps its databases from run to run
                      (${join("<temporary files>", "customer-graph-bench")})
  --systems A,B       of ${systemNames.join(", ")} (all)
  --queries A,B       of ${queryNames.join(", ")} (all)
  --sections A,B      of ${sectionNames.join(", ")} (all)
  --seconds S         how long a round lasts (4)
  --rounds R          how many rounds each query has; the median counts (3)
  --warm S            how long each system is warmed for each query, at least 4 s in all (2)
  --connections C     how many requests are under way at once (${defaultConnections})
  --pool N            how many connections to PostgreSQL each system has (8)
  --growth N,M        measures databases of these sizes instead of the sections, such as 10000,100000,1000000
  --out FOLDER        where results.json and chart.svg go (bench/results)
  --no-build          takes dist/ as it is instead of building it first
  --help              prints this

Exit code: 0 when all went well; 1 when something failed, or systems gave different answers; 2 on wrong usage.`;

/** The options of the command line, checked; undefined when help was asked for. */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) {
    console.log(usage);
    return undefined;
  }
  if (values.database !== undefined && !/^postgres(ql)?:\/\//.test(values.database)) {
    throw new UsageError("--database must be a URL such as postgresql://user:password@host:5432/database.");
  }
  if (values.growth !== undefined && values.database !== undefined) {
    throw new UsageError("--growth needs databases of several sizes, so it cannot go with --database.");
  }
  return {
    customers: wholeNumber("customers", values.customers, 200, 5_000_000),
    database: values.database,
    dataDir: values.data,
    systems: someOf("systems", values.systems, systemNames),
    queries: someOf("queries", values.queries, queryNames),
    sections: someOf("sections", values.sections, sectionNames),
    seconds: seconds("seconds", values.seconds),
    rounds: wholeNumber("rounds", values.rounds, 1, 100),
    warm: seconds("warm", values.warm),
    connections: wholeNumber("connections", values.connections, 1, 1_000),
    pool: wholeNumber("pool", values.pool, 1, 100),
    growth: values.growth?.split(",").map((size) => wholeNumber("growth", size.trim(), 200, 5_000_000)),
    out: values.out,
    build: !values["no-build"],
  };
}

function parse(args) {
  const text = (value) => ({ type: "string", default: value });
  try {
    return parseArgs({
      args,
      options: {
        customers: text("100000"),
        database: { type: "string" },
        data: text(join(tmpdir(), "customer-graph-bench")),
        systems: text(systemNames.join()),
        queries: text(queryNames.join()),
        sections: text(sectionNames.join()),
        seconds: text("4"),
        rounds: text("3"),
        warm: text("2"),
        connections: text(String(defaultConnections)),
        pool: text("8"),
        growth: { type: "string" },
        out: text(fileURLToPath(new URL("results", import.meta.url))),
        "no-build": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error.message} See --help.`);
  }
}

function wholeNumber(name, text, least, most) {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
}

function seconds(name, text) {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (number >= 0.1 && number <= 600) return number;
  throw new UsageError(`--${name} must be seconds from 0.1 to 600, not ${JSON.stringify(text)}.`);
}

/** Some of the choices, in the order of the choices. */
function someOf(name, text, choices) {
  const wanted = text.split(",").map((word) => word.trim());
  const unknown = wanted.find((word) => !choices.includes(word));
  if (unknown !== undefined) {
    throw new UsageError(`--${name}: there is no ${JSON.stringify(unknown)}; choose of ${choices.join(", ")}.`);
  }
  return choices.filter((choice) => wanted.includes(choice));
}
