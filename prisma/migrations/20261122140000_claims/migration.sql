-- Erasure looks for all entries of a customer, with a transaction or without (imported ones have none).
DROP INDEX "event_stores_customer_id_transaction_id_id_idx";
CREATE INDEX "event_stores_customer_id_transaction_id_id_idx" ON "event_stores"("customer_id", "transaction_id", "id")
    WHERE "customer_id" IS NOT NULL;

-- What an order is paid with is its customer's too. One function for all: the arguments are the type of the resources,
-- and the columns with their ids. Rows that are made claim entries as they come, by statement.
CREATE OR REPLACE FUNCTION claim_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_stores e SET customer_id = n.customer_id
    FROM (SELECT r ->> 'customer_id' AS customer_id, r ->> name AS id
        FROM (SELECT to_jsonb(new_rows) FROM new_rows WHERE customer_id IS NOT NULL) rows (r), unnest(TG_ARGV[1:]) name) n
    WHERE e.resource_type = TG_ARGV[0] AND e.resource_id = n.id AND e.customer_id IS NULL;
    RETURN NULL;
END $$;

-- A change claims entries only if it says anew whose an address or a payment source is.
CREATE FUNCTION claim_entries_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_stores e SET customer_id = NEW.customer_id
    WHERE e.resource_type = TG_ARGV[0] AND e.customer_id IS NULL
        AND e.resource_id IN (SELECT to_jsonb(NEW) ->> name FROM unnest(TG_ARGV[1:]) name);
    RETURN NULL;
END $$;

DO $$
DECLARE
    claim record;
    arguments text;
    changed text;
BEGIN
    FOR claim IN SELECT * FROM (VALUES
        ('customer_addresses', 'addresses', '{address_id}'::text[]),
        ('customer_payment_sources', 'payment_sources', '{payment_source_id}'),
        ('orders', 'addresses', '{shipping_address_id,billing_address_id}'),
        ('orders', 'payment_sources', '{payment_source_id}'),
        ('returns', 'addresses', '{origin_address_id}')) claims (of, type, columns)
    LOOP
        arguments := (SELECT string_agg(quote_literal(word), ', ') FROM unnest(array_prepend(claim.type, claim.columns)) word);
        changed := (SELECT string_agg(format('NEW.%1$I IS DISTINCT FROM OLD.%1$I', name), ' OR ')
            FROM unnest(array_prepend('customer_id', claim.columns)) name);
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', claim.of || '_claim_inserted', claim.of);
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', claim.of || '_claim_updated', claim.of);
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION claim_entries(%s)',
            claim.of || '_claim_inserted_' || claim.type, claim.of, arguments);
        EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %I FOR EACH ROW
            WHEN (NEW.customer_id IS NOT NULL AND (%s)) EXECUTE FUNCTION claim_entries_of_row(%s)',
            claim.of || '_claim_updated_' || claim.type, claim.of, changed, arguments);
    END LOOP;
END $$;
