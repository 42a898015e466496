-- SPDX-License-Identifier: PostgreSQL
-- The plans of the app's queries as its user, for what every user asks; flows_plans.sql has those about flows. None recurses
-- (H19). Each goes through the index that is there for it, none reads everybody's rows, and none is so dear that the plan
-- gets compiled.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

-- Three thousand users with a few rows each, and ann with three thousand generations, a tenth of them parts of films.
INSERT INTO users (id, email) SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, n || '@plans.test' FROM generate_series(1, 3000) n;
INSERT INTO workspaces (id, name, slug)
SELECT ('00000000-0000-4000-a000-' || lpad(n::text, 12, '0'))::uuid, 'W', 'plans-' || n FROM generate_series(1, 1000) n;
CREATE FUNCTION pg_temp.space() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-a000-000000000001'::uuid $$;
INSERT INTO workspace_members (workspace_id, user_id)
SELECT ('00000000-0000-4000-a000-' || lpad((n % 1000 + 1)::text, 12, '0'))::uuid, ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid
  FROM generate_series(1, 3000) n
 UNION ALL SELECT pg_temp.space(), pg_temp.ann();
CREATE TEMP TABLE rows AS
SELECT u.id AS user_id, n, now() - n * interval '1 min' AS at
  FROM users u CROSS JOIN LATERAL generate_series(1, CASE u.id WHEN pg_temp.ann() THEN 3000 ELSE 2 END) n;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, created_at, workspace_id, replicate_prediction_id)
SELECT user_id, 'create', 'm', 'M', 'owner/name', (ARRAY['completed', 'completed', 'failed'])[1 + n % 3], n % 10 = 0, at,
       CASE WHEN n > 1500 THEN pg_temp.space() END, 'p' || user_id || n
  FROM rows;
INSERT INTO notifications (user_id, type, title, is_read, created_at) SELECT user_id, 'update', 't', n > 2, at FROM rows;
INSERT INTO user_loras (user_id, name, trigger_word, created_at) SELECT user_id, 'L', 'T' || n, at FROM rows WHERE n <= 1000;
INSERT INTO lora_training_images (lora_id, image_url) SELECT id, 'https://tap.test' FROM user_loras CROSS JOIN generate_series(1, 2);
INSERT INTO assistant_conversations (user_id, updated_at) SELECT user_id, at FROM rows WHERE n <= 1000;
INSERT INTO assistant_messages (conversation_id, role, content) SELECT id, 'assistant', 'x' FROM assistant_conversations CROSS JOIN generate_series(1, 3);
INSERT INTO ideas (user_id, title, created_at) SELECT user_id, 't', at FROM rows WHERE n = 1;
INSERT INTO idea_votes (idea_id, user_id) SELECT i.id, r.user_id FROM ideas i JOIN rows r ON r.user_id = i.user_id AND r.n = 1;
INSERT INTO support_tickets (user_id, message, created_at) SELECT user_id, 'help', at FROM rows WHERE n <= 1000;
ANALYZE users, workspaces, workspace_members, generations, notifications, user_loras, lora_training_images, assistant_conversations,
        assistant_messages, ideas, idea_votes, support_tickets;

-- The nodes of the plan that a query gets, one row each.
CREATE FUNCTION pg_temp.plan(query text) RETURNS TABLE (node text, index_name text, condition text, cost numeric) LANGUAGE plpgsql
AS $$
DECLARE
  tree json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO tree;
  RETURN QUERY
  WITH RECURSIVE nodes (plan) AS (
    SELECT tree -> 0 -> 'Plan'
    UNION ALL
    SELECT child FROM nodes CROSS JOIN LATERAL json_array_elements(nodes.plan -> 'Plans') child)
  SELECT plan ->> 'Node Type', plan ->> 'Index Name', plan ->> 'Index Cond', (plan ->> 'Total Cost')::numeric FROM nodes;
END $$;
CREATE TEMP TABLE queries (n integer GENERATED ALWAYS AS IDENTITY, what text, query text, index_name text, condition text);
INSERT INTO queries (what, query, index_name, condition) VALUES
  ('the list as the app asks for it',
   'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND is_keyframe_segment IS FALSE AND action <> ''video_keyframes'' ORDER BY created_at DESC LIMIT 50',
   'generations_user_list_idx', 'user_id = '),
  ('the list as the mission document asks for it',
   'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND is_keyframe_segment IS NOT TRUE ORDER BY created_at DESC LIMIT 20',
   'generations_user_list_idx', 'user_id = '),
  ('the list of a workspace', 'SELECT * FROM generations WHERE workspace_id = pg_temp.space() ORDER BY created_at DESC LIMIT 20',
   'generations_workspace_list_idx', 'workspace_id = '),
  ('one''s own in a workspace',
   'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND workspace_id = pg_temp.space() ORDER BY created_at DESC LIMIT 20',
   'generations_user_workspace_list_idx', 'user_id = .*workspace_id = '),
  ('what is active', 'SELECT count(*) FROM generations WHERE user_id = pg_temp.ann() AND status IN (''pending'', ''queued'', ''processing'')',
   'generations_under_way_idx', 'user_id = '),
  ('the tab of what is under way',
   'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND status IN (''pending'', ''queued'', ''processing'') ORDER BY created_at DESC LIMIT 20',
   'generations_under_way_idx', 'user_id = '),
  ('the tab of failed ones', 'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND status = ''failed'' ORDER BY created_at DESC LIMIT 20',
   'generations_user_failed_idx', 'user_id = '),
  ('the tab of favourites', 'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND is_favorite = true ORDER BY created_at DESC LIMIT 20',
   'generations_user_favorites_idx', 'user_id = '),
  ('one row by its id', 'SELECT * FROM generations WHERE id = pg_temp.ann()', 'generations_pkey', 'id = '),
  ('by the prediction', 'SELECT * FROM generations WHERE replicate_prediction_id = ''p''', 'generations_replicate_prediction_id_key', 'replicate_prediction_id = '),
  ('the notifications', 'SELECT * FROM notifications ORDER BY created_at DESC LIMIT 20', 'notifications_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('what is unread', 'SELECT count(*) FROM notifications WHERE NOT is_read', 'notifications_user_unread_idx', 'user_id = (atelier.)?uid()'),
  ('the profile', 'SELECT * FROM users WHERE id = pg_temp.ann()', 'users_pkey', 'id = '),
  ('a person by address', 'SELECT * FROM users WHERE email = ''bob@tap.test''', 'users_email_key', 'email = '),
  ('the memberships', 'SELECT * FROM workspace_members WHERE user_id = pg_temp.ann()', 'workspace_members_user_idx', 'user_id = '),
  ('the members', 'SELECT * FROM workspace_members WHERE workspace_id = pg_temp.space()', 'workspace_members_workspace_id_user_id_key', 'workspace_id = '),
  ('a workspace', 'SELECT * FROM workspaces WHERE id = pg_temp.space()', 'workspaces_pkey', 'id = '),
  ('a workspace by its slug', 'SELECT * FROM workspaces WHERE slug = ''plans-1''', 'workspaces_slug_key', 'slug = '),
  ('the LoRAs', 'SELECT * FROM user_loras WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 20', 'user_loras_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the pictures of a LoRA', 'SELECT * FROM lora_training_images WHERE lora_id = pg_temp.ann()', 'lora_training_images_lora_id_idx', 'lora_id = '),
  ('the chats', 'SELECT * FROM assistant_conversations WHERE deleted_at IS NULL ORDER BY updated_at DESC LIMIT 50',
   'assistant_conversations_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the messages', 'SELECT * FROM assistant_messages WHERE conversation_id = pg_temp.ann() ORDER BY created_at',
   'assistant_messages_conversation_list_idx', 'conversation_id = '),
  ('the votes', 'SELECT idea_id FROM idea_votes', 'idea_votes_user_id_idx', 'user_id = (atelier.)?uid()'),
  ('the tickets', 'SELECT * FROM support_tickets ORDER BY created_at DESC LIMIT 20', 'support_tickets_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the ideas', 'SELECT * FROM ideas ORDER BY votes_count DESC, created_at DESC LIMIT 50', 'ideas_list_idx', NULL);
GRANT SELECT ON queries TO authenticated;

SELECT pg_temp.become('ann');
CREATE TEMP TABLE plans AS SELECT q.n, q.what, p.* FROM queries q CROSS JOIN LATERAL pg_temp.plan(q.query) p;
SELECT pg_temp.become('superuser');
SELECT is((SELECT string_agg(p.index_name, ', ') FROM plans p WHERE p.n = q.n), q.index_name, q.what || ': by its index')
  FROM queries q ORDER BY q.n;
SELECT matches((SELECT string_agg(p.condition, ', ') FROM plans p WHERE p.n = q.n), q.condition, q.what || ': by its condition')
  FROM queries q WHERE q.condition IS NOT NULL ORDER BY q.n;
-- Far below jit_above_cost, 100,000 by default.
SELECT cmp_ok((SELECT max(p.cost) FROM plans p WHERE p.n = q.n), '<', 10000::numeric, q.what || ': cheap') FROM queries q ORDER BY q.n;
SELECT is_empty($$SELECT what, node FROM plans WHERE node = 'Seq Scan' OR (node = 'Sort' AND what NOT LIKE 'what %' AND what <> 'the messages')$$,
                'nothing is read as a whole, and no list is sorted but the few messages of a chat');

-- The partial index gives the same rows for either predicate.
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM generations WHERE user_id = pg_temp.ann() AND is_keyframe_segment IS FALSE'), '2701',
  'both predicates find all rows');
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM generations WHERE user_id = pg_temp.ann() AND is_keyframe_segment IS NOT TRUE'), '2701',
  'whatever they are');
SELECT * FROM finish();
ROLLBACK;
