-- Erasure looks for all entries of a customer, with a transaction or without (imported ones have none).
DROP INDEX "event_stores_customer_id_transaction_id_id_idx";
CREATE INDEX "event_stores_customer_id_transaction_id_id_idx" ON "event_stores"("customer_id", "transaction_id", "id")
    WHERE "customer_id" IS NOT NULL;

-- And for those by which something went to another customer, whose entries they are.
CREATE INDEX "event_stores_former_customer_idx" ON "event_stores" (("payload" -> 'customer_id' ->> 'from'))
    WHERE "payload" -> 'customer_id' ->> 'from' IS NOT NULL;

-- An address or a payment source is claimed where a row says anew whose it is: what an order is paid with, too. Each
-- table has functions of its own, since theirs are the columns. What they do is one step in an index; the plan is kept
-- while the table grows under it, as in an import, so it must not be that for a small one.
DO $$
DECLARE
    claim record;
    name text;
    changed text;
    targets text;
BEGIN
    FOR claim IN SELECT * FROM (VALUES
        ('customer_addresses', 'addresses', '{address_id}'::text[]),
        ('customer_payment_sources', 'payment_sources', '{payment_source_id}'),
        ('orders', 'addresses', '{shipping_address_id,billing_address_id}'),
        ('orders', 'payment_sources', '{payment_source_id}'),
        ('returns', 'addresses', '{origin_address_id}')) claims (of, type, columns)
    LOOP
        name := claim.of || '_claim_' || claim.type;
        targets := (SELECT string_agg(format('NEW.%I', c), ', ') FROM unnest(claim.columns) c);
        changed := (SELECT string_agg(format('NEW.%1$I IS DISTINCT FROM OLD.%1$I', c), ' OR ')
            FROM unnest(array_prepend('customer_id', claim.columns)) c);
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', claim.of || '_claim_inserted', claim.of);
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', claim.of || '_claim_updated', claim.of);
        EXECUTE format($f$
            CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $body$
            BEGIN
                UPDATE event_stores e SET customer_id = NEW.customer_id
                WHERE e.resource_id IN (%s) AND e.resource_type = %L AND e.customer_id IS NULL;
                RETURN NULL;
            END $body$ $f$, name, targets, claim.type);
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I FOR EACH ROW
            WHEN (NEW.customer_id IS NOT NULL AND coalesce(%s) IS NOT NULL) EXECUTE FUNCTION %I()',
            name || '_inserted', claim.of, targets, name);
        EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %I FOR EACH ROW
            WHEN (NEW.customer_id IS NOT NULL AND coalesce(%s) IS NOT NULL AND (%s)) EXECUTE FUNCTION %I()',
            name || '_updated', claim.of, targets, changed, name);
    END LOOP;
END $$;
DROP FUNCTION claim_entries();
