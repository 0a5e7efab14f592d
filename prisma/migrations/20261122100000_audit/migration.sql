-- Every change of a resource writes an entry of the audit trail, and the resource's events, in the transaction of the
-- change and whoever makes it. All of this is by hand.

-- What readers of the audit trail go by: whose customer an entry is about, the version of the row after the change, and
-- the transaction. Entries of transactions below pg_snapshot_xmin(pg_current_snapshot()) are complete, so a reader can
-- go on from there. Entries that were imported or seeded have none of the three.
ALTER TABLE "event_stores"
    ADD COLUMN "customer_id" TEXT COLLATE "C",
    ADD COLUMN "transaction_id" BIGINT,
    ADD COLUMN "resource_version" INTEGER;
CREATE INDEX "event_stores_customer_id_transaction_id_id_idx" ON "event_stores"("customer_id", "transaction_id", "id") WHERE "transaction_id" IS NOT NULL;
CREATE INDEX "event_stores_transaction_id_id_idx" ON "event_stores"("transaction_id", "id") WHERE "transaction_id" IS NOT NULL;

-- A new id in the form of src/platform/database/ids.ts: the prefix, the time in milliseconds in 9 digits of base 36, then
-- 12 more: here a number that counts up in 5, and chance in 7. Ids made in one session sort in the order they were made.
CREATE SEQUENCE new_ids MINVALUE 0 MAXVALUE 60466175 CYCLE CACHE 32;
CREATE FUNCTION digit_36(value bigint, place int) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN substr('0123456789abcdefghijklmnopqrstuvwxyz', (value / (36 ^ place)::bigint % 36)::int + 1, 1);
CREATE FUNCTION new_id(prefix text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
    n CONSTANT bigint := nextval('new_ids');
    r CONSTANT bigint := floor(random() * 36 ^ 7);
BEGIN
    -- Digit by digit, because a loop takes twice the time.
    RETURN prefix || '_'
        || digit_36(t, 8) || digit_36(t, 7) || digit_36(t, 6) || digit_36(t, 5) || digit_36(t, 4)
        || digit_36(t, 3) || digit_36(t, 2) || digit_36(t, 1) || digit_36(t, 0)
        || digit_36(n, 4) || digit_36(n, 3) || digit_36(n, 2) || digit_36(n, 1) || digit_36(n, 0)
        || digit_36(r, 6) || digit_36(r, 5) || digit_36(r, 4) || digit_36(r, 3) || digit_36(r, 2)
        || digit_36(r, 1) || digit_36(r, 0);
END $$;

-- A time as the API writes it: 2026-01-31T09:30:00.000Z.
CREATE FUNCTION api_time(value timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- Who writes, as the setting customer_graph.who says in JSON. Without it, it is the system itself.
CREATE FUNCTION audit_who() RETURNS jsonb LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('customer_graph.who', true), ''), '{}')::jsonb;

CREATE FUNCTION audit_transaction() RETURNS bigint LANGUAGE sql STABLE
    RETURN pg_current_xact_id()::text::bigint;

-- Puts texts into the places of a template, `{table}` and so on, and into the places within these texts.
CREATE FUNCTION fill_in(template text, parts jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name text;
    value text;
    before text;
BEGIN
    LOOP
        before := template;
        FOR name, value IN SELECT * FROM jsonb_each_text(parts) LOOP
            template := replace(template, '{' || name || '}', value);
        END LOOP;
        EXIT WHEN template = before;
    END LOOP;
    RETURN template;
END $$;

-- A condition for `on_update` below: the column gets this value, and had another one.
CREATE FUNCTION becomes("column" text, value text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN format('n.%1$I = %2$L AND o.%1$I IS DISTINCT FROM %2$L', "column", value);

-- The statement of a trigger that raises events, each with a condition over the row `n`, or over `o` and `n`, the row
-- before and after an update. A row whose id changes is a pair with nobody, and raises none.
CREATE FUNCTION audit_events("table" text, possible text[], rows text, id text DEFAULT 'n.id')
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN count(*) = 0 THEN '' ELSE format($sql$
                INSERT INTO events (id, mode, name, resource_type, resource_id, created_at, updated_at)
                SELECT new_id('evt'), mode, %1$L || event, %2$L, id, at, at
                FROM (
                    SELECT n.mode, %3$s AS id, unnest(array_remove(ARRAY[%4$s], NULL)) AS event, clock_timestamp() AS at
                    FROM %5$s OFFSET 0
                ) raised WHERE id IS NOT NULL;$sql$,
        "table" || '.', "table", id,
        string_agg(format('CASE WHEN %s THEN %L END', possible[i][2], possible[i][1]), ', ' ORDER BY i), rows) END
    FROM generate_subscripts(possible, 1) i
$$;

-- Makes the triggers that write the audit trail and the events of a table, from the columns that it has now, or makes
-- them anew. Every migration that makes a table of resources or changes its columns calls it, with all its arguments.
--   customer         SQL for the id of the customer whose row `r` is.
--   excluded         Columns that never get into the audit trail, besides id, mode, version, created_at and updated_at.
--   masked           Columns of which it says that they changed, and not from what to what: 'token', or
--                    'password_digest AS password' to say so under another name.
--   events           Whether rows raise the events `create` and `destroy`, and `tagged` if they can have tags.
--   on_insert        Further events, each with a condition over the new row `n`: ARRAY[['name', 'condition'], …].
--   on_update        The same for updates, over the row before, `o`, and after, `n`.
--   special_event    For changes with an entry of their own: SQL over `o` and `n` for its name, or null;
--   special_payload  SQL for its payload; and
--   special_columns  the columns that the entry `update` then leaves to it.
--   tags             The join table that says which tags are on the rows.
-- While the setting customer_graph.audit is 'off' the triggers rest.
--
-- Sessions keep the plans of these functions, so a plan that was made for one row, or on empty tables, must be as good for
-- a hundred thousand. That is why FULL JOIN is used, which is never a nested loop, OFFSET 0, which keeps a subquery from
-- becoming part of a join, and enable_seqscan = off: whatever is looked up is looked up by an index.
CREATE PROCEDURE audit_table(
    "table" text,
    customer text DEFAULT NULL,
    excluded text[] DEFAULT '{}',
    masked text[] DEFAULT '{}',
    events boolean DEFAULT false,
    on_insert text[] DEFAULT '{}',
    on_update text[] DEFAULT '{}',
    special_event text DEFAULT NULL,
    special_payload text DEFAULT NULL,
    special_columns text[] DEFAULT '{}',
    tags text DEFAULT NULL
) LANGUAGE plpgsql AS $procedure$
DECLARE
    created CONSTANT text[] := CASE WHEN events THEN '{{create,true}}' ELSE '{}' END;
    destroyed CONSTANT text[] := CASE WHEN events THEN '{{destroy,true}}' ELSE '{}' END;
    attributes text;
    differences text;
    parts jsonb;
BEGIN
    IF EXISTS (
        SELECT FROM unnest(excluded || masked) given
        WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = "table"::regclass AND attname = split_part(given, ' AS ', 1))
    ) THEN
        RAISE EXCEPTION 'Not all of % % are columns of %', excluded, masked, "table";
    END IF;

    -- A payload is {"email": {"from": "a@example.com", "to": "b@example.com"}}. Of a new row it has most attributes, and is
    -- aggregated; of a changed row it has few, and is put together from objects that are mostly empty. Each is much slower
    -- for the other.
    SELECT string_agg(format(
               $sql$
                               (%2$L, CASE WHEN n.%1$I IS NOT NULL THEN jsonb_build_object('from', NULL, 'to', %4$s) END)$sql$,
               name, key, format(shown, 'o', name), format(shown, 'n', name)), ',' ORDER BY number),
           string_agg(format(
               $sql$
                               || CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I
                                  THEN jsonb_build_object(%2$L, jsonb_build_object('from', %3$s, 'to', %4$s)) ELSE '{}' END$sql$,
               name, key, format(shown, 'o', name), format(shown, 'n', name)), '' ORDER BY number)
    INTO attributes, differences
    FROM (
        SELECT a.attname AS name, a.attnum AS number, coalesce(mask[2], a.attname) AS key,
               CASE WHEN mask IS NOT NULL THEN 'CASE WHEN %1$s.%2$I IS NOT NULL THEN ''***'' END'
                    WHEN a.atttypid = 'timestamptz'::regtype THEN 'api_time(%1$s.%2$I)'
                    ELSE '%1$s.%2$I' END AS shown
        FROM pg_attribute a
        LEFT JOIN (SELECT string_to_array(m, ' AS ') AS mask FROM unnest(masked) m) masks ON mask[1] = a.attname
        WHERE a.attrelid = "table"::regclass AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attname <> ALL ('{id,mode,version,created_at,updated_at}' || excluded)
    ) seen;

    parts := jsonb_build_object(
        'table', "table",
        'customer', coalesce(customer, 'NULL::text'),
        'attributes', attributes,
        'differences', differences,
        'special_event', coalesce(special_event, 'NULL::text'),
        'special_payload', coalesce(special_payload, 'NULL::jsonb'),
        'special_columns', format('%L::text[]', special_columns),
        'pairs', 'old_rows o FULL JOIN new_rows n ON n.id = o.id',
        'inserted', audit_events("table", created || on_insert, 'new_rows n'),
        'updated', audit_events("table", on_update, '{pairs}', 'CASE WHEN n.id = o.id THEN n.id END'),
        'deleted', audit_events("table", destroyed, 'old_rows n'),
        'write', $sql$
            INSERT INTO event_stores (id, mode, resource_type, resource_id, event, payload, who,
                customer_id, resource_version, transaction_id, created_at, updated_at)
            SELECT new_id('est'), mode, '{table}', id, event, payload, audit_who(),
                customer, version, audit_transaction(), at, at$sql$);

    EXECUTE fill_in($sql$
        CREATE OR REPLACE FUNCTION {table}_audit() RETURNS trigger LANGUAGE plpgsql
        SET enable_seqscan = off SET jit = off AS $function$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                {write}
                FROM (
                    SELECT n.mode, n.id, 'create' AS event, (
                               SELECT coalesce(jsonb_object_agg(key, change) FILTER (WHERE change IS NOT NULL), '{}')
                               FROM (VALUES {attributes}
                               ) changes (key, change)) AS payload,
                           (SELECT {customer} FROM (SELECT n.*) r) AS customer, n.version, clock_timestamp() AS at
                    FROM new_rows n OFFSET 0
                ) entries;{inserted}
            ELSIF TG_OP = 'UPDATE' THEN
                {write}
                FROM (
                    SELECT coalesce(n.mode, o.mode) AS mode, coalesce(n.id, o.id) AS id, nullif('{}'::jsonb {differences}
                               , '{}') AS changes,
                           {special_event} AS special,
                           CASE WHEN {special_event} IS NOT NULL THEN {special_payload} END AS special_payload,
                           coalesce((SELECT {customer} FROM (SELECT n.*) r),
                                    (SELECT {customer} FROM (SELECT o.*) r)) AS customer,
                           n.version, clock_timestamp() AS at
                    FROM {pairs} OFFSET 0
                ) changed
                CROSS JOIN LATERAL (VALUES
                    (special, special_payload),
                    ('update', CASE WHEN special IS NULL THEN changes ELSE nullif(changes - {special_columns}, '{}') END)
                ) entries (event, payload)
                WHERE event IS NOT NULL AND payload IS NOT NULL;{updated}
            ELSE
                {write}
                FROM (
                    SELECT r.mode, r.id, 'destroy' AS event, '{}'::jsonb AS payload,
                           {customer} AS customer, r.version, clock_timestamp() AS at
                    FROM old_rows r OFFSET 0
                ) entries;{deleted}
            END IF;
            RETURN NULL;
        END $function$$sql$, parts);
    CALL audit_triggers("table", "table" || '_audit');

    IF tags IS NOT NULL THEN
        CALL audit_tags(tags, "table", coalesce(customer, 'NULL::text'), events);
    END IF;
END $procedure$;

-- Makes the triggers that call a function, with the rows before a statement as old_rows and those after as new_rows.
CREATE PROCEDURE audit_triggers("table" text, function text) LANGUAGE plpgsql AS $$
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
END $$;

-- The names of tags outlive them to the end of the transaction: a deletion takes the links along, and what is written
-- about these names the tags.
CREATE FUNCTION tags_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('customer_graph.deleted_tags', jsonb_object_agg(id, name)::text, true)
    FROM old_rows HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER "tags_deleted" AFTER DELETE ON "tags" REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tags_deleted();

-- Makes the triggers of a join table: a statement that changes the tags of a row writes one entry `update` of that row,
-- with the names before and after. Of a statement that both adds and removes, two triggers hear, and both see only how it
-- ends; there the second one writes an entry about both and takes back that of the first.
--
-- A join table has an index that begins with the tag, too, and where the statistics are out of date, both look alike. Only
-- the other one has the rows in the order of their owners; with enable_sort = off it is the one to be used.
CREATE PROCEDURE audit_tags(links text, "table" text, customer text, events boolean) LANGUAGE plpgsql AS $procedure$
DECLARE
    parts jsonb;
    write CONSTANT text := $sql$
                WITH moved AS (
                    SELECT link.id, link.added, coalesce(
                               (SELECT name FROM tags WHERE tags.id = link.tag_id),
                               (SELECT nullif(current_setting('customer_graph.deleted_tags', true), '')::jsonb)
                                   ->> link.tag_id,
                               link.tag_id) AS name
                    FROM ({moved}) link
                ), owners AS (
                    SELECT id, array_agg(name) FILTER (WHERE added) AS added,
                           array_agg(name) FILTER (WHERE NOT added) AS removed
                    FROM moved GROUP BY id
                ), present AS MATERIALIZED (
                    SELECT owners.added, owners.removed, r.*, clock_timestamp() AS at, ARRAY(
                               SELECT name FROM (
                                   SELECT (SELECT name FROM tags WHERE tags.id = link.tag_id) FROM {links} link
                                   WHERE link.{owner} BETWEEN owners.id AND owners.id ORDER BY link.{owner} OFFSET 0
                               ) present ORDER BY name COLLATE "C") AS names
                    FROM owners CROSS JOIN LATERAL (
                        SELECT r.mode, r.id, r.version, {customer} AS customer FROM {table} r WHERE r.id = owners.id OFFSET 0
                    ) r ORDER BY owners.id
                ), changed AS MATERIALIZED (
                    SELECT present.*, earlier.id AS earlier, ARRAY(
                               SELECT * FROM (
                                   SELECT unnest(coalesce(earlier.names, present.names)) EXCEPT SELECT unnest(present.added)
                                   UNION SELECT unnest(present.removed)
                               ) before (name) ORDER BY name COLLATE "C") AS names_before
                    FROM present LEFT JOIN LATERAL (
                        SELECT e.id, e.transaction_id, e.payload -> 'tags' -> 'to' AS "to", ARRAY(
                                   SELECT jsonb_array_elements_text(e.payload -> 'tags' -> 'from')) AS names
                        FROM event_stores e
                        WHERE e.resource_id = present.id AND e.resource_type = '{table}' AND e.payload ? 'tags'
                            AND e.created_at >= date_trunc('milliseconds', now())
                        ORDER BY e.created_at DESC, e.id DESC LIMIT 1
                    ) earlier ON earlier.transaction_id = audit_transaction() AND earlier."to" = to_jsonb(present.names)
                ), taken_back AS (
                    DELETE FROM event_stores WHERE id = ANY (ARRAY(SELECT earlier FROM changed WHERE earlier IS NOT NULL))
                ){raised}
                INSERT INTO event_stores (id, mode, resource_type, resource_id, event, payload, who,
                    customer_id, resource_version, transaction_id, created_at, updated_at)
                SELECT new_id('est'), mode, '{table}', id, 'update',
                    jsonb_build_object('tags', jsonb_build_object('from', names_before, 'to', names)), audit_who(),
                    customer, version, audit_transaction(), at, at
                FROM changed WHERE names_before <> names;$sql$;
BEGIN
    SELECT jsonb_build_object('links', links, 'table', "table", 'customer', customer, 'owner', quote_ident(a.attname))
    INTO STRICT parts
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND c.conrelid = links::regclass AND c.confrelid = "table"::regclass;

    parts := parts || jsonb_build_object(
        'added', 'SELECT {owner} AS id, tag_id, true AS added FROM new_rows',
        'removed', 'SELECT {owner} AS id, tag_id, false AS added FROM old_rows',
        'inserted', replace(write, '{moved}', '{added}'),
        'updated', replace(write, '{moved}', '{added} UNION ALL {removed}'),
        'deleted', replace(write, '{moved}', '{removed}'),
        'raised', CASE WHEN events THEN $sql$, raised AS (
                    INSERT INTO events (id, mode, name, resource_type, resource_id, created_at, updated_at)
                    SELECT new_id('evt'), mode, '{table}.tagged', '{table}', id, at, at
                    FROM changed WHERE earlier IS NULL AND names_before <> names
                )$sql$ ELSE '' END);
    EXECUTE fill_in($sql$
        CREATE OR REPLACE FUNCTION {links}_audit() RETURNS trigger LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_sort = off SET jit = off AS $function$
        BEGIN
            IF TG_OP = 'INSERT' THEN{inserted}
            ELSIF TG_OP = 'UPDATE' THEN{updated}
            ELSE{deleted}
            END IF;
            RETURN NULL;
        END $function$$sql$, parts);
    CALL audit_triggers(links, links || '_audit');
END $procedure$;

CALL audit_table('customers', customer => 'r.id', tags => 'customer_tags',
    excluded => '{anonymization_reason,anonymization_cancellation_reason}',
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

CALL audit_table('customer_groups');

-- The derived texts of an address repeat its other attributes.
CALL audit_table('addresses', tags => 'address_tags', events => true, excluded => '{full_name,full_address,name}',
    customer => $$coalesce(
        (SELECT l.customer_id FROM customer_addresses l WHERE l.address_id = r.id ORDER BY l.id LIMIT 1),
        (SELECT o.customer_id FROM orders o WHERE o.shipping_address_id = r.id AND o.customer_id IS NOT NULL
            ORDER BY o.created_at, o.id LIMIT 1),
        (SELECT o.customer_id FROM orders o WHERE o.billing_address_id = r.id AND o.customer_id IS NOT NULL
            ORDER BY o.created_at, o.id LIMIT 1),
        (SELECT b.customer_id FROM returns b WHERE b.origin_address_id = r.id AND b.customer_id IS NOT NULL
            ORDER BY b.created_at, b.id LIMIT 1))$$);

CALL audit_table('customer_addresses', customer => 'r.customer_id', events => true);
CALL audit_table('customer_payment_sources', customer => 'r.customer_id', masked => '{customer_token,payment_source_token}');
CALL audit_table('customer_subscriptions', customer => 'r.customer_id', events => true);
CALL audit_table('customer_password_resets', customer => 'r.customer_id', masked => '{token_digest}', events => true,
    on_update => ARRAY[['reset_password', 'n.reset_password_at IS NOT NULL AND o.reset_password_at IS NULL']]);
CALL audit_table('payment_methods');

-- What gateways said stays with them.
CALL audit_table('payment_sources', excluded => '{payment_instrument,attributes}',
    customer => $$coalesce(
        (SELECT o.customer_id FROM orders o WHERE o.id = r.order_id),
        (SELECT w.customer_id FROM customer_payment_sources w WHERE w.payment_source_id = r.id ORDER BY w.id LIMIT 1))$$);

CALL audit_table('orders', customer => 'r.customer_id', tags => 'order_tags',
    masked => '{token,gift_card_code,payment_source_details}',
    events => true,
    on_update => ARRAY[
        ['place', becomes('status', 'placed')],
        ['approve', becomes('status', 'approved')],
        ['cancel', becomes('status', 'cancelled')],
        ['pending', becomes('status', 'pending')],
        ['start_editing', becomes('status', 'editing')],
        ['archive', 'n.archived_at IS NOT NULL AND o.archived_at IS NULL'],
        ['unarchive', 'n.archived_at IS NULL AND o.archived_at IS NOT NULL']]);
CALL audit_table('line_items', tags => 'line_item_tags', events => true,
    customer => '(SELECT o.customer_id FROM orders o WHERE o.id = r.order_id)');

CALL audit_table('order_subscriptions', customer => 'r.customer_id', tags => 'order_subscription_tags', events => true,
    on_update => ARRAY[
        ['activate', becomes('status', 'active')],
        ['deactivate', becomes('status', 'inactive')],
        ['cancel', becomes('status', 'cancelled')]]);
CALL audit_table('order_subscription_items',
    customer => '(SELECT s.customer_id FROM order_subscriptions s WHERE s.id = r.order_subscription_id)');

CALL audit_table('returns', customer => 'r.customer_id', tags => 'return_tags', events => true,
    on_update => ARRAY[
        ['request', becomes('status', 'requested')],
        ['approve', becomes('status', 'approved')],
        ['cancel', becomes('status', 'cancelled')],
        ['ship', becomes('status', 'shipped')],
        ['reject', becomes('status', 'rejected')],
        ['receive', becomes('status', 'received')],
        ['refund', becomes('status', 'refunded')]]);
CALL audit_table('return_line_items', customer => '(SELECT b.customer_id FROM returns b WHERE b.id = r.return_id)');

CALL audit_table('sku_lists', customer => 'r.customer_id');
CALL audit_table('sku_list_items', customer => '(SELECT l.customer_id FROM sku_lists l WHERE l.id = r.sku_list_id)');
CALL audit_table('skus', tags => 'sku_tags');
CALL audit_table('attachments', customer => $$CASE r.attachable_type
    WHEN 'customers' THEN r.attachable_id
    WHEN 'orders' THEN (SELECT o.customer_id FROM orders o WHERE o.id = r.attachable_id)
    WHEN 'returns' THEN (SELECT b.customer_id FROM returns b WHERE b.id = r.attachable_id)
    WHEN 'sku_lists' THEN (SELECT l.customer_id FROM sku_lists l WHERE l.id = r.attachable_id)
    END$$);
CALL audit_table('tags');
CALL audit_table('markets');
CALL audit_table('stock_locations');
