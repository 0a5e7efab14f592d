-- Erasure looks for all entries of a customer, with a transaction or without (imported ones have none).
DROP INDEX "event_stores_customer_id_transaction_id_id_idx";
CREATE INDEX "event_stores_customer_id_transaction_id_id_idx" ON "event_stores"("customer_id", "transaction_id", "id")
    WHERE "customer_id" IS NOT NULL;

-- A change of a row claims entries only if it says anew whose an address or a payment source is. The arguments: the
-- type of the resources, and the columns with their ids.
CREATE FUNCTION claim_entries_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_stores e SET customer_id = NEW.customer_id
    WHERE e.resource_type = TG_ARGV[0] AND e.customer_id IS NULL
        AND e.resource_id IN (SELECT to_jsonb(NEW) ->> name FROM unnest(TG_ARGV[1:]) name);
    RETURN NULL;
END $$;

DROP TRIGGER "customer_addresses_claim_updated" ON "customer_addresses";
CREATE TRIGGER "customer_addresses_claim_updated" AFTER UPDATE ON "customer_addresses" FOR EACH ROW
    WHEN ((NEW.customer_id, NEW.address_id) IS DISTINCT FROM (OLD.customer_id, OLD.address_id))
    EXECUTE FUNCTION claim_entries_of_row('addresses', 'address_id');

DROP TRIGGER "customer_payment_sources_claim_updated" ON "customer_payment_sources";
CREATE TRIGGER "customer_payment_sources_claim_updated" AFTER UPDATE ON "customer_payment_sources" FOR EACH ROW
    WHEN ((NEW.customer_id, NEW.payment_source_id) IS DISTINCT FROM (OLD.customer_id, OLD.payment_source_id))
    EXECUTE FUNCTION claim_entries_of_row('payment_sources', 'payment_source_id');

DROP TRIGGER "orders_claim_updated" ON "orders";
CREATE TRIGGER "orders_claim_updated" AFTER UPDATE ON "orders" FOR EACH ROW
    WHEN (NEW.customer_id IS NOT NULL AND (NEW.customer_id, NEW.shipping_address_id, NEW.billing_address_id)
        IS DISTINCT FROM (OLD.customer_id, OLD.shipping_address_id, OLD.billing_address_id))
    EXECUTE FUNCTION claim_entries_of_row('addresses', 'shipping_address_id', 'billing_address_id');

DROP TRIGGER "returns_claim_updated" ON "returns";
CREATE TRIGGER "returns_claim_updated" AFTER UPDATE ON "returns" FOR EACH ROW
    WHEN (NEW.customer_id IS NOT NULL AND (NEW.customer_id, NEW.origin_address_id)
        IS DISTINCT FROM (OLD.customer_id, OLD.origin_address_id))
    EXECUTE FUNCTION claim_entries_of_row('addresses', 'origin_address_id');
