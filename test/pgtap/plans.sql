-- SPDX-License-Identifier: PostgreSQL
-- The plans of the app's queries as its user: row level security is an index condition, not a filter over everybody's rows, and
-- nothing is so dear that the plan gets compiled.
BEGIN;
SELECT plan(36);
\ir lib/callers.sql

-- Three thousand users with a few generations each, and ann with three thousand, a tenth of them parts of films.
INSERT INTO users (id) SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 3000) n;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, created_at,
  workspace_id)
SELECT u.id, 'create', 'm', 'M', 'owner/name', (ARRAY['completed', 'completed', 'failed'])[1 + n % 3], n % 10 = 0,
  now() - n * interval '1 min',
       CASE WHEN n > 1500 THEN pg_temp.bob() END
  FROM users u CROSS JOIN LATERAL generate_series(1, CASE u.id WHEN pg_temp.ann() THEN 3000 ELSE 2 END) n;
INSERT INTO notifications (user_id, type, title, is_read, created_at)
SELECT u.id, 'update', 't', n > 2, now() - n * interval '1 min'
  FROM users u CROSS JOIN LATERAL generate_series(1, CASE u.id WHEN pg_temp.ann() THEN 1000 ELSE 2 END) n;
ANALYZE users, generations, notifications;

-- The nodes of the plan that a query gets as ann, one row each.
CREATE FUNCTION pg_temp.plan(query text) RETURNS TABLE (node text, index_name text, condition text, filter text,
  cost numeric) LANGUAGE plpgsql
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
  SELECT plan ->> 'Node Type', plan ->> 'Index Name', plan ->> 'Index Cond', plan ->> 'Filter',
    (plan ->> 'Total Cost')::numeric FROM nodes;
END $$;
CREATE TEMP TABLE queries (n integer GENERATED ALWAYS AS IDENTITY, what text, query text, index_name text, condition text);
INSERT INTO queries (what, query, index_name, condition) VALUES
  ('the list as the app asks for it', 'SELECT * FROM generations WHERE is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20',
   'generations_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the list as the mission document asks for it', 'SELECT * FROM generations WHERE is_keyframe_segment IS NOT TRUE ORDER BY created_at DESC LIMIT 20',
   'generations_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the list with the user''s id', 'SELECT * FROM generations WHERE user_id = pg_temp.ann() AND is_keyframe_segment IS FALSE ORDER BY created_at DESC LIMIT 20',
   'generations_user_list_idx', 'user_id = '),
  ('the list without films', 'SELECT * FROM generations WHERE is_keyframe_segment IS FALSE AND action <> ''video_keyframes'' ORDER BY created_at DESC LIMIT 50',
   'generations_user_list_idx', 'user_id = (atelier.)?uid()'),
  ('the list of a workspace', 'SELECT * FROM generations WHERE workspace_id = pg_temp.bob() ORDER BY created_at DESC LIMIT 20',
   'generations_user_workspace_list_idx', 'user_id = .*workspace_id = '),
  ('what is active', 'SELECT count(*) FROM generations WHERE status IN (''pending'', ''queued'', ''processing'')',
    'generations_user_status_idx',
   'user_id = .*status = ANY'),
  ('what failed', 'SELECT count(*) FROM generations WHERE status = ''failed''', 'generations_user_status_idx',
    'user_id = .*status = '),
  ('one row by its id', 'SELECT * FROM generations WHERE id = pg_temp.ann()', 'generations_pkey', 'id = '),
  ('the notifications', 'SELECT * FROM notifications ORDER BY created_at DESC LIMIT 20', 'notifications_user_list_idx',
    'user_id = (atelier.)?uid()'),
  ('what is unread', 'SELECT count(*) FROM notifications WHERE NOT is_read', 'notifications_user_unread_idx',
    'user_id = (atelier.)?uid()'),
  ('the profile', 'SELECT * FROM users', 'users_pkey', 'id = (atelier.)?uid()');
GRANT SELECT ON queries TO authenticated;

SELECT set_config('request.jwt.claims', json_build_object('sub', pg_temp.ann(), 'role', 'authenticated')::text,
  true) IS NOT NULL AS done \gset
SET LOCAL ROLE authenticated;
CREATE TEMP TABLE plans AS SELECT q.n, q.what, q.index_name AS wanted, q.condition AS wanted_condition, p.*
  FROM queries q CROSS JOIN LATERAL pg_temp.plan(q.query) p;
RESET ROLE;
SELECT is((SELECT string_agg(p.index_name, ', ') FROM plans p WHERE p.n = q.n), q.index_name, q.what || ': by its index')
  FROM queries q ORDER BY q.n;
SELECT matches((SELECT string_agg(p.condition, ', ') FROM plans p WHERE p.n = q.n), q.condition, q.what
  || ': with the user as its condition')
  FROM queries q ORDER BY q.n;
-- Far below jit_above_cost, 100,000 by default.
SELECT cmp_ok((SELECT max(p.cost) FROM plans p WHERE p.n = q.n), '<', 1000::numeric, q.what || ': cheap') FROM queries q
  ORDER BY q.n;
SELECT is_empty('SELECT what, node FROM plans WHERE node IN (''Seq Scan'', ''Sort'') AND what NOT LIKE ''what %''',
  'no list is sorted or read as a whole');

-- The partial index gives the same rows for either predicate.
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM generations WHERE is_keyframe_segment IS FALSE'), '2701',
  'both predicates find all rows');
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM generations WHERE is_keyframe_segment IS NOT TRUE'), '2701',
  'whatever they are');
SELECT * FROM finish();
ROLLBACK;
