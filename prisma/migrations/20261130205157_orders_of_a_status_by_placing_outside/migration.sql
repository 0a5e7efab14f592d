-- Outside a transaction.

-- Orders of a status in the order of their list, those not placed apart: without these they are looked for among all that
-- was placed lately, or are all read and sorted.

DROP INDEX CONCURRENTLY IF EXISTS "orders_mode_status_placed_at_created_at_id_idx";
CREATE INDEX CONCURRENTLY "orders_mode_status_placed_at_created_at_id_idx" ON "orders"("mode", "status", "placed_at", "created_at", "id");

DROP INDEX CONCURRENTLY IF EXISTS "orders_mode_payment_status_placed_at_created_at_id_idx";
CREATE INDEX CONCURRENTLY "orders_mode_payment_status_placed_at_created_at_id_idx" ON "orders"("mode", "payment_status", "placed_at", "created_at", "id");

DROP INDEX CONCURRENTLY IF EXISTS "orders_mode_fulfillment_status_placed_at_created_at_id_idx";
CREATE INDEX CONCURRENTLY "orders_mode_fulfillment_status_placed_at_created_at_id_idx" ON "orders"("mode", "fulfillment_status", "placed_at", "created_at", "id");
