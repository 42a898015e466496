-- SPDX-License-Identifier: PostgreSQL
-- The original's keys, indexes, trigger and policies, on top of original.sql and the data. Above a million rows the psql
-- variable reading leaves out the indexes that no measured query reads.
SET search_path = original;
SET maintenance_work_mem = '512MB';
ALTER TABLE generations ADD CONSTRAINT generations_pkey PRIMARY KEY (id);
ALTER TABLE generations ADD CONSTRAINT generations_replicate_prediction_id_key UNIQUE (replicate_prediction_id);
ALTER TABLE generations ADD CONSTRAINT generations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;
ALTER TABLE generations ADD CONSTRAINT generations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces NOT VALID;
CREATE INDEX idx_generations_user_created ON generations (user_id, created_at desc);
CREATE INDEX idx_generations_user_failed ON generations (user_id, status) WHERE status = 'failed';
CREATE INDEX idx_generations_user_favorites ON generations (user_id, is_favorite) WHERE is_favorite = true;
CREATE INDEX idx_generations_user_full_query ON generations (user_id, created_at desc, status, is_favorite) WHERE is_keyframe_segment IS NOT TRUE;
CREATE INDEX idx_generations_user_processing ON generations (user_id, status) WHERE status in ('pending', 'processing');
CREATE INDEX idx_generations_user_status ON generations (user_id, status);
CREATE INDEX idx_generations_workspace_counts ON generations (workspace_id, user_id, status, is_favorite) WHERE is_keyframe_segment IS NOT TRUE;
CREATE INDEX idx_generations_workspace_main ON generations (workspace_id, created_at desc) WHERE (workspace_id IS NOT NULL) AND (is_keyframe_segment IS NOT TRUE) AND (action <> 'video_keyframes');
CREATE INDEX idx_generations_workspace_user_main ON generations (workspace_id, user_id, created_at desc) WHERE (workspace_id IS NOT NULL) AND (is_keyframe_segment IS NOT TRUE) AND (action <> 'video_keyframes');
\if :reading
\else
CREATE INDEX idx_generations_action ON generations (action);
CREATE INDEX idx_generations_analyze ON generations (action) WHERE action like 'analyze_%';
CREATE INDEX idx_generations_cost_usd ON generations (cost_usd) WHERE cost_usd IS NOT NULL;
CREATE INDEX idx_generations_created_at ON generations (created_at desc);
CREATE INDEX idx_generations_expand_actions ON generations (action) WHERE action = 'expand';
CREATE INDEX idx_generations_inpaint_actions ON generations (action) WHERE action = 'inpaint';
CREATE INDEX idx_generations_is_favorite ON generations (is_favorite) WHERE is_favorite = true;
CREATE INDEX idx_generations_keyframes_actions ON generations (action) WHERE action = 'video_keyframes';
CREATE INDEX idx_generations_prediction_id ON generations (replicate_prediction_id);
CREATE INDEX idx_generations_stale_check ON generations (created_at, status) WHERE status in ('pending', 'processing');
CREATE INDEX idx_generations_status ON generations (status);
CREATE INDEX idx_generations_unviewed ON generations (user_id) WHERE viewed = false;
CREATE INDEX idx_generations_user_active ON generations (user_id) WHERE status in ('pending', 'processing');
CREATE INDEX idx_generations_user_id ON generations (user_id);
CREATE INDEX idx_generations_user_not_keyframe ON generations (user_id, created_at desc) WHERE is_keyframe_segment IS NOT TRUE;
CREATE INDEX idx_generations_user_status_created ON generations (user_id, status, created_at desc);
CREATE INDEX idx_generations_user_unviewed ON generations (user_id, created_at desc) WHERE viewed = false;
CREATE INDEX idx_generations_video_actions ON generations (action) WHERE action in ('video_create', 'video_i2v', 'video_edit', 'video_upscale');
CREATE INDEX idx_generations_workspace ON generations (workspace_id, created_at desc) WHERE workspace_id IS NOT NULL;
CREATE INDEX idx_generations_workspace_created ON generations (workspace_id, created_at desc) WHERE workspace_id IS NOT NULL;
CREATE INDEX idx_generations_workspace_full ON generations (workspace_id, created_at desc) WHERE (workspace_id IS NOT NULL) AND (is_keyframe_segment IS NOT TRUE);
CREATE INDEX idx_generations_workspace_user ON generations (workspace_id, user_id, created_at desc) WHERE workspace_id IS NOT NULL;
CREATE INDEX idx_generations_workspace_user_created ON generations (workspace_id, user_id, created_at desc) WHERE workspace_id IS NOT NULL;
\endif
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_email_lower ON users (lower(email));
CREATE INDEX idx_users_role ON users (role);
CREATE INDEX idx_workspace_members_role ON workspace_members (workspace_id, role);
CREATE INDEX idx_workspace_members_user ON workspace_members (user_id);
CREATE INDEX idx_workspace_members_workspace ON workspace_members (workspace_id);
CREATE INDEX idx_flows_status ON flows (status);
CREATE INDEX idx_flows_user_id ON flows (user_id);
CREATE INDEX idx_flows_workspace_id ON flows (workspace_id);
CREATE INDEX idx_flows_workspace_status ON flows (workspace_id, status);
CREATE INDEX idx_flow_members_flow_id ON flow_members (flow_id);
CREATE INDEX idx_flow_members_user_id ON flow_members (user_id);

CREATE TRIGGER generation_status_trigger BEFORE UPDATE ON generations FOR EACH ROW EXECUTE FUNCTION update_generation_status();

CREATE MATERIALIZED VIEW mv_admin_stats AS
SELECT count(DISTINCT u.id) AS total_users,
       count(DISTINCT u.id) FILTER (WHERE u.last_login > now() - interval '24 hours') AS active_today,
       count(g.id) AS total_generations,
       count(g.id) FILTER (WHERE g.created_at > now() - interval '24 hours') AS generations_today,
       count(g.id) FILTER (WHERE g.status = 'completed') AS completed_generations,
       count(g.id) FILTER (WHERE g.status = 'failed') AS failed_generations,
       count(g.id) FILTER (WHERE g.status IN ('pending', 'processing')) AS processing_generations,
       coalesce(sum(g.cost_credits), 0)::bigint AS total_credits_spent,
       avg(g.processing_time_ms) FILTER (WHERE g.status = 'completed') AS avg_processing_time_ms
  FROM users u LEFT JOIN generations g ON g.user_id = u.id
 WHERE u.is_active = true;
CREATE UNIQUE INDEX mv_admin_stats_idx ON mv_admin_stats (total_users);

-- The policies name each other's tables in subqueries, which the server refuses as endless recursion. The tables of members
-- have none here, so that there is something to measure.
ALTER TABLE generations ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE flows ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION is_super_admin(user_email text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN (SELECT u.role = 'super_admin' FROM original.users u WHERE lower(u.email) = lower(user_email)); END $$;
CREATE POLICY "Users can view own generations" ON generations FOR SELECT USING (uid() = user_id OR role() = 'service_role');
CREATE POLICY "Users view generations in workspace" ON generations FOR SELECT USING
  (workspace_id IS NOT NULL AND workspace_id IN (SELECT m.workspace_id FROM workspace_members m WHERE m.user_id = uid()));
CREATE POLICY "Admins can view all generations" ON generations FOR SELECT USING (is_super_admin(jwt() ->> 'email'));
CREATE POLICY "Users view own workspaces" ON workspaces FOR SELECT USING
  (id IN (SELECT m.workspace_id FROM workspace_members m WHERE m.user_id = uid())
   OR is_super_admin(jwt() ->> 'email') OR role() = 'service_role');
CREATE POLICY "Users can view own flows" ON flows FOR SELECT USING (uid() = user_id);
CREATE POLICY "Users can view own or shared flows" ON flows FOR SELECT USING
  (user_id = uid() OR EXISTS (SELECT 1 FROM flow_members m WHERE m.flow_id = flows.id AND m.user_id = uid()
                                 AND m.accepted_at IS NOT NULL));
CREATE POLICY "Workspace members can view workspace flows" ON flows FOR SELECT USING
  (workspace_id IS NOT NULL AND workspace_id IN (SELECT m.workspace_id FROM workspace_members m WHERE m.user_id = uid()));
GRANT USAGE ON SCHEMA original TO authenticated, service_role;
GRANT ALL ON ALL TABLES IN SCHEMA original TO authenticated, service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA original TO authenticated, service_role;
