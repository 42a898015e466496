-- SPDX-License-Identifier: PostgreSQL
-- Rows as the app leaves them, on top of later_rules.sql: nulls where the original allows them, addresses in mixed case, states
-- that only the original's rules know. The psql variable generations says how many generations.
\if :{?generations}
\else
  \set generations 3000
\endif
SET session_replication_role = replica;
INSERT INTO auth.users (id, email)
SELECT format('00000000-0000-4000-8000-%s', lpad(i::text, 12, '0'))::uuid, format('user%s@adopt.test', i) FROM generate_series(1, 50) i;
INSERT INTO users (id, email, telegram_username, role, credits, is_active, created_at)
SELECT a.id, CASE WHEN a.email LIKE 'user1_@%' THEN upper(a.email) ELSE a.email END, nullif('tg' || (row_number() OVER (ORDER BY a.id)) % 40, 'tg0') || a.id,
       CASE WHEN a.email = 'user1@adopt.test' THEN 'super_admin' WHEN a.email < 'user3' THEN 'user' END,
       CASE WHEN a.email < 'user4' THEN 7 END, CASE WHEN a.email <> 'user9@adopt.test' THEN true END, '2025-01-01'
  FROM auth.users a;
INSERT INTO workspaces (name, slug, created_by)
SELECT 'W' || i, 'w-' || i, format('00000000-0000-4000-8000-%s', lpad(i::text, 12, '0'))::uuid FROM generate_series(1, 5) i;
INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
SELECT w.id, u.id, CASE WHEN w.created_by = u.id THEN 'owner' END, NULL FROM workspaces w CROSS JOIN users u WHERE u.email LIKE 'user_@%';
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, settings, status, cost_credits, created_at,
                         viewed, is_favorite, is_keyframe_segment, workspace_id, replicate_prediction_id)
SELECT format('00000000-0000-4000-8000-%s', lpad((1 + i % 50)::text, 12, '0'))::uuid, 'create', 'm', 'M', 'owner/name', 'p' || i,
       '{}', CASE i % 10 WHEN 0 THEN 'pending' WHEN 1 THEN 'failed' WHEN 2 THEN 'processing' ELSE 'completed' END, 1,
       timestamptz '2025-02-01' + i * interval '1 minute', true, i % 7 = 0, false,
       CASE WHEN i % 11 = 0 THEN (SELECT w.id FROM workspaces w ORDER BY w.slug LIMIT 1) END, CASE WHEN i % 10 <> 0 THEN 'pr' || i END
  FROM generate_series(1, :generations) i;
UPDATE generations SET status = NULL, settings = NULL, viewed = NULL, is_keyframe_segment = NULL, cost_credits = NULL, created_at = NULL
 WHERE prompt IN ('p10', 'p20');
INSERT INTO replicate_tokens (token, request_count, is_active) VALUES ('r8_adopt_1', NULL, true), ('r8_adopt_2', 5, NULL);
INSERT INTO user_loras (user_id, name, trigger_word, type, status)
SELECT u.id, 'L', 'WORD' || (u.email), NULL, NULL FROM users u LIMIT 10;
INSERT INTO lora_training_images (lora_id, image_url) SELECT l.id, 'https://a.test/' || l.id FROM user_loras l;
INSERT INTO flows (user_id, name, updated_at, status) SELECT u.id, 'F', NULL, NULL FROM users u LIMIT 20;
INSERT INTO flow_nodes (flow_id, block_type, status, created_by) SELECT f.id, 'image', NULL, f.user_id FROM flows f CROSS JOIN generate_series(1, 3);
INSERT INTO flow_edges (flow_id, source_node_id, target_node_id, edge_type)
SELECT n.flow_id, min(n.id::text)::uuid, max(n.id::text)::uuid, NULL FROM flow_nodes n GROUP BY n.flow_id;
INSERT INTO flow_members (flow_id, user_id) SELECT f.id, '00000000-0000-4000-8000-000000000001' FROM flows f;
INSERT INTO flow_invites (flow_id, email, invited_by) SELECT f.id, 'Guest@adopt.test', f.user_id FROM flows f;
INSERT INTO flow_comments (flow_id, user_id, content, is_resolved, read_by) SELECT f.id, f.user_id, 'c', NULL, NULL FROM flows f;
INSERT INTO notifications (user_id, type, title, is_read) SELECT u.id, 'update', 'N', NULL FROM users u;
INSERT INTO ideas (title, votes_count, user_id) SELECT 'I', NULL, u.id FROM users u LIMIT 5;
INSERT INTO idea_votes (idea_id, user_id) SELECT i.id, '00000000-0000-4000-8000-000000000002' FROM ideas i;
INSERT INTO assistant_conversations (user_id, is_favorite) SELECT u.id, NULL FROM users u;
INSERT INTO assistant_messages (conversation_id, role, content, created_at) SELECT c.id, 'user', 'hello', NULL FROM assistant_conversations c;
INSERT INTO api_logs (method, path, status_code, is_fallback) SELECT 'GET', '/', 200, NULL FROM generate_series(1, 100);
RESET session_replication_role;
