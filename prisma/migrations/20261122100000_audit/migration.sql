-- A stand-in for the audit migration: only the columns and indexes that the live feed reads.
ALTER TABLE "event_stores"
  ADD COLUMN "customer_id" TEXT COLLATE "C",
  ADD COLUMN "transaction_id" BIGINT,
  ADD COLUMN "resource_version" INTEGER;
CREATE INDEX "event_stores_customer_id_transaction_id_id_idx" ON "event_stores"("customer_id", "transaction_id", "id");
CREATE INDEX "event_stores_transaction_id_id_idx" ON "event_stores"("transaction_id", "id");
