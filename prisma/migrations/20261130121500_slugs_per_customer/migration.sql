-- A slug is unique among the lists of one customer, or of the shop, so that the slug of a new list tells of nobody else's.
-- The shop's lists have no customer, and are told apart all the same.
DROP INDEX "sku_lists_mode_slug_key";
CREATE UNIQUE INDEX "sku_lists_mode_slug_customer_id_key" ON "sku_lists"("mode", "slug", "customer_id") NULLS NOT DISTINCT;
