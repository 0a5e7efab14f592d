import { setTimeout as sleep } from "node:timers/promises";
import { isUnavailable } from "../database/unavailable.js";

/** Does it again for as long as the database cannot be reached; undefined if nobody waits for it any more. */
export async function onceAvailable<T>(work: () => Promise<T>, isOver: () => boolean): Promise<T | undefined> {
  for (let waitMs = 50; !isOver(); waitMs = Math.min(waitMs * 2, 500)) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
    await sleep(waitMs, undefined, { ref: false });
  }
  return undefined;
}
