-- A row that is copied from another database comes with its version. Where its keys can only be set once other rows are
-- there, that is no change of it: while the setting customer_graph.versions is 'stated', versions and times stay.
CREATE OR REPLACE PROCEDURE touch_table("table" text) LANGUAGE plpgsql AS $procedure$
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
    EXECUTE format(
        'CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW
         WHEN (current_setting(''customer_graph.versions'', true) IS DISTINCT FROM ''stated'') EXECUTE FUNCTION %I()',
        "table" || '_touch', "table", "table" || '_touch');
END $procedure$;

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
