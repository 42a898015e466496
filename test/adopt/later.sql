-- SPDX-License-Identifier: PostgreSQL
-- The app's own database after all its migrations: tables, columns and functions. On top of base.sql; then later_rules.sql.
ALTER TABLE users ALTER telegram_username DROP NOT NULL,
  ADD email text UNIQUE,
  ADD auth_provider text DEFAULT 'telegram' CHECK (auth_provider IN ('email', 'telegram', 'oauth')),
  ADD display_name text, ADD avatar_url text, ADD cover_url text,
  ADD role text DEFAULT 'user' CONSTRAINT users_role_check CHECK (role IN ('user', 'admin', 'super_admin'));

CREATE TABLE workspaces (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, slug text UNIQUE NOT NULL, description text,
  created_at timestamptz DEFAULT now(), created_by uuid REFERENCES users (id), is_active boolean DEFAULT true);
CREATE TABLE workspace_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member')),
  joined_at timestamptz DEFAULT now(), invited_by uuid REFERENCES users (id), UNIQUE (workspace_id, user_id));

ALTER TABLE generations
  ADD viewed boolean DEFAULT false, ADD viewed_at timestamptz, ADD replicate_input jsonb, ADD replicate_output jsonb,
  ADD input_video_url text, ADD is_favorite boolean NOT NULL DEFAULT false, ADD output_text text, ADD cost_usd numeric(10,6),
  ADD output_thumbs text[], ADD is_keyframe_segment boolean DEFAULT false, ADD workspace_id uuid REFERENCES workspaces (id),
  DROP CONSTRAINT generations_action_check,
  ADD CONSTRAINT generations_action_check CHECK (action IN
    ('create', 'edit', 'upscale', 'remove_bg', 'inpaint', 'expand', 'video_create', 'video_i2v', 'video_edit', 'video_upscale',
     'video_keyframes', 'analyze_describe', 'analyze_ocr', 'analyze_prompt')),
  SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 10);

CREATE TABLE user_loras (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  name text NOT NULL, description text,
  type text DEFAULT 'style' CONSTRAINT user_loras_type_check CHECK (type IN ('style', 'character', 'product', 'custom')),
  trigger_word text NOT NULL,
  status text DEFAULT 'pending' CHECK (status IN ('pending', 'uploading', 'training', 'completed', 'failed')),
  lora_url text, replicate_training_id text, replicate_model_url text, training_started_at timestamptz,
  training_completed_at timestamptz, error_message text, created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(), deleted_at timestamptz);
CREATE TABLE lora_training_images (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), lora_id uuid NOT NULL REFERENCES user_loras (id) ON DELETE CASCADE,
  image_url text NOT NULL, caption text, created_at timestamptz DEFAULT now());

CREATE TYPE flow_block_type AS ENUM ('text', 'image', 'video');
CREATE TABLE flows (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  name text NOT NULL DEFAULT 'Без названия', description text, viewport_x double precision DEFAULT 0,
  viewport_y double precision DEFAULT 0, viewport_zoom double precision DEFAULT 1, is_template boolean DEFAULT false,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  workspace_id uuid REFERENCES workspaces (id) ON DELETE SET NULL, status text DEFAULT 'in_progress');
ALTER TABLE flows ADD CONSTRAINT flows_status_check CHECK (status IN ('in_progress', 'review', 'done', 'archived'));
CREATE TABLE flow_nodes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  block_type flow_block_type NOT NULL, position_x double precision NOT NULL DEFAULT 0,
  position_y double precision NOT NULL DEFAULT 0, width double precision, height double precision,
  data jsonb NOT NULL DEFAULT '{}', model_id text, output_url text, output_type text, status text DEFAULT 'idle',
  error_message text, generation_id uuid, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  created_by uuid REFERENCES auth.users (id) ON DELETE SET NULL, created_by_email text);
CREATE TABLE flow_edges (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  source_node_id uuid NOT NULL REFERENCES flow_nodes (id) ON DELETE CASCADE, source_handle text,
  target_node_id uuid NOT NULL REFERENCES flow_nodes (id) ON DELETE CASCADE, target_handle text,
  edge_type text DEFAULT 'default', created_at timestamptz DEFAULT now(),
  UNIQUE (source_node_id, source_handle, target_node_id, target_handle));
CREATE TABLE flow_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  role text NOT NULL DEFAULT 'viewer' CHECK (role IN ('owner', 'editor', 'viewer')),
  invited_by uuid REFERENCES auth.users (id) ON DELETE SET NULL, invited_at timestamptz DEFAULT now(),
  accepted_at timestamptz, created_at timestamptz DEFAULT now(), UNIQUE (flow_id, user_id));
CREATE FUNCTION extensions.gen_random_bytes(integer) RETURNS bytea LANGUAGE sql VOLATILE
AS $$ SELECT decode(string_agg(md5(random()::text), ''), 'hex') FROM generate_series(1, $1 / 16) $$;
CREATE TABLE flow_invites (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  email text NOT NULL, role text NOT NULL DEFAULT 'viewer' CHECK (role IN ('editor', 'viewer')),
  token text UNIQUE NOT NULL DEFAULT encode(extensions.gen_random_bytes(32), 'hex'),
  invited_by uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days', used_at timestamptz, created_at timestamptz DEFAULT now());
CREATE TABLE flow_comments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE, node_id text,
  parent_id uuid REFERENCES flow_comments (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE, content text NOT NULL, position_x double precision,
  position_y double precision, is_resolved boolean DEFAULT false, read_by uuid[] DEFAULT '{}',
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE notifications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  type varchar(50) NOT NULL CHECK (type IN ('support_reply', 'update', 'announcement')), title varchar(255) NOT NULL,
  message text, link varchar(500), is_read boolean DEFAULT false, created_at timestamptz DEFAULT now(),
  metadata jsonb DEFAULT '{}');
CREATE TABLE ideas (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title varchar(255) NOT NULL, description text, votes_count integer DEFAULT 0,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), user_id uuid);
CREATE TABLE idea_votes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), idea_id uuid NOT NULL REFERENCES ideas (id) ON DELETE CASCADE,
  user_id uuid NOT NULL, created_at timestamptz DEFAULT now(), UNIQUE (idea_id, user_id));
CREATE TABLE assistant_conversations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE, title text,
  is_favorite boolean DEFAULT false, preview_text text, preview_image_url text, created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(), deleted_at timestamptz);
CREATE TABLE assistant_messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id uuid NOT NULL REFERENCES assistant_conversations (id) ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('user', 'assistant')), content text NOT NULL, images text[], context jsonb,
  created_at timestamptz DEFAULT now());
CREATE TABLE api_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), method text NOT NULL, path text NOT NULL, status_code integer NOT NULL,
  duration_ms integer, user_id uuid, provider text, external_status text, model_name text, generation_id uuid,
  query_params jsonb, request_body jsonb, error_message text, error_stack text, error_category text, response_summary jsonb,
  is_fallback boolean DEFAULT false, retry_count integer DEFAULT 0, ip_address text, created_at timestamptz DEFAULT now());

-- Functions: the bodies are stand-ins, the signatures are the app's.
DO $$
DECLARE
  signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY[
    'get_generation_counts(p_user_id uuid) RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)',
    'get_workspace_generation_counts(p_workspace_id uuid, p_user_id uuid DEFAULT NULL) RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)',
    'get_workspaces_generation_counts(p_workspace_ids uuid[]) RETURNS TABLE (workspace_id uuid, generations_count bigint)',
    'get_user_generation_stats(p_user_ids uuid[]) RETURNS TABLE (user_id uuid, generations_count bigint, total_cost_usd numeric)',
    'get_dashboard_totals(p_workspace_id uuid DEFAULT NULL, p_user_id uuid DEFAULT NULL) RETURNS TABLE (total_generations bigint, total_cost_usd numeric, total_failed bigint)',
    'get_user_workspaces(p_user_id uuid) RETURNS TABLE (workspace_id uuid, workspace_name text, workspace_slug text, member_role text, member_count bigint)',
    'get_user_notifications(p_user_id uuid, p_limit integer DEFAULT 50, p_offset integer DEFAULT 0) RETURNS TABLE (id uuid, type varchar, title varchar, message text, link varchar, is_read boolean, created_at timestamptz, metadata jsonb)',
    'refresh_admin_stats() RETURNS void', 'cleanup_old_generations(days_to_keep integer DEFAULT 90) RETURNS integer',
    'accept_flow_invite(invite_token text) RETURNS json', 'update_flow_status(flow_uuid uuid, new_status text) RETURNS void',
    'get_flow_workspace(flow_uuid uuid) RETURNS uuid', 'is_workspace_member(p_workspace_id uuid, p_user_id uuid) RETURNS boolean',
    'get_workspace_role(p_workspace_id uuid, p_user_id uuid) RETURNS text', 'is_admin_or_super(user_email text) RETURNS boolean',
    'is_super_admin(user_email text) RETURNS boolean', 'get_user_role(user_email text) RETURNS text',
    'assign_admin_role(target_email text, requesting_email text) RETURNS boolean',
    'remove_admin_role(target_email text, requesting_email text) RETURNS boolean',
    'get_unread_notifications_count(p_user_id uuid) RETURNS integer', 'mark_all_notifications_read(p_user_id uuid) RETURNS void',
    'translit_slug(input text) RETURNS text', 'translit_slug(input text, max_length integer) RETURNS text']
  LOOP
    EXECUTE format('CREATE FUNCTION %s LANGUAGE plpgsql SECURITY DEFINER AS %L', signature,
                   CASE WHEN signature ~ 'RETURNS (void|TABLE)' THEN 'BEGIN END' ELSE 'BEGIN RETURN NULL; END' END);
  END LOOP;
END $$;
CREATE MATERIALIZED VIEW mv_admin_stats AS SELECT count(*) AS total_users FROM users;
CREATE UNIQUE INDEX mv_admin_stats_idx ON mv_admin_stats (total_users);
