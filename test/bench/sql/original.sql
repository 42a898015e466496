-- SPDX-License-Identifier: PostgreSQL
-- The reference of the data cases: the app's own database as its scripts made it, in plain SQL and plpgsql, in a schema of its
-- own beside the product. The tables and functions that the cases ask; indexes and policies are in original_rules.sql.
CREATE SCHEMA original;
SET search_path = original;

CREATE FUNCTION jwt() RETURNS jsonb LANGUAGE sql STABLE
AS $$ SELECT coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
CREATE FUNCTION uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(original.jwt() ->> 'sub', '')::uuid $$;
CREATE FUNCTION role() RETURNS text LANGUAGE sql STABLE AS $$ SELECT original.jwt() ->> 'role' $$;

CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), telegram_username text UNIQUE, telegram_id bigint UNIQUE,
  created_at timestamptz DEFAULT now(), last_login timestamptz DEFAULT now(), is_active boolean DEFAULT true,
  credits integer DEFAULT 100, role text DEFAULT 'user' CHECK (role IN ('user', 'admin', 'super_admin')), email text UNIQUE);

CREATE TABLE workspaces (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, slug text UNIQUE NOT NULL, description text,
  created_at timestamptz DEFAULT now(), created_by uuid REFERENCES users (id), is_active boolean DEFAULT true);
CREATE TABLE workspace_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member')), joined_at timestamptz DEFAULT now(),
  invited_by uuid REFERENCES users (id), UNIQUE (workspace_id, user_id));

CREATE TABLE flows (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name text NOT NULL, description text, viewport_x double precision DEFAULT 0, viewport_y double precision DEFAULT 0,
  viewport_zoom double precision DEFAULT 1, is_template boolean DEFAULT false, created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(), workspace_id uuid REFERENCES workspaces (id) ON DELETE SET NULL,
  status text DEFAULT 'in_progress' CHECK (status IN ('in_progress', 'review', 'done', 'archived')));
CREATE TABLE flow_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text NOT NULL DEFAULT 'viewer' CHECK (role IN ('owner', 'editor', 'viewer')),
  invited_by uuid REFERENCES users (id) ON DELETE SET NULL, invited_at timestamptz DEFAULT now(), accepted_at timestamptz,
  created_at timestamptz DEFAULT now(), UNIQUE (flow_id, user_id));

CREATE TABLE generations (
  id uuid NOT NULL DEFAULT gen_random_uuid(), user_id uuid NOT NULL,
  action text NOT NULL CHECK (action IN
    ('create', 'edit', 'upscale', 'remove_bg', 'inpaint', 'expand', 'video_create', 'video_i2v', 'video_edit', 'video_upscale',
     'video_keyframes', 'analyze_describe', 'analyze_ocr', 'analyze_prompt')),
  model_id text NOT NULL, model_name text NOT NULL, replicate_model text NOT NULL, prompt text, input_image_url text,
  settings jsonb DEFAULT '{}',
  status text DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  output_urls text[], replicate_prediction_id text, replicate_token_index integer, processing_time_ms integer,
  error_message text, cost_credits integer DEFAULT 1, created_at timestamptz DEFAULT now(), started_at timestamptz,
  completed_at timestamptz, viewed boolean DEFAULT false, viewed_at timestamptz, replicate_input jsonb,
  replicate_output jsonb, input_video_url text, is_favorite boolean NOT NULL DEFAULT false, output_text text,
  cost_usd numeric(10,6), output_thumbs text[], is_keyframe_segment boolean DEFAULT false, workspace_id uuid)
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 10);

CREATE TABLE replicate_tokens (
  id serial PRIMARY KEY, token text UNIQUE NOT NULL, is_active boolean DEFAULT true, last_used_at timestamptz,
  request_count integer DEFAULT 0, error_count integer DEFAULT 0, last_error text, last_error_at timestamptz,
  created_at timestamptz DEFAULT now());
CREATE INDEX idx_replicate_tokens_active ON replicate_tokens (is_active, last_used_at);
CREATE INDEX idx_replicate_tokens_selection ON replicate_tokens (last_used_at, request_count) WHERE is_active = true;

CREATE FUNCTION update_generation_status() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.status = 'pending' AND NEW.status = 'processing' THEN
    NEW.started_at = now();
  END IF;
  IF OLD.status = 'processing' AND NEW.status IN ('completed', 'failed') THEN
    NEW.completed_at = now();
    IF NEW.started_at IS NOT NULL THEN
      NEW.processing_time_ms = extract(epoch FROM (NEW.completed_at - NEW.started_at)) * 1000;
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION get_generation_counts(p_user_id uuid)
RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint) LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY
  SELECT count(*), count(*) FILTER (WHERE g.status IN ('pending', 'processing')), count(*) FILTER (WHERE g.is_favorite = true),
         count(*) FILTER (WHERE g.status = 'failed')
    FROM original.generations g WHERE g.user_id = p_user_id AND g.is_keyframe_segment IS NOT TRUE;
END $$;

CREATE FUNCTION get_workspace_generation_counts(p_workspace_id uuid, p_user_id uuid DEFAULT NULL)
RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint) LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY
  SELECT count(*), count(*) FILTER (WHERE g.status IN ('pending', 'processing')), count(*) FILTER (WHERE g.is_favorite = true),
         count(*) FILTER (WHERE g.status = 'failed')
    FROM original.generations g
   WHERE g.workspace_id = p_workspace_id AND (p_user_id IS NULL OR g.user_id = p_user_id)
     AND g.is_keyframe_segment IS NOT TRUE;
END $$;

CREATE FUNCTION get_next_replicate_token() RETURNS TABLE (id integer, token text) LANGUAGE plpgsql
AS $$
DECLARE
  chosen record;
BEGIN
  SELECT t.id, t.token INTO chosen FROM original.replicate_tokens t WHERE t.is_active = true
   ORDER BY t.last_used_at NULLS FIRST, t.request_count LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE original.replicate_tokens t SET last_used_at = now(), request_count = t.request_count + 1 WHERE t.id = chosen.id;
    RETURN QUERY SELECT chosen.id, chosen.token;
  END IF;
END $$;

CREATE FUNCTION refresh_admin_stats() RETURNS void LANGUAGE plpgsql
AS $$ BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY original.mv_admin_stats; END $$;

CREATE FUNCTION cleanup_old_generations(days_to_keep integer DEFAULT 90) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
  deleted integer;
BEGIN
  DELETE FROM original.generations
   WHERE status IN ('failed', 'cancelled') AND created_at < now() - (days_to_keep || ' days')::interval;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;
