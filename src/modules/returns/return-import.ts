import { copiedColumns } from "../addresses/address-copies.js";

/**
 * SQL for the import: gives a return a copy of its stock location's address without internal notes, because the
 * customer sees it. The copy's id derives from the return's id, which makes it idempotent.
 */
export function stockAddressesSql(where: string): string {
  const { publicly } = copiedColumns;
  return `
    WITH returned AS (
      SELECT s.seq, 'adr_' || md5(s.id) AS copy, s."row"->>'destination_address_id' AS original
      FROM import_resources s
      WHERE ${where}
        AND EXISTS (SELECT FROM stock_locations l WHERE l.address_id = s."row"->>'destination_address_id')
    ), copied AS (
      INSERT INTO addresses (id, mode, ${publicly})
      SELECT r.copy, a.mode, ${publicly} FROM returned r JOIN addresses a ON a.id = r.original
      ON CONFLICT (id) DO NOTHING
    )
    UPDATE import_resources s SET "row" = s."row" || jsonb_build_object('destination_address_id', r.copy)
    FROM returned r WHERE ${where} AND s.seq = r.seq`;
}
