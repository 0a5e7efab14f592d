-- What the erasure of a customer needs beside its status: retries, the signed receipt, and a legal hold.
ALTER TABLE "customers"
    ADD COLUMN "anonymization_attempts" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "anonymization_retry_at" TIMESTAMPTZ(3),
    ADD COLUMN "anonymization_receipt" TEXT COLLATE "C",
    ADD COLUMN "legal_hold_at" TIMESTAMPTZ(3),
    ADD COLUMN "legal_hold_reason" TEXT,
    ADD COLUMN "legal_hold_requester" JSONB;
CREATE INDEX "customers_anonymization_status_anonymization_requested_at_idx"
    ON "customers"("anonymization_status", "anonymization_requested_at");

-- The audit trail of customers, as before, without what is new and personal or of the worker's own.
CALL audit_table('customers', customer => 'r.id', tags => 'customer_tags',
    excluded => '{anonymization_reason,anonymization_cancellation_reason,anonymization_attempts,anonymization_retry_at,anonymization_receipt,legal_hold_reason}',
    masked => '{password_digest AS password}',
    events => true,
    on_insert => ARRAY[['create_password', 'n.has_password']],
    on_update => ARRAY[
        ['acquired', becomes('status', 'acquired')],
        ['repeat', becomes('status', 'repeat')],
        ['create_password', 'n.has_password AND NOT o.has_password'],
        ['metadata_update', 'n.metadata <> o.metadata'],
        ['anonymization_started', becomes('anonymization_status', 'started')],
        ['anonymization_completed', becomes('anonymization_status', 'completed')],
        ['anonymization_failed', becomes('anonymization_status', 'failed')],
        ['anonymization_cancelled', becomes('anonymization_status', 'cancelled')]],
    -- The names of the API: a request and its cancellation are what somebody does, the rest is what happens.
    special_event => $$CASE WHEN n.anonymization_status IS DISTINCT FROM o.anonymization_status THEN
        CASE n.anonymization_status
            WHEN 'requested' THEN 'anonymization_request'
            WHEN 'cancelled' THEN 'anonymization_cancel'
            ELSE 'anonymization_' || n.anonymization_status
        END
    END$$,
    special_payload => $$(
        SELECT jsonb_object_agg(key, value) FROM (VALUES
            ('status', to_jsonb(n.anonymization_status)),
            ('requested_at', to_jsonb(api_time(n.anonymization_requested_at))),
            ('started_at', to_jsonb(api_time(n.anonymization_started_at))),
            ('completed_at', to_jsonb(api_time(n.anonymization_completed_at))),
            ('failed_at', to_jsonb(api_time(n.anonymization_failed_at))),
            ('cancelled_at', to_jsonb(api_time(n.anonymization_cancelled_at))),
            ('requester', n.anonymization_requester),
            ('cancellation_requester', n.anonymization_cancellation_requester)
        ) info (key, value) WHERE value IS NOT NULL)$$,
    special_columns => ARRAY[
        'anonymization_status', 'anonymization_requested_at', 'anonymization_started_at',
        'anonymization_completed_at', 'anonymization_failed_at', 'anonymization_cancelled_at',
        'anonymization_requester', 'anonymization_cancellation_requester']);

-- An address or a payment source is made before anything says whose it is. What the audit trail says of its making is
-- that customer's from the moment that somebody says so, and stays so after the row is gone: erasure finds it there.
CREATE FUNCTION claim_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'customer_addresses' THEN
            UPDATE event_stores e SET customer_id = n.customer_id FROM new_rows n
            WHERE e.resource_type = 'addresses' AND e.resource_id = n.address_id AND e.customer_id IS NULL;
        WHEN 'customer_payment_sources' THEN
            UPDATE event_stores e SET customer_id = n.customer_id FROM new_rows n
            WHERE e.resource_type = 'payment_sources' AND e.resource_id = n.payment_source_id AND e.customer_id IS NULL;
        WHEN 'orders' THEN
            UPDATE event_stores e SET customer_id = n.customer_id FROM new_rows n
            WHERE e.resource_type = 'addresses' AND e.resource_id = n.shipping_address_id AND e.customer_id IS NULL
                AND n.customer_id IS NOT NULL;
            UPDATE event_stores e SET customer_id = n.customer_id FROM new_rows n
            WHERE e.resource_type = 'addresses' AND e.resource_id = n.billing_address_id AND e.customer_id IS NULL
                AND n.customer_id IS NOT NULL;
        WHEN 'returns' THEN
            UPDATE event_stores e SET customer_id = n.customer_id FROM new_rows n
            WHERE e.resource_type = 'addresses' AND e.resource_id = n.origin_address_id AND e.customer_id IS NULL
                AND n.customer_id IS NOT NULL;
    END CASE;
    RETURN NULL;
END $$;
CREATE TRIGGER "customer_addresses_claim_inserted" AFTER INSERT ON "customer_addresses" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "customer_addresses_claim_updated" AFTER UPDATE ON "customer_addresses" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "customer_payment_sources_claim_inserted" AFTER INSERT ON "customer_payment_sources" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "customer_payment_sources_claim_updated" AFTER UPDATE ON "customer_payment_sources" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "orders_claim_inserted" AFTER INSERT ON "orders" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "orders_claim_updated" AFTER UPDATE ON "orders" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "returns_claim_inserted" AFTER INSERT ON "returns" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
CREATE TRIGGER "returns_claim_updated" AFTER UPDATE ON "returns" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION claim_entries();
