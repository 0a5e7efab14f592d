import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
];
places.push("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");

/** A real browser, which cannot reach anything but this machine. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? places.find((path) => existsSync(path));
  if (!executablePath || !existsSync(executablePath)) {
    throw new Error(
      "No browser was found. Install Chromium (Debian, Ubuntu: `apt-get install chromium`), or name one in CHROMIUM_PATH.",
    );
  }
  const flags = `--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync`;
  const unplugged = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
  return chromium.launch({ executablePath, args: [...flags.split(/\s+/), unplugged] });
}
