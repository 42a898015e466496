-- SPDX-License-Identifier: PostgreSQL
-- Rows that stand in the way of a rule that adoption adds: reported one by one, each with a statement that puts it right.

CREATE FUNCTION atelier.reported_rows() RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN 100;
END
$function$;
COMMENT ON FUNCTION atelier.reported_rows() IS 'how many rows are reported one by one for each rule';

CREATE FUNCTION atelier.rows_against_keys(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  w record;
  item record;
  keys text[];
  key_text text;
  condition text;
  last_column name;
  may_be_null boolean;
BEGIN
  phase := 3; kind := 'conflict';
  FOR w IN
    SELECT x.there, x.oid AS index_oid, x.name FROM atelier_facts.indexes x
     WHERE x.is_unique AND x.comparable AND x.present IS NULL AND x.twin IS NULL
    UNION ALL
    SELECT c.there, k.conindid, c.name FROM atelier_facts.constraints c JOIN pg_constraint k ON k.oid = c.oid
     WHERE c.kind IN ('p', 'u') AND c.comparable AND c.equal_one IS NULL
  LOOP
    SELECT array_agg(pg_get_indexdef(i.indexrelid, n.n, true) ORDER BY n.n), atelier.for_app(pg_get_expr(i.indpred, i.indrelid)),
           -- Nulls are equal to each other in few keys.
           CASE WHEN pg_get_indexdef(i.indexrelid) LIKE '%NULLS NOT DISTINCT%' THEN 'true'
                ELSE string_agg(format('(%s) IS NOT NULL', pg_get_indexdef(i.indexrelid, n.n, true)), ' AND ') END
      INTO keys, condition, key_text
      FROM pg_index i CROSS JOIN generate_series(1, i.indnkeyatts) n (n) WHERE i.indexrelid = w.index_oid
     GROUP BY i.indexrelid, i.indpred, i.indrelid;
    condition := concat_ws(' AND ', key_text, '(' || condition || ')');
    SELECT a.attname, NOT a.attnotnull INTO last_column, may_be_null
      FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE ((d.classid = 'pg_class'::regclass AND d.objid = w.index_oid)
            OR (d.classid = 'pg_constraint'::regclass
                AND d.objid = (SELECT k.oid FROM pg_constraint k WHERE k.conindid = w.index_oid AND k.contype IN ('p', 'u'))))
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     ORDER BY a.attname = 'deleted_at', a.attnum DESC LIMIT 1;
    IF w.name = 'users_email_lower_idx' THEN
      keys := ARRAY['atelier.tidy_address(email)'];
    END IF;
    FOR item IN EXECUTE format(
      'SELECT concat_ws('', '', %1$s) AS key, array_agg(id::text ORDER BY id) AS ids FROM %2$s WHERE %3$s GROUP BY %1$s
       HAVING count(*) > 1 ORDER BY 1 LIMIT %4$s', array_to_string(keys, ', '), w.there, condition, atelier.reported_rows()) LOOP
      object := format('%s on %s', w.name, w.there);
      detail := format('(%s) = (%s) is in rows %s', array_to_string(keys, ', '), item.key, array_to_string(item.ids, ', '));
      hint := (SELECT string_agg(
                 CASE WHEN may_be_null AND cardinality(keys) = 1 THEN format('UPDATE %s SET %I = NULL WHERE id = %L;', w.there, last_column, i.id)
                      WHEN last_column IN ('trigger_word', 'slug') THEN format('UPDATE %s SET %I = %2$I || %L WHERE id = %L;', w.there,
                           last_column, CASE last_column WHEN 'slug' THEN '-' ELSE '_' END || (i.place), i.id)
                      ELSE format('DELETE FROM %s WHERE id = %L;', w.there, i.id) END, ' ' ORDER BY i.place)
                 FROM unnest(item.ids) WITH ORDINALITY i (id, place) WHERE i.place > 1);
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.rows_against_keys() IS 'part of adoption_plan(): rows that are equal in a key that is to be unique';

CREATE FUNCTION atelier.rows_against_checks(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  w record;
  item record;
  fill text;
BEGIN
  phase := 3; kind := 'conflict';
  FOR w IN
    SELECT c.there, c.name, c.rule, c.columns, atelier.for_app(pg_get_expr(k.conbin, k.conrelid)) AS condition
      FROM atelier_facts.constraints c JOIN pg_constraint k ON k.oid = c.oid
     WHERE c.kind = 'c' AND c.comparable AND c.equal_one IS NULL
  LOOP
    -- What the column would hold of itself; a generation must not be handed over by that.
    SELECT CASE WHEN w.name = 'generations_status_check' THEN '''failed''' WHEN c.expression IS NOT NULL THEN c.expression
                WHEN NOT c.required THEN 'NULL' END INTO fill
      FROM atelier_facts.columns c WHERE c.there = w.there AND c.name = w.columns[1];
    FOR item IN EXECUTE format('SELECT id::text, left(%I::text, 100) AS value FROM %s WHERE NOT (%s) ORDER BY id LIMIT %s',
                               w.columns[1], w.there, w.condition, atelier.reported_rows()) LOOP
      object := format('%s on %s', w.name, w.there);
      detail := format('row %s has %I = %L, which %s does not allow', item.id, w.columns[1], item.value, w.rule);
      hint := CASE WHEN fill IS NULL THEN format('DELETE FROM %s WHERE id = %L; -- or correct %I', w.there, item.id, w.columns[1])
                   ELSE format('UPDATE %s SET %I = %s WHERE id = %L;', w.there, w.columns[1], fill, item.id) END;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.rows_against_checks() IS 'part of adoption_plan(): rows that break a check';

CREATE FUNCTION atelier.rows_against_references(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- All foreign keys of the app have one column, and lead to a column id.
DECLARE
  w record;
  item record;
  has_auth boolean := atelier.auth_users() IS NOT NULL;
  nobody text;
BEGIN
  phase := 3; kind := 'conflict';
  FOR w IN
    SELECT c.there, c.name, c.columns[1] AS attribute, c.target, c.target = to_regclass(atelier.in_app_schema('@app@.users')) AS of_users,
           k.confdeltype
      FROM atelier_facts.constraints c JOIN pg_constraint k ON k.oid = c.oid
     WHERE c.kind = 'f' AND c.comparable AND c.target IS NOT NULL AND c.equal_one IS NULL
       AND EXISTS (SELECT FROM atelier_facts.columns i WHERE i.there = c.target AND i.name = 'id' AND i.type = i.has_type)
  LOOP
    nobody := format('t.%I IS NOT NULL AND NOT EXISTS (SELECT FROM %s o WHERE o.id = t.%1$I)', w.attribute, w.target);
    FOR item IN EXECUTE format('SELECT t.id::text, t.%I::text AS value, %s AS signed_up, count(*) OVER () AS total
                                  FROM %s t WHERE %s ORDER BY t.id LIMIT %s', w.attribute,
                               CASE WHEN has_auth AND w.of_users THEN format('EXISTS (SELECT FROM auth.users a WHERE a.id = t.%I)', w.attribute)
                                    ELSE 'false' END, w.there, nobody, atelier.reported_rows()) LOOP
      object := format('%s on %s', w.name, w.there);
      detail := format('row %s has %I = %L, which is no row of %s%s', item.id, w.attribute, item.value, w.target,
                       CASE WHEN item.total > 1 THEN format(', as in %s rows together', item.total) ELSE '' END);
      hint := CASE
        WHEN item.signed_up THEN format('INSERT INTO %s (id, auth_provider) VALUES (%L, ''email'') ON CONFLICT DO NOTHING;', w.target, item.value)
        WHEN w.confdeltype = 'n' THEN format('UPDATE %s SET %I = NULL WHERE id = %L;', w.there, w.attribute, item.id)
        ELSE format('DELETE FROM %s WHERE id = %L;', w.there, item.id) END;
      IF item.total > 1 THEN
        hint := hint || CASE
          WHEN item.signed_up THEN format(' -- or all: INSERT INTO %s (id, auth_provider) SELECT a.id, ''email'' FROM auth.users a ON CONFLICT DO NOTHING;', w.target)
          WHEN w.confdeltype = 'n' THEN format(' -- or all: UPDATE %s t SET %I = NULL WHERE %s;', w.there, w.attribute, nobody)
          ELSE format(' -- or all: DELETE FROM %s t WHERE %s;', w.there, nobody) END;
      END IF;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.rows_against_references() IS 'part of adoption_plan(): rows whose foreign key leads nowhere';
