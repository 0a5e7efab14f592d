-- A used refresh token gives its successor again for some seconds. The successor is derived from the token itself and this
-- salt: neither is kept in plain, and the salt is removed once it is no longer needed.
ALTER TABLE "refresh_tokens" ADD COLUMN "successor_salt" TEXT COLLATE "C";

-- By hand: only tokens with a salt are looked for by it.
CREATE INDEX "refresh_tokens_used_at_idx" ON "refresh_tokens"("used_at") WHERE "successor_salt" IS NOT NULL;
