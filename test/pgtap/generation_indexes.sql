-- SPDX-License-Identifier: PostgreSQL
-- The indexes on generations by the query they serve: each query as the app sends it is planned with the service key and, where
-- users ask, through row level security; and what an empty poll reads.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.w() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000f001'::uuid $$;
INSERT INTO workspaces (id, name, slug) VALUES (pg_temp.w(), 'w', 'tap-indexes');
INSERT INTO workspace_members (workspace_id, user_id) VALUES (pg_temp.w(), pg_temp.ann());
INSERT INTO users (id) SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 2000) n;
-- Two thousand users with ten generations each, spread over half a year, and ann with two thousand. Little is under way, some has
-- failed, some is in the workspace, few are favourites or parts of films, and half of ann's are viewed.
SET LOCAL session_replication_role = replica;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, is_favorite, viewed, created_at, workspace_id,
                         settings, changed_in, cost_usd, replicate_prediction_id)
SELECT u.id, 'create', 'm', 'M', 'owner/name',
       CASE WHEN r.n % 1000 = 0 THEN 'queued' WHEN r.n % 1001 = 0 THEN 'pending' WHEN r.n % 1002 = 0 THEN 'processing' WHEN r.n % 20 = 0 THEN 'failed' WHEN r.n % 101 = 0 THEN 'cancelled'
            ELSE 'completed' END,
       r.n % 30 = 0, r.n % 40 = 1, r.n % 50 <> 2, now() - r.n * interval '10 min', CASE WHEN r.n % 10 = 3 THEN pg_temp.w() END,
       CASE WHEN r.n % 30 = 0 THEN jsonb_build_object('keyframe_group_id', u.id) ELSE '{"aspect_ratio": "1:1"}' END, 3, 0.01, gen_random_uuid()
  FROM users u CROSS JOIN LATERAL generate_series(1, CASE u.id WHEN pg_temp.ann() THEN 2000 ELSE 10 END) k
 CROSS JOIN LATERAL (SELECT (k * 7919 + ('x' || right(u.id::text, 4))::bit(16)::integer * 31) % 25000 AS n) r;
-- As if all of it had come long ago.
UPDATE generations SET changed_in = 3;
SET LOCAL session_replication_role = origin;
ANALYZE users, generations, workspaces, workspace_members;

CREATE FUNCTION pg_temp.plan(query text, bitmap boolean) RETURNS TABLE (node text, index_name text, condition text) LANGUAGE plpgsql
AS $$
DECLARE
  tree json;
BEGIN
  -- On so few rows a bitmap of any small index is cheap enough to hide which one serves a page of a list.
  PERFORM set_config('enable_bitmapscan', bitmap::text, true);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO tree;
  RETURN QUERY
  WITH RECURSIVE nodes (plan) AS (
    SELECT tree -> 0 -> 'Plan'
    UNION ALL
    SELECT child FROM nodes CROSS JOIN LATERAL json_array_elements(nodes.plan -> 'Plans') child)
  SELECT plan ->> 'Node Type', plan ->> 'Index Name', plan ->> 'Index Cond' FROM nodes WHERE plan ->> 'Index Name' ~ '^generations_' OR plan ->> 'Relation Name' = 'generations';
END $$;

-- callers: s service_role, a ann with her id in the query as the app sends it; b: by a bitmap.
CREATE TEMP TABLE queries (n integer GENERATED ALWAYS AS IDENTITY, callers text, what text, index_name text, query text);
INSERT INTO queries (callers, what, index_name, query) VALUES
  ('sa', 'the list, IS FALSE', 'user_list', $$user_id = $a$ AND is_keyframe_segment IS FALSE AND action <> 'video_keyframes' ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'the list, IS NOT TRUE', 'user_list', $$user_id = $a$ AND is_keyframe_segment IS NOT TRUE AND action <> 'video_keyframes' ORDER BY created_at DESC LIMIT 50$$),
  ('sa', 'the list, a model', 'user_list', $$user_id = $a$ AND is_keyframe_segment IS FALSE AND model_id = 'm' ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'the list, a time', 'user_list', $$user_id = $a$ AND is_keyframe_segment IS FALSE AND created_at >= now() - interval '1 day' ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'the list, a later page', 'user_list', $$user_id = $a$ AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20 OFFSET 40$$),
  ('sa', 'tab processing', 'under_way', $$user_id = $a$ AND status IN ('pending', 'queued', 'processing') AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'tab favourites, = true', 'user_favorites', $$user_id = $a$ AND is_favorite = true AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'tab favourites, IS TRUE', 'user_favorites', $$user_id = $a$ AND is_favorite IS TRUE AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'tab failed', 'user_failed', $$user_id = $a$ AND status = 'failed' AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'a workspace', 'workspace_list', $$workspace_id = $w$ AND is_keyframe_segment IS FALSE AND action <> 'video_keyframes' ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'one''s own in a workspace', 'user_workspace_list', $$workspace_id = $w$ AND user_id = $a$ AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sa', 'the limit of what is under way', 'under_way', $$user_id = $a$ AND status IN ('pending', 'queued', 'processing')$$),
  ('sab', 'what is under way, of two states', 'under_way|user_status', $$user_id = $a$ AND status IN ('pending', 'processing') AND replicate_prediction_id IS NOT NULL$$),
  ('sab', 'the badge, = false', 'user_status', $$user_id = $a$ AND viewed = false$$),
  ('sab', 'the badge, IS FALSE', 'user_status', $$user_id = $a$ AND viewed IS FALSE ORDER BY created_at DESC LIMIT 20$$),
  ('sab', 'parts of a film', 'user_status', $$user_id = $a$ AND settings @> '{"keyframe_group_id": "00000000-0000-4000-8000-00000000000a"}' ORDER BY created_at$$),
  ('sa', 'one row', 'pkey', 'id = $a$'),
  ('s', 'a webhook', 'replicate_prediction_id_key', $$replicate_prediction_id = 'abc'$$),
  ('sb', 'what is stale', 'under_way', $$status IN ('pending', 'queued', 'processing') AND created_at < now() - interval '30 min' ORDER BY created_at LIMIT 50$$),
  ('sb', 'what is stale, of two states', 'under_way', $$status IN ('pending', 'processing') AND created_at < now() - interval '30 min' ORDER BY created_at LIMIT 50$$),
  ('s', 'the last failures', 'failed_list', $$status = 'failed' ORDER BY created_at DESC LIMIT 200$$),
  ('sb', 'cleanup', 'cleanup', $$(status || '') IN ('failed', 'cancelled') AND created_at < now() - interval '90 days' ORDER BY created_at LIMIT 1000$$),
  ('s', 'a day', 'created_at', $$created_at >= now() - interval '1 day' AND created_at <= now()$$),
  ('s', 'the oldest', 'created_at', $$true ORDER BY created_at LIMIT 1000$$),
  ('s', 'the newest of all', 'created_at', $$is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 50$$),
  ('sb', 'the rows of a workspace that is deleted', 'workspace_list', $$workspace_id = '00000000-0000-4000-8000-00000000f002'$$),
  ('s', 'sums per user', 'user_status', $$user_id = ANY ('{00000000-0000-4000-9000-000000000001,00000000-0000-4000-9000-000000000002}')$$);
UPDATE queries SET query = 'SELECT * FROM generations WHERE ' || replace(replace(query, '$a$', quote_literal(pg_temp.ann()) || '::uuid'), '$w$', quote_literal(pg_temp.w()) || '::uuid');
GRANT SELECT ON queries TO authenticated, service_role;

SELECT pg_temp.become('service_role');
CREATE TEMP TABLE service_plans AS SELECT q.n, p.* FROM queries q CROSS JOIN LATERAL pg_temp.plan(q.query, q.callers LIKE '%b') p;
SELECT pg_temp.become('ann');
CREATE TEMP TABLE user_plans AS SELECT q.n, p.* FROM queries q CROSS JOIN LATERAL pg_temp.plan(q.query, q.callers LIKE '%b') p WHERE q.callers LIKE '%a%';
RESET ROLE;
SELECT matches((SELECT string_agg(DISTINCT p.index_name, ', ') FROM service_plans p WHERE p.n = q.n), '^generations_(' || q.index_name || ')(_idx)?$',
          'with the service key: ' || q.what) FROM queries q ORDER BY q.n;
SELECT matches((SELECT string_agg(DISTINCT p.index_name, ', ') FROM user_plans p WHERE p.n = q.n), '^generations_(' || q.index_name || ')(_idx)?$',
          'as its user: ' || q.what) FROM queries q WHERE q.callers LIKE '%a%' ORDER BY q.n;
SELECT is_empty('SELECT q.what FROM service_plans p JOIN queries q USING (n) WHERE p.node = ''Seq Scan''', 'nothing is read as a whole');
SELECT is_empty('SELECT q.what FROM service_plans p JOIN queries q USING (n) WHERE q.what LIKE ''tab %'' AND p.node LIKE ''%Sort''',
                'no tab reads more than its first page and sorts');

-- No more indexes than there are queries, and none twice.
SELECT set_eq($$SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = 'generations'::regclass$$,
              $$SELECT DISTINCT 'generations_' || q.index_name || CASE WHEN q.index_name ~ 'key$' THEN '' ELSE '_idx' END FROM queries q WHERE q.index_name !~ '\|'$$, 'every index serves a query of the app');
SELECT is_empty($$
  SELECT a.indexrelid::regclass, b.indexrelid::regclass FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid < b.indexrelid
   WHERE a.indrelid = 'generations'::regclass AND a.indkey::text = b.indkey::text AND pg_get_expr(a.indpred, a.indrelid) IS NOT DISTINCT FROM pg_get_expr(b.indpred, b.indrelid)$$,
  'no two of them are the same');
SELECT is((SELECT c.reloptions::text FROM pg_class c WHERE c.oid = 'generations'::regclass),
          '{fillfactor=70,autovacuum_vacuum_scale_factor=0.05,autovacuum_analyze_scale_factor=0.02,autovacuum_vacuum_cost_delay=10}', 'vacuumed as the mission document says');

-- An empty poll.
CREATE FUNCTION pg_temp.buffers(caller text, query text) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
  tree json;
BEGIN
  PERFORM pg_temp.become(caller);
  FOR n IN 1 .. 3 LOOP
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO tree;
  END LOOP;
  PERFORM pg_temp.become('superuser');
  RETURN (tree -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (tree -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END $$;
SELECT pg_temp.answer('ann', 'SELECT poll_generations() ->> ''cursor''') AS cursor \gset
SELECT pg_temp.buffers('ann', format('SELECT poll_generations(%L)', :'cursor')) AS poll,
       pg_temp.buffers('ann', format('SELECT * FROM generations WHERE user_id = %L AND is_keyframe_segment IS FALSE AND action <> ''video_keyframes'' ORDER BY created_at DESC LIMIT 50', pg_temp.ann())) AS list \gset
SELECT cmp_ok(:poll::numeric, '<=', 0.2 * :list, format('a poll that finds nothing reads %s pages, the list %s', :poll, :list));
SELECT is(json_array_length(pg_temp.answer('ann', format('SELECT poll_generations(%L)', :'cursor'))::json -> 'changed'), 0, 'and it did find nothing');
SELECT * FROM finish();
ROLLBACK;
