-- Who may ask for access tokens, and which of those given out are no longer good.
-- By hand, as in the first migration: machine words are COLLATE "C".

-- CreateEnum
CREATE TYPE "application_kind" AS ENUM ('sales_channel', 'integration', 'webapp');

-- CreateTable
CREATE TABLE "applications" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "application_kind" NOT NULL,
    "client_id" TEXT COLLATE "C" NOT NULL,
    "secret_digest" TEXT COLLATE "C",
    "permissions" TEXT[] COLLATE "C" NOT NULL DEFAULT ARRAY[]::TEXT[],
    "access_token_seconds" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "applications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "id" TEXT COLLATE "C" NOT NULL,
    "first_name" TEXT,
    "last_name" TEXT,
    "email" TEXT COLLATE "C" NOT NULL,
    "permissions" TEXT[] COLLATE "C" NOT NULL DEFAULT ARRAY[]::TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "refresh_tokens" (
    "id" TEXT COLLATE "C" NOT NULL,
    "family_id" TEXT COLLATE "C" NOT NULL,
    "application_id" TEXT COLLATE "C" NOT NULL,
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "scope" TEXT COLLATE "C" NOT NULL,
    "market_ids" TEXT[] COLLATE "C" NOT NULL DEFAULT ARRAY[]::TEXT[],
    "stock_location_ids" TEXT[] COLLATE "C" NOT NULL DEFAULT ARRAY[]::TEXT[],
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "refresh_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "revocations" (
    "id" TEXT COLLATE "C" NOT NULL,
    "before" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "revocations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "applications_client_id_key" ON "applications"("client_id");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE INDEX "refresh_tokens_family_id_idx" ON "refresh_tokens"("family_id");

-- CreateIndex
CREATE INDEX "refresh_tokens_customer_id_idx" ON "refresh_tokens"("customer_id");

-- CreateIndex
CREATE INDEX "refresh_tokens_application_id_idx" ON "refresh_tokens"("application_id");

-- CreateIndex
CREATE INDEX "refresh_tokens_expires_at_idx" ON "refresh_tokens"("expires_at");

-- CreateIndex
CREATE INDEX "revocations_created_at_idx" ON "revocations"("created_at");

-- CreateIndex
CREATE INDEX "revocations_expires_at_idx" ON "revocations"("expires_at");

-- AddForeignKey
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "applications"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: only public applications live without a secret, and no token lives for more than a day or less than a minute.
ALTER TABLE "applications" ADD CONSTRAINT "applications_secret" CHECK ("kind" = 'sales_channel' OR "secret_digest" IS NOT NULL);
ALTER TABLE "applications" ADD CONSTRAINT "applications_access_token_seconds" CHECK ("access_token_seconds" BETWEEN 60 AND 86400);
