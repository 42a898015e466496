-- SPDX-License-Identifier: PostgreSQL
-- H19: policies do not lead back to themselves. Every kind of call that the app makes as its user on workspaces, members,
-- generations and users is planned and run as each kind of user; none may end in an error other than "not yours".
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql

CREATE TEMP TABLE calls (n integer GENERATED ALWAYS AS IDENTITY, command text);
INSERT INTO calls (command) VALUES
  ('SELECT * FROM users WHERE id = atelier.uid()'),
  ('SELECT id, role, email, first_name, last_name FROM users WHERE email = ''member@tap.test'''),
  ('SELECT id FROM users WHERE email = ''stranger@tap.test'''),
  ('UPDATE users SET display_name = ''D'' WHERE id = atelier.uid() RETURNING *'),
  ('SELECT * FROM workspaces'),
  ('SELECT w.*, m.role, m.user_id FROM workspaces w LEFT JOIN workspace_members m ON m.workspace_id = w.id'),
  ('SELECT m.role, w.* FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = atelier.uid() AND w.is_active'),
  ('SELECT count(*) FROM workspace_members WHERE workspace_id = pg_temp.id(''one'')'),
  ('SELECT * FROM workspace_users WHERE workspace_id = pg_temp.id(''one'')'),
  ('UPDATE workspaces SET name = name WHERE id = pg_temp.id(''one'') RETURNING *'),
  ('UPDATE workspaces SET description = ''d'''),
  ('DELETE FROM workspaces WHERE id = pg_temp.id(''one'') RETURNING *'),
  ('INSERT INTO workspaces (name, slug, created_by) VALUES (''N'', ''tap-n'', atelier.uid()) RETURNING *'),
  ('INSERT INTO workspace_members (workspace_id, user_id, role) VALUES (pg_temp.id(''one''), pg_temp.id(''stranger''), ''member'') RETURNING *'),
  ('UPDATE workspace_members SET role = ''admin'' WHERE user_id = pg_temp.id(''member'') RETURNING *'),
  ('DELETE FROM workspace_members WHERE user_id = pg_temp.id(''member'') RETURNING *'),
  ('SELECT * FROM generations ORDER BY created_at DESC LIMIT 20'),
  ('SELECT g.*, u.email FROM generations g JOIN users u ON u.id = g.user_id WHERE g.workspace_id = pg_temp.id(''one'')'),
  ('INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, status, replicate_input)
    VALUES (atelier.uid(), ''create'', ''m'', ''M'', ''owner/name'', ''p'', ''pending'', ''{}'') RETURNING *'),
  ('INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status)
    VALUES (atelier.uid(), pg_temp.id(''one''), ''create'', ''m'', ''M'', ''owner/name'', ''p'', ''pending'') RETURNING *'),
  ('UPDATE generations SET replicate_prediction_id = ''tap'', status = ''processing'' WHERE id = pg_temp.id(''private'') RETURNING *'),
  ('UPDATE generations SET status = ''failed'', error_message = ''e'', completed_at = now() WHERE id = pg_temp.id(''private'') RETURNING id'),
  ('UPDATE generations SET viewed = true, viewed_at = now() WHERE user_id = atelier.uid() AND viewed = false'),
  ('SELECT * FROM is_workspace_member(pg_temp.id(''one''), atelier.uid())'),
  ('SELECT * FROM get_workspace_role(pg_temp.id(''one''), atelier.uid())'),
  ('SELECT * FROM get_user_workspaces(atelier.uid())');

CREATE TEMP VIEW callers AS SELECT unnest(ARRAY['owner', 'admin', 'member', 'chief', 'stranger', 'idle', 'boss', 'root', 'nobody', 'impostor']) AS name;
SELECT matches(pg_temp.outcome(k.name, c.command), '^(\d|42501)$', format('H19: %s: %s', k.name, left(c.command, 60))) FROM callers k CROSS JOIN calls c ORDER BY k.name, c.n;
SELECT matches(pg_temp.outcome(k.name, 'EXPLAIN (VERBOSE) ' || c.command), '^(\d+|42501)$', format('H19: planned for %s: %s', k.name, left(c.command, 60)))
  FROM callers k CROSS JOIN calls c ORDER BY k.name, c.n;
-- And what a member asks for is answered.
SELECT is(pg_temp.outcome('member', c.command), CASE c.n WHEN 3 THEN '0' WHEN 6 THEN '4' WHEN 9 THEN '4' WHEN 17 THEN '2' WHEN 23 THEN '2' ELSE '1' END,
          'H19: a member gets rows: ' || left(c.command, 60)) FROM calls c WHERE c.n NOT BETWEEN 10 AND 16 ORDER BY c.n;

-- A plpgsql function keeps its expressions for the whole transaction; an answer must not be kept for the next caller.
CREATE FUNCTION pg_temp.asked(caller text, OUT before boolean, OUT after boolean) LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_temp.become(caller);
  before := atelier.is_workspace_member(pg_temp.id('one'));
  PERFORM pg_temp.become('superuser');
  DELETE FROM workspace_members WHERE workspace_id = pg_temp.id('one') AND user_id = pg_temp.id(caller);
  PERFORM pg_temp.become(caller);
  after := atelier.is_workspace_member(pg_temp.id('one'));
  PERFORM pg_temp.become('superuser');
END $$;
SELECT results_eq($$SELECT (pg_temp.asked('member')).*$$, 'VALUES (true, false)', 'a member who is put out is none, in the same transaction');
SELECT results_eq($$SELECT (pg_temp.asked('stranger')).*$$, 'VALUES (false, false)', 'the answer to one caller is not the next one''s');
SELECT * FROM finish();
ROLLBACK;
