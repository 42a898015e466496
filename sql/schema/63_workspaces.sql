-- SPDX-License-Identifier: PostgreSQL
-- Workspaces and their members: triggers, policies, grants.

CREATE FUNCTION atelier.workspaces_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('workspaces', 'workspace_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_workspace'),
      ('workspaces', 'workspace_owner_trigger',
       'AFTER INSERT ON %s FOR EACH ROW WHEN (NEW.created_by IS NOT NULL)', 'add_workspace_owner'),
      ('workspaces', 'workspace_end_trigger', 'BEFORE DELETE ON %s FOR EACH ROW', 'end_workspace'),
      ('workspace_members', 'workspace_member_guard_trigger',
       'BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW', 'guard_workspace_member'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.workspaces_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.workspaces_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- Whoever makes a workspace reads it back by RETURNING before his membership is there: in that transaction, and no longer.
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('workspaces', 'workspaces_select',
       'FOR SELECT TO authenticated'
       ' USING (atelier.is_workspace_member(id)'
       ' OR (created_by = atelier.uid() AND created_at = now() AND atelier.is_admin()) OR atelier.is_super_admin())'),
      ('workspaces', 'workspaces_insert',
       'FOR INSERT TO authenticated WITH CHECK (created_by = atelier.uid() AND atelier.is_admin())'),
      ('workspaces', 'workspaces_update',
       'FOR UPDATE TO authenticated USING (atelier.manages_workspace(id) OR atelier.is_super_admin())'
       ' WITH CHECK (atelier.manages_workspace(id) OR atelier.is_super_admin())'),
      ('workspaces', 'workspaces_delete',
       'FOR DELETE TO authenticated USING (atelier.owns_workspace(id) OR atelier.is_super_admin())'),
      ('workspace_members', 'workspace_members_select',
       'FOR SELECT TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.is_workspace_member(workspace_id) OR atelier.is_super_admin())'),
      ('workspace_members', 'workspace_members_insert',
       'FOR INSERT TO authenticated'
       ' WITH CHECK ((atelier.manages_workspace(workspace_id) AND role <> ''owner'') OR atelier.owns_workspace(workspace_id) OR atelier.is_super_admin())'),
      ('workspace_members', 'workspace_members_update',
       'FOR UPDATE TO authenticated USING (atelier.owns_workspace(workspace_id) OR atelier.is_super_admin())'
       ' WITH CHECK (atelier.owns_workspace(workspace_id) OR atelier.is_super_admin())'),
      ('workspace_members', 'workspace_members_delete',
       'FOR DELETE TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.manages_workspace(workspace_id) OR atelier.is_super_admin())'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.workspaces_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_workspaces() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT, DELETE ON @app@.workspaces, @app@.workspace_members TO authenticated;
    GRANT INSERT ON @app@.workspaces, @app@.workspace_members TO authenticated;
    GRANT UPDATE (name, slug, description, is_active) ON @app@.workspaces TO authenticated;
    GRANT UPDATE (role) ON @app@.workspace_members TO authenticated;
    GRANT SELECT ON @app@.workspace_users TO authenticated, service_role$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_workspaces() IS 'part of grant_tables()';

CREATE FUNCTION atelier.make_workspaces_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.make_view('@app@.workspace_users', $ddl$
    CREATE VIEW @app@.workspace_users WITH (security_invoker = true) AS
    SELECT m.id, m.workspace_id, m.user_id, m.role, m.joined_at, m.invited_by FROM @app@.workspace_members m$ddl$);
  PERFORM atelier.describe('@app@.workspace_users', 'workspace_members under another name, with the same rights');
END
$function$;
COMMENT ON FUNCTION atelier.make_workspaces_views() IS 'part of make_views()';
