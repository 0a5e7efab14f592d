import { once } from "node:events";
import { connect } from "node:net";
import { MessageChannel, Worker } from "node:worker_threads";

/**
 * What the real pg_dump writes of a database: all of it, as SQL. That of PostgreSQL 18 comes compiled to WebAssembly,
 * without sockets: it runs in a thread of its own, and here its bytes are passed to the server and the answers back.
 */
export async function pgDump(connectionString: string): Promise<string> {
  const { hostname, port } = new URL(connectionString);
  const socket = connect(Number(port || 5432), hostname);
  await once(socket, "connect");
  const { port1: here, port2: there } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL("pg-dump-thread.mjs", import.meta.url), {
    workerData: { connectionString, port: there, answered },
    transferList: [there],
  });
  const answer = (bytes: Buffer) => {
    here.postMessage(bytes);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  };

  // It sends whole messages, and waits for an answer to each but its farewell.
  here.on("message", (bytes: Uint8Array) => {
    socket.write(bytes);
    if (bytes[0] === TERMINATE) answer(Buffer.alloc(0));
  });

  let said = Buffer.alloc(0);
  const pass = () => {
    answer(said);
    said = Buffer.alloc(0);
  };
  socket.on("data", (bytes) => {
    said = Buffer.concat([said, bytes]);
    if (isOurTurn(said)) pass();
  });
  // When it refuses a connection it says why and goes; pg_dump tells.
  socket.on("close", pass);

  try {
    return await new Promise<string>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", () => reject(new Error("pg_dump ended without a word.")));
      socket.once("error", reject);
    });
  } finally {
    socket.destroy();
    await thread.terminate();
    here.close();
  }
}

const TERMINATE = 0x58;
const READY_FOR_QUERY = 0x5a;
const AUTHENTICATION = 0x52;
/** Messages about authentication that ask for nothing: it went well, and the end of SCRAM. */
const askingNothing = [0, 12];

/** Whether the server has said all that it has to say, and waits. */
function isOurTurn(said: Buffer): boolean {
  let last = 0;
  let next = 0;
  while (next + 5 <= said.length) {
    last = next;
    next += 1 + said.readUInt32BE(next + 1);
  }
  if (next !== said.length) return false;
  if (said[last] === AUTHENTICATION) return !askingNothing.includes(said.readUInt32BE(last + 5));
  return said[last] === READY_FOR_QUERY;
}
