import type { Query } from "../../src/database/client.js";
import type { Mode } from "../../src/graph/access/viewer.js";
import type { Answer, Caller, TestApp } from "./app.js";
import type { DataOf, Untyped } from "./operation-data.js";
import { insert } from "./rows.js";

/** One server-sent event. */
export interface StreamEvent {
  event: string;
  id?: string;
  data: Untyped;
}

export interface Stream {
  status: number;
  headers: Headers;
  /** Events received so far. */
  events: StreamEvent[];
  /** Changes received so far. */
  changes(): DataOf<typeof ALL>["customerChanged"][];
  /** Body of a response that is not a stream. */
  body?: Answer<unknown>;
  /** Whether the server has ended it. */
  ended: boolean;
  /** Disconnects, as a client does. */
  close(): void;
}

export const ALL = `subscription ($customerId: ID, $after: ID) {
  customerChanged(customerId: $customerId, after: $after) {
    id event resourceType resourceId customerId changed changedAt customer { id email }
  }
}`;

/** Waits until a condition holds, up to the timeout of a test. */
export async function until(condition: () => unknown): Promise<void> {
  const end = Date.now() + 55_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Timed out waiting for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until no running transaction, of any database, delays the changes made so far. */
export async function settled(query: Query): Promise<void> {
  await until(async () => {
    const [[pending]] = (await query(
      `SELECT count(*)::int FROM event_stores
       WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint`,
      [],
    )) as [[number]];
    return pending === 0;
  });
}

export interface StreamOptions {
  query?: string;
  variables?: Record<string, unknown>;
  as?: Caller;
  token?: string;
  headers?: Record<string, string>;
}

/** Subscribes over HTTP, as an integration by default; resolves when the response begins. */
export async function stream(
  app: TestApp,
  { query = ALL, variables, as = { kind: "integration" }, token, headers }: StreamOptions = {},
): Promise<Stream> {
  const controller = new AbortController();
  const bearer = token ?? (as && (await app.token(as)));
  const response = await fetch(`${app.url}/graphql/stream`, {
    method: "POST",
    signal: controller.signal,
    headers: {
      "content-type": "application/json",
      accept: "text/event-stream",
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  const events: StreamEvent[] = [];
  const opened: Stream = {
    status: response.status,
    headers: response.headers,
    events,
    changes: () => events.flatMap(({ data }) => (data?.data?.customerChanged ? [data.data.customerChanged] : [])),
    body: undefined,
    ended: false,
    close: () => controller.abort(),
  };
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    opened.body = (await response.json()) as Answer<unknown>;
    opened.ended = true;
    return opened;
  }
  void (async () => {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
        const event = field("event");
        if (event) events.push({ event, id: field("id"), data: JSON.parse(field("data") || "null") });
      }
    }
    opened.ended = true;
  })().catch(() => {
    opened.ended = true;
  });
  return opened;
}

export async function createCustomer(query: Query, id: string, mode: Mode = "test") {
  await insert(query, "Customer", { id, mode, email: `${id}@example.com` });
}

export async function updateCustomer(query: Query, id: string, values: { email?: string; reference?: string }) {
  const sets = Object.keys(values).map((column, i) => `${column} = $${i + 2}`);
  await query(`UPDATE customers SET ${sets}, version = version + 1 WHERE id = $1`, [id, ...Object.values(values)]);
}

export async function destroyCustomer(query: Query, id: string) {
  await query("DELETE FROM customers WHERE id = $1", [id]);
}

/** Adds a tag by the mutation. */
export async function tagCustomer(app: TestApp, id: string, name: string) {
  const { data } = await app.query(
    "mutation ($id: ID!, $names: [String!]!) { tagsAdd(id: $id, names: $names) { added { name } userErrors { code } } }",
    { id, names: [name] },
  );
  expect(data.tagsAdd).toEqual({ added: [{ name }], userErrors: [] });
}

export async function updateOrder(query: Query, id: string) {
  await query("UPDATE orders SET reference = 'R', version = version + 1 WHERE id = $1", [id]);
}

/** Attaches a file to the customer, or a staff note if `url` is null. */
export async function attach(query: Query, id: string, customerId: string, url: string | null) {
  await insert(query, "Attachment", { id, url, attachableId: customerId });
}
