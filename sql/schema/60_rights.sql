-- SPDX-License-Identifier: PostgreSQL
-- Who may do what with the tables: grants, policies and guard triggers. service_role bypasses row level security and needs
-- grants only; anon gets nothing here. There is one permissive policy per command and role.

CREATE FUNCTION atelier.wanted_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- %s stands for the table. Triggers fire in the order of their names: the guard before the status.
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('generations', 'generation_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_generation'),
      ('generations', 'generation_status_trigger', 'BEFORE UPDATE ON %s FOR EACH ROW', 'update_generation_status'),
      ('generations', 'generation_queue_insert_trigger', 'AFTER INSERT ON %s FOR EACH ROW WHEN (NEW.status = ''queued'')',
       'sync_queue'),
      ('generations', 'generation_queue_update_trigger',
       'AFTER UPDATE ON %s FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)', 'sync_queue'),
      ('generations', 'generation_queue_delete_trigger', 'AFTER DELETE ON %s FOR EACH ROW', 'sync_queue'),
      ('users', 'user_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_user'),
      ('replicate_tokens', 'token_guard_trigger', 'BEFORE INSERT OR UPDATE OF token ON %s FOR EACH ROW', 'guard_token'),
      ('replicate_tokens', 'token_change_trigger',
       'AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF token, is_active ON %s FOR EACH STATEMENT', 'tokens_changed'),
      ('api_logs', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'),
      ('notifications', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.wanted_triggers() IS 'the triggers on the app''s tables: table, name, when, and the function of schema atelier';

CREATE FUNCTION atelier.wanted_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- A deactivated user reads his own profile and nothing else, and writes nothing.
DECLARE
  mine CONSTANT text := '(user_id = atelier.uid() AND atelier.is_active_user())';
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('users', 'users_select_own', 'FOR SELECT TO authenticated USING (id = atelier.uid())'),
      ('users', 'users_update_own',
       'FOR UPDATE TO authenticated USING (id = atelier.uid() AND atelier.is_active_user()) WITH CHECK (id = atelier.uid())'),
      ('generations', 'generations_select_own', 'FOR SELECT TO authenticated USING ' || mine),
      ('generations', 'generations_insert_own', 'FOR INSERT TO authenticated WITH CHECK ' || mine),
      ('generations', 'generations_update_own',
       'FOR UPDATE TO authenticated USING ' || mine || ' WITH CHECK (user_id = atelier.uid())'),
      ('notifications', 'notifications_select_own', 'FOR SELECT TO authenticated USING ' || mine),
      ('notifications', 'notifications_update_own',
       'FOR UPDATE TO authenticated USING ' || mine || ' WITH CHECK (user_id = atelier.uid())'),
      ('notifications', 'notifications_delete_own', 'FOR DELETE TO authenticated USING ' || mine),
      ('replicate_tokens', 'replicate_tokens_service', 'FOR ALL TO service_role USING (true) WITH CHECK (true)'),
      ('api_logs', 'api_logs_service', 'FOR ALL TO service_role USING (true) WITH CHECK (true)'))
      AS w (relation, name, rule);
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
  FOR ddl IN SELECT t.ddl FROM atelier.missing_triggers() t UNION ALL SELECT p.ddl FROM atelier.missing_policies() p LOOP
    EXECUTE ddl;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_guards() IS 'creates the triggers and policies that are missing';

CREATE FUNCTION atelier.grant_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT, INSERT, UPDATE, DELETE ON @app@.users, @app@.generations, @app@.replicate_tokens, @app@.api_logs,
      @app@.notifications TO service_role;

    GRANT SELECT ON @app@.users, @app@.generations, @app@.notifications TO authenticated;
    GRANT UPDATE (display_name, avatar_url, cover_url) ON @app@.users TO authenticated;
    -- Whatever an INSERT sends, the guard trigger keeps what is the user's to say.
    GRANT INSERT ON @app@.generations TO authenticated;
    GRANT UPDATE (status, viewed, viewed_at, is_favorite, replicate_prediction_id, error_message, completed_at)
      ON @app@.generations TO authenticated;
    GRANT UPDATE (is_read), DELETE ON @app@.notifications TO authenticated;
    -- The app asks for tokens as its user and expects no rows: no policy lets one through.
    GRANT SELECT ON @app@.replicate_tokens TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_tables() IS 'grants on the tables of the app schema';
