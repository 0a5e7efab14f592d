-- What a mutation with an idempotency key came to, so that a retry gets the same. Written in the mutation's transaction.
CREATE TABLE "idempotency_records" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "fingerprint" TEXT COLLATE "C" NOT NULL,
    "outcome" BYTEA,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_records_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "idempotency_records_expires_at_idx" ON "idempotency_records"("expires_at");

-- Numbers of new orders and recurring orders: from one sequence each, beyond what was imported or seeded.
CREATE SEQUENCE "order_numbers" START 100000;
CREATE SEQUENCE "order_subscription_numbers" START 100000;
