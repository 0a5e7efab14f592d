-- The row that an entry of the audit trail says its own row belongs to, or is about, by the key that leads there.
CREATE FUNCTION audit_owner(payload jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(
        payload -> 'order_id' ->> 'to',
        payload -> 'return_id' ->> 'to',
        payload -> 'order_subscription_id' ->> 'to',
        payload -> 'source_order_id' ->> 'to',
        payload -> 'sku_list_id' ->> 'to',
        payload -> 'attachable_id' ->> 'to');

-- What belonged to rows without a customer, and is gone, is found by it when the customer of their e-mail address is erased.
CREATE INDEX "event_stores_owner_idx" ON "event_stores" (audit_owner("payload"))
    WHERE "customer_id" IS NULL AND audit_owner("payload") IS NOT NULL;
