-- SPDX-License-Identifier: PostgreSQL
-- Flows, their nodes, edges, members, invitations and comments: triggers, policies, grants.

CREATE FUNCTION atelier.flows_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('flows', 'flow_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow'),
      ('flow_nodes', 'flow_node_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow_node'),
      ('flow_edges', 'flow_edge_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow_edge'),
      ('flow_members', 'flow_member_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow_member'),
      ('flow_invites', 'flow_invite_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow_invite'),
      ('flow_comments', 'flow_comment_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_flow_comment'),
      ('flows', 'touch_trigger', 'BEFORE UPDATE ON %s FOR EACH ROW', 'touch_updated_at'),
      ('flow_nodes', 'touch_trigger', 'BEFORE UPDATE ON %s FOR EACH ROW', 'touch_updated_at'),
      ('flow_comments', 'touch_trigger', 'BEFORE UPDATE ON %s FOR EACH ROW', 'touch_updated_at'),
      ('flows', 'flow_memory_end_trigger', 'AFTER DELETE ON %s FOR EACH ROW', 'forget_flow'),
      ('flow_nodes', 'flow_node_memory_trigger', 'AFTER DELETE ON %s FOR EACH ROW', 'remember_flow_node'),
      ('flow_nodes', 'flow_node_memory_end_trigger', 'AFTER DELETE ON %s FOR EACH STATEMENT', 'forget_flow_nodes'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.flows_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.flows_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('flows', 'flows_select',
       'FOR SELECT TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.is_workspace_member(workspace_id) OR atelier.is_flow_member(id))'),
      ('flows', 'flows_insert_own',
       'FOR INSERT TO authenticated'
       ' WITH CHECK ((user_id = atelier.uid() AND atelier.is_active_user()) AND (workspace_id IS NULL OR atelier.is_workspace_member(workspace_id)))'),
      ('flows', 'flows_update',
       'FOR UPDATE TO authenticated USING (atelier.can_edit_flow(id)) WITH CHECK (atelier.can_edit_flow(id))'),
      ('flows', 'flows_delete',
       'FOR DELETE TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.manages_workspace(workspace_id))'),
      ('flow_nodes', 'flow_nodes_select', 'FOR SELECT TO authenticated USING (atelier.can_see_flow(flow_id))'),
      ('flow_nodes', 'flow_nodes_insert', 'FOR INSERT TO authenticated WITH CHECK (atelier.can_edit_flow(flow_id))'),
      ('flow_nodes', 'flow_nodes_update',
       'FOR UPDATE TO authenticated USING (atelier.can_edit_flow(flow_id)) WITH CHECK (atelier.can_edit_flow(flow_id))'),
      ('flow_nodes', 'flow_nodes_delete', 'FOR DELETE TO authenticated USING (atelier.can_edit_flow(flow_id))'),
      ('flow_edges', 'flow_edges_select', 'FOR SELECT TO authenticated USING (atelier.can_see_flow(flow_id))'),
      ('flow_edges', 'flow_edges_insert', 'FOR INSERT TO authenticated WITH CHECK (atelier.can_edit_flow(flow_id))'),
      ('flow_edges', 'flow_edges_update',
       'FOR UPDATE TO authenticated USING (atelier.can_edit_flow(flow_id)) WITH CHECK (atelier.can_edit_flow(flow_id))'),
      ('flow_edges', 'flow_edges_delete', 'FOR DELETE TO authenticated USING (atelier.can_edit_flow(flow_id))'),
      ('flow_members', 'flow_members_select',
       'FOR SELECT TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.owns_flow(flow_id))'),
      ('flow_members', 'flow_members_insert', 'FOR INSERT TO authenticated WITH CHECK (atelier.owns_flow(flow_id))'),
      ('flow_members', 'flow_members_update',
       'FOR UPDATE TO authenticated USING (atelier.owns_flow(flow_id)) WITH CHECK (atelier.owns_flow(flow_id))'),
      ('flow_members', 'flow_members_delete',
       'FOR DELETE TO authenticated'
       ' USING ((user_id = atelier.uid() AND atelier.is_active_user()) OR atelier.owns_flow(flow_id))'),
      ('flow_invites', 'flow_invites_select', 'FOR SELECT TO authenticated USING (atelier.owns_flow(flow_id))'),
      ('flow_invites', 'flow_invites_insert',
       'FOR INSERT TO authenticated WITH CHECK (atelier.owns_flow(flow_id) AND invited_by = atelier.uid())'),
      ('flow_invites', 'flow_invites_delete', 'FOR DELETE TO authenticated USING (atelier.owns_flow(flow_id))'),
      ('flow_comments', 'flow_comments_select', 'FOR SELECT TO authenticated USING (atelier.can_see_flow(flow_id))'),
      ('flow_comments', 'flow_comments_insert',
       'FOR INSERT TO authenticated WITH CHECK (user_id = atelier.uid() AND atelier.can_see_flow(flow_id))'),
      ('flow_comments', 'flow_comments_update',
       'FOR UPDATE TO authenticated USING (atelier.can_see_flow(flow_id)) WITH CHECK (atelier.can_see_flow(flow_id))'),
      ('flow_comments', 'flow_comments_delete',
       'FOR DELETE TO authenticated'
       ' USING (((user_id = atelier.uid() AND atelier.is_active_user()) AND atelier.can_see_flow(flow_id)) OR atelier.owns_flow(flow_id))'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.flows_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_flows() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT, INSERT, DELETE ON @app@.flows, @app@.flow_nodes, @app@.flow_edges, @app@.flow_members, @app@.flow_invites,
      @app@.flow_comments TO authenticated;
    -- The app may send updated_at along; the trigger says what it becomes.
    GRANT UPDATE (name, description, viewport_x, viewport_y, viewport_zoom, is_template, workspace_id, status, updated_at)
      ON @app@.flows TO authenticated;
    GRANT UPDATE (block_type, position_x, position_y, width, height, data, model_id, output_url, output_type, status,
                  error_message, generation_id, updated_at) ON @app@.flow_nodes TO authenticated;
    GRANT UPDATE (source_node_id, source_handle, target_node_id, target_handle, edge_type) ON @app@.flow_edges TO authenticated;
    GRANT UPDATE (role) ON @app@.flow_members TO authenticated;
    GRANT UPDATE (content, position_x, position_y, is_resolved, read_by, updated_at) ON @app@.flow_comments TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_flows() IS 'part of grant_tables()';
