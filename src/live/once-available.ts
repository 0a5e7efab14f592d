import { setTimeout as sleep } from "node:timers/promises";
import { isUnavailable } from "../database/unavailable.js";

/** Retries while the database is unavailable; undefined if `isOver` meanwhile. */
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
