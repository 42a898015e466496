-- SPDX-License-Identifier: PostgreSQL
-- What adoption does with the original's views and functions: dropped, replaced, or kept where somebody needs them.

CREATE FUNCTION atelier.own_function(wanted_signature text, callers text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  signature text := atelier.in_app_schema('@app@.' || wanted_signature);
BEGIN
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, anon, authenticated, service_role', signature);
  EXECUTE format('ALTER FUNCTION %s OWNER TO atelier_owner', signature);
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', signature, callers);
END
$function$;
COMMENT ON FUNCTION atelier.own_function(text, text) IS 'part of replace_function(), take_back() and take_rights_back(): to whom a function belongs and who may call it';

CREATE FUNCTION atelier.replace_function(wanted_signature text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wanted record;
  signature text := atelier.in_app_schema('@app@.' || wanted_signature);
BEGIN
  SELECT w.ddl, w.callers, w.about INTO STRICT wanted FROM atelier.wanted_functions() w WHERE w.signature = wanted_signature;
  PERFORM atelier.replace_object('function', '@app@.' || wanted_signature, wanted.ddl);
  PERFORM atelier.own_function(wanted_signature, wanted.callers);
  EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, wanted.about);
  PERFORM atelier.note_made('function', '', '@app@.' || wanted_signature,
                            atelier.function_statement(wanted.ddl, wanted.callers, wanted.about));
END
$function$;
COMMENT ON FUNCTION atelier.replace_function(text) IS 'puts our function of the app schema in the place of one of the same signature, which keeps what depends on it';

CREATE FUNCTION atelier.can_replace(wanted_signature text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The server knows best which results and names of arguments can follow one another.
BEGIN
  IF wanted_signature IS NULL THEN
    RETURN false;
  END IF;
  PERFORM atelier.replace_function(wanted_signature);
  RAISE EXCEPTION USING ERRCODE = 'ATPLN', MESSAGE = 'it can';
EXCEPTION
  WHEN SQLSTATE 'ATPLN' THEN RETURN true;
  WHEN invalid_function_definition THEN RETURN false;
END
$function$;
COMMENT ON FUNCTION atelier.can_replace(text) IS 'whether replace_function() would work; tries it and leaves no trace';

CREATE FUNCTION atelier.adoption_code(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Views and functions of the original. What somebody else has made on top of one keeps it; of what has to be replaced only a
-- function can be replaced in place.
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT 'pg_class'::regclass AS class, c.oid, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END AS what,
           c.oid::regclass::text AS name, c.relname::text AS signature, 12 AS at
      FROM pg_class c
     WHERE c.relnamespace = to_regnamespace(quote_ident(atelier.app_schema())) AND c.relkind IN ('v', 'm')
       AND c.relname IN ('admin_stats', 'mv_admin_stats') AND c.relowner <> 'atelier_owner'::regrole
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 'FUNCTION', p.oid::regprocedure::text, w.signature, 13
      FROM pg_proc p
      LEFT JOIN atelier.wanted_functions() w
        ON w.signature NOT LIKE '%@app@%' AND to_regprocedure(atelier.in_app_schema('@app@.' || w.signature)) = p.oid
     WHERE p.pronamespace = to_regnamespace(quote_ident(atelier.app_schema()))
       AND p.proname IN (SELECT o.f FROM atelier.original_functions() o (f)) AND p.proowner <> 'atelier_owner'::regrole
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    phase := item.at; hint := NULL; relation := NULL; command := NULL;
    object := format('%s %s', lower(item.what), item.name);
    -- Who needs it and stays: no policy and no trigger that goes anyway, nor a view that does.
    SELECT string_agg(DISTINCT CASE WHEN r.oid IS NULL THEN pg_describe_object(d.classid, d.objid, 0)
                                    ELSE pg_describe_object('pg_class'::regclass, r.ev_class, 0) END, ', ') INTO detail
      FROM pg_depend d
      LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
     WHERE d.refclassid = item.class AND d.refobjid = item.oid AND d.deptype = 'n'
       AND r.ev_class IS DISTINCT FROM item.oid
       AND NOT EXISTS (SELECT FROM atelier_facts.drops g
                        WHERE g.object = pg_describe_object(d.classid, d.objid, 0)
                           OR g.object = (SELECT format('policy %I on %s', p.polname, p.polrelid::regclass) FROM pg_policy p
                                           WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid)
                           OR g.object = (SELECT format('trigger %I on %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t
                                           WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid));
    IF detail IS NULL THEN
      kind := CASE WHEN item.signature IS NOT NULL THEN 'replace' ELSE 'drop' END; detail := 'the original''s';
      command := format('DROP %s %s', item.what, item.name);
    ELSIF item.class = 'pg_proc'::regclass AND atelier.can_replace(item.signature) THEN
      kind := 'replace'; detail := format('the original''s, in place since it is needed by %s', detail);
      command := format('SELECT atelier.replace_function(%L)', item.signature);
    ELSIF item.signature IS NOT NULL THEN
      kind := 'conflict'; hint := format('DROP %s %s CASCADE; -- and make anew afterwards: %s', item.what, item.name, detail);
      detail := format('it has to be replaced, and is needed by %s', detail);
    ELSE
      kind := 'keep'; detail := format('the original''s, needed by %s', detail);
      -- Trigger functions cannot be called; other definer functions of the original trust their arguments.
      IF (SELECT p.prosecdef AND p.prorettype <> 'trigger'::regtype FROM pg_proc p WHERE p.oid = item.oid) THEN
        kind := 'danger'; hint := format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, anon, authenticated;', item.name);
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.adoption_code() IS 'part of adoption_plan(): views and functions of the original';
