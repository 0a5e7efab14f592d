import type pg from "pg";
import type { Query } from "../database/client.js";
import { erase } from "../erasure/erase.js";
import { manifestDigest } from "../graph/model/manifest.js";
import type { SigningKeys } from "../identity/keys.js";
import type { Revocations } from "../identity/revocations.js";
import { endSessionsOf } from "../identity/sessions.js";
import { signReceipt } from "../modules/anonymization/receipt.js";

/** What an erasure needs besides the database: its receipt is signed, and the customer's tokens are revoked. */
export interface ErasureResources {
  keys: SigningKeys;
  issuer: string;
  revocations: Revocations;
  now: () => Date;
}

/**
 * Erases what is stored of customers whom the staged documents state as anonymized, before these documents are merged: the
 * rows then hold what the documents say, and nothing of before. The receipt says what was erased here.
 */
export async function eraseStated(client: pg.Client, resources: ErasureResources | undefined): Promise<void> {
  const { rows } = await client.query(`
    SELECT c.id, c.mode, s."row"->>'anonymization_requested_at' AS requested, s."row"->>'anonymization_started_at' AS started,
      s."row"->>'updated_at' AS updated
    FROM import_resources s JOIN customers c ON c.id = s.id AND c.mode = s.mode
    WHERE s.model = 'Customer' AND s."row"->>'anonymization_status' = 'completed'
      AND c.anonymization_status IS DISTINCT FROM 'completed' ORDER BY c.id`);
  const query: Query = async (text, values) =>
    (await client.query({ text, values: [...values], rowMode: "array" })).rows;
  for (const { id, mode, requested, started, updated } of rows) {
    await client.query("BEGIN");
    const endSessions = resources ? await endSessionsOf(resources, query, id) : () => {};
    // Erased values must not reappear as the audit trail's "from", and times stay those of the documents.
    const configure =
      "SELECT set_config('customer_graph.audit', $1, true), set_config('customer_graph.versions', $2, true)";
    await client.query(configure, ["off", "stated"]);
    const erased = await erase(query, id);
    if (resources) {
      const { issuer, keys, now } = resources;
      const completedAt = now().toISOString();
      const receipt = await signReceipt(
        {
          ...{ issuer, customerId: id, mode, manifestDigest, rows: erased, completedAt },
          requestedAt: requested ?? updated ?? completedAt,
          startedAt: started ?? requested ?? updated ?? completedAt,
        },
        keys,
      );
      await query("UPDATE customers SET anonymization_receipt = $2 WHERE id = $1", [id, receipt]);
    }
    await client.query(configure, ["on", ""]);
    await client.query("COMMIT");
    endSessions();
  }
}
