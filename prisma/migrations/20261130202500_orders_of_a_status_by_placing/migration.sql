-- The orders of a status in the order of the list, those not placed apart: without it they are looked for among all that
-- was placed lately, or are all read and sorted. Writes to orders wait while it is made, some 10 seconds a million of them;
-- who cannot have that makes it before, with this name, by CREATE INDEX CONCURRENTLY.
CREATE INDEX IF NOT EXISTS "orders_mode_status_placed_at_created_at_id_idx" ON "orders"("mode", "status", "placed_at", "created_at", "id");
