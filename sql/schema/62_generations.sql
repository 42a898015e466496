-- SPDX-License-Identifier: PostgreSQL
-- Generations: triggers, policies, grants. The guard fires before the status.

CREATE FUNCTION atelier.generations_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- No WHEN: it would be read from the catalog at each statement, which takes longer than to compare the row.
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('generations', 'generation_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_generation'),
      ('generations', 'generation_status_trigger', 'BEFORE UPDATE ON %s FOR EACH ROW', 'update_generation_status'),
      ('generations', 'generation_queue_insert_trigger', 'AFTER INSERT ON %s FOR EACH ROW', 'sync_queue'),
      ('generations', 'generation_queue_update_trigger', 'AFTER UPDATE ON %s FOR EACH ROW', 'sync_queue'),
      ('generations', 'generation_queue_delete_trigger', 'AFTER DELETE ON %s FOR EACH ROW', 'sync_queue'),
      ('generations', 'generation_truncate_trigger', 'AFTER TRUNCATE ON %s FOR EACH STATEMENT', 'clear_queue'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.generations_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.generations_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('generations', 'generations_select',
       'FOR SELECT TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.is_workspace_member(workspace_id) OR atelier.is_super_admin())'),
      ('generations', 'generations_insert_own',
       'FOR INSERT TO authenticated'
       ' WITH CHECK ((user_id = atelier.uid() AND atelier.is_active_user()) AND (workspace_id IS NULL OR atelier.is_workspace_member(workspace_id)))'),
      ('generations', 'generations_update',
       'FOR UPDATE TO authenticated USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.is_super_admin())'
       ' WITH CHECK (user_id = atelier.uid() OR atelier.is_super_admin())'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.generations_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_generations() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT ON @app@.generations TO authenticated;
    -- Whatever an INSERT sends, the guard trigger keeps what is the user's to say.
    GRANT INSERT ON @app@.generations TO authenticated;
    -- The guard lets only a super_admin change the workspace, of any row.
    GRANT UPDATE (status, viewed, viewed_at, is_favorite, replicate_prediction_id, error_message, completed_at, workspace_id)
      ON @app@.generations TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_generations() IS 'part of grant_tables()';
