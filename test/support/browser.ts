import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { projectRoot } from "../../src/paths.js";

const installed = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Starts a real browser that can reach this machine only. */
export async function launchBrowser(): Promise<Browser> {
  const { executablePath, env } = await findBrowser();
  const flags = `--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync`;
  const offline = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
  return chromium.launch({ executablePath, env, args: [...flags.split(/\s+/), offline] });
}

/** The browser of CHROMIUM_PATH, else an installed one, else that of a package. */
async function findBrowser(): Promise<{ executablePath: string; env?: Record<string, string> }> {
  const named = process.env.CHROMIUM_PATH;
  if (named && !existsSync(named)) throw new Error(`CHROMIUM_PATH names ${named}, which does not exist.`);
  const executablePath = named ?? installed.find((path) => existsSync(path));
  if (executablePath) return { executablePath };
  if (process.platform === "linux" && process.arch === "x64") return unpackedBrowser();
  throw new Error("No browser was found: install Chromium or Chrome, or name one in CHROMIUM_PATH.");
}

/**
 * The Chromium of the package @sparticuz/chromium, unpacked once, with the libraries and the fonts that a machine without
 * a desktop lacks.
 */
async function unpackedBrowser() {
  const { devDependencies } = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8"));
  const cache = join(projectRoot, "node_modules", ".cache");
  const folder = join(cache, `chromium-${devDependencies["@sparticuz/chromium"]}`);
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const unpacked = await mkdtemp(join(cache, "chromium-"));
    // It unpacks into TMPDIR, and its libraries only if it detects AWS Lambda.
    const unpack = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
    const env = { TMPDIR: unpacked, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" };
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", unpack], { cwd: projectRoot, env });
    // Atomic rename: several test files may do this at once.
    await rename(unpacked, folder).catch(() => rm(unpacked, { recursive: true, force: true }));
  }
  const paths = { FONTCONFIG_PATH: join(folder, "fonts"), LD_LIBRARY_PATH: join(folder, "al2023", "lib") };
  return { executablePath: join(folder, "chromium"), env: { ...process.env, ...paths } as Record<string, string> };
}
