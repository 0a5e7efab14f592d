import { Worker } from "node:worker_threads";

export interface Question {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** Results of a series of requests. */
export interface Answers {
  /** Milliseconds, in the order of the requests. */
  times: number[];
  /** The last answer. */
  status: number;
  body: string;
}

/** A client that sends one request again and again, one at a time. */
export interface Client {
  ask(times: number): Promise<Answers>;
  stop(): Promise<void>;
}

/** A client in a worker thread, so that its CPU time does not count as the server's. */
export function createClient(question: Question): Client {
  const worker = new Worker(`(${clientThread})(require)`, { eval: true, workerData: question, execArgv: [] });
  return {
    ask: (times) =>
      new Promise((resolve, reject) => {
        worker.removeAllListeners();
        worker.once("message", resolve).once("error", reject);
        worker.postMessage(times);
      }),
    async stop() {
      await worker.terminate();
    },
  };
}

/** Runs from its source text, so it must not use outer variables. */
function clientThread(require: NodeJS.Require) {
  const { Agent, request } = require("node:http") as typeof import("node:http");
  const { parentPort, workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  const { url, headers, body } = workerData as Question;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const askOnce = () =>
    new Promise<Answers>((resolve, reject) => {
      const start = performance.now();
      const sent = request(url, { method: "POST", headers, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const times = [performance.now() - start];
          resolve({ times, status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  parentPort!.on("message", async (count: number) => {
    const times: number[] = [];
    let last: Answers | undefined;
    for (let i = 0; i < count; i++) {
      last = await askOnce();
      times.push(last.times[0]!);
    }
    parentPort!.postMessage({ ...last, times });
  });
}
