-- SPDX-License-Identifier: PostgreSQL
-- Who may do what with the tables: grants, policies and guard triggers, stated by topic in the files that follow.
-- service_role bypasses row level security and needs grants only. There is one permissive policy per command and role.
-- Policies compare columns with atelier.uid() and call helpers of rpc/; they contain no subqueries.

CREATE FUNCTION atelier.wanted_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- %s in the timing stands for the table. Triggers fire in the order of their names.
BEGIN
  RETURN QUERY SELECT t.* FROM atelier.accounts_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.generations_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.poll_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.counts_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.workspaces_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.flows_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.loras_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.assistant_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.ideas_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.money_triggers() t;
END
$function$;
COMMENT ON FUNCTION atelier.wanted_triggers() IS 'the triggers on the tables: table (of the app schema where no schema is named), name, when, and the function of schema atelier';

CREATE FUNCTION atelier.placed(relation text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN CASE WHEN relation LIKE 'atelier.%' THEN relation ELSE '@app@.' || relation END;
END
$function$;
COMMENT ON FUNCTION atelier.placed(text) IS 'the name of a table of wanted_triggers() with its schema, @app@ for the app schema';

CREATE FUNCTION atelier.wanted_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY SELECT p.* FROM atelier.accounts_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.generations_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.workspaces_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.flows_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.loras_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.assistant_policies() p;
  RETURN QUERY SELECT p.* FROM atelier.ideas_policies() p;
END
$function$;
COMMENT ON FUNCTION atelier.wanted_policies() IS 'the policies on the app''s tables: table, name and rule';

CREATE FUNCTION atelier.missing_triggers(OUT relation regclass, OUT name name, OUT ddl text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT there.relation, w.name,
         format('CREATE TRIGGER %I %s EXECUTE FUNCTION atelier.%I()', w.name, format(w.timing, there.relation), w.call)
    FROM atelier.wanted_triggers() w
   CROSS JOIN LATERAL (SELECT to_regclass(atelier.in_app_schema(atelier.placed(w.relation))) AS relation) there
   WHERE there.relation IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = there.relation AND t.tgname = w.name);
END
$function$;
COMMENT ON FUNCTION atelier.missing_triggers() IS 'triggers that should be there and are not, with the statement that makes each';

CREATE FUNCTION atelier.missing_policies(OUT relation regclass, OUT name name, OUT ddl text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT there.relation, w.name, format('CREATE POLICY %I ON %s %s', w.name, there.relation, w.rule)
    FROM atelier.wanted_policies() w
   CROSS JOIN LATERAL (SELECT to_regclass(atelier.in_app_schema('@app@.' || w.relation)) AS relation) there
   WHERE there.relation IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = there.relation AND p.polname = w.name);
END
$function$;
COMMENT ON FUNCTION atelier.missing_policies() IS 'policies that should be there and are not, with the statement that makes each';

CREATE FUNCTION atelier.make_owner_policies() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The tables of the workers are granted to nobody. That the owner alone is meant is said by a policy, too: a table without one
-- looks forgotten.
DECLARE
  relation regclass;
BEGIN
  FOR relation IN
    SELECT c.oid FROM pg_class c
     WHERE c.relnamespace = 'atelier'::regnamespace AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
  LOOP
    EXECUTE format('CREATE POLICY owner_only ON %s TO atelier_owner USING (true) WITH CHECK (true)', relation);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_owner_policies() IS 'part of make_guards(): the policies on the tables of schema atelier';

CREATE FUNCTION atelier.make_guards() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- A trigger that somebody has disabled stays disabled, and a comment stays.
DECLARE
  wanted record;
  what_to_do text;
  comment text;
  enabled "char";
BEGIN
  FOR wanted IN SELECT g.kind, g.relation, g.object, g.ddl, to_regclass(atelier.in_app_schema(g.relation)) AS place FROM atelier.wanted_guards() g LOOP
    CONTINUE WHEN wanted.place IS NULL;
    what_to_do := atelier.what_to_make(wanted.kind, wanted.relation, wanted.object, wanted.ddl);
    CONTINUE WHEN what_to_do = 'nothing';
    IF what_to_do = 'replace' THEN
      SELECT obj_description(p.oid, 'pg_policy'), NULL INTO comment, enabled
        FROM pg_policy p WHERE wanted.kind = 'policy' AND p.polrelid = wanted.place AND p.polname = wanted.object
      UNION ALL
      SELECT obj_description(t.oid, 'pg_trigger'), t.tgenabled
        FROM pg_trigger t WHERE wanted.kind = 'trigger' AND t.tgrelid = wanted.place AND t.tgname = wanted.object;
      EXECUTE 'DROP ' || atelier.made_name(wanted.kind, wanted.relation, wanted.object);
    END IF;
    PERFORM atelier.run_ddl(wanted.ddl);
    IF what_to_do = 'replace' AND comment IS NOT NULL THEN
      EXECUTE format('COMMENT ON %s IS %L', atelier.made_name(wanted.kind, wanted.relation, wanted.object), comment);
    END IF;
    IF what_to_do = 'replace' AND wanted.kind = 'trigger' AND enabled <> 'O' THEN
      EXECUTE format('ALTER TABLE %s %s TRIGGER %I', wanted.place,
                     CASE enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, wanted.object);
    END IF;
    PERFORM atelier.note_made(wanted.kind, wanted.relation, wanted.object, wanted.ddl);
  END LOOP;
  PERFORM atelier.make_owner_policies();
END
$function$;
COMMENT ON FUNCTION atelier.make_guards() IS 'creates the triggers and policies that are missing, and replaces those of an older version';

CREATE FUNCTION atelier.grant_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relation text;
BEGIN
  FOR relation IN SELECT DISTINCT p.relation FROM atelier.wanted_policies() p LOOP
    PERFORM atelier.run_ddl(format('GRANT SELECT, INSERT, UPDATE, DELETE ON @app@.%I TO service_role', relation));
  END LOOP;
  PERFORM atelier.grant_accounts();
  PERFORM atelier.grant_generations();
  PERFORM atelier.grant_workspaces();
  PERFORM atelier.grant_flows();
  PERFORM atelier.grant_loras();
  PERFORM atelier.grant_assistant();
  PERFORM atelier.grant_ideas();
END
$function$;
COMMENT ON FUNCTION atelier.grant_tables() IS 'grants on the tables of the app schema';
