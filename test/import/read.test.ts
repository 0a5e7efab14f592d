import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type FoundResource, openFile, readResources } from "../../src/import/read.js";
import fc from "../support/property.js";

/** Reads a text in parts of the given length. */
async function read(text: string | Buffer, partLength = 7): Promise<Omit<FoundResource, "document">[]> {
  const bytes = Buffer.from(text);
  async function* parts() {
    for (let i = 0; i < bytes.length; i += partLength) yield bytes.subarray(i, i + partLength);
  }
  const found = [];
  for await (const { document: _, ...resource } of readResources(parts())) found.push(resource);
  return found;
}

const a = { type: "tags", id: "a" };
const b = { type: "tags", id: "b" };

test("reads data (a list) and included, in any order", async () => {
  const text = `{"jsonapi":{"version":"1.1"},\n "included":[${JSON.stringify(b)}\n],\n"data":[${JSON.stringify(a)}], "meta": {"x": [1]}}`;
  expect(await read(text)).toEqual([
    { resource: b, repeated: [], pointer: "/included/0", line: 2 },
    { resource: a, repeated: [], pointer: "/data/0", line: 4 },
  ]);
});

test("reads data that is one resource, null or an empty list", async () => {
  expect(await read(JSON.stringify({ data: a }))).toEqual([{ resource: a, repeated: [], pointer: "/data", line: 1 }]);
  expect(await read('{"data":null}')).toEqual([]);
  expect(await read('\uFEFF { "data" : [ ] , "included" : [ ] } ')).toEqual([]);
});

test("reads JSON Lines of documents and of single resources", async () => {
  const text = `${JSON.stringify({ data: a, included: [b] })}\n\n${JSON.stringify({ links: {}, meta: { mode: "test" }, ...b })}\n`;
  expect(await read(text)).toEqual([
    { resource: a, repeated: [], pointer: "/data", line: 1 },
    { resource: b, repeated: [], pointer: "/included/0", line: 1 },
    { resource: { links: {}, meta: { mode: "test" }, ...b }, repeated: [], pointer: "", line: 3 },
  ]);
});

test("reports duplicate keys with their JSON pointers", async () => {
  const repeated = async (text: string) => (await read(text)).map((one) => one.repeated);
  const meta = '"meta":{"a":1,"a":2}';
  expect(await repeated(`{"data":{"type":"tags","id":"a",${meta}},"included":[{"id":"b",${meta},${meta}}]}`)).toEqual([
    ["/meta/a"],
    ["/meta/a", "/meta", "/meta/a"],
  ]);
  expect(await repeated(`{"type":"tags","id":"a",${meta},"id":"b"}`)).toEqual([["/meta/a", "/id"]]);
});

test("any JSON value is read exactly, however its bytes are split into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 4 }),
      async (value, length, indent) => {
        const resource = { ...a, attributes: { value } };
        const text = JSON.stringify({ data: [resource, resource], meta: value }, null, indent);
        const found = await read(text, length);
        expect(found.map((one) => one.resource)).toEqual(Array(2).fill(JSON.parse(JSON.stringify(resource))));
        expect(found[1]!.line).toBe(text.slice(0, text.lastIndexOf('"type"')).split("\n").length - (indent ? 1 : 0));
      },
    ),
    { numRuns: 200 },
  );
});

test.each([
  ["", /is empty/],
  ["  \n", /is empty/],
  ["[]", /line 1: .* expected a JSON:API document/],
  ['{"errors":[{"title":"no"}]}', /error response/],
  ['{"meta":{}}', /neither a JSON:API document/],
  ['{"type":"tags","id":"a","included":[]}', /line 1, \/type: .* no such member/],
  ['{"data":"x"}', /\/data: .* a resource or a list of resources/],
  ['{"included":{}}', /\/included: .* a list of resources/],
  ['{"data":[{"a":1}\n{"b":2}]}', /line 2: .* expected , or \]/],
  ['{"data":[{"a":1},\n{"b":\n2,}]}', /line 3, \/data\/1: .* not valid JSON/],
  ["{'data':[]}", /a name in quotes/],
  ['{"data":[]', /truncated/],
  ['{"data":[{"type":"tags",\n"id":"a', /line 2, \/data\/0: .* truncated/],
  ['{"data":[{"type":"tags"}', /truncated/],
  ['{"data":', /truncated/],
  ['{"da', /truncated/],
  [Buffer.from('{"data":[{"type":"\xff"}]}', "latin1"), /not UTF-8/],
])("refuses the document %j", async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test("every truncation of a document is an error", async () => {
  const text = JSON.stringify({ data: [a, b], included: [{ ...a, attributes: { text: 'a "quoted" \\ [text]' } }] });
  for (let length = 0; length < text.length; length++) {
    await expect(read(text.slice(0, length), 5)).rejects.toThrow(/truncated|empty/);
  }
});

test("an endless value is refused before it fills the memory", async () => {
  async function* endless() {
    yield Buffer.from('{"data":[{"type":"');
    for (;;) yield Buffer.alloc(1024 * 1024, "x");
  }
  const reading = (async () => {
    for await (const _ of readResources(endless()));
  })();
  await expect(reading).rejects.toThrow(/line 1, \/data\/0: .* does not end within 16 MB/);
});

describe("gzip", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "import-read-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function readFile(content: Buffer): Promise<{ count: number; bytes: number }> {
    const path = join(folder, "file");
    await writeFile(path, content);
    let bytes = 0;
    let count = 0;
    for await (const _ of readResources(openFile(path, (read) => (bytes += read)))) count++;
    return { count, bytes };
  }
  const text = JSON.stringify({ data: Array(5000).fill(a) });

  test("is recognized by content, with one member or several", async () => {
    const packed = gzipSync(text);
    expect(await readFile(packed)).toEqual({ count: 5000, bytes: packed.length });
    expect((await readFile(Buffer.concat([packed, gzipSync(`\n${JSON.stringify(b)}`)]))).count).toBe(5001);
  });

  test("truncated or damaged is refused", async () => {
    const packed = gzipSync(text);
    await expect(readFile(packed.subarray(0, packed.length - 10))).rejects.toThrow(/truncated/);
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 30, 60);
    await expect(readFile(damaged)).rejects.toThrow(/damaged/);
  });
});
