-- Counts the bytes of JSON that the running statement has made, and ends it with SQLSTATE ZB001 above a maximum. `level`
-- tells what contains what: when a value of one level is complete, those of higher levels are inside of it and are no
-- longer counted by themselves. The count ends with the transaction, as settings do that are local to it.
CREATE FUNCTION check_result_size(size integer, level integer, maximum integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  sizes bigint[] := string_to_array(coalesce(current_setting('customer_graph.result_sizes', true), ''), ',')::bigint[];
  total bigint := 0;
  one bigint;
BEGIN
  WHILE cardinality(sizes) < level LOOP
    sizes := sizes || 0::bigint;
  END LOOP;
  sizes[level] := sizes[level] + size;
  sizes := sizes[1:level];
  FOREACH one IN ARRAY sizes LOOP
    total := total + one;
  END LOOP;
  IF total > maximum THEN
    RAISE EXCEPTION 'The result holds more than % bytes.', maximum USING ERRCODE = 'ZB001';
  END IF;
  PERFORM set_config('customer_graph.result_sizes', array_to_string(sizes, ','), true);
  RETURN true;
END
$$;
