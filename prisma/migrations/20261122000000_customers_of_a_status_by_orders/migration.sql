-- The customers of a status, the best first: without it a page of a rare status walks through all others.
CREATE INDEX "customers_mode_status_total_orders_count_id_idx" ON "customers"("mode", "status", "total_orders_count", "id");
