-- Whoever uses a table waits behind this migration, which therefore gives up soon.
SET LOCAL lock_timeout = '5s';

ALTER TABLE "addresses" ADD COLUMN "customer_id" TEXT COLLATE "C";

ALTER TABLE "addresses" ADD CONSTRAINT "addresses_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE SET NULL ON UPDATE CASCADE NOT VALID;

-- By the marks of prisma/schema.prisma.

CREATE OR REPLACE FUNCTION customer_of(type text, id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    CASE type
        WHEN 'customers' THEN RETURN customer_of.id;
        WHEN 'addresses' THEN RETURN (SELECT coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM customer_addresses r1 WHERE r1.address_id = r.id ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.shipping_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.billing_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM returns r1 WHERE r1.origin_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1)) FROM addresses r WHERE r.id = customer_of.id);
        WHEN 'customer_addresses' THEN RETURN (SELECT r.customer_id FROM customer_addresses r WHERE r.id = customer_of.id);
        WHEN 'customer_payment_sources' THEN RETURN (SELECT r.customer_id FROM customer_payment_sources r WHERE r.id = customer_of.id);
        WHEN 'payment_sources' THEN RETURN (SELECT coalesce(
        (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id),
        (SELECT r1.customer_id FROM customer_payment_sources r1 WHERE r1.payment_source_id = r.id ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.payment_source_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1)) FROM payment_sources r WHERE r.id = customer_of.id);
        WHEN 'customer_subscriptions' THEN RETURN (SELECT r.customer_id FROM customer_subscriptions r WHERE r.id = customer_of.id);
        WHEN 'orders' THEN RETURN (SELECT coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM order_subscriptions r1 WHERE r1.id = r.order_subscription_id)) FROM orders r WHERE r.id = customer_of.id);
        WHEN 'line_items' THEN RETURN (SELECT (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id) FROM line_items r WHERE r.id = customer_of.id);
        WHEN 'order_subscriptions' THEN RETURN (SELECT coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM orders r1 WHERE r1.id = r.source_order_id)) FROM order_subscriptions r WHERE r.id = customer_of.id);
        WHEN 'order_subscription_items' THEN RETURN (SELECT (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM orders r2 WHERE r2.id = r1.source_order_id)) FROM order_subscriptions r1 WHERE r1.id = r.order_subscription_id) FROM order_subscription_items r WHERE r.id = customer_of.id);
        WHEN 'returns' THEN RETURN (SELECT coalesce(
        r.customer_id,
        (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id)) FROM returns r WHERE r.id = customer_of.id);
        WHEN 'return_line_items' THEN RETURN (SELECT (SELECT coalesce(
            r1.customer_id,
            (SELECT coalesce(
                r2.customer_id,
                (SELECT r3.customer_id FROM order_subscriptions r3 WHERE r3.id = r2.order_subscription_id)) FROM orders r2 WHERE r2.id = r1.order_id)) FROM returns r1 WHERE r1.id = r.return_id) FROM return_line_items r WHERE r.id = customer_of.id);
        WHEN 'sku_lists' THEN RETURN (SELECT r.customer_id FROM sku_lists r WHERE r.id = customer_of.id);
        WHEN 'sku_list_items' THEN RETURN (SELECT (SELECT r1.customer_id FROM sku_lists r1 WHERE r1.id = r.sku_list_id) FROM sku_list_items r WHERE r.id = customer_of.id);
        WHEN 'attachments' THEN RETURN (SELECT CASE WHEN r.attachable_type NOT IN ('attachments', 'events', 'event_callbacks', 'event_stores') THEN customer_of(r.attachable_type, r.attachable_id) END FROM attachments r WHERE r.id = customer_of.id);
        WHEN 'events' THEN RETURN (SELECT CASE WHEN r.resource_type NOT IN ('events', 'event_callbacks', 'event_stores') THEN customer_of(r.resource_type, r.resource_id) END FROM events r WHERE r.id = customer_of.id);
        WHEN 'event_callbacks' THEN RETURN (SELECT (SELECT CASE WHEN r1.resource_type NOT IN ('events', 'event_callbacks', 'event_stores') THEN customer_of(r1.resource_type, r1.resource_id) END FROM events r1 WHERE r1.id = r.event_id) FROM event_callbacks r WHERE r.id = customer_of.id);
        WHEN 'event_stores' THEN RETURN (SELECT CASE WHEN r.resource_type NOT IN ('event_stores') THEN customer_of(r.resource_type, r.resource_id) END FROM event_stores r WHERE r.id = customer_of.id);
        WHEN 'customer_password_resets' THEN RETURN (SELECT r.customer_id FROM customer_password_resets r WHERE r.id = customer_of.id);
        ELSE RETURN NULL;
    END CASE;
END $$;

CALL audit_table('addresses',
    customer => 'coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM customer_addresses r1 WHERE r1.address_id = r.id ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.shipping_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.billing_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM returns r1 WHERE r1.origin_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1))',
    tags => 'address_tags',
    excluded => '{full_name,full_address,name}',
    events => true);
