-- SPDX-License-Identifier: PostgreSQL
-- Users, tokens, logs and notifications: triggers, policies, grants. A deactivated user reads his own profile only.

CREATE FUNCTION atelier.accounts_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('users', 'user_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_user'),
      ('users', 'user_flows_trigger', 'BEFORE DELETE ON %s FOR EACH ROW', 'remove_user_flows'),
      ('replicate_tokens', 'token_guard_trigger',
       'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_token'),
      ('replicate_tokens', 'token_keep_trigger', 'BEFORE DELETE ON %s FOR EACH ROW', 'keep_token'),
      ('replicate_tokens', 'token_change_trigger',
       'AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF token, is_active ON %s FOR EACH STATEMENT', 'tokens_changed'),
      ('api_logs', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'),
      ('notifications', 'notification_guard_trigger',
       'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_notification'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.accounts_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.accounts_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('users', 'users_select', 'FOR SELECT TO authenticated USING (id = atelier.uid() OR atelier.is_admin())'),
      ('users', 'users_update_own',
       'FOR UPDATE TO authenticated USING (id = atelier.uid() AND atelier.is_active_user())'
       ' WITH CHECK (id = atelier.uid())'),
      ('notifications', 'notifications_select_own',
       'FOR SELECT TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('notifications', 'notifications_update_own',
       'FOR UPDATE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'
       ' WITH CHECK (user_id = atelier.uid())'),
      ('notifications', 'notifications_delete_own',
       'FOR DELETE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('replicate_tokens', 'replicate_tokens_service', 'FOR ALL TO service_role USING (true) WITH CHECK (true)'),
      ('api_logs', 'api_logs_service', 'FOR ALL TO service_role USING (true) WITH CHECK (true)'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.accounts_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_accounts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT ON @app@.users, @app@.notifications TO authenticated;
    GRANT UPDATE (display_name, avatar_url, cover_url) ON @app@.users TO authenticated;
    GRANT UPDATE (is_read), DELETE ON @app@.notifications TO authenticated;
    -- The app asks for tokens as its user and expects no rows: no policy lets one through.
    GRANT SELECT ON @app@.replicate_tokens TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_accounts() IS 'part of grant_tables()';
