-- Outside a transaction.

DROP INDEX CONCURRENTLY IF EXISTS "addresses_first_name_idx";
CREATE INDEX CONCURRENTLY "addresses_first_name_idx" ON "addresses" USING GIN ("first_name" gin_trgm_ops);

DROP INDEX CONCURRENTLY IF EXISTS "addresses_last_name_idx";
CREATE INDEX CONCURRENTLY "addresses_last_name_idx" ON "addresses" USING GIN ("last_name" gin_trgm_ops);

DROP INDEX CONCURRENTLY IF EXISTS "addresses_company_idx";
CREATE INDEX CONCURRENTLY "addresses_company_idx" ON "addresses" USING GIN ("company" gin_trgm_ops);
