// The load generator. It shares the machine with what it measures, so it speaks no more HTTP than it must: one request
// after the other on each of a few connections that are kept open, on plain sockets.
import { connect } from "node:net";

const timeoutMs = 120_000;
const headEnd = Buffer.from("\r\n\r\n");
const errorsKey = Buffer.from('"errors"');

/** The whole text of a request. `headers` are lines that end in CR LF; without a body it is a GET. */
export function requestText({ method = "POST", path, headers = "", type = "application/json", body }) {
  const head = `host: 127.0.0.1\r\naccept: ${type}\r\n${headers}`;
  if (body === undefined) return `GET ${path} HTTP/1.1\r\n${head}\r\n`;
  return (
    `${method} ${path} HTTP/1.1\r\n${head}content-type: ${type}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** One connection, on which one request at a time is under way. It is made again when the server closes it. */
class Connection {
  constructor(port) {
    this.port = port;
    this.socket = undefined;
    this.received = undefined;
    this.waiting = undefined;
  }

  /** Sends a request and gives `{ status, body }`. */
  send(text) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.received = undefined;
      if (!this.socket) this.open();
      this.socket.write(text);
    });
  }

  close() {
    this.socket?.destroy();
    this.socket = undefined;
  }

  open() {
    const socket = connect({ port: this.port, host: "127.0.0.1", noDelay: true });
    this.socket = socket;
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`No answer within ${timeoutMs / 1000} s.`)));
    let failure;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.settle("reject", failure ?? new Error("The server closed the connection instead of answering."));
    });
    socket.on("data", (chunk) => {
      this.received = this.received ? Buffer.concat([this.received, chunk]) : chunk;
      try {
        const answer = parseAnswer(this.received);
        if (answer) this.settle("resolve", answer);
      } catch (error) {
        socket.destroy(error);
      }
    });
  }

  settle(how, value) {
    const { waiting } = this;
    this.waiting = undefined;
    this.received = undefined;
    waiting?.[how](value);
  }
}

/** The answer in what has been received, or undefined while some of it is missing. */
function parseAnswer(received) {
  const end = received.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = received.latin1Slice(0, end);
  const status = Number(head.slice(9, 12));
  const start = end + headEnd.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const stop = start + Number(length[1]);
    return received.length >= stop ? { status, body: received.subarray(start, stop) } : undefined;
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const body = joinChunks(received, start);
    return body && { status, body };
  }
  throw new Error(`The answer has no length: ${head.split("\r\n")[0]}`);
}

function joinChunks(received, start) {
  const chunks = [];
  for (let at = start; ; ) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(received.latin1Slice(at, lineEnd), 16);
    const stop = lineEnd + 2 + size;
    if (received.length < stop + 2) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(received.subarray(lineEnd + 2, stop));
    at = stop + 2;
  }
}

/** Sends one request and gives its answer as an object. */
export async function askOnce(port, text) {
  const connection = new Connection(port);
  try {
    const { status, body } = await connection.send(text);
    if (status !== 200) throw new Error(`Status ${status}: ${body.toString().slice(0, 500)}`);
    return JSON.parse(body.toString());
  } finally {
    connection.close();
  }
}

/** Every so manieth answer is read in full. */
const inspectEvery = 64;

/**
 * Keeps `connections` requests under way for some seconds, or for `requests` of them if that comes first, and waits for
 * the last answers. `next` gives a request's text and a function that throws if its answer is not right.
 */
export async function load({ port, connections, seconds, requests = Number.POSITIVE_INFINITY, next }) {
  const latencies = [];
  const failures = [];
  let errors = 0;
  let bytes = 0;
  let sent = 0;
  const startedAt = performance.now();
  const deadline = startedAt + seconds * 1000;

  async function work() {
    const connection = new Connection(port);
    while (sent < requests && performance.now() < deadline) {
      const inspected = sent++ % inspectEvery === 0;
      const { text, inspect } = next();
      const sentAt = performance.now();
      try {
        const { status, body } = await connection.send(text);
        latencies.push(performance.now() - sentAt);
        bytes += body.length;
        if (status !== 200 || body.includes(errorsKey)) {
          throw new Error(`Status ${status}: ${body.toString().slice(0, 500)}`);
        }
        if (inspected) inspect(JSON.parse(body.toString()));
      } catch (error) {
        errors++;
        if (failures.length < 3) failures.push(error.message);
        // What is down stays down for a while.
        if (errors > 1000) break;
      }
    }
    connection.close();
  }

  await Promise.all(Array.from({ length: connections }, work));
  const elapsed = (performance.now() - startedAt) / 1000;
  latencies.sort((a, b) => a - b);
  const percentile = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))];
  return {
    requests: latencies.length,
    perSecond: latencies.length / elapsed,
    p50: percentile(0.5),
    p99: percentile(0.99),
    bytes: latencies.length ? bytes / latencies.length : 0,
    errors,
    failures,
  };
}
