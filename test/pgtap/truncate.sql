-- SPDX-License-Identifier: PostgreSQL
-- Statements that take away many rows at once: TRUNCATE, and DELETE of people who have worked in each other's flows.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

-- TRUNCATE fires no trigger for rows: the queue is emptied, what is under way is cancelled, whoever polls starts anew.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
VALUES (pg_temp.id('queued'), pg_temp.id('owner'), 'create', 'm', 'M', 'owner/name', 'queued');
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
VALUES (pg_temp.id('shared'), pg_temp.id('owner'), 1, 'running', now(), now());
SELECT pg_temp.answer('owner', 'SELECT poll_generations()')::json ->> 'cursor' AS cursor \gset
SELECT pg_temp.answer('owner', $$SELECT poll_generations(p_workspace_id => pg_temp.id('space'))$$)::json ->> 'cursor' AS of_workspace \gset
SELECT is(pg_temp.answer('owner', format('SELECT poll_generations(%L) ->> ''reset''', :'cursor')), 'false', 'whoever polls goes on');
SAVEPOINT full_tables;
SELECT is(pg_temp.outcome('superuser', 'TRUNCATE generations CASCADE'), '0', 'a truncation that is undone');
SELECT is(pg_temp.answer('owner', format('SELECT poll_generations(%L) ->> ''reset''', :'cursor')), 'false', 'has no consequence');
TRUNCATE generations CASCADE;
SELECT is_empty('SELECT FROM atelier.queue', 'TRUNCATE of generations empties the queue');
SELECT results_eq($$SELECT state, cancel_requested FROM atelier.attempts WHERE generation_id = pg_temp.id('shared')$$, $$VALUES ('running', true)$$,
                  'what is under way is to be cancelled');
SELECT is((SELECT count(*) FROM atelier.attempts WHERE cancel_requested AND state = 'failed'), 0::bigint, 'what has ended is not');
SELECT is(pg_temp.answer('owner', format('SELECT poll_generations(%L)', :'cursor'))::jsonb - '{cursor,next_poll_ms}'::text[],
          '{"more": false, "reset": true, "counts": {"all_count": 0, "failed_count": 0, "favorites_count": 0, "processing_count": 0}, "changed": [], "deleted": []}',
          'whoever polls is told to start anew');
SELECT is(pg_temp.answer('owner', format('SELECT poll_generations(%L, p_workspace_id => pg_temp.id(''space'')) ->> ''reset''', :'of_workspace')), 'true', 'in a workspace too');
ROLLBACK TO full_tables;
TRUNCATE users CASCADE;
SELECT is_empty('SELECT FROM atelier.queue', 'so does TRUNCATE of users, which takes the generations along');
ROLLBACK TO full_tables;

-- People who made nodes in each other's flows go at once, in the transaction that made the nodes.
INSERT INTO flow_nodes (flow_id, block_type, created_by)
SELECT f.id, 'text', u.id FROM flows f CROSS JOIN users u;
SELECT lives_ok('DELETE FROM users', 'all users are deleted at once');
SELECT is_empty('SELECT FROM flows UNION ALL SELECT FROM flow_nodes UNION ALL SELECT FROM flow_members UNION ALL SELECT FROM flow_comments', 'with their flows and what is in them');
SELECT is((SELECT count(*) FROM workspaces), 1::bigint, 'a workspace stays');
ROLLBACK TO full_tables;
UPDATE flow_nodes SET created_by = pg_temp.id('editor') WHERE flow_id = pg_temp.id('owner');
DELETE FROM users WHERE id = pg_temp.id('editor');
SELECT is((SELECT count(*) FROM flow_nodes WHERE flow_id = pg_temp.id('owner') AND created_by IS NULL), 2::bigint, 'who goes alone leaves his nodes in the flows of others');
SELECT is((SELECT count(*) FROM flows), 3::bigint, 'and the flows');
SELECT * FROM finish();
ROLLBACK;
