import type { Profiler } from "node:inspector";

/** A time span, in microseconds of the monotonic clock. */
export interface Span {
  start: number;
  end: number;
}

/** The time of a CPU profile: milliseconds by group, the largest first. */
export function timeByGroup(profile: Profiler.Profile, sqlWaits: readonly Span[]): [group: string, ms: number][] {
  const groups = groupsOf(profile);
  const waits = merged(sqlWaits);
  const times = new Map<string, number>();
  let now = profile.startTime;
  let wait = 0;
  profile.samples?.forEach((node, i) => {
    // A sample stands for the time up to the next one.
    now += profile.timeDeltas![i]!;
    const end = i + 1 < profile.samples!.length ? now + profile.timeDeltas![i + 1]! : profile.endTime;
    let group = groups.get(node)!;
    if (group === idle) {
      while (wait < waits.length && waits[wait]!.end <= now) wait++;
      if (waits[wait] && waits[wait]!.start <= now) group = "waiting for PostgreSQL";
    }
    times.set(group, (times.get(group) ?? 0) + Math.max(0, end - now) / 1_000);
  });
  return [...times].sort(([, one], [, other]) => other - one);
}

const idle = "idle (the client's turn)";

/** Groups by path of the code; the first match counts. */
const patterns: readonly [RegExp, string][] = [
  [/\/node_modules\/graphql\/language\//, "GraphQL: parse"],
  [/\/node_modules\/graphql\/validation\//, "GraphQL: validate"],
  [/\/node_modules\/graphql\/execution\//, "GraphQL: execution"],
  [/\/node_modules\/(pg|pg-protocol|pg-pool|pg-types|postgres-[^/]+)\//, "pg"],
  [/\/node_modules\/@prisma\//, "@prisma"],
  [/\/src\/graph\/answer\/(by-code|row-arrays)\./, "write (src/graph/answer/by-code.ts, row-arrays.ts)"],
  [/\/src\/graph\/(answer|sql)\//, "plan (src/graph/answer, src/graph/sql)"],
  [/\/src\/database\//, "database (src/database)"],
  [/\/src\/(identity|graph\/access)\//, "access (src/identity, src/graph/access)"],
  [/\/src\/(modules|graph)\//, "resolvers and types (src/modules, src/graph)"],
  [/\/src\/http\//, "HTTP (src/http)"],
  [/\/src\/cli\//, "measuring (src/cli)"],
];

/** Code that counts as its caller's. */
const countsAsCaller = /^$|^node:|\/node_modules\/graphql\//;

/** The group of each node of a profile, by its id. */
function groupsOf({ nodes }: Profiler.Profile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const groups = new Map<number, string>();
  const visit = (id: number, caller: string | undefined) => {
    const { callFrame, children } = byId.get(id)!;
    const group = groupOf(callFrame.url) ?? caller;
    groups.set(id, special.get(callFrame.functionName) ?? group ?? "Node (HTTP, sockets, timers)");
    for (const child of children ?? []) visit(child, group);
  };
  visit(nodes[0]!.id, undefined);
  return groups;
}

/** V8's names for time outside of functions. */
const special = new Map([
  ["(idle)", idle],
  ["(garbage collector)", "garbage collector"],
  ["(program)", "native code (sockets, event loop)"],
]);

function groupOf(url: string): string | undefined {
  const path = url.replaceAll("\\", "/");
  const inPackages = path.lastIndexOf("/node_modules/");
  const match = patterns.find(([pattern]) => pattern.test(inPackages < 0 ? path : path.slice(inPackages)));
  if (match) return match[1];
  if (countsAsCaller.test(inPackages < 0 ? path : path.slice(inPackages))) return undefined;
  return /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path.slice(Math.max(0, inPackages)))?.[1] ?? "other";
}

function merged(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const { start, end } of [...spans].sort((one, other) => one.start - other.start)) {
    const last = all.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else all.push({ start, end });
  }
  return all;
}
