-- A copy of another organization's customers keeps what their API states: while the setting customer_graph.mirror is 'on',
-- counts and what follows from them are not computed. Whoever writes otherwise computes them, and only from what changes, so
-- what was stated outlives other changes of the row. Dropping an expression keeps the values and rewrites nothing.
ALTER TABLE "customers"
    ALTER COLUMN "status" DROP EXPRESSION,
    ALTER COLUMN "has_password" DROP EXPRESSION;
COMMENT ON COLUMN "customers"."status" IS 'Derived: kept by a trigger.';
COMMENT ON COLUMN "customers"."has_password" IS 'Derived: kept by a trigger.';

CREATE FUNCTION derive_customer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_mirror CONSTANT boolean := coalesce(current_setting('customer_graph.mirror', true) = 'on', false);
BEGIN
    IF is_mirror AND NEW.status IS NOT NULL THEN
        NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.total_orders_count <> OLD.total_orders_count THEN
        NEW.status := CASE NEW.total_orders_count WHEN 0 THEN 'prospect' WHEN 1 THEN 'acquired' ELSE 'repeat' END;
    ELSE
        NEW.status := OLD.status;
    END IF;
    IF is_mirror AND NEW.has_password IS NOT NULL THEN
        NULL;
    ELSIF TG_OP = 'INSERT' OR (NEW.password_digest IS NULL) <> (OLD.password_digest IS NULL) THEN
        NEW.has_password := NEW.password_digest IS NOT NULL;
    ELSE
        NEW.has_password := OLD.has_password;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER "customers_derive" BEFORE INSERT OR UPDATE ON "customers" FOR EACH ROW EXECUTE FUNCTION derive_customer();

CREATE OR REPLACE FUNCTION count_placed_orders(ids text[], deltas int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL OR cardinality(ids) = 0 OR current_setting('customer_graph.mirror', true) = 'on' THEN
        RETURN;
    END IF;
    PERFORM 1 FROM customers WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE customers c SET total_orders_count = c.total_orders_count + d.delta
    FROM (SELECT i.id, sum(i.delta)::int AS delta FROM unnest(ids, deltas) AS i (id, delta) GROUP BY i.id) d
    WHERE c.id = d.id AND d.delta <> 0;
END $$;

CREATE OR REPLACE FUNCTION count_order_skus(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL OR current_setting('customer_graph.mirror', true) = 'on' THEN
        RETURN;
    END IF;
    PERFORM 1 FROM orders WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE orders o SET skus_count = s.total
    FROM (SELECT i.id, coalesce(sum(l.quantity) FILTER (WHERE l.item_type = 'skus'), 0)::int AS total
          FROM (SELECT DISTINCT unnest(ids) AS id) i LEFT JOIN line_items l ON l.order_id = i.id GROUP BY i.id) s
    WHERE o.id = s.id AND o.skus_count <> s.total;
END $$;

CREATE OR REPLACE FUNCTION sum_return_lines(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL OR current_setting('customer_graph.mirror', true) = 'on' THEN
        RETURN;
    END IF;
    PERFORM 1 FROM returns WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE returns r SET skus_count = s.skus, estimated_refund_amount_cents = s.refund
    FROM (SELECT i.id, coalesce(sum(l.quantity) FILTER (WHERE l.sku_code IS NOT NULL), 0)::int AS skus,
                 coalesce(sum(l.total_amount_cents), 0)::int AS refund
          FROM (SELECT DISTINCT unnest(ids) AS id) i LEFT JOIN return_line_items l ON l.return_id = i.id GROUP BY i.id) s
    WHERE r.id = s.id AND (r.skus_count <> s.skus OR r.estimated_refund_amount_cents <> s.refund);
END $$;

-- An erasure that another organization carries out is not the worker's: it takes up only what it has received.
CREATE OR REPLACE FUNCTION anonymization_received() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Rounded down: a moment later it is not in the future.
    NEW.anonymization_received_at := CASE WHEN current_setting('customer_graph.mirror', true) IS DISTINCT FROM 'on'
        THEN date_trunc('milliseconds', clock_timestamp()) END;
    NEW.anonymization_attempts := 0;
    NEW.anonymization_retry_at := NULL;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER "customers_anonymization_received_updated" BEFORE UPDATE ON "customers" FOR EACH ROW
    WHEN (NEW.anonymization_status IN ('requested', 'started') AND (
        current_setting('customer_graph.mirror', true) = 'on'
        OR NEW.anonymization_status = 'requested' AND OLD.anonymization_status IS DISTINCT FROM 'requested'
        OR NEW.anonymization_status = 'started' AND NEW.anonymization_received_at IS NULL
            AND OLD.anonymization_status IS DISTINCT FROM 'started'))
    EXECUTE FUNCTION anonymization_received();

-- Neither column moves the version of the row, as before.
CALL touch_table('customers');
