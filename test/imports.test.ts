import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { projectRoot } from "../src/paths.js";

/**
 * What each floor of `src` may import, types included. A floor is a folder, a file right in `src`, or a folder of
 * `graph`, the engine; below all of them lie `errors` and `paths`.
 */
const allowed: Record<string, readonly string[]> = {
  main: ["app", "cli", "config", "identity", "telemetry"],
  cli: ["config", "print-schema", "schema", "http", "modules", "live", "identity", "database", "telemetry", ...graph()],
  app: ["config", "schema", "http", "modules", "live", "identity", "database", "telemetry", ...graph()],
  export: ["cli", "config", "schema", "http", "import", "erasure", "database", "telemetry", ...graph("sql")],
  config: ["identity", "database", "telemetry"],
  "print-schema": ["schema", "graph/schema"],
  schema: ["modules", "graph/schema", "graph/access", "graph/write", "graph/model"],
  http: ["erasure", "live", "identity", "database", "telemetry", ...graph()],
  import: ["cli", "config", "modules", "erasure", "identity", "database", "telemetry", ...graph("write")],
  modules: ["erasure", "live", "identity", "database", "telemetry", ...graph()],
  erasure: ["database", "graph/model"],
  "graph/write": ["database", "graph/context", ...graph("answer")],
  "graph/context": ["identity", "live", "database", "telemetry", ...graph("answer")],
  live: ["database", "telemetry", ...graph("access")],
  "graph/answer": ["database", "telemetry", ...graph("schema")],
  "graph/schema": graph("access"),
  identity: ["database", "telemetry", "graph/access", "graph/model"],
  "graph/access": graph("sql"),
  "graph/sql": graph("model"),
  database: ["telemetry", "graph/model"],
  telemetry: ["graph/model"],
  "graph/model": ["generated"],
  errors: [],
  paths: [],
};

/** The floors of the engine up to one, or all of them. */
function graph(top?: string): string[] {
  const floors = ["model", "sql", "access", "schema", "answer", "context", "write"];
  return floors.slice(0, top ? floors.indexOf(top) + 1 : undefined).map((floor) => `graph/${floor}`);
}

/** What every floor may import. */
const ground = ["errors", "paths", "generated"];

interface Import {
  /** Both from `src`, such as `modules/orders/order.type.ts`. */
  from: string;
  to: string;
  /** Gone when the code runs. */
  typeOnly: boolean;
}

const src = join(projectRoot, "src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.startsWith("generated"))
  .sort();
const sources = new Map(files.map((path) => [path, readFileSync(join(src, path), "utf8")]));
const statement =
  /^(?:import|export)\s(type\s)?[^;]*?\sfrom\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"/gm;
const imports: Import[] = [...sources].flatMap(([from, text]) =>
  [...text.matchAll(statement)].map(([, type, named, bare, dynamic]) => {
    const name = (named ?? bare ?? dynamic)!.replace(/\.js$/, ".ts");
    return { from, to: relative(src, join(src, dirname(from), name)), typeOnly: Boolean(type) };
  }),
);
const partOf = (path: string) => (/^graph\/[^/]+|^[^/]+/.exec(path)?.[0] ?? path).replace(/\.ts$/, "");
const show = ({ from, to }: Import) => `${from} imports ${to}`;

test("the imports of src are found", () => {
  expect(imports.length).toBeGreaterThan(200);
  const missing = imports.filter(({ to }) => !to.startsWith("..") && !to.startsWith("generated/") && !sources.has(to));
  expect(missing.map(show)).toEqual([]);
});

test("imports point one way, from the process to the generated client", () => {
  const outside = imports.filter(({ to }) => to.startsWith(".."));
  // The demo shop, which the server puts into an empty database and the command for tokens speaks for, lies beside the schema of the database.
  expect(
    outside.filter(({ from, to }) => !["main", "cli"].includes(partOf(from)) || !to.startsWith("../prisma/")).map(show),
  ).toEqual([]);
  const wrong = imports.filter((one) => {
    const [from, to] = [partOf(one.from), partOf(one.to)];
    return !outside.includes(one) && from !== to && !ground.includes(to) && !allowed[from]?.includes(to);
  });
  expect(wrong.map(show)).toEqual([]);
  expect(files.filter((path) => !(partOf(path) in allowed))).toEqual([]);
});

test("floors have no circular imports, type imports included", () => {
  const between = imports.filter(({ to }) => sources.has(to));
  expect(circles(between, partOf)).toEqual([]);
});

test("modules have no circular imports", () => {
  const moduleOf = (path: string) => /^modules\/([^/]+)\//.exec(path)?.[1];
  const between = imports.filter(({ from, to }) => {
    const [one, other] = [moduleOf(from), moduleOf(to)];
    return one && other && one !== other;
  });
  expect(between.length).toBeGreaterThan(20);
  expect(circles(between, (path) => moduleOf(path)!)).toEqual([]);
});

test("the hub imports none of its spokes: only tags, which any resource may carry", () => {
  const hub = imports.filter(({ from, to }) => from.startsWith("modules/customers/") && to.startsWith("modules/"));
  expect(hub.filter(({ to }) => !/^modules\/(customers|tags)\//.test(to)).map(show)).toEqual([]);
});

test("files have no circular imports at run time", () => {
  const loads = imports.filter(({ typeOnly }) => !typeOnly);
  expect(circles(loads, (path) => path)).toEqual([]);
});

test("schema.ts lists every module with resolvers, and each module all of its own", () => {
  const schema = sources.get("schema.ts")!;
  const imported = new Map(
    [...schema.matchAll(/import \{ resolvers as (\w+) \} from "\.\/modules\/([^/]+)\//g)].map(([, name, folder]) => [
      folder!,
      name!,
    ]),
  );
  const folderOf = (path: string) => path.split("/")[1]!;
  const resolverFiles = files.filter((path) => /^modules\/.*\.resolver\.ts$/.test(path));
  const folders = [...new Set(resolverFiles.map(folderOf))];
  expect(folders.length).toBeGreaterThan(20);
  expect([...imported.keys()].sort()).toEqual(folders.sort());
  const listOf = (text: string, name: string) =>
    new RegExp(`const ${name} = \\[([^\\]]*)\\]`).exec(text)![1]!.match(/\w+/g)!;
  expect(listOf(schema, "modules").sort()).toEqual([...imported.values()].sort());
  for (const folder of folders) {
    const texts = resolverFiles.filter((path) => folderOf(path) === folder).map((path) => sources.get(path)!);
    const exported = texts.flatMap((text) =>
      [...text.matchAll(/^export (?:class|const) (\w+)/gm)].map(([, name]) => name!),
    );
    const listed = listOf(texts.join("\n"), "resolvers");
    expect([folder, listed.sort()]).toEqual([folder, exported.filter((name) => name !== "resolvers").sort()]);
  }
});

test("only config.ts reads the environment, and no file merely hands others on", () => {
  const readers = files.filter((path) => sources.get(path)!.includes("process.env"));
  expect(readers).toEqual(["config.ts"]);
  expect(files.filter((path) => /(^|\/)(index|utils?|helpers?)(\.ts|\/)/.test(path))).toEqual([]);
});

/** Each circle once, with the imports that close it. */
function circles(edges: readonly Import[], nodeOf: (path: string) => string): string[][] {
  const next = new Map<string, Map<string, Import>>();
  for (const edge of edges) {
    const [from, to] = [nodeOf(edge.from), nodeOf(edge.to)];
    if (from === to) continue;
    if (!next.has(from)) next.set(from, new Map());
    next.get(from)!.set(to, edge);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (node: string, way: Import[], nodes: string[]) => {
    const start = nodes.indexOf(node);
    if (start >= 0) {
      found.push(way.slice(start).map(show));
      return;
    }
    if (done.has(node)) return;
    for (const [other, edge] of next.get(node) ?? []) walk(other, [...way, edge], [...nodes, node]);
    done.add(node);
  };
  for (const node of next.keys()) walk(node, [], []);
  return found;
}
