-- SPDX-License-Identifier: PostgreSQL
-- Workspaces and their members: triggers, policies, grants.

CREATE FUNCTION atelier.workspaces_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('workspaces', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'),
      ('workspace_members', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.workspaces_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.workspaces_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('workspaces', 'workspaces_select',
       'FOR SELECT TO authenticated'
       ' USING (atelier.is_workspace_member(id) OR (created_by = atelier.uid() AND atelier.is_admin()) OR atelier.is_super_admin())'),
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
    GRANT UPDATE (role) ON @app@.workspace_members TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_workspaces() IS 'part of grant_tables()';
