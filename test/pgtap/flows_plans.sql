-- SPDX-License-Identifier: PostgreSQL
-- What users ask about flows is planned without recursion (H19), by the indexes that are there for it, and so cheaply that
-- no plan reaches the compiler, among many flows of others.
BEGIN;
SELECT plan(32);
\ir lib/flows.sql
INSERT INTO users (id, email) SELECT pg_temp.f('u' || n), 'u' || n || '@flows.test' FROM generate_series(1, 50) n;
INSERT INTO flows (user_id, workspace_id, name)
SELECT pg_temp.f('u' || n % 50 + 1), CASE WHEN n % 10 = 0 THEN pg_temp.f('team') END, 'f' FROM generate_series(1, 20000) n;
INSERT INTO flow_members (flow_id, user_id, role, accepted_at)
SELECT f.id, pg_temp.f('owner'), 'viewer', now() FROM flows f WHERE f.name = 'f' LIMIT 200;
INSERT INTO flow_nodes (flow_id, block_type) SELECT f.id, 'text' FROM flows f WHERE f.name = 'f';
ANALYZE users, flows, flow_members, flow_nodes;

CREATE FUNCTION pg_temp.plan_of(caller text, query text) RETURNS TABLE (indexes text, cost double precision) LANGUAGE plpgsql
AS $$
DECLARE
  plan json;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  PERFORM pg_temp.become('superuser');
  RETURN QUERY SELECT (SELECT string_agg(m[1], ' ') FROM regexp_matches(plan::text, '"Index Name": "(\w+)"', 'g') m),
                      (plan -> 0 -> 'Plan' ->> 'Total Cost')::double precision;
END $$;
CREATE TEMP TABLE asked (n integer GENERATED ALWAYS AS IDENTITY, query text, index text);
INSERT INTO asked (query, index) VALUES
  ($$SELECT * FROM flows WHERE user_id = pg_temp.f('owner') ORDER BY updated_at DESC LIMIT 20$$, 'flows_user_list_idx'),
  ($$SELECT count(*) FROM flows WHERE user_id = pg_temp.f('owner')$$, 'flows_user_list_idx'),
  ($$SELECT * FROM flows WHERE workspace_id = pg_temp.f('team') ORDER BY updated_at DESC LIMIT 20$$, 'flows_workspace_list_idx'),
  ($$SELECT *, flows.nodes, flows.edges FROM flows WHERE id = pg_temp.f('shared')$$, 'flows_pkey'),
  ($$SELECT * FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$, 'flow_nodes_flow_id_idx'),
  ($$UPDATE flow_nodes SET status = 'failed' WHERE id = pg_temp.f('shared node 1') RETURNING *$$, 'flow_nodes_pkey'),
  ($$UPDATE flows SET name = 'n' WHERE id = pg_temp.f('shared') RETURNING *$$, 'flows_pkey'),
  ($$DELETE FROM flow_nodes WHERE flow_id = pg_temp.f('shared')$$, 'flow_nodes_flow_id_idx');
SELECT matches(p.indexes, '\m' || a.index || '\M', 'by its index: ' || a.query) FROM asked a CROSS JOIN LATERAL pg_temp.plan_of('owner', a.query) p ORDER BY a.n;

-- H19: every call that users make, as PostgREST words it.
CREATE TEMP TABLE called (n integer GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO called (query) SELECT a.query FROM asked a ORDER BY a.n;
INSERT INTO called (query) VALUES
  ($$SELECT * FROM flows$$),
  ($$SELECT * FROM flow_nodes$$),
  ($$INSERT INTO flows (user_id, name) VALUES (pg_temp.f('owner'), 'n') RETURNING *$$),
  ($$DELETE FROM flows WHERE id = pg_temp.f('shared') RETURNING *$$),
  ($$INSERT INTO flow_nodes (flow_id, block_type) VALUES (pg_temp.f('shared'), 'text') RETURNING *$$),
  ($$INSERT INTO flow_edges (flow_id, source_node_id, target_node_id) VALUES (pg_temp.f('shared'), pg_temp.f('shared node 2'), pg_temp.f('shared node 1')) RETURNING *$$),
  ($$SELECT * FROM flow_edges WHERE flow_id = pg_temp.f('shared')$$),
  ($$SELECT i.*, f.id, f.name FROM flow_invites i LEFT JOIN flows f ON f.id = i.flow_id WHERE i.token = 'open invite'$$),
  ($$SELECT * FROM flow_invites WHERE flow_id = pg_temp.f('private') AND used_at IS NULL$$),
  ($$INSERT INTO flow_invites (flow_id, email, invited_by) VALUES (pg_temp.f('private'), 'p@flows.test', pg_temp.f('owner')) RETURNING *$$),
  ($$DELETE FROM flow_invites WHERE id = pg_temp.f('open invite')$$),
  ($$SELECT * FROM flow_members WHERE flow_id = pg_temp.f('shared')$$),
  ($$DELETE FROM flow_members WHERE flow_id = pg_temp.f('shared') AND user_id = pg_temp.f('viewer')$$),
  ($$SELECT * FROM flow_comments WHERE flow_id = pg_temp.f('shared') ORDER BY created_at$$),
  ($$INSERT INTO flow_comments (flow_id, user_id, content) VALUES (pg_temp.f('shared'), pg_temp.f('owner'), 'c') RETURNING *$$),
  ($$UPDATE flow_comments SET is_resolved = true WHERE id = pg_temp.f('viewer comment') RETURNING *$$);
SELECT ok(p.cost < current_setting('jit_above_cost')::double precision AND pg_temp.outcome('owner', c.query) ~ '^\d{1,4}$', 'H19: planned, cheap and run: ' || c.query)
  FROM called c CROSS JOIN LATERAL pg_temp.plan_of('owner', c.query) p ORDER BY c.n;
SELECT * FROM finish();
ROLLBACK;
