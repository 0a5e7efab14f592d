// The thread in which pg_dump runs, for pg-dump.ts: it has no sockets, and waits for each answer of the server.
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { pgDump } from "@electric-sql/pglite-tools/pg_dump";

const { connectionString, port, answered } = workerData;

/** Replaces the PGlite instance that pg_dump expects; restoring its settings is irrelevant here. */
const connection = {
  query: async () => ({ rows: [{ search_path: "public" }] }),
  exec: async () => [],
  execProtocolRawStream(bytes, { onRawData }) {
    Atomics.store(answered, 0, 0);
    port.postMessage(bytes.slice()); // a copy, because it is a view of the whole WebAssembly memory
    Atomics.wait(answered, 0, 0);
    onRawData(receiveMessageOnPort(port).message);
  },
};

const file = await pgDump({ pg: connection, args: ["--large-objects", "-d", connectionString] });
parentPort.postMessage(await file.text());
