import { once } from "node:events";
import { connect } from "node:net";
import { MessageChannel, Worker } from "node:worker_threads";

/**
 * Dumps a database as SQL with the pg_dump of PostgreSQL 18, compiled to WebAssembly. It has no sockets, so it runs in a
 * worker thread and its protocol messages are relayed to the server here.
 */
export async function pgDump(connectionString: string): Promise<string> {
  const { hostname, port } = new URL(connectionString);
  const socket = connect(Number(port || 5432), hostname);
  await once(socket, "connect");
  const { port1: localPort, port2: threadPort } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL("pg-dump-thread.mjs", import.meta.url), {
    workerData: { connectionString, port: threadPort, answered },
    transferList: [threadPort],
  });
  const answer = (bytes: Buffer) => {
    localPort.postMessage(bytes);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  };

  // It sends whole messages and waits for a response to each but Terminate.
  localPort.on("message", (bytes: Uint8Array) => {
    socket.write(bytes);
    if (bytes[0] === TERMINATE) answer(Buffer.alloc(0));
  });

  let received = Buffer.alloc(0);
  const flush = () => {
    answer(received);
    received = Buffer.alloc(0);
  };
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    if (isComplete(received)) flush();
  });
  // A server that rejects the connection sends an error and closes it; pg_dump reports it.
  socket.on("close", flush);

  try {
    return await new Promise<string>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", () => reject(new Error("pg_dump exited without a result.")));
      socket.once("error", reject);
    });
  } finally {
    socket.destroy();
    await thread.terminate();
    localPort.close();
  }
}

const TERMINATE = 0x58;
const READY_FOR_QUERY = 0x5a;
const AUTHENTICATION = 0x52;
/** Authentication messages without a reply: AuthenticationOk and AuthenticationSASLFinal. */
const withoutReply = [0, 12];

/** Whether the server has sent its whole response and waits. */
function isComplete(received: Buffer): boolean {
  let last = 0;
  let next = 0;
  while (next + 5 <= received.length) {
    last = next;
    next += 1 + received.readUInt32BE(next + 1);
  }
  if (next !== received.length) return false;
  if (received[last] === AUTHENTICATION) return !withoutReply.includes(received.readUInt32BE(last + 5));
  return received[last] === READY_FOR_QUERY;
}
