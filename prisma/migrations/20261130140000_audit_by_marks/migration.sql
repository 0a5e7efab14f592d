-- Where rows are shared, what says anew whose a row is claims what the audit trail says of its making. Makes these triggers
-- of a table: `claim_table('orders', 'addresses', '{shipping_address_id,billing_address_id}')`. What they do is one step in
-- an index; the plan is kept while the table grows under it, as in an import, so it must not be that for a small one.
CREATE PROCEDURE claim_table("table" text, type text, columns text[]) LANGUAGE plpgsql AS $procedure$
DECLARE
    name CONSTANT text := "table" || '_claim_' || type;
    targets CONSTANT text := (SELECT string_agg(format('NEW.%I', c), ', ') FROM unnest(columns) c);
    changed CONSTANT text := (SELECT string_agg(format('NEW.%1$I IS DISTINCT FROM OLD.%1$I', c), ' OR ')
        FROM unnest(array_prepend('customer_id', columns)) c);
BEGIN
    EXECUTE format($f$
        CREATE OR REPLACE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $body$
            BEGIN
                UPDATE event_stores e SET customer_id = NEW.customer_id
                WHERE e.resource_id IN (%s) AND e.resource_type = %L AND e.customer_id IS NULL;
                RETURN NULL;
            END $body$ $f$, name, targets, type);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT ON %I FOR EACH ROW
        WHEN (NEW.customer_id IS NOT NULL AND coalesce(%s) IS NOT NULL) EXECUTE FUNCTION %I()',
        name || '_inserted', "table", targets, name);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER UPDATE ON %I FOR EACH ROW
        WHEN (NEW.customer_id IS NOT NULL AND coalesce(%s) IS NOT NULL AND (%s)) EXECUTE FUNCTION %I()',
        name || '_updated', "table", targets, changed, name);
END $procedure$;

SET LOCAL lock_timeout = '5s';

-- The triggers as the marks of prisma/schema.prisma have them: one expression says whose a row is, in the audit trail as in
-- customer_of. Orders, recurring orders and returns without a customer take that of what they belong to.

CREATE OR REPLACE FUNCTION customer_of(type text, id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    CASE type
        WHEN 'customers' THEN RETURN customer_of.id;
        WHEN 'addresses' THEN RETURN (SELECT coalesce(
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
        WHEN 'attachments' THEN RETURN (SELECT customer_of(r.attachable_type, r.attachable_id) FROM attachments r WHERE r.id = customer_of.id);
        WHEN 'events' THEN RETURN (SELECT customer_of(r.resource_type, r.resource_id) FROM events r WHERE r.id = customer_of.id);
        WHEN 'event_callbacks' THEN RETURN (SELECT (SELECT customer_of(r1.resource_type, r1.resource_id) FROM events r1 WHERE r1.id = r.event_id) FROM event_callbacks r WHERE r.id = customer_of.id);
        WHEN 'event_stores' THEN RETURN (SELECT customer_of(r.resource_type, r.resource_id) FROM event_stores r WHERE r.id = customer_of.id);
        WHEN 'customer_password_resets' THEN RETURN (SELECT r.customer_id FROM customer_password_resets r WHERE r.id = customer_of.id);
        ELSE RETURN NULL;
    END CASE;
END $$;

CALL audit_table('customers',
    customer => 'r.id',
    tags => 'customer_tags',
    excluded => '{anonymization_reason,anonymization_cancellation_reason,anonymization_attempts,anonymization_retry_at,anonymization_received_at,anonymization_receipt,legal_hold_reason}',
    masked => '{password_digest AS password}',
    events => true,
    on_insert => ARRAY[
        ['create_password', $$n.has_password = 'true'$$]],
    on_update => ARRAY[
        ['acquired', becomes('status', 'acquired')],
        ['repeat', becomes('status', 'repeat')],
        ['create_password', becomes('has_password', 'true')],
        ['metadata_update', 'n.metadata IS DISTINCT FROM o.metadata'],
        ['anonymization_started', becomes('anonymization_status', 'started')],
        ['anonymization_completed', becomes('anonymization_status', 'completed')],
        ['anonymization_failed', becomes('anonymization_status', 'failed')],
        ['anonymization_cancelled', becomes('anonymization_status', 'cancelled')]],
    special_event => $$CASE WHEN n.anonymization_status IS DISTINCT FROM o.anonymization_status THEN
        CASE n.anonymization_status WHEN 'requested' THEN 'anonymization_request' WHEN 'cancelled' THEN 'anonymization_cancel' ELSE 'anonymization_' || n.anonymization_status END END$$,
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
    special_columns => '{anonymization_status,anonymization_requested_at,anonymization_started_at,anonymization_completed_at,anonymization_failed_at,anonymization_cancelled_at,anonymization_requester,anonymization_cancellation_requester}');

CALL audit_table('addresses',
    customer => 'coalesce(
        (SELECT r1.customer_id FROM customer_addresses r1 WHERE r1.address_id = r.id ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.shipping_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.billing_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM returns r1 WHERE r1.origin_address_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1))',
    tags => 'address_tags',
    excluded => '{full_name,full_address,name}',
    events => true);

CALL audit_table('payment_sources',
    customer => 'coalesce(
        (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id),
        (SELECT r1.customer_id FROM customer_payment_sources r1 WHERE r1.payment_source_id = r.id ORDER BY r1.created_at, r1.id LIMIT 1),
        (SELECT r1.customer_id FROM orders r1 WHERE r1.payment_source_id = r.id AND r1.customer_id IS NOT NULL ORDER BY r1.created_at, r1.id LIMIT 1))',
    excluded => '{payment_instrument,attributes}');

CALL audit_table('orders',
    customer => 'coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM order_subscriptions r1 WHERE r1.id = r.order_subscription_id))',
    tags => 'order_tags',
    masked => '{gift_card_code,payment_source_details,token}',
    events => true,
    on_update => ARRAY[
        ['place', becomes('status', 'placed')],
        ['approve', becomes('status', 'approved')],
        ['cancel', becomes('status', 'cancelled')],
        ['pending', becomes('status', 'pending')],
        ['start_editing', becomes('status', 'editing')],
        ['archive', 'n.archived_at IS NOT NULL AND o.archived_at IS NULL'],
        ['unarchive', 'n.archived_at IS NULL AND o.archived_at IS NOT NULL']]);

CALL audit_table('line_items',
    customer => '(SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id)',
    tags => 'line_item_tags',
    events => true);

CALL audit_table('order_subscriptions',
    customer => 'coalesce(
        r.customer_id,
        (SELECT r1.customer_id FROM orders r1 WHERE r1.id = r.source_order_id))',
    tags => 'order_subscription_tags',
    events => true,
    on_update => ARRAY[
        ['activate', becomes('status', 'active')],
        ['deactivate', becomes('status', 'inactive')],
        ['cancel', becomes('status', 'cancelled')]]);

CALL audit_table('order_subscription_items',
    customer => '(SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM orders r2 WHERE r2.id = r1.source_order_id)) FROM order_subscriptions r1 WHERE r1.id = r.order_subscription_id)');

CALL audit_table('returns',
    customer => 'coalesce(
        r.customer_id,
        (SELECT coalesce(
            r1.customer_id,
            (SELECT r2.customer_id FROM order_subscriptions r2 WHERE r2.id = r1.order_subscription_id)) FROM orders r1 WHERE r1.id = r.order_id))',
    tags => 'return_tags',
    events => true,
    on_update => ARRAY[
        ['request', becomes('status', 'requested')],
        ['approve', becomes('status', 'approved')],
        ['cancel', becomes('status', 'cancelled')],
        ['ship', becomes('status', 'shipped')],
        ['reject', becomes('status', 'rejected')],
        ['receive', becomes('status', 'received')],
        ['refund', becomes('status', 'refunded')]]);

CALL audit_table('return_line_items',
    customer => '(SELECT coalesce(
            r1.customer_id,
            (SELECT coalesce(
                r2.customer_id,
                (SELECT r3.customer_id FROM order_subscriptions r3 WHERE r3.id = r2.order_subscription_id)) FROM orders r2 WHERE r2.id = r1.order_id)) FROM returns r1 WHERE r1.id = r.return_id)');

CALL audit_table('sku_list_items',
    customer => '(SELECT r1.customer_id FROM sku_lists r1 WHERE r1.id = r.sku_list_id)');
