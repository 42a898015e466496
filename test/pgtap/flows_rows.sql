-- SPDX-License-Identifier: PostgreSQL
-- Flows and what is in them: what each caller really reads and writes, as a number of rows or a SQLSTATE.
BEGIN;
SELECT plan(583);
\ir lib/flows.sql

CREATE TEMP TABLE stated (n integer GENERATED ALWAYS AS IDENTITY, command text, anon text, nobody text, impostor text, owner text,
                          mate text, boss text, editor text, viewer text, waiting text, stranger text, gone text, service_role text);
INSERT INTO stated (command, anon, nobody, impostor, owner, mate, boss, editor, viewer, waiting, stranger, gone, service_role) VALUES
  -- flows
  ($$SELECT FROM flows WHERE id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '1', '1', '1', '1', '0', '0', '0', '1'),
  ($$SELECT FROM flows WHERE id = pg_temp.f('private')$$,
   '42501', '0', '0', '1', '0', '0', '1', '1', '0', '0', '0', '1'),
  ($$SELECT FROM flows WHERE id = pg_temp.f('old')$$,
   '42501', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '1'),
  ($$SELECT FROM flows WHERE user_id = atelier.uid() ORDER BY updated_at DESC LIMIT 20$$,
   '42501', '0', '0', '2', '0', '0', '0', '0', '0', '1', '0', '0'),
  ($$SELECT FROM flows WHERE workspace_id = pg_temp.f('team')$$,
   '42501', '0', '0', '1', '1', '1', '1', '1', '0', '0', '0', '1'),
  ($$INSERT INTO flows (user_id, name) VALUES (coalesce(atelier.uid(), pg_temp.f('owner')), 'mine') RETURNING *$$,
   '42501', '42501', '42501', '1', '1', '1', '1', '1', '1', '1', '42501', '1'),
  ($$INSERT INTO flows (user_id, workspace_id) VALUES (coalesce(atelier.uid(), pg_temp.f('owner')), pg_temp.f('team')) RETURNING *$$,
   '42501', '42501', '42501', '1', '1', '1', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flows (user_id) VALUES (pg_temp.f('owner'))$$,
   '42501', '42501', '42501', '1', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flows (user_id, workspace_id) VALUES (pg_temp.f('owner'), pg_temp.f('team'))$$,
   '42501', '42501', '42501', '1', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flows SET name = 'x', viewport_x = 1 WHERE id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '1', '1', '1', '0', '0', '0', '0', '1'),
  ($$UPDATE flows SET status = 'done' WHERE id = pg_temp.f('private') RETURNING *$$,
   '42501', '0', '0', '1', '0', '0', '1', '0', '0', '0', '0', '1'),
  ($$UPDATE flows SET user_id = pg_temp.f('mate') WHERE id = pg_temp.f('shared')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501'),
  ($$UPDATE flows SET workspace_id = NULL WHERE id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '42501', '42501', '42501', '0', '0', '0', '0', '1'),
  ($$UPDATE flows SET workspace_id = pg_temp.f('other team') WHERE id = pg_temp.f('shared')$$,
   '42501', '0', '0', '42501', '42501', '42501', '42501', '0', '0', '0', '0', '1'),
  ($$UPDATE flows SET workspace_id = pg_temp.f('team') WHERE id = pg_temp.f('private')$$,
   '42501', '0', '0', '1', '0', '0', '42501', '0', '0', '0', '0', '1'),
  ($$DELETE FROM flows WHERE id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '0', '1', '0', '0', '0', '0', '0', '1'),
  ($$DELETE FROM flows WHERE id = pg_temp.f('private')$$,
   '42501', '0', '0', '1', '0', '0', '0', '0', '0', '0', '0', '1'),
  -- nodes and edges
  ($$SELECT FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '2', '2', '2', '2', '2', '0', '0', '0', '2'),
  ($$INSERT INTO flow_nodes (flow_id, block_type) VALUES (pg_temp.f('shared'), 'text') RETURNING *$$,
   '42501', '42501', '42501', '1', '1', '1', '1', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_nodes SET status = 'processing', data = '{"prompt": "p"}' WHERE id = pg_temp.f('shared node 1')$$,
   '42501', '0', '0', '1', '1', '1', '1', '0', '0', '0', '0', '1'),
  ($$UPDATE flow_nodes SET created_by = pg_temp.f('mate') WHERE id = pg_temp.f('shared node 1')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_nodes SET flow_id = pg_temp.f('private') WHERE id = pg_temp.f('shared node 1')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501'),
  ($$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '2', '2', '2', '2', '0', '0', '0', '0', '2'),
  ($$SELECT FROM flow_edges WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '1', '1', '1', '1', '0', '0', '0', '1'),
  ($$INSERT INTO flow_edges (flow_id, source_node_id, target_node_id)
     VALUES (pg_temp.f('shared'), pg_temp.f('shared node 2'), pg_temp.f('shared node 1')) RETURNING *$$,
   '42501', '42501', '42501', '1', '1', '1', '1', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_edges SET edge_type = 'x' WHERE id = pg_temp.f('shared edge')$$,
   '42501', '0', '0', '1', '1', '1', '1', '0', '0', '0', '0', '1'),
  ($$DELETE FROM flow_edges WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '1', '1', '1', '0', '0', '0', '0', '1'),
  -- members
  ($$SELECT FROM flow_members WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '4', '0', '0', '1', '1', '1', '0', '0', '4'),
  ($$INSERT INTO flow_members (flow_id, user_id, role) VALUES (pg_temp.f('shared'), pg_temp.f('stranger'), 'viewer') RETURNING *$$,
   '42501', '42501', '42501', '1', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flow_members (flow_id, user_id, role) VALUES (pg_temp.f('shared'), pg_temp.f('stranger'), 'owner')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flow_members (flow_id, user_id) VALUES (pg_temp.f('shared'), pg_temp.f('owner'))$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_members SET role = 'editor' WHERE id = pg_temp.f('viewer of shared')$$,
   '42501', '0', '0', '1', '0', '0', '0', '0', '0', '0', '0', '1'),
  ($$UPDATE flow_members SET role = 'owner' WHERE id = pg_temp.f('viewer of shared')$$,
   '42501', '0', '0', '42501', '0', '0', '0', '0', '0', '0', '0', '1'),
  ($$UPDATE flow_members SET accepted_at = now() WHERE id = pg_temp.f('waiting of shared')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_members SET user_id = pg_temp.f('mate') WHERE id = pg_temp.f('viewer of shared')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501'),
  ($$DELETE FROM flow_members WHERE id = pg_temp.f('viewer of shared')$$,
   '42501', '0', '0', '1', '0', '0', '0', '1', '0', '0', '0', '1'),
  -- invitations
  ($$SELECT FROM flow_invites WHERE flow_id = pg_temp.f('private')$$,
   '42501', '0', '0', '4', '0', '0', '0', '0', '0', '0', '0', '4'),
  ($$INSERT INTO flow_invites (flow_id, email, invited_by)
     VALUES (pg_temp.f('private'), 'x@flows.test', coalesce(atelier.uid(), pg_temp.f('owner'))) RETURNING *$$,
   '42501', '42501', '42501', '1', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flow_invites (flow_id, email, invited_by) VALUES (pg_temp.f('private'), 'x@flows.test', pg_temp.f('mate'))$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_invites SET email = 'stranger@flows.test' WHERE id = pg_temp.f('nobody''s invite')$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$DELETE FROM flow_invites WHERE id = pg_temp.f('open invite')$$,
   '42501', '0', '0', '1', '0', '0', '0', '0', '0', '0', '0', '1'),
  -- comments
  ($$SELECT FROM flow_comments WHERE flow_id = pg_temp.f('shared')$$,
   '42501', '0', '0', '1', '1', '1', '1', '1', '0', '0', '0', '1'),
  ($$INSERT INTO flow_comments (flow_id, user_id, content) VALUES (pg_temp.f('shared'), coalesce(atelier.uid(), pg_temp.f('owner')), 'c') RETURNING *$$,
   '42501', '42501', '42501', '1', '1', '1', '1', '1', '42501', '42501', '42501', '1'),
  ($$INSERT INTO flow_comments (flow_id, user_id, content) VALUES (pg_temp.f('shared'), pg_temp.f('mate'), 'c')$$,
   '42501', '42501', '42501', '42501', '1', '42501', '42501', '42501', '42501', '42501', '42501', '1'),
  ($$UPDATE flow_comments SET content = 'x' WHERE id = pg_temp.f('viewer comment')$$,
   '42501', '0', '0', '42501', '42501', '42501', '42501', '1', '0', '0', '0', '1'),
  ($$UPDATE flow_comments SET is_resolved = true WHERE id = pg_temp.f('viewer comment') RETURNING *$$,
   '42501', '0', '0', '1', '42501', '42501', '42501', '1', '0', '0', '0', '1'),
  ($$DELETE FROM flow_comments WHERE id = pg_temp.f('viewer comment')$$,
   '42501', '0', '0', '1', '0', '0', '0', '1', '0', '0', '0', '1'),
  ($$SELECT FROM atelier.flow_node_memory$$,
   '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501');
SELECT is(pg_temp.outcome(c.caller, s.command), c.expected, format('%s: %s', c.caller, regexp_replace(s.command, '\s+', ' ', 'g')))
  FROM stated s
 CROSS JOIN LATERAL (VALUES ('anon', s.anon), ('nobody', s.nobody), ('impostor', s.impostor), ('owner', s.owner), ('mate', s.mate),
                            ('boss', s.boss), ('editor', s.editor), ('viewer', s.viewer), ('waiting', s.waiting),
                            ('stranger', s.stranger), ('gone', s.gone), ('service_role', s.service_role)) c (caller, expected)
 ORDER BY s.n;

-- Row level security alone: whoever grants too much opens nothing.
GRANT ALL ON ALL TABLES IN SCHEMA public, atelier TO anon, authenticated;
SELECT is(pg_temp.outcome(g.caller, g.command), g.expected, format('with all grants, %s: %s', g.caller, g.command))
  FROM (VALUES ('stranger', 'SELECT FROM flow_nodes WHERE flow_id = pg_temp.f(''shared'')', '0'),
               ('anon', 'SELECT FROM flows', '0'),
               ('anon', 'SELECT FROM flow_invites', '0'),
               ('owner', 'SELECT FROM atelier.flow_node_memory', '0'),
               ('mate', 'UPDATE flows SET user_id = pg_temp.f(''mate'')', '42501'),
               ('viewer', 'UPDATE flow_comments SET user_id = pg_temp.f(''owner'') WHERE user_id = pg_temp.f(''viewer'')', '42501'),
               ('waiting', 'UPDATE flow_members SET accepted_at = now()', '0')) AS g (caller, command, expected);
SELECT * FROM finish();
ROLLBACK;
