CREATE TABLE "customer_password_resets" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "token_digest" TEXT COLLATE "C" NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "reset_password_at" TIMESTAMPTZ(3),
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_password_resets_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "customer_password_resets_customer_id_created_at_id_idx" ON "customer_password_resets"("customer_id", "created_at", "id");

ALTER TABLE "customer_password_resets" ADD CONSTRAINT "customer_password_resets_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "customer_password_resets" ADD CONSTRAINT "customer_password_resets_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
CREATE TRIGGER "customer_password_resets_touch" BEFORE UPDATE ON "customer_password_resets" FOR EACH ROW EXECUTE FUNCTION touch();
