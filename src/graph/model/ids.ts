import { randomBytes } from "node:crypto";
import { type ModelName, modelNamed } from "./datamodel.js";

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
let lastTime = 0;

/** A number in base 36, padded to a fixed length. */
function base36(value: number, length: number): string {
  let text = "";
  let remainder = value;
  for (let i = 0; i < length; i++) {
    text = alphabet[remainder % 36] + text;
    remainder = Math.floor(remainder / 36);
  }
  return text;
}

/**
 * A new id such as `cus_mi9f3k2a0001x7k2p9q4`: the model's prefix, the time in milliseconds (9 digits of base 36), and
 * 60 random bits. The ids of one process sort in creation order.
 */
export function newId(model: ModelName, now = Date.now()): string {
  lastTime = Math.max(now, lastTime + 1);
  const random = randomBytes(8).readBigUInt64BE() & ((1n << 60n) - 1n);
  return `${modelNamed(model).prefix}_${base36(lastTime, 9)}${random.toString(36).padStart(12, "0")}`;
}
