-- The trigger that moves `version` and `updated_at` compared only the columns that were once listed by hand, so a change
-- of a newer column went unnoticed. It now compares all columns but those that follow from others: generated ones, and
-- counters that triggers keep, which say so in their comment.
COMMENT ON COLUMN "customers"."total_orders_count" IS 'Derived: kept by a trigger.';
COMMENT ON COLUMN "orders"."skus_count" IS 'Derived: kept by a trigger.';
COMMENT ON COLUMN "returns"."skus_count" IS 'Derived: kept by a trigger.';
COMMENT ON COLUMN "returns"."estimated_refund_amount_cents" IS 'Derived: kept by a trigger.';

-- Makes the touch trigger of a table with a version from the columns that it has now, or makes it anew. A version that is
-- set moves by one, too: the tags of a row are no column of it.
CREATE PROCEDURE touch_table("table" text) LANGUAGE plpgsql AS $procedure$
DECLARE
    compared text[];
    touches_time boolean;
BEGIN
    SELECT array_agg(quote_ident(attname) ORDER BY attnum), bool_or(has_time) INTO compared, touches_time
    FROM (
        SELECT a.*, EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = a.attrelid AND attname = 'updated_at' AND NOT attisdropped
        ) AS has_time
        FROM pg_attribute a
        WHERE a.attrelid = "table"::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            AND a.attname <> 'updated_at'
            AND col_description(a.attrelid, a.attnum) IS DISTINCT FROM 'Derived: kept by a trigger.'
    ) own;
    EXECUTE fill_in($sql$
        CREATE OR REPLACE FUNCTION {table}_touch() RETURNS trigger LANGUAGE plpgsql AS $function$
        BEGIN
            IF ({new}) IS DISTINCT FROM ({old}) THEN
                NEW.version := OLD.version + 1;{time}
            END IF;
            RETURN NEW;
        END $function$$sql$, jsonb_build_object(
        'table', "table",
        'new', (SELECT string_agg('NEW.' || name, ', ') FROM unnest(compared) name),
        'old', (SELECT string_agg('OLD.' || name, ', ') FROM unnest(compared) name),
        -- A time that is stated stays.
        'time', CASE WHEN touches_time THEN $sql$
                IF NEW.updated_at = OLD.updated_at THEN
                    NEW.updated_at := now();
                END IF;$sql$ ELSE '' END));
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION %I()',
        "table" || '_touch', "table", "table" || '_touch');
END $procedure$;

-- As before; and a table of resources gets its touch trigger with its audit trail, in one call.
CREATE OR REPLACE PROCEDURE audit_triggers("table" text, function text) LANGUAGE plpgsql AS $$
DECLARE
    operation text;
    transition text;
BEGIN
    FOR operation, transition IN VALUES
        ('insert', 'NEW TABLE AS new_rows'),
        ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows'),
        ('delete', 'OLD TABLE AS old_rows')
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER %I AFTER %s ON %I REFERENCING %s FOR EACH STATEMENT
             WHEN (current_setting(''customer_graph.audit'', true) IS DISTINCT FROM ''off'') EXECUTE FUNCTION %I()',
            "table" || '_audit_' || operation, operation, "table", transition, function);
    END LOOP;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = "table"::regclass AND attname = 'version' AND NOT attisdropped) THEN
        CALL touch_table("table");
    END IF;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attname = 'version' AND NOT a.attisdropped
    LOOP
        CALL touch_table(name);
    END LOOP;
END $$;
DROP FUNCTION touch();
