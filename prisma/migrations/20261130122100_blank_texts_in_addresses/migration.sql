-- What an address is called follows from its columns, of which an empty or blank one is as good as none: `1 Road, 1 Town
-- (DE) 1`, not `1 Road , 1 Town  (DE) 1`. Generated columns get another expression by being made anew, in PostgreSQL 14
-- as in later ones. Indexes and triggers of the other columns stay.
CREATE FUNCTION shown_text("text" TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(btrim("text", E' \t\n\r\f\v\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'), '');

ALTER TABLE "addresses"
    DROP COLUMN "full_name",
    DROP COLUMN "full_address",
    DROP COLUMN "name",
    ADD COLUMN "full_name" TEXT NOT NULL GENERATED ALWAYS AS (
        coalesce(CASE WHEN "business" THEN shown_text("company") END, btrim(coalesce(shown_text("first_name"), '') || ' ' || coalesce(shown_text("last_name"), '')))
    ) STORED,
    ADD COLUMN "full_address" TEXT NOT NULL GENERATED ALWAYS AS (
        coalesce(nullif(btrim(coalesce(shown_text("line_1"), '') || ' ' || coalesce(shown_text("line_2"), '')), '') || ', ', '')
            || coalesce(shown_text("zip_code") || ' ', '') || coalesce(shown_text("city") || ' ', '') || coalesce(shown_text("state_code") || ' ', '')
            || '(' || "country_code" || ')' || coalesce(' ' || shown_text("phone"), '')
    ) STORED,
    ADD COLUMN "name" TEXT NOT NULL GENERATED ALWAYS AS (
        coalesce(nullif(coalesce(CASE WHEN "business" THEN shown_text("company") END, btrim(coalesce(shown_text("first_name"), '') || ' ' || coalesce(shown_text("last_name"), ''))), '') || ', ', '')
            || coalesce(nullif(btrim(coalesce(shown_text("line_1"), '') || ' ' || coalesce(shown_text("line_2"), '')), '') || ', ', '')
            || coalesce(shown_text("zip_code") || ' ', '') || coalesce(shown_text("city") || ' ', '') || coalesce(shown_text("state_code") || ' ', '')
            || '(' || "country_code" || ')' || coalesce(' ' || shown_text("phone"), '')
    ) STORED;

CREATE INDEX "addresses_full_name_idx" ON "addresses" USING GIN ("full_name" gin_trgm_ops);
