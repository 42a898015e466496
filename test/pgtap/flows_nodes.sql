-- SPDX-License-Identifier: PostgreSQL
-- Flows, nodes and edges beyond who may write which row: what the guards make of what was sent, and the save of a flow,
-- which deletes its nodes and inserts them again without what the app does not know (H25).
BEGIN;
SELECT plan(54);
\ir lib/flows.sql

-- Runs the command as the caller and keeps what it did.
CREATE FUNCTION pg_temp.as_caller(caller text, command text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  PERFORM pg_temp.become('superuser');
END $$;

-- H11
SELECT is(pg_temp.outcome('stranger', $$INSERT INTO flows (user_id, workspace_id) VALUES (pg_temp.f('mate'), pg_temp.f('other team'))$$), '42501',
          'H11: a member of a workspace cannot insert a flow owned by another member');
SELECT is(pg_temp.answer('mate', $$INSERT INTO flows (name, user_id) VALUES ('n', NULL) RETURNING user_id$$), pg_temp.f('mate')::text,
          'H11: a flow without owner is the caller''s');
SELECT is(pg_temp.outcome('mate', $$UPDATE flows SET workspace_id = pg_temp.f('other team') WHERE id = pg_temp.f('shared')$$), '42501',
          'H11: a member of both workspaces cannot move another''s flow between them');
SELECT is(pg_temp.outcome('service_role', $$UPDATE flows SET user_id = pg_temp.f('mate') WHERE id = pg_temp.f('shared')$$), '42501',
          'H11: the owner of a flow stays for service_role too');
SELECT is(pg_temp.outcome('superuser', $$DELETE FROM workspaces WHERE id = pg_temp.f('team')$$), '1', 'H11: a workspace can be deleted');
SAVEPOINT workspace_gone;
DELETE FROM workspaces WHERE id = pg_temp.f('team');
SELECT is((SELECT workspace_id FROM flows WHERE id = pg_temp.f('shared')), NULL, 'its flows become private');
SELECT is(pg_temp.outcome('mate', $$SELECT FROM flows WHERE id = pg_temp.f('shared')$$), '0', 'and its members lose them');
ROLLBACK TO workspace_gone;
SELECT is(pg_temp.answer('owner', $$INSERT INTO flows (user_id, created_at, updated_at) VALUES (pg_temp.f('owner'), '2001-01-01', '2001-01-01')
            RETURNING created_at = now() AND updated_at = now()$$), 'true', 'times are not the user''s to say');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flows (user_id, status) VALUES (pg_temp.f('owner'), 'lost')$$), '23514', 'status has four values');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flows (user_id, name) VALUES (pg_temp.f('owner'), repeat('x', 10001))$$), '22001', 'a name has a limit');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flows (user_id, description) VALUES (pg_temp.f('owner'), repeat('x', 10001))$$), '22001', 'a description has a limit');
SELECT is(pg_temp.answer('owner', $$INSERT INTO flows (user_id, name, viewport_zoom) VALUES (pg_temp.f('owner'), NULL, NULL)
            RETURNING concat(name, ' ', viewport_zoom)$$), 'Без названия 1', 'null for a missing key becomes the default');

-- updated_at
SAVEPOINT touched;
SET LOCAL session_replication_role = replica;
UPDATE flows SET updated_at = '2001-01-01';
UPDATE flow_nodes SET updated_at = '2001-01-01';
UPDATE flow_comments SET updated_at = '2001-01-01';
SET LOCAL session_replication_role = origin;
SELECT pg_temp.as_caller('owner', $$UPDATE flows SET name = 'n', updated_at = '2002-01-01' WHERE id = pg_temp.f('shared')$$),
       pg_temp.as_caller('owner', $$UPDATE flow_nodes SET position_x = 1 WHERE id = pg_temp.f('shared node 1')$$),
       pg_temp.as_caller('owner', $$UPDATE flow_comments SET is_resolved = true WHERE id = pg_temp.f('viewer comment')$$);
SELECT is((SELECT updated_at FROM flows WHERE id = pg_temp.f('shared')), now(), 'a flow says when it was changed, whatever was sent');
SELECT is((SELECT updated_at FROM flow_nodes WHERE id = pg_temp.f('shared node 1')), now(), 'so does a node');
SELECT is((SELECT updated_at FROM flow_comments WHERE id = pg_temp.f('viewer comment')), now(), 'and a comment');
ROLLBACK TO touched;

-- Nodes
SELECT is(pg_temp.answer('editor', $$INSERT INTO flow_nodes (flow_id, block_type, created_by, created_by_email)
            VALUES (pg_temp.f('shared'), 'text', pg_temp.f('owner'), 'owner@flows.test')
            RETURNING created_by = pg_temp.f('editor') AND created_by_email IS NULL$$), 'true', 'the author of a node is who inserts it');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO flow_nodes (flow_id, block_type, created_by) VALUES (pg_temp.f('shared'), 'text', pg_temp.f('owner'))
            RETURNING created_by$$), pg_temp.f('owner')::text, 'service_role says who the author is');
SELECT is(pg_temp.outcome(g.caller, format('UPDATE flow_nodes SET generation_id = %L, status = ''processing'' WHERE id = pg_temp.f(''shared node 1'')', pg_temp.f(g.name))),
          g.expected, format('%s puts the %s into a node: %s', g.caller, g.name, g.expected))
  FROM (VALUES ('owner', 'own generation', '1'), ('owner', 'team generation', '1'), ('owner', 'strange generation', '42501'),
               ('owner', 'no generation', '42501'), ('editor', 'own generation', '42501'), ('editor', 'team generation', '42501'),
               ('mate', 'team generation', '1'), ('service_role', 'strange generation', '1'), ('service_role', 'no generation', '23503')) g (caller, name, expected);
SELECT is(pg_temp.outcome('owner', format($$INSERT INTO flow_nodes (flow_id, block_type, generation_id) VALUES (pg_temp.f('shared'), 'image', %L)$$,
            pg_temp.f('strange generation'))), '42501', 'nor can it be inserted with one');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_nodes (flow_id, block_type, data) VALUES (pg_temp.f('shared'), 'image', (repeat('[', 65) || repeat(']', 65))::jsonb)$$),
          '22001', 'data is not nested without end');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_nodes (flow_id, block_type, data)
            SELECT pg_temp.f('shared'), 'image', jsonb_build_object('p', repeat('x', 9000000))$$), '22001', 'nor large without end');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('foreign node 1'), pg_temp.f('shared'), 'image')$$),
          '23505', 'the id of a node elsewhere is taken');

-- Edges
SELECT is(pg_temp.outcome(e.caller, format('INSERT INTO flow_edges (flow_id, source_node_id, target_node_id) VALUES (pg_temp.f(%L), pg_temp.f(%L), pg_temp.f(%L))',
            e.flow, e.source, e.target)), e.expected, format('%s connects %s with %s in %s: %s', e.caller, e.source, e.target, e.flow, e.expected))
  FROM (VALUES ('owner', 'shared', 'shared node 2', 'shared node 1', '1'), ('owner', 'shared', 'shared node 1', 'private node 1', '23514'),
               ('owner', 'shared', 'foreign node 1', 'shared node 1', '23514'), ('service_role', 'shared', 'private node 1', 'private node 2', '23514'),
               ('owner', 'shared', 'shared node 1', 'shared node 2', '23505')) e (caller, flow, source, target, expected);
SELECT is(pg_temp.outcome('owner', $$UPDATE flow_edges SET target_node_id = pg_temp.f('private node 1') WHERE id = pg_temp.f('shared edge')$$), '23514',
          'an edge cannot be bent into another flow');

-- H25: the save of a flow
UPDATE flow_nodes SET generation_id = pg_temp.f('own generation'), status = 'processing', width = 3, height = 4
 WHERE id = pg_temp.f('shared node 1');
UPDATE flow_nodes SET status = 'failed', error_message = 'no luck' WHERE id = pg_temp.f('shared node 2');
CREATE FUNCTION pg_temp.node(name text) RETURNS text LANGUAGE sql
AS $$ SELECT format('%s %s %s %s %s %s', n.generation_id = pg_temp.f('own generation'), n.status, n.error_message, n.width, n.height,
                    n.created_by = pg_temp.f('owner')) FROM flow_nodes n WHERE n.id = pg_temp.f(name) $$;
SAVEPOINT saving;
SELECT pg_temp.as_caller('mate', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$);
SELECT is((SELECT count(*) FROM atelier.flow_node_memory), 2::bigint, 'H25: both nodes are remembered');
SELECT pg_temp.as_caller('mate', $$INSERT INTO flow_nodes (id, flow_id, block_type, status)
         SELECT pg_temp.f('shared node ' || n), pg_temp.f('shared'), 'image', NULL FROM generate_series(1, 2) n$$);
SELECT is(pg_temp.node('shared node 1'), 't processing  3 4 t', 'H25: a saved node keeps its generation, status, size and author');
SELECT is(pg_temp.node('shared node 2'), ' failed no luck   t', 'H25: and its error');
SELECT is_empty('SELECT FROM atelier.flow_node_memory', 'H25: what was given back is remembered no longer');
ROLLBACK TO saving;
-- A mate who saves with words of his own is heard.
SELECT pg_temp.as_caller('mate', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$),
       pg_temp.as_caller('mate', $$INSERT INTO flow_nodes (id, flow_id, block_type, status, width) VALUES (pg_temp.f('shared node 2'), pg_temp.f('shared'), 'image', 'completed', 9)$$);
SELECT is(pg_temp.node('shared node 2'), ' completed  9  t', 'H25: what the save says counts, and no error stays with another status');
ROLLBACK TO saving;
-- While the node is away its generation ends.
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$);
UPDATE generations SET status = 'completed', output_urls = '{https://o.test/1.png}' WHERE id = pg_temp.f('own generation');
SELECT pg_temp.as_caller('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type, status) VALUES (pg_temp.f('shared node 1'), pg_temp.f('shared'), 'image', 'running')$$);
SELECT is((SELECT concat(status, ' ', output_url, ' ', output_type) FROM flow_nodes WHERE id = pg_temp.f('shared node 1')),
          'completed https://o.test/1.png image', 'H25: a result that came meanwhile is not lost');
ROLLBACK TO saving;
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$);
UPDATE generations SET status = 'failed', error_message = 'broken' WHERE id = pg_temp.f('own generation');
SELECT pg_temp.as_caller('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('shared node 1'), pg_temp.f('shared'), 'image')$$);
SELECT is((SELECT concat(status, ' ', error_message) FROM flow_nodes WHERE id = pg_temp.f('shared node 1')), 'failed broken',
          'H25: nor is a failure');
ROLLBACK TO saving;
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$);
DELETE FROM generations WHERE id = pg_temp.f('own generation');
SELECT pg_temp.as_caller('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('shared node 1'), pg_temp.f('shared'), 'image')$$);
SELECT is(pg_temp.node('shared node 1'), ' processing  3 4 t', 'H25: a generation that is gone does not stop the save');
ROLLBACK TO saving;
-- No leak: the same id in another flow, from another hand, or late.
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$),
       pg_temp.as_caller('stranger', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('shared node 1'), pg_temp.f('foreign'), 'image')$$);
SELECT is(pg_temp.node('shared node 1'), ' idle    f', 'H25: the same id in another flow gets nothing');
SELECT pg_temp.as_caller('stranger', $$DELETE FROM flow_nodes WHERE id = pg_temp.f('shared node 1')$$),
       pg_temp.as_caller('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('shared node 1'), pg_temp.f('shared'), 'image')$$);
SELECT is(pg_temp.node('shared node 1'), 't processing  3 4 t', 'H25: and does not take it away from the flow');
ROLLBACK TO saving;
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$);
UPDATE atelier.flow_node_memory SET deleted_at = now() - interval '25 hours';
SELECT pg_temp.as_caller('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type) VALUES (pg_temp.f('shared node 1'), pg_temp.f('shared'), 'image')$$);
SELECT is(pg_temp.node('shared node 1'), ' idle    t', 'H25: after a day it is forgotten');
SELECT pg_temp.as_caller('owner', $$DELETE FROM flow_nodes WHERE id = pg_temp.f('shared node 1')$$);
SELECT is_empty('SELECT FROM atelier.flow_node_memory', 'H25: and removed by a later save; a plain node of one''s own is not remembered');
ROLLBACK TO saving;
SELECT pg_temp.as_caller('owner', $$DELETE FROM flows WHERE id = pg_temp.f('shared')$$);
SELECT is_empty('SELECT FROM atelier.flow_node_memory', 'H25: the nodes of a deleted flow are not remembered');
ROLLBACK TO saving;

-- flows.nodes and flows.edges
SELECT is(pg_temp.answer('owner', $$SELECT jsonb_array_length(f.nodes) || ' ' || jsonb_array_length(f.edges) FROM flows f WHERE f.id = pg_temp.f('shared')$$), '2 1',
          'flows have nodes and edges as columns');
SELECT is(pg_temp.answer('viewer', $$SELECT f.edges -> 0 ->> 'source' FROM flows f WHERE f.id = pg_temp.f('shared')$$), pg_temp.f('shared node 1')::text,
          'for everybody who sees the flow, with the second names');
SELECT is(pg_temp.answer('owner', $$INSERT INTO flows (user_id) VALUES (pg_temp.f('owner')) RETURNING flows.nodes$$), '[]', 'an empty flow has none');
SELECT is(pg_temp.answer('stranger', $$SELECT nodes(ROW(pg_temp.f('shared'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::flows)$$), '[]',
          'a forged row shows a stranger nothing');
SELECT is(pg_temp.outcome('anon', $$SELECT nodes(NULL::flows)$$), '42501', 'nor does anon call it');

SELECT * FROM finish();
ROLLBACK;
