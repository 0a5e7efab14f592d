import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { Query } from "../../database/client.js";
import { UserInputError } from "../../errors.js";
import type { Viewer } from "../access/viewer.js";
import { type AnyRow, canonicalJson } from "./transaction.js";
import type { UserError } from "./user-error.type.js";

/** Retention of a stored outcome. */
const hours = 24;

/**
 * Outcome of a mutation: ids and plain values from which its payload is built. `userErrors` are those of rejected rows
 * if the others succeeded; `first` are the rows that a retry shows, by payload field.
 */
export type Outcome = Record<string, unknown> & {
  userErrors?: readonly UserError[];
  first?: Readonly<Record<string, AnyRow>>;
};

/**
 * An idempotency key of a caller. The key itself is not stored: the record's id is a hash, its outcome is encrypted
 * with a key derived from it, and the fingerprint of the arguments is keyed, so that the table reveals nothing.
 */
export class IdempotencyKey {
  private readonly id: string;
  private readonly fingerprint: string;

  constructor(
    private readonly viewer: Viewer,
    private readonly key: string,
    field: string,
    args: unknown,
  ) {
    const { kind, applicationId, mode, owner } = viewer;
    const callerId = kind === "customer" ? viewer.customerId : (owner?.id ?? "");
    this.id = createHash("sha256")
      .update(canonicalJson([mode, kind, applicationId, callerId, key]))
      .digest("hex");
    this.fingerprint = createHmac("sha256", key)
      .update(canonicalJson([field, args]))
      .digest("hex");
  }

  /**
   * Claims the key for the running transaction, or returns the outcome of the write that used it; concurrent requests
   * with one key are serialised.
   */
  async claim(query: Query): Promise<Outcome | undefined> {
    // Each write deletes more expired records than it adds.
    await query(
      `DELETE FROM "idempotency_records" WHERE "id" IN
         (SELECT "id" FROM "idempotency_records" WHERE "expires_at" < now() ORDER BY "expires_at" LIMIT 5 FOR UPDATE SKIP LOCKED)`,
      [],
    );
    const claimed = await query(
      `INSERT INTO "idempotency_records" ("id", "mode", "fingerprint", "expires_at")
       VALUES ($1, $2::"mode", $3, now() + interval '${hours} hours')
       ON CONFLICT ("id") DO UPDATE SET "fingerprint" = excluded."fingerprint", "outcome" = NULL,
         "expires_at" = excluded."expires_at", "created_at" = now()
       WHERE "idempotency_records"."expires_at" < now() RETURNING 1`,
      [this.id, this.viewer.mode, this.fingerprint],
    );
    if (claimed.length) return undefined;
    return (await this.find(query))!;
  }

  /** Returns the stored outcome of the key, or rejects the key if it was used with other arguments. */
  async find(query: Query): Promise<Outcome | undefined> {
    const [row] = (await query(
      `SELECT "fingerprint", "outcome" FROM "idempotency_records" WHERE "id" = $1 AND "expires_at" >= now()`,
      [this.id],
    )) as [string, Buffer][];
    if (!row) return undefined;
    const [fingerprint, outcome] = row;
    if (fingerprint !== this.fingerprint) {
      throw new UserInputError(
        ["idempotent", "key"],
        "was used before, with another mutation or other arguments; use a new key for a new change.",
      );
    }
    return this.decrypt(outcome);
  }

  /** Stores the outcome in the transaction of the write. */
  async store(query: Query, outcome: Outcome): Promise<void> {
    await query(`UPDATE "idempotency_records" SET "outcome" = $2 WHERE "id" = $1`, [this.id, this.encrypt(outcome)]);
  }

  private encryptionKey(salt: Buffer): Buffer {
    return Buffer.from(hkdfSync("sha256", this.key, salt, this.id, 32));
  }

  private encrypt(outcome: Outcome): Buffer {
    const salt = randomBytes(16);
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.encryptionKey(salt), nonce);
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(outcome)), cipher.final()]);
    return Buffer.concat([salt, nonce, cipher.getAuthTag(), ciphertext]);
  }

  private decrypt(encrypted: Buffer): Outcome {
    const [salt, nonce] = [encrypted.subarray(0, 16), encrypted.subarray(16, 28)];
    const decipher = createDecipheriv("aes-256-gcm", this.encryptionKey(salt), nonce);
    decipher.setAuthTag(encrypted.subarray(28, 44));
    const text = Buffer.concat([decipher.update(encrypted.subarray(44)), decipher.final()]).toString();
    return JSON.parse(text) as Outcome;
  }
}
