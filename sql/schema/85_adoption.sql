-- SPDX-License-Identifier: PostgreSQL
-- Adoption of tables that are there already: the plan, the report that shows it, the execution by install(), and what is left
-- for later.

CREATE FUNCTION atelier.adoption_kept(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- What is nobody's but the DBA's stays. Permissive policies add up: one of his lets through what ours does not.
BEGIN
  RETURN QUERY SELECT d.* FROM atelier.foreign_policies() d;
  RETURN QUERY
  SELECT 90, 'danger', format('view %s', v.oid::regclass), 'it shows rows of ' || string_agg(DISTINCT m.there::text, ', ')
         || ' to users past row level security',
         format('ALTER VIEW %s SET (security_invoker = true);', v.oid::regclass), NULL::text, NULL::text
    FROM atelier.model_tables() m
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.there AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.relowner <> 'atelier_owner'::regrole
   WHERE NOT coalesce(v.reloptions::text ~ 'security_invoker=(true|on|1)', false)
     AND NOT (v.relname = 'admin_stats' AND v.relnamespace = to_regnamespace(quote_ident(atelier.app_schema())))
     AND (has_table_privilege('anon', v.oid, 'SELECT') OR has_table_privilege('authenticated', v.oid, 'SELECT'))
   GROUP BY v.oid;
  RETURN QUERY
  SELECT 91, 'keep', format('trigger %I on %s', t.tgname, m.there), 'not the original''s'::text, NULL::text, NULL::text, NULL::text
    FROM atelier.model_tables() m
    JOIN pg_trigger t ON t.tgrelid = m.there AND NOT t.tgisinternal
    JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace <> 'atelier'::regnamespace
   WHERE NOT EXISTS (SELECT FROM atelier.original_triggers() o WHERE o.relation = m.name AND o.name = t.tgname);
  RETURN QUERY
  SELECT 91, 'keep', format('index %s', c.oid::regclass), 'not the original''s'::text, NULL::text, NULL::text, NULL::text
    FROM atelier.model_tables() m
    JOIN pg_index i ON i.indrelid = m.there
    JOIN pg_class c ON c.oid = i.indexrelid
   WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     AND NOT EXISTS (SELECT FROM atelier.original_indexes() o WHERE o.relation = m.name AND o.name = c.relname)
     AND NOT EXISTS (SELECT FROM atelier_facts.indexes x WHERE x.present = c.oid);
  RETURN QUERY
  SELECT 91, 'keep', format('column %s.%I', m.there, a.attname), 'not the original''s'::text, NULL::text, NULL::text, NULL::text
    FROM atelier.model_tables() m
    JOIN pg_attribute a ON a.attrelid = m.there AND a.attnum > 0 AND NOT a.attisdropped
   WHERE NOT EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = m.fresh AND f.attname = a.attname AND NOT f.attisdropped);
END
$function$;
COMMENT ON FUNCTION atelier.adoption_kept() IS 'part of adoption_plan(): what stays, and what of it is a danger';

CREATE FUNCTION atelier.foreign_policies(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $function$
BEGIN
  RETURN QUERY
  SELECT 90, CASE WHEN opens.opens THEN 'danger' ELSE 'keep' END, format('policy %I on %s', p.polname, p.polrelid::regclass),
         CASE WHEN opens.opens THEN 'it is permissive, and lets through what the other policies do not' ELSE 'not the original''s' END,
         CASE WHEN opens.opens THEN format('DROP POLICY %I ON %s; -- or make it AS RESTRICTIVE', p.polname, p.polrelid::regclass) END,
         NULL::text, NULL::text
    FROM pg_policy p
    -- A policy for roles that the app does not use opens nothing to its users.
   CROSS JOIN LATERAL (SELECT p.polpermissive AND p.polroles && ARRAY[0::oid, 'anon'::regrole::oid, 'authenticated'::regrole::oid] AS opens) opens
    JOIN (SELECT DISTINCT w.relation FROM atelier.wanted_policies() w) t
      ON p.polrelid = to_regclass(atelier.in_app_schema(format('@app@.%I', t.relation)))
   WHERE NOT EXISTS (SELECT FROM atelier.wanted_policies() w WHERE w.relation = t.relation AND w.name = p.polname)
     AND NOT EXISTS (SELECT FROM atelier.original_policies() o WHERE o.relation = t.relation AND o.name = p.polname)
   ORDER BY 3;
END
$function$;
COMMENT ON FUNCTION atelier.foreign_policies() IS 'policies on the app''s tables that are neither ours nor the original''s';

CREATE FUNCTION atelier.adoption_plan() RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $function$
-- The model exists within the block only: raising an error is how a subtransaction ends without a trace.
DECLARE
  plan jsonb;
  part name;
BEGIN
  BEGIN
    PERFORM atelier.make_model();
    plan := '[]';
    FOREACH part IN ARRAY ARRAY['adoption_owners', 'adoption_drops', 'adoption_code', 'adoption_columns', 'adoption_nulls',
                                'adoption_addresses', 'adoption_constraints', 'rows_against_keys', 'rows_against_checks',
                                'rows_against_references', 'adoption_kept']::name[] LOOP
      EXECUTE format('SELECT $1 || coalesce(jsonb_agg(to_jsonb(p)), ''[]'') FROM atelier.%I() p', part) INTO plan USING plan;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'ATPLN', MESSAGE = 'the plan is made';
  EXCEPTION WHEN SQLSTATE 'ATPLN' THEN
    RETURN plan;
  END;
END
$function$;
COMMENT ON FUNCTION atelier.adoption_plan() IS 'all that adoption_report() shows and adopt() executes, as rows of json; changes nothing';

CREATE FUNCTION atelier.adoption_report() RETURNS TABLE (kind text, object text, detail text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.take_turn('install');
  RETURN QUERY
  SELECT p.kind, p.object, p.detail, p.hint
    FROM jsonb_to_recordset(atelier.adoption_plan()) p (phase integer, kind text, object text, detail text, hint text)
   ORDER BY p.kind <> 'conflict', p.kind <> 'danger', p.phase, p.object;
END
$function$;
COMMENT ON FUNCTION atelier.adoption_report() IS 'what install() would do with tables that are there already, first of all what stands in its way; changes nothing. Kinds: conflict, danger, add, drop, replace, rewrite (with size and lock), fill, later, differs, keep. Owner and superusers';

CREATE FUNCTION atelier.refuse_conflicts(plan jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  conflicts bigint;
  details text;
  hints text;
BEGIN
  SELECT count(*), string_agg(format('%s: %s', p.object, p.detail), E'\n') FILTER (WHERE p.place <= 20),
         string_agg(p.hint, E'\n') FILTER (WHERE p.place <= 20)
    INTO conflicts, details, hints
    FROM (SELECT c.*, row_number() OVER (ORDER BY c.phase, c.object, c.detail) AS place
            FROM jsonb_to_recordset(plan) c (phase integer, kind text, object text, detail text, hint text)
           WHERE c.kind = 'conflict') p;
  IF conflicts > 0 THEN
    RAISE EXCEPTION 'the tables in schema "%" cannot be adopted: % %', atelier.app_schema(), conflicts,
                    CASE conflicts WHEN 1 THEN 'conflict' ELSE 'conflicts' END
      USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = details,
            HINT = hints || CASE WHEN conflicts > 20 THEN E'\n'
              'For the whole list: SET atelier.install = off; CREATE EXTENSION atelier; SELECT * FROM atelier.adoption_report();' ELSE '' END;
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.refuse_conflicts(jsonb) IS 'fails when the plan has conflicts, with a line and a remedy for each of the first 20';

CREATE FUNCTION atelier.has_app_tables() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN EXISTS (SELECT FROM atelier.wanted_policies() p
                  WHERE to_regclass(atelier.in_app_schema(format('@app@.%I', p.relation))) IS NOT NULL);
END
$function$;
COMMENT ON FUNCTION atelier.has_app_tables() IS 'whether the app schema has any of the app''s tables';

CREATE FUNCTION atelier.adopt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  plan jsonb;
  change record;
  danger record;
BEGIN
  plan := (SELECT jsonb_agg(to_jsonb(o)) FROM atelier.adoption_owners() o);
  PERFORM atelier.refuse_conflicts(coalesce(plan, '[]'));
  -- Nobody may write what the plan has not seen, and a lock that is taken at once cannot deadlock later.
  EXECUTE (SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname))
             FROM pg_class c
            WHERE c.oid IN (SELECT to_regclass(atelier.in_app_schema(format('@app@.%I', p.relation))) FROM atelier.wanted_policies() p));
  plan := atelier.adoption_plan();
  PERFORM atelier.refuse_conflicts(plan);
  PERFORM atelier.take_over(t.there)
     FROM (SELECT DISTINCT to_regclass(atelier.in_app_schema(format('@app@.%I', p.relation))) AS there FROM atelier.wanted_policies() p) t
    WHERE t.there IS NOT NULL;
  PERFORM atelier.adopt_types();
  FOR change IN
    SELECT CASE WHEN p.relation IS NULL THEN min(p.command) ELSE format('ALTER TABLE %s %s', p.relation, string_agg(p.command, ', ' ORDER BY p.place)) END AS ddl
      FROM (SELECT c.*, row_number() OVER () AS place
              FROM jsonb_to_recordset(plan) c (phase integer, relation text, command text)) p
     WHERE p.command IS NOT NULL
     GROUP BY p.phase, p.relation, CASE WHEN p.relation IS NULL THEN p.place END
     ORDER BY p.phase, min(p.place)
  LOOP
    -- The tables have triggers of others, which must not run as a superuser.
    IF change.ddl ~ '^(UPDATE|INSERT) ' THEN
      PERFORM atelier.write_as_owner(change.ddl);
    ELSE
      EXECUTE change.ddl;
    END IF;
  END LOOP;
  FOR danger IN SELECT c.object, c.detail, c.hint FROM jsonb_to_recordset(plan) c (kind text, object text, detail text, hint text)
                 WHERE c.kind = 'danger' LOOP
    RAISE WARNING '% stays', danger.object USING DETAIL = danger.detail || '.', HINT = danger.hint;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.adopt() IS 'part of install(): brings tables that were there before to what the steps expect, or fails before it has changed anything';

CREATE FUNCTION atelier.adopt_types() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  block_type regtype := to_regtype(atelier.in_app_schema('@app@.flow_block_type'));
  label text;
BEGIN
  IF block_type IS NULL THEN
    RETURN;
  END IF;
  FOREACH label IN ARRAY ARRAY['text', 'image', 'video'] LOOP
    EXECUTE format('ALTER TYPE %s ADD VALUE IF NOT EXISTS %L', block_type, label);
  END LOOP;
  EXECUTE format('ALTER TYPE %s OWNER TO atelier_owner', block_type);
  IF obj_description(block_type, 'pg_type') IS NULL THEN
    EXECUTE format('COMMENT ON TYPE %s IS %L', block_type, 'what a node of a flow holds');
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.adopt_types() IS 'part of adopt(): the type of a flow''s blocks';

CREATE FUNCTION atelier.queue_adopted() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    INSERT INTO atelier.queue (generation_id, user_id, priority)
    SELECT g.id, g.user_id,
           CASE WHEN g.settings ->> 'priority' ~ '^-?[0-9]{1,4}$' THEN (g.settings ->> 'priority')::smallint ELSE 0 END
      FROM @app@.generations g
     WHERE g.status = 'queued' AND g.replicate_prediction_id IS NULL
     ORDER BY g.created_at, g.id
        ON CONFLICT DO NOTHING$sql$);
END
$function$;
ALTER FUNCTION atelier.queue_adopted() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.queue_adopted() IS 'part of install(): rows that were queued before there were triggers; they wait for resume()';
