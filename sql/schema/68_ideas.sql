-- SPDX-License-Identifier: PostgreSQL
-- Ideas, votes and support tickets: triggers, policies, grants.

CREATE FUNCTION atelier.guard_idea() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_idea';
COMMENT ON FUNCTION atelier.guard_idea() IS 'trigger: fills in defaults; an idea of a user starts without votes';

CREATE FUNCTION atelier.count_vote() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_count_vote';
COMMENT ON FUNCTION atelier.count_vote() IS 'trigger: keeps votes_count of an idea equal to its rows of idea_votes, never below zero';

CREATE FUNCTION atelier.guard_ticket() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_ticket';
COMMENT ON FUNCTION atelier.guard_ticket() IS 'trigger: fills in defaults; the status and the answer of a support ticket are not its user''s to write';

CREATE FUNCTION atelier.ideas_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('ideas', 'idea_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_idea'),
      ('idea_votes', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'),
      ('idea_votes', 'vote_count_trigger',
       'AFTER INSERT OR DELETE OR UPDATE OF idea_id ON %s FOR EACH ROW', 'count_vote'),
      ('support_tickets', 'ticket_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_ticket'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.ideas_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.ideas_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('ideas', 'ideas_select_anon', 'FOR SELECT TO anon USING (true)'),
      -- Whoever has a session must be active; without one he reads what everybody reads.
      ('ideas', 'ideas_select_user',
       'FOR SELECT TO authenticated USING (atelier.uid() IS NULL OR atelier.is_active_user())'),
      ('ideas', 'ideas_insert',
       'FOR INSERT TO authenticated'
       ' WITH CHECK ((user_id IS NULL OR user_id = atelier.uid()) AND atelier.is_active_user())'),
      ('ideas', 'ideas_delete',
       'FOR DELETE TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.is_super_admin())'),
      ('idea_votes', 'idea_votes_select_own',
       'FOR SELECT TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('idea_votes', 'idea_votes_insert_own',
       'FOR INSERT TO authenticated WITH CHECK (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('idea_votes', 'idea_votes_delete_own',
       'FOR DELETE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('support_tickets', 'support_tickets_select_own',
       'FOR SELECT TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('support_tickets', 'support_tickets_insert_own',
       'FOR INSERT TO authenticated WITH CHECK (user_id = atelier.uid() AND atelier.is_active_user())'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.ideas_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_ideas() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT ON @app@.ideas TO anon;
    GRANT SELECT, INSERT, DELETE ON @app@.ideas, @app@.idea_votes TO authenticated;
    GRANT SELECT, INSERT ON @app@.support_tickets TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_ideas() IS 'part of grant_tables()';
