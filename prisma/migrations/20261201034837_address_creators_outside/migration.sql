-- Outside a transaction.

DROP INDEX CONCURRENTLY IF EXISTS "addresses_customer_id_created_at_id_idx";
CREATE INDEX CONCURRENTLY "addresses_customer_id_created_at_id_idx" ON "addresses"("customer_id", "created_at", "id");

ALTER TABLE "addresses" VALIDATE CONSTRAINT "addresses_customer_id_fkey";
