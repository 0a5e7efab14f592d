import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Query } from "../database/client.js";
import { Requester } from "../database/requester.js";
import { subjectExport } from "../erasure/subject-export.js";
import { ApiError } from "../errors.js";
import { demand } from "../graph/access/guard.js";
import { errorBody, json } from "./answer.js";
import { type AppResources, createContext } from "./context.js";
import { headerOf } from "./request.js";
import { StreamSlots } from "./stream/stream.js";
import type { UnsentAnswers } from "./unsent.js";

export interface ExportLimits {
  /** How many exports one process makes or sends at once, and how many of them for one caller. */
  readonly atOnce: number;
  readonly perCaller: number;
  readonly maximumBytes: number;
}

export const exportLimits: ExportLimits = { atOnce: 6, perCaller: 3, maximumBytes: 1024 ** 3 };

/** When to ask again for an export that there was no place for. */
const retrySeconds = 5;

const headers = {
  "content-type": "application/vnd.api+json",
  "content-disposition": 'attachment; filename="customer.json"',
  "cache-control": "no-store",
};

/** How much is written into the file at once. */
const batchCharacters = 256 * 1024;

/** `GET /exports/customers/<id>`: everything about one customer, as it is at one moment. */
export interface SubjectExports {
  serve(request: IncomingMessage, response: ServerResponse, customerId: string): Promise<void>;
}

/**
 * Exports are spooled to a temporary file before they are sent, so that a slow client does not occupy a database
 * connection.
 */
export function createSubjectExports(
  resources: AppResources,
  unsent: UnsentAnswers,
  limits: ExportLimits,
): SubjectExports {
  const slots = new StreamSlots(limits.atOnce, limits.atOnce, limits.perCaller, "exports");

  async function send(requester: Requester, customerId: string, response: ServerResponse) {
    const file = await openUnlinked();
    try {
      const size = await spool(requester, customerId, file);
      response.writeHead(200, { ...headers, "content-length": size });
      const content = file.createReadStream({ start: 0 });
      unsent.limit(response, () => content.bytesRead);
      await pipeline(content, response).catch((error: NodeJS.ErrnoException) => {
        // The client disconnected, or was disconnected.
        if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
      });
    } finally {
      await file.close();
    }
  }

  /** Writes the export, read from one snapshot, to the file and returns its size. Stops when the client disconnects. */
  async function spool(requester: Requester, customerId: string, file: FileHandle) {
    let size = 0;
    const read = async (query: Query) => {
      let batch = "";
      for await (const piece of subjectExport(query, customerId)) {
        size += Buffer.byteLength(piece);
        if (size > limits.maximumBytes) throw exportTooLarge(limits.maximumBytes);
        batch += piece;
        if (batch.length < batchCharacters) continue;
        await file.appendFile(batch);
        batch = "";
      }
      await file.appendFile(batch);
    };
    await resources.database.snapshot(read, { kind: "export", requester });
    return size;
  }

  return {
    async serve(request, response, customerId) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return json(response, 405, errorBody("BAD_REQUEST", "Ask for an export by GET."), { allow: "GET, HEAD" });
      }
      const requester = new Requester();
      response.once("close", () => requester.cancel());
      const context = await createContext(resources, headerOf(request, "authorization"), request, requester);
      demand(context, ["subjects:export"]);
      const known = await context.loaders.byId("Customer", customerId);
      if (!known) return json(response, 404, errorBody("BAD_REQUEST", "There is no customer with this id."));
      if (request.method === "HEAD") {
        // No content-length: it is known only after the whole export was read.
        response.writeHead(200, headers).end();
        return;
      }
      const caller = requester.caller!;
      const refusal = slots.acquire(caller, false);
      if (refusal) {
        const body = errorBody("RATE_LIMITED", refusal, { retryAfterMs: retrySeconds * 1_000 });
        return json(response, 429, body, { "retry-after": String(retrySeconds) });
      }
      // The result goes to a file, not to memory: statements and the file have limits of their own.
      requester.bytesLeft = Number.POSITIVE_INFINITY;
      try {
        await send(requester, customerId, response);
      } finally {
        slots.release(caller, false);
      }
    },
  };
}

/** An unlinked temporary file: it holds personal data, is private to this process and disappears when it exits. */
async function openUnlinked(): Promise<FileHandle> {
  const path = join(tmpdir(), `customer-graph-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}

function exportTooLarge(maximum: number) {
  return new ApiError("COST_LIMIT", `The export comes to more than ${maximum} bytes.`, {
    maximum,
    http: { status: 413 },
  });
}
