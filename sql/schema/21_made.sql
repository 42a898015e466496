-- SPDX-License-Identifier: PostgreSQL
-- What install() has made of the things that hang on the code: functions of the app schema, policies, triggers, views. They are
-- ordinary objects, so a DBA may change them. A new version replaces what is still as it was made, and what somebody has
-- changed stays. Table atelier.made remembers what is needed to tell the two apart. Relations and objects are written with
-- @app@ in the place of the app schema.

CREATE FUNCTION atelier.made_definition(kind text, relation text, object text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off SET datestyle = 'ISO, MDY' SET intervalstyle = postgres
AS $function$
-- Servers of other versions print the same thing with more or fewer qualifiers, brackets and line breaks: these do not count.
DECLARE
  place oid := to_regclass(atelier.in_app_schema(nullif(relation, '')));
  full_name text := atelier.in_app_schema(object);
  definition text;
BEGIN
  CASE kind
    WHEN 'policy' THEN
      definition := (SELECT format('%s %s %s using %s check %s', p.polcmd, p.polpermissive,
                                   (SELECT string_agg(r.member::regrole::text, ' ' ORDER BY r.member::regrole::text) FROM unnest(p.polroles) r (member)),
                                   pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
                       FROM pg_policy p WHERE p.polrelid = place AND p.polname = full_name);
    WHEN 'trigger' THEN
      definition := (SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = place AND t.tgname = full_name);
    WHEN 'view' THEN
      definition := (SELECT format('%s %s %s', c.relkind, c.reloptions, pg_get_viewdef(c.oid)) FROM pg_class c
                      WHERE c.oid = to_regclass(full_name));
    WHEN 'function' THEN
      definition := pg_get_functiondef(to_regprocedure(full_name));
  END CASE;
  RETURN md5(regexp_replace(definition, '("[^"]+"|\w+)\.|[\s()"]', '', 'g'));
END
$function$;
COMMENT ON FUNCTION atelier.made_definition(text, text, text) IS 'a digest of an object as the catalogs have it; null when it is not there. Kinds: function, policy, trigger, view';

CREATE FUNCTION atelier.last_made(kind text, relation text, object text, OUT statement text, OUT definition text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  SELECT m.statement, m.definition INTO statement, definition
    FROM atelier.made m
   WHERE m.kind = last_made.kind AND m.relation = last_made.relation AND m.object = last_made.object
   ORDER BY m.made_at DESC LIMIT 1;
END
$function$;
COMMENT ON FUNCTION atelier.last_made(text, text, text) IS 'digests of the statement that made an object last, and of what it made; nulls when it is not known';

CREATE FUNCTION atelier.what_to_make(kind text, relation text, object text, statement text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  present text := atelier.made_definition(kind, relation, object);
  last record := atelier.last_made(kind, relation, object);
BEGIN
  IF present IS NULL THEN
    RETURN 'create';
  ELSIF last.statement = md5(statement) THEN
    RETURN 'nothing';
  ELSIF last.definition = present THEN
    RETURN 'replace';
  ELSIF last.definition IS NULL AND atelier.is_owned(kind, object) THEN
    -- The memory was lost, not the object.
    PERFORM atelier.note_made(kind, relation, object, statement);
    RETURN 'nothing';
  END IF;
  RAISE WARNING '% stays as it is', atelier.made_name(kind, relation, object)
    USING DETAIL = 'It is not as atelier made it, and this version wants another one.',
          HINT = atelier.made_remedy(kind, relation, object);
  RETURN 'nothing';
END
$function$;
COMMENT ON FUNCTION atelier.what_to_make(text, text, text, text) IS 'create, replace or nothing: what install() has to do about an object that a statement would make; warns when somebody else has changed it';

CREATE FUNCTION atelier.is_owned(kind text, object text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  full_name text := atelier.in_app_schema(object);
BEGIN
  RETURN CASE kind
           WHEN 'view' THEN EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass(full_name) AND c.relowner = 'atelier_owner'::regrole)
           WHEN 'function' THEN EXISTS (SELECT FROM pg_proc p WHERE p.oid = to_regprocedure(full_name) AND p.proowner = 'atelier_owner'::regrole)
           ELSE false
         END;
END
$function$;
COMMENT ON FUNCTION atelier.is_owned(text, text) IS 'whether a view or function belongs to atelier_owner';

CREATE FUNCTION atelier.note_made(kind text, relation text, object text, statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  present text := atelier.made_definition(kind, relation, object);
  last record := atelier.last_made(kind, relation, object);
BEGIN
  IF last.statement = md5(statement) AND last.definition = present THEN
    RETURN;
  END IF;
  PERFORM atelier.forget_made(kind, relation, object);
  INSERT INTO atelier.made (kind, relation, object, statement, definition) VALUES (kind, relation, object, md5(statement), present);
END
$function$;
COMMENT ON FUNCTION atelier.note_made(text, text, text, text) IS 'remembers that install() has made an object by this statement';

CREATE FUNCTION atelier.forget_made(kind text, relation text, object text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  DELETE FROM atelier.made m
   WHERE m.kind = forget_made.kind AND m.relation = forget_made.relation AND m.object = forget_made.object;
END
$function$;
COMMENT ON FUNCTION atelier.forget_made(text, text, text) IS 'the object is none of install()''s any more';

CREATE FUNCTION atelier.made_name(kind text, relation text, object text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN atelier.in_app_schema(CASE WHEN kind IN ('policy', 'trigger') THEN format('%s %I on %s', kind, object, relation)
                                    ELSE format('%s %s', kind, object) END);
END
$function$;
COMMENT ON FUNCTION atelier.made_name(text, text, text) IS 'an object in words, as DROP wants it';

CREATE FUNCTION atelier.made_remedy(kind text, relation text, object text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN format('DROP %s; SELECT atelier.install();', regexp_replace(atelier.made_name(kind, relation, object), '^\w+', upper(kind)));
END
$function$;
COMMENT ON FUNCTION atelier.made_remedy(text, text, text) IS 'how a DBA gets ours in the place of his own';

CREATE FUNCTION atelier.replace_object(kind text, object text, ddl text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Inside an extension script only members can be replaced; let_go() releases it again.
DECLARE
  replacing text := regexp_replace(ddl, '^\s*CREATE ', 'CREATE OR REPLACE ');
BEGIN
  PERFORM atelier.run_ddl(replacing);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM atelier.run_ddl(format('ALTER EXTENSION atelier ADD %s %s', kind, object));
  PERFORM atelier.run_ddl(replacing);
END
$function$;
COMMENT ON FUNCTION atelier.replace_object(text, text, text) IS 'runs a statement that creates a function or view, so that it replaces the one of that name';

CREATE FUNCTION atelier.wanted_guards(OUT kind text, OUT relation text, OUT object text, OUT ddl text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 'trigger', atelier.placed(t.relation), t.name::text,
         format('CREATE TRIGGER %I %s EXECUTE FUNCTION atelier.%I()', t.name, format(t.timing, atelier.placed(t.relation)), t.call)
    FROM atelier.wanted_triggers() t;
  RETURN QUERY
  SELECT 'policy', '@app@.' || p.relation, p.name::text, format('CREATE POLICY %I ON @app@.%s %s', p.name, p.relation, p.rule)
    FROM atelier.wanted_policies() p;
END
$function$;
COMMENT ON FUNCTION atelier.wanted_guards() IS 'wanted_triggers() and wanted_policies() with the statements that make them';

CREATE FUNCTION atelier.function_statement(ddl text, callers text, about text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN concat_ws(E'\n', ddl, callers, about);
END
$function$;
COMMENT ON FUNCTION atelier.function_statement(text, text, text) IS 'all that wanted_functions() says about a function, for its digest';

CREATE FUNCTION atelier.drop_unwanted() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- What an older version has made and this one does not want. Views that go are the matter of a step.
DECLARE
  item record;
  name text;
BEGIN
  FOR item IN
    SELECT DISTINCT m.kind, m.relation, m.object FROM atelier.made m
     WHERE m.kind <> 'view'
       AND NOT EXISTS (SELECT FROM atelier.wanted_guards() g
                        WHERE g.kind = m.kind AND g.relation = m.relation AND g.object = m.object)
       AND NOT EXISTS (SELECT FROM atelier.wanted_functions() f WHERE m.kind = 'function' AND '@app@.' || f.signature = m.object)
  LOOP
    name := atelier.made_name(item.kind, item.relation, item.object);
    IF atelier.made_definition(item.kind, item.relation, item.object) = (atelier.last_made(item.kind, item.relation, item.object)).definition THEN
      BEGIN
        EXECUTE 'DROP ' || name;
      EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE WARNING '% stays', name USING DETAIL = 'This version has no use for it, but other objects depend on it.';
      END;
    ELSIF atelier.made_definition(item.kind, item.relation, item.object) IS NOT NULL THEN
      RAISE WARNING '% stays', name USING DETAIL = 'This version has no use for it, but it is not as atelier made it.';
    END IF;
    PERFORM atelier.forget_made(item.kind, item.relation, item.object);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.drop_unwanted() IS 'part of install(): drops functions, policies and triggers that an older version has made and this one does not want';

CREATE FUNCTION atelier.recall_made() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Version 0.1.0 remembered nothing, so what it made is known from its release. Where the memory was lost later, the policies
-- and triggers that are there count as made by this version.
DECLARE
  last_of_0_1_0 CONSTANT integer := 16;
  wanted record;
BEGIN
  IF to_regclass('atelier.queue') IS NULL THEN
    RETURN;
  ELSIF atelier.table_version() <= last_of_0_1_0 THEN
    INSERT INTO atelier.made (kind, relation, object, statement, definition)
    SELECT r.kind, r.relation, r.object, r.statement, r.definition FROM atelier.released_objects() r;
  ELSE
    FOR wanted IN SELECT g.kind, g.relation, g.object, g.ddl FROM atelier.wanted_guards() g LOOP
      IF atelier.made_definition(wanted.kind, wanted.relation, wanted.object) IS NOT NULL THEN
        PERFORM atelier.note_made(wanted.kind, wanted.relation, wanted.object, wanted.ddl);
      END IF;
    END LOOP;
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.recall_made() IS 'part of install(): fills atelier.made in a database that has none';

CREATE FUNCTION atelier.changed_by_others(OUT object text, OUT remedy text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT atelier.made_name(w.kind, w.relation, w.object), atelier.made_remedy(w.kind, w.relation, w.object)
    FROM (SELECT g.kind, g.relation, g.object, g.ddl FROM atelier.wanted_guards() g
          UNION ALL
          SELECT 'function', '', '@app@.' || f.signature, atelier.function_statement(f.ddl, f.callers, f.about)
            FROM atelier.wanted_functions() f) w
   WHERE (atelier.last_made(w.kind, w.relation, w.object)).statement IS DISTINCT FROM md5(w.ddl)
     AND atelier.made_definition(w.kind, w.relation, w.object) IS NOT NULL
   ORDER BY 1;
END
$function$;
COMMENT ON FUNCTION atelier.changed_by_others() IS 'objects that install() wants otherwise and has kept, since they were not as it had made them; for health()';

CREATE FUNCTION atelier.drop_former(functions oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- One that another of them needs goes after it; one that somebody else needs stays, and names who.
DECLARE
  function oid;
  left_over oid[];
  problem text;
BEGIN
  LOOP
    left_over := '{}';
    FOREACH function IN ARRAY functions LOOP
      BEGIN
        EXECUTE format('DROP ROUTINE %s', function::regprocedure);
      EXCEPTION WHEN dependent_objects_still_exist THEN
        GET STACKED DIAGNOSTICS problem = PG_EXCEPTION_DETAIL;
        left_over := left_over || function;
      END;
    END LOOP;
    EXIT WHEN cardinality(left_over) = 0;
    IF cardinality(left_over) = cardinality(functions) THEN
      RAISE EXCEPTION 'function % is not part of this version, and other objects depend on it', left_over[1]::regprocedure
        USING ERRCODE = 'dependent_objects_still_exist', DETAIL = problem, HINT = 'Drop them, then update again.';
    END IF;
    functions := left_over;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.drop_former(oid[]) IS 'the end of an update: drops functions of the extension that the new version does not have';
