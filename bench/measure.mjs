// What is measured. Only one system is under load at a time; the others idle.
import { parametersOf, queries } from "./queries.mjs";

export const median = (numbers) => {
  const sorted = numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** The same list, begun elsewhere, so that no system always comes first. */
const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];

/** One round of load on one system, with the CPU time that it, PostgreSQL and the load took for a request, in ms. */
export async function measure(system, database, options) {
  const before = { system: system.cpuSeconds(), postgres: database.cpuSeconds() };
  const generatorBefore = process.cpuUsage();
  const result = await system.load(options);
  const generator = process.cpuUsage(generatorBefore);
  const after = { system: system.cpuSeconds(), postgres: database.cpuSeconds() };
  const perRequest = (name) =>
    before[name] === undefined ? undefined : (1000 * (after[name] - before[name])) / Math.max(result.requests, 1);
  const cpu = { systemCpuMs: perRequest("system"), postgresCpuMs: perRequest("postgres") };
  return {
    ...result,
    ...cpu,
    cpuMs: cpu.systemCpuMs + (cpu.postgresCpuMs ?? 0),
    generatorCpuMs: (generator.user + generator.system) / 1000 / Math.max(result.requests, 1),
  };
}

/** The medians of several rounds, and all their errors. */
function summary(rounds) {
  const numbers = ["perSecond", "p50", "p99", "cpuMs", "systemCpuMs", "postgresCpuMs", "generatorCpuMs", "bytes"];
  return {
    ...Object.fromEntries(numbers.map((name) => [name, median(rounds.map((round) => round[name]))])),
    requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    failures: rounds.flatMap(({ failures }) => failures).slice(0, 3),
    rounds: rounds.map(({ perSecond, cpuMs }) => ({ perSecond, cpuMs })),
  };
}

const comparedParameters = 20;

/**
 * Asks all systems the same and compares the canonical answers with those of the first. Gives the differences, one a
 * system and query at most.
 */
export async function compareAnswers(systems, queryNames, samples) {
  const differences = [];
  for (const query of queryNames) {
    const [reference, ...others] = systems.filter((system) => system.has(query));
    if (!reference) continue;
    const draw = parametersOf(query, samples, 1);
    let compared = others;
    for (let i = 0; i < comparedParameters && compared.length > 0; i++) {
      const parameters = draw();
      const expected = await reference.answer(query, parameters);
      for (const system of compared) {
        const difference = await system.answer(query, parameters).then(
          (answer) => firstDifference(system.expected(query, expected), answer, "answer"),
          (error) => error.message,
        );
        if (difference === undefined) continue;
        differences.push({ system: system.name, reference: reference.name, query, parameters, difference });
        compared = compared.filter((other) => other !== system);
      }
    }
  }
  return differences;
}

/** Where two answers differ first, or undefined. The order of an object's keys does not matter. */
export function firstDifference(expected, answer, path) {
  if (Object.is(expected, answer)) return undefined;
  const isObject = (value) => typeof value === "object" && value !== null;
  if (!isObject(expected) || !isObject(answer) || Array.isArray(expected) !== Array.isArray(answer)) {
    return `${path}: ${JSON.stringify(expected)} expected, ${JSON.stringify(answer)} found`.slice(0, 400);
  }
  for (const key of new Set([...Object.keys(expected), ...Object.keys(answer)])) {
    const difference = firstDifference(expected[key], answer[key], `${path}.${key}`);
    if (difference) return difference;
  }
  return undefined;
}

/** Each system for a while on each query, so that its code is compiled and its statements prepared. */
export async function warm(systems, queryNames, { seconds, connections }) {
  for (const system of systems) {
    const known = queryNames.filter((query) => system.has(query));
    const each = Math.max(seconds, 4 / Math.max(known.length, 1));
    for (const query of known) await system.load({ query, seed: 2, connections, seconds: each });
  }
}

/**
 * How many statements one request comes to, when requests come one by one. Of a few counts the median: what a server
 * does once a second by itself is then left out.
 */
export async function countStatements(system, query, database) {
  if (!database.countStatements) return undefined;
  const draw = parametersOf(query, system.samples, 3);
  const requests = 10;
  const counts = await database.countStatements(async () => {
    for (let i = 0; i < requests; i++) await system.answer(query, draw());
  }, 5);
  return median(counts) / requests;
}

/** All queries on all systems: round by round, the systems in turn. */
export async function measureQueries({ systems, database, options, print }) {
  const results = {};
  for (const system of systems) system.resetPeak();
  for (const [number, query] of options.queries.entries()) {
    const measured = systems.filter((system) => system.has(query));
    if (measured.length === 0) continue;
    const rounds = new Map(measured.map((system) => [system, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const system of rotated(measured, round + number)) {
        if (query === "mutation") await database.takeTagsOff();
        const { connections, seconds } = options;
        rounds.get(system).push(await measure(system, database, { query, seed: 100 + round, connections, seconds }));
      }
    }
    results[query] = {};
    for (const system of measured) {
      if (query === "mutation") await database.takeTagsOff();
      const statements = await countStatements(system, query, database);
      results[query][system.name] = { ...summary(rounds.get(system)), statements };
      print(progress(query, system, results[query][system.name]));
    }
  }
  await database.takeTagsOff();
  const memory = Object.fromEntries(systems.map((system) => [system.name, system.memory().peak]));
  return { queries: results, memory };
}

/** One request at a time, and many. */
export async function measureConcurrency({ systems, database, options, print }) {
  const results = [];
  for (const query of ["one", "nested"]) {
    const measured = systems.filter((system) => system.has(query));
    for (const connections of [1, 128]) {
      for (const system of measured) {
        const result = await measure(system, database, { query, seed: 200, connections, seconds: options.seconds });
        results.push({ query, connections, system: system.name, ...summary([result]) });
        print(progress(`${query}, ${connections} at once`, system, result));
      }
    }
  }
  return results;
}

const manyDocuments = 5_000;

/**
 * Requests whose document nobody has seen before: what the caches of documents do not help with, and whether these grow
 * without end.
 */
export async function measureDocuments({ systems, database, options, print }) {
  const results = [];
  let number = 0;
  // One more field under a name of its own; every document of this query asks for `email`.
  const change = (body) => body.replace(/\bemail\b(?! *:)/, `email email_${++number}: email`);
  // As customers the project reads documents in the same way; hand-written SQL has none.
  const measured = systems.filter(({ name, client }) => client.path && !name.startsWith("project-"));
  for (const system of measured.filter((system) => system.has("one"))) {
    const before = system.memory().now;
    const result = await measure(system, database, {
      query: "one",
      seed: 300,
      connections: options.connections,
      seconds: 4 * options.seconds,
      requests: manyDocuments,
      change,
    });
    const after = system.memory().now;
    results.push({ system: system.name, ...summary([result]), memoryBefore: before, memoryAfter: after });
    print(progress("one, each document new", system, result));
  }
  return results;
}

/** Whether a customer of a long page costs as much as one of a short page. */
export async function measurePages({ systems, database, options, print }) {
  const results = [];
  for (const name of ["project", "handwritten"]) {
    const system = systems.find((candidate) => candidate.name === name);
    if (!system) continue;
    for (const first of [5, 20, 100]) {
      const { connections, seconds } = options;
      const vary = (parameters) => ({ ...parameters, first });
      const load = { query: "list", seed: 400, connections, vary };
      await system.load({ ...load, seconds: Math.min(1, seconds) });
      const result = await measure(system, database, { ...load, seconds });
      results.push({ system: name, first, ...summary([result]), cpuMsPerCustomer: result.cpuMs / first });
      print(progress(`list of ${first}`, system, result));
    }
  }
  return results;
}

const grownQueries = ["one", "nested", "list"];

/** The same queries on one of several databases, which differ in size alone. */
export async function measureSize({ systems, database, options, print, customers }) {
  const results = [];
  for (const query of grownQueries) {
    for (const system of systems.filter((candidate) => candidate.has(query))) {
      const { connections, seconds, rounds } = options;
      const measured = [];
      for (let round = 0; round < rounds; round++) {
        measured.push(await measure(system, database, { query, seed: 500 + round, connections, seconds }));
      }
      const result = summary(measured);
      const cpuMsPerCustomer = result.cpuMs / queries[query].customers;
      results.push({ customers, query, system: system.name, ...result, cpuMsPerCustomer });
      print(progress(`${query} of ${customers.toLocaleString("en")} customers`, system, result));
    }
  }
  return results;
}

function progress(what, system, { perSecond, cpuMs, errors }) {
  const failed = errors ? `, ${errors} ERRORS` : "";
  return `  ${what}: ${system.name} ${perSecond.toFixed(0)}/s, ${cpuMs?.toFixed(2)} ms CPU${failed}`;
}
