// node --import ./test/support/typescript.mjs script.ts: a process of its own that runs TypeScript as Jest's workers do.
import { readFile } from "node:fs/promises";
import { createRequire, register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

// Node runs the hooks below in a thread, which loads this file again.
if (isMainThread) register(import.meta.url);

const require = createRequire(import.meta.url);

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!/^\..*\.js$/.test(specifier)) throw error;
    return next(specifier.replace(/\.js$/, ".ts"), context);
  }
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const filename = fileURLToPath(url);
  const [, options] = Object.values(require("../../package.json").jest.transform)[0];
  const { code } = await require("@swc/core").transform(await readFile(filename, "utf8"), {
    ...options,
    filename,
    sourceMaps: "inline",
    swcrc: false,
  });
  return { format: "module", source: code, shortCircuit: true };
}
