-- What carries a customer's e-mail address and leads to no customer is found by that address when the customer is erased.
CREATE INDEX "addresses_mode_email_idx" ON "addresses"("mode", "email");

-- The same for entries of the audit trail about what is gone and never had a customer. PostgreSQL keeps no values of it.
CREATE INDEX "event_stores_customer_email_idx" ON "event_stores" (("payload" -> 'customer_email' ->> 'to'))
    WHERE "customer_id" IS NULL AND "payload" -> 'customer_email' ->> 'to' IS NOT NULL;
ALTER INDEX "event_stores_customer_email_idx" ALTER COLUMN 1 SET STATISTICS 0;

-- The customer of whatever a row may be about. Rows are about rows that may be about others in their turn.
CREATE FUNCTION customer_of(type text, id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    above record;
BEGIN
    CASE type
        WHEN 'customers' THEN RETURN id;
        WHEN 'customer_addresses' THEN RETURN (SELECT r.customer_id FROM customer_addresses r WHERE r.id = customer_of.id);
        WHEN 'customer_payment_sources' THEN RETURN (SELECT r.customer_id FROM customer_payment_sources r WHERE r.id = customer_of.id);
        WHEN 'customer_subscriptions' THEN RETURN (SELECT r.customer_id FROM customer_subscriptions r WHERE r.id = customer_of.id);
        WHEN 'customer_password_resets' THEN RETURN (SELECT r.customer_id FROM customer_password_resets r WHERE r.id = customer_of.id);
        WHEN 'orders' THEN RETURN (SELECT r.customer_id FROM orders r WHERE r.id = customer_of.id);
        WHEN 'order_subscriptions' THEN RETURN (SELECT r.customer_id FROM order_subscriptions r WHERE r.id = customer_of.id);
        WHEN 'returns' THEN RETURN (SELECT r.customer_id FROM returns r WHERE r.id = customer_of.id);
        WHEN 'sku_lists' THEN RETURN (SELECT r.customer_id FROM sku_lists r WHERE r.id = customer_of.id);
        WHEN 'line_items' THEN
            RETURN (SELECT o.customer_id FROM line_items r JOIN orders o ON o.id = r.order_id WHERE r.id = customer_of.id);
        WHEN 'order_subscription_items' THEN
            RETURN (SELECT s.customer_id FROM order_subscription_items r JOIN order_subscriptions s ON s.id = r.order_subscription_id
                    WHERE r.id = customer_of.id);
        WHEN 'return_line_items' THEN
            RETURN (SELECT b.customer_id FROM return_line_items r JOIN returns b ON b.id = r.return_id WHERE r.id = customer_of.id);
        WHEN 'sku_list_items' THEN
            RETURN (SELECT l.customer_id FROM sku_list_items r JOIN sku_lists l ON l.id = r.sku_list_id WHERE r.id = customer_of.id);
        WHEN 'addresses' THEN
            RETURN coalesce(
                (SELECT l.customer_id FROM customer_addresses l WHERE l.address_id = customer_of.id ORDER BY l.id LIMIT 1),
                (SELECT o.customer_id FROM orders o WHERE o.shipping_address_id = customer_of.id AND o.customer_id IS NOT NULL
                    ORDER BY o.created_at, o.id LIMIT 1),
                (SELECT o.customer_id FROM orders o WHERE o.billing_address_id = customer_of.id AND o.customer_id IS NOT NULL
                    ORDER BY o.created_at, o.id LIMIT 1),
                (SELECT b.customer_id FROM returns b WHERE b.origin_address_id = customer_of.id AND b.customer_id IS NOT NULL
                    ORDER BY b.created_at, b.id LIMIT 1));
        WHEN 'payment_sources' THEN
            RETURN coalesce(
                (SELECT o.customer_id FROM payment_sources r JOIN orders o ON o.id = r.order_id WHERE r.id = customer_of.id),
                (SELECT w.customer_id FROM customer_payment_sources w WHERE w.payment_source_id = customer_of.id ORDER BY w.id LIMIT 1));
        WHEN 'attachments' THEN
            SELECT r.attachable_type AS type, r.attachable_id AS id INTO above FROM attachments r WHERE r.id = customer_of.id;
        WHEN 'events' THEN
            SELECT r.resource_type AS type, r.resource_id AS id INTO above FROM events r WHERE r.id = customer_of.id;
        WHEN 'event_callbacks' THEN
            SELECT 'events' AS type, r.event_id AS id INTO above FROM event_callbacks r WHERE r.id = customer_of.id;
        ELSE RETURN NULL;
    END CASE;
    RETURN customer_of(above.type, above.id);
END $$;

-- An attachment is the customer's whose row it is on, whatever kind of row that is.
CALL audit_table('attachments', customer => 'customer_of(r.attachable_type, r.attachable_id)');
