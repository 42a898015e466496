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
  RETURN QUERY SELECT t.* FROM atelier.workspaces_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.flows_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.loras_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.assistant_triggers() t;
  RETURN QUERY SELECT t.* FROM atelier.ideas_triggers() t;
END
$function$;
COMMENT ON FUNCTION atelier.wanted_triggers() IS 'the triggers on the app''s tables: table, name, when, and the function of schema atelier';

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

CREATE FUNCTION atelier.retired_policies(OUT relation text, OUT name name) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- 0.1.0; it let a deactivated user read.
  RETURN QUERY SELECT 'ideas'::text, 'ideas_select'::name;
END
$function$;
COMMENT ON FUNCTION atelier.retired_policies() IS 'policies of earlier versions, which make_guards() drops';

CREATE FUNCTION atelier.missing_triggers(OUT relation regclass, OUT name name, OUT ddl text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT there.relation, w.name,
         format('CREATE TRIGGER %I %s EXECUTE FUNCTION atelier.%I()', w.name, format(w.timing, there.relation), w.call)
    FROM atelier.wanted_triggers() w
   CROSS JOIN LATERAL (SELECT to_regclass(atelier.in_app_schema('@app@.' || w.relation)) AS relation) there
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

CREATE FUNCTION atelier.make_guards() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  ddl text;
BEGIN
  FOR ddl IN
    SELECT format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass)
      FROM atelier.retired_policies() r
      JOIN pg_policy p ON p.polname = r.name AND p.polrelid = to_regclass(atelier.in_app_schema('@app@.' || r.relation))
  LOOP
    EXECUTE ddl;
  END LOOP;
  -- The tables of the workers are granted to nobody. That the owner alone is meant is said by a policy, too: a table without
  -- one looks forgotten.
  FOR ddl IN
    SELECT format('CREATE POLICY owner_only ON %s TO atelier_owner USING (true) WITH CHECK (true)', c.oid::regclass)
      FROM pg_class c
     WHERE c.relnamespace = 'atelier'::regnamespace AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
  LOOP
    EXECUTE ddl;
  END LOOP;
  FOR ddl IN SELECT t.ddl FROM atelier.missing_triggers() t UNION ALL SELECT p.ddl FROM atelier.missing_policies() p LOOP
    EXECUTE ddl;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_guards() IS 'creates the triggers and policies that are missing, and drops the policies of earlier versions';

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
