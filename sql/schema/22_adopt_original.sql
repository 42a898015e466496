-- SPDX-License-Identifier: PostgreSQL
-- The names that the app's own base schema and migrations give to policies, triggers, indexes and functions. On a database
-- that is adopted these are the original's and go; everything of another name is the DBA's and stays.

CREATE FUNCTION atelier.original_policies(OUT relation text, OUT name name) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT o.relation, unnest(o.names)::name
    FROM (VALUES
      ('flow_comments', ARRAY['Users can create comments in accessible flows', 'Users can delete own comments or flow owner',
         'Users can update own comments', 'Users can view comments in accessible flows']),
      ('flow_edges', ARRAY['Users can create edges in editable flows', 'Users can create edges in own flows',
         'Users can delete edges in editable flows', 'Users can delete edges in own flows',
         'Users can update edges in editable flows', 'Users can update edges in own flows',
         'Users can view edges of own flows', 'Users can view edges of own or shared flows']),
      ('flow_invites', ARRAY['Flow owners can create invites', 'Flow owners can delete invites', 'Flow owners can view invites']),
      ('flow_members', ARRAY['Flow owners can add members', 'Flow owners can delete members', 'Flow owners can update members',
         'Flow owners can view members']),
      ('flow_nodes', ARRAY['Users can create nodes in editable flows', 'Users can create nodes in own flows',
         'Users can delete nodes in editable flows', 'Users can delete nodes in own flows',
         'Users can update nodes in editable flows', 'Users can update nodes in own flows',
         'Users can view nodes of own flows', 'Users can view nodes of own or shared flows']),
      ('flows', ARRAY['Owners can delete workspace flows', 'Users can create own flows', 'Users can delete own flows',
         'Users can update own flows', 'Users can update own or editable flows', 'Users can view own flows',
         'Users can view own or shared flows', 'Workspace members can create workspace flows',
         'Workspace members can update workspace flows', 'Workspace members can view workspace flows']),
      ('generations', ARRAY['Admins can view all generations', 'Users can insert own generations', 'Users can update own generations',
         'Users can view own generations', 'Users view generations in workspace']),
      ('idea_votes', ARRAY['Authenticated users can vote', 'Users can remove their votes', 'Users can view their own votes']),
      ('ideas', ARRAY['Anyone can create ideas', 'Authors can delete their ideas', 'Ideas are viewable by everyone']),
      ('lora_training_images', ARRAY['Users can insert own training images', 'Users can view own training images']),
      ('notifications', ARRAY['Service role can insert notifications', 'Users can delete own notifications',
         'Users can update own notifications', 'Users can view own notifications']),
      ('replicate_tokens', ARRAY['Service role can manage tokens']),
      ('user_loras', ARRAY['Users can delete own loras', 'Users can insert own loras', 'Users can update own loras',
         'Users can view own loras']),
      ('users', ARRAY['Admins can update users', 'Admins can view all users', 'Service role can insert users',
         'Users can update own profile', 'Users can view own profile']),
      ('workspace_members', ARRAY['Members view workspace members', 'Workspace admins can add members',
         'Workspace admins can remove members', 'Workspace owners can update member roles']),
      ('workspaces', ARRAY['Admins can create workspaces', 'Users view own workspaces', 'Workspace admins can update',
         'Workspace owners can delete']))
      AS o (relation, names);
END
$function$;
COMMENT ON FUNCTION atelier.original_policies() IS 'the policies of the app''s own schema, by table';

CREATE FUNCTION atelier.original_triggers(OUT relation text, OUT name name) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- The one on auth.users is the matter of missing_auth_changes().
BEGIN
  RETURN QUERY
  SELECT o.relation, unnest(o.names)::name
    FROM (VALUES
      ('assistant_messages', ARRAY['assistant_message_update_conversation', 'assistant_message_update_preview']),
      ('flow_comments', ARRAY['update_flow_comments_updated_at']),
      ('flow_nodes', ARRAY['update_flow_nodes_updated_at']),
      ('flows', ARRAY['update_flows_updated_at']),
      ('generations', ARRAY['generation_status_trigger']),
      ('idea_votes', ARRAY['trigger_update_idea_votes_count']),
      ('user_loras', ARRAY['trigger_update_lora_updated_at']))
      AS o (relation, names);
END
$function$;
COMMENT ON FUNCTION atelier.original_triggers() IS 'the triggers of the app''s own schema, by table';

CREATE FUNCTION atelier.original_indexes(OUT relation text, OUT name name) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT o.relation, unnest(o.names)::name
    FROM (VALUES
      ('api_logs', ARRAY['idx_api_logs_created_at', 'idx_api_logs_error_category', 'idx_api_logs_generation_id',
         'idx_api_logs_path', 'idx_api_logs_provider', 'idx_api_logs_status_code', 'idx_api_logs_user_id']),
      ('assistant_conversations', ARRAY['idx_assistant_conversations_favorite', 'idx_assistant_conversations_updated_at',
         'idx_assistant_conversations_user_id']),
      ('assistant_messages', ARRAY['idx_assistant_messages_conversation_id', 'idx_assistant_messages_created']),
      ('flow_comments', ARRAY['idx_flow_comments_created_at', 'idx_flow_comments_flow_id', 'idx_flow_comments_node_id',
         'idx_flow_comments_parent_id', 'idx_flow_comments_user_id']),
      ('flow_edges', ARRAY['idx_flow_edges_flow_id']),
      ('flow_invites', ARRAY['idx_flow_invites_email', 'idx_flow_invites_flow_id', 'idx_flow_invites_token']),
      ('flow_members', ARRAY['idx_flow_members_flow_id', 'idx_flow_members_user_id']),
      ('flow_nodes', ARRAY['idx_flow_nodes_created_by', 'idx_flow_nodes_flow_id', 'idx_flow_nodes_status']),
      ('flows', ARRAY['idx_flows_status', 'idx_flows_user_id', 'idx_flows_workspace_id', 'idx_flows_workspace_status']),
      ('generations', ARRAY['idx_generations_action', 'idx_generations_active', 'idx_generations_analyze', 'idx_generations_cost_usd',
         'idx_generations_created_at', 'idx_generations_expand_actions', 'idx_generations_failed',
         'idx_generations_favorites', 'idx_generations_inpaint_actions', 'idx_generations_is_favorite',
         'idx_generations_keyframe_segment', 'idx_generations_keyframes_actions', 'idx_generations_prediction_id',
         'idx_generations_stale_check', 'idx_generations_status', 'idx_generations_unviewed',
         'idx_generations_user_active', 'idx_generations_user_created', 'idx_generations_user_failed',
         'idx_generations_user_favorites', 'idx_generations_user_full_query', 'idx_generations_user_id',
         'idx_generations_user_not_keyframe', 'idx_generations_user_processing', 'idx_generations_user_status',
         'idx_generations_user_status_created', 'idx_generations_user_unviewed', 'idx_generations_video_actions',
         'idx_generations_workspace', 'idx_generations_workspace_counts', 'idx_generations_workspace_created',
         'idx_generations_workspace_full', 'idx_generations_workspace_main', 'idx_generations_workspace_user',
         'idx_generations_workspace_user_created', 'idx_generations_workspace_user_main']),
      ('idea_votes', ARRAY['idx_idea_votes_idea_id', 'idx_idea_votes_user_id']),
      ('ideas', ARRAY['idx_ideas_created_at', 'idx_ideas_user_id', 'idx_ideas_votes_count']),
      ('lora_training_images', ARRAY['idx_lora_training_images_lora_id']),
      ('notifications', ARRAY['idx_notifications_created_at', 'idx_notifications_type', 'idx_notifications_user_id',
         'idx_notifications_user_unread']),
      ('replicate_tokens', ARRAY['idx_replicate_tokens_active', 'idx_replicate_tokens_selection']),
      ('user_loras', ARRAY['idx_user_loras_deleted_at', 'idx_user_loras_status', 'idx_user_loras_user_id']),
      ('users', ARRAY['idx_users_email', 'idx_users_email_lower', 'idx_users_role', 'idx_users_telegram_id',
         'idx_users_telegram_username']),
      ('workspace_members', ARRAY['idx_workspace_members_role', 'idx_workspace_members_user', 'idx_workspace_members_workspace']),
      ('workspaces', ARRAY['idx_workspaces_active', 'idx_workspaces_created_by', 'idx_workspaces_slug']))
      AS o (relation, names);
END
$function$;
COMMENT ON FUNCTION atelier.original_indexes() IS 'the indexes of the app''s own schema that belong to no constraint, by table';

CREATE FUNCTION atelier.original_functions() RETURNS SETOF name
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT unnest(ARRAY[
    'accept_flow_invite', 'assign_admin_role', 'cleanup_old_generations', 'get_dashboard_today_stats',
    'get_dashboard_today_stats_v2', 'get_dashboard_totals', 'get_dashboard_totals_v2', 'get_flow_workspace',
    'get_generation_counts', 'get_next_replicate_token', 'get_unread_notifications_count',
    'get_user_generation_stats', 'get_user_generation_stats_filtered', 'get_user_notifications',
    'get_user_role', 'get_user_workspaces', 'get_workspace_generation_counts', 'get_workspace_role',
    'get_workspaces_generation_counts', 'handle_new_user', 'is_admin_or_super', 'is_super_admin',
    'is_workspace_member', 'mark_all_notifications_read', 'refresh_admin_stats', 'remove_admin_role',
    'translit_slug', 'update_conversation_preview', 'update_conversation_updated_at', 'update_flow_status',
    'update_generation_status', 'update_idea_votes_count', 'update_lora_updated_at',
    'update_updated_at_column'])::name;
END
$function$;
COMMENT ON FUNCTION atelier.original_functions() IS 'the functions of the app''s own schema, by name';
