-- Members of the staff sign in to web applications: a refresh token is either a customer's or theirs.
ALTER TABLE "refresh_tokens" ALTER COLUMN "customer_id" DROP NOT NULL;
ALTER TABLE "refresh_tokens" ADD COLUMN "user_id" TEXT COLLATE "C";

-- CreateIndex
CREATE INDEX "refresh_tokens_user_id_idx" ON "refresh_tokens"("user_id");

-- AddForeignKey
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: somebody owns it, and one alone.
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_owner" CHECK (num_nonnulls("customer_id", "user_id") = 1);
