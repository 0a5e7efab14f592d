-- When this gateway learned of a request for an erasure, however it came: the grace counts from then, so a request that an
-- import brings, long after it was made elsewhere, can be called off here, too.
ALTER TABLE "customers" ADD COLUMN "anonymization_received_at" TIMESTAMPTZ(3);
UPDATE "customers" SET "anonymization_received_at" = coalesce("anonymization_requested_at", now())
    WHERE "anonymization_status" IN ('requested', 'started');
DROP INDEX "customers_anonymization_status_anonymization_requested_at_idx";
CREATE INDEX "customers_anonymization_status_anonymization_received_at_idx"
    ON "customers"("anonymization_status", "anonymization_received_at");

-- A new request begins with no attempt made, whoever writes it.
CREATE FUNCTION anonymization_received() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Rounded down: a moment later it is not in the future.
    NEW.anonymization_received_at := date_trunc('milliseconds', clock_timestamp());
    NEW.anonymization_attempts := 0;
    NEW.anonymization_retry_at := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER "customers_anonymization_received_inserted" BEFORE INSERT ON "customers" FOR EACH ROW
    WHEN (NEW.anonymization_status IN ('requested', 'started')) EXECUTE FUNCTION anonymization_received();
CREATE TRIGGER "customers_anonymization_received_updated" BEFORE UPDATE ON "customers" FOR EACH ROW
    WHEN (NEW.anonymization_status = 'requested' AND OLD.anonymization_status IS DISTINCT FROM 'requested'
        OR NEW.anonymization_status = 'started' AND NEW.anonymization_received_at IS NULL)
    EXECUTE FUNCTION anonymization_received();

-- The audit trail of customers, as before, without the new column, which is the worker's own.
CALL audit_table('customers', customer => 'r.id', tags => 'customer_tags',
    excluded => '{anonymization_reason,anonymization_cancellation_reason,anonymization_attempts,anonymization_retry_at,anonymization_received_at,anonymization_receipt,legal_hold_reason}',
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
