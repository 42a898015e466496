-- SPDX-License-Identifier: PostgreSQL
-- Generations in workspaces: made only in one's own, seen by its members, moved by super_admins and the app alone.
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql

-- H31: a list by workspace shows what its caller may see, whichever workspace he asks for.
SELECT is(pg_temp.outcome(s.caller, $$SELECT FROM generations WHERE workspace_id = pg_temp.id('one')$$), s.rows, format('H31: %s lists workspace one', s.caller))
  FROM (VALUES ('owner', '1'), ('admin', '1'), ('member', '1'), ('chief', '0'), ('stranger', '0'), ('idle', '0'), ('boss', '0'), ('root', '1'),
               ('nobody', '0'), ('impostor', '0'), ('anon', '42501'), ('service_role', '1')) s (caller, rows);
SELECT is(pg_temp.outcome('owner', $$SELECT FROM generations WHERE id = pg_temp.id('private')$$), '0', 'H31: what a member made for himself stays his');
SELECT is(pg_temp.outcome('member', 'SELECT FROM generations'), '2', 'H31: a member sees his own and his workspace''s');

-- H10: into a workspace of his own.
CREATE FUNCTION pg_temp.put(workspace text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status)
                     VALUES (atelier.uid(), %L, ''create'', ''m'', ''M'', ''owner/name'', ''p'', ''pending'') RETURNING *', pg_temp.id(workspace)) $$;
SELECT is(pg_temp.outcome(s.caller, pg_temp.put(s.workspace)), s.rows, format('H10: %s makes one in workspace %s', s.caller, coalesce(s.workspace, 'none')))
  FROM (VALUES ('owner', 'one', '1'), ('member', 'one', '1'), ('member', NULL, '1'), ('member', 'two', '42501'), ('member', 'none', '42501'), ('chief', 'one', '42501'),
               ('chief', 'two', '1'), ('stranger', 'one', '42501'), ('boss', 'one', '42501'), ('root', 'one', '42501'), ('idle', 'one', '42501'), ('idle', NULL, '42501'))
       s (caller, workspace, rows);
SELECT is(pg_temp.outcome('member', $$INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, status)
            VALUES (pg_temp.id('owner'), pg_temp.id('one'), 'create', 'm', 'M', 'owner/name', 'pending')$$), '42501', 'H10: not in another member''s name');
-- The guard refuses without the policy as well.
CREATE POLICY open ON generations FOR INSERT TO authenticated WITH CHECK (true);
SELECT is(pg_temp.outcome('member', pg_temp.put('two')), '42501', 'H10, guard: nor into a workspace of others');
DROP POLICY open ON generations;

-- H10, H32: moving.
CREATE FUNCTION pg_temp.move(generation text, workspace text) RETURNS text LANGUAGE sql
AS $$ SELECT format('UPDATE generations SET workspace_id = %L WHERE id = %L RETURNING *', pg_temp.id(workspace), pg_temp.id(generation)) $$;
SELECT is(pg_temp.outcome(s.caller, pg_temp.move(s.generation, s.workspace)), s.rows,
          format('H32: %s moves the generation "%s" to %s', s.caller, s.generation, coalesce(s.workspace, 'none')))
  FROM (VALUES ('member', 'private', 'one', '42501'), ('member', 'private', 'two', '42501'), ('member', 'shared', 'two', '42501'), ('member', 'shared', NULL, '42501'),
               ('owner', 'shared', NULL, '0'), ('owner', 'private', 'one', '0'), ('admin', 'shared', NULL, '0'), ('chief', 'shared', 'two', '0'),
               ('chief', 'foreign', NULL, '42501'), ('boss', 'shared', 'two', '0'), ('boss', 'foreign', 'one', '0'), ('stranger', 'shared', NULL, '0'), ('idle', 'shared', NULL, '0'),
               ('nobody', 'shared', NULL, '0'), ('impostor', 'shared', NULL, '0'), ('anon', 'shared', NULL, '42501'),
               ('root', 'shared', 'two', '1'), ('root', 'shared', NULL, '1'), ('root', 'private', 'one', '1'), ('root', 'shared', 'none', '23503'),
               ('service_role', 'shared', 'two', '1'), ('service_role', 'shared', NULL, '1')) s (caller, generation, workspace, rows);
SELECT is(pg_temp.outcome('member', $$UPDATE generations SET workspace_id = workspace_id, viewed = true WHERE id = pg_temp.id('shared')$$), '1', 'no move is no move');
SELECT is(pg_temp.outcome('root', format('UPDATE generations SET %s WHERE id = pg_temp.id(''shared'')', change)), '42501',
          'H32: a super_admin does nothing else to the rows of others: ' || change)
  FROM unnest(ARRAY['viewed = true', 'is_favorite = true', 'status = ''queued''', 'status = ''failed''', 'replicate_prediction_id = ''x''', 'error_message = ''e''',
                    'cost_credits = 0', 'user_id = pg_temp.id(''root'')', 'workspace_id = NULL, viewed = true']) change;
-- A member who is put out sees no more of it than his own.
DELETE FROM workspace_members WHERE user_id = pg_temp.id('admin');
SELECT is(pg_temp.outcome('admin', $$SELECT FROM generations WHERE workspace_id = pg_temp.id('one')$$), '0', 'H31: who is no member any more sees nothing');

-- The history of a workspace comes by its index, as its member.
INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, status, created_at, is_keyframe_segment)
SELECT pg_temp.id('member'), CASE n % 50 WHEN 0 THEN pg_temp.id('one') WHEN 1 THEN pg_temp.id('two') END, 'create', 'm', 'M', 'owner/name', 'completed',
       now() - n * interval '1 min', n % 100 = 0 FROM generate_series(1, 20000) n;
ANALYZE generations, users, workspace_members, workspaces;
CREATE FUNCTION pg_temp.plan(query text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  line text;
  plan text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    plan := plan || line || E'\n';
  END LOOP;
  RETURN plan;
END $$;
SELECT pg_temp.become('owner');
CREATE TEMP TABLE plans AS
SELECT q.what, pg_temp.plan(q.query) FROM (VALUES
  ('all', $$SELECT g.*, u.email FROM generations g JOIN users u ON u.id = g.user_id
             WHERE g.workspace_id = '$$ || pg_temp.id('one') || $$' AND g.is_keyframe_segment IS FALSE AND g.action <> 'video_keyframes'
             ORDER BY g.created_at DESC LIMIT 20$$),
  ('mine', $$SELECT * FROM generations WHERE workspace_id = '$$ || pg_temp.id('one') || $$' AND user_id = '$$ || pg_temp.id('owner') || $$'
              AND is_keyframe_segment IS FALSE AND action <> 'video_keyframes' ORDER BY created_at DESC LIMIT 20$$)) q (what, query);
SELECT pg_temp.become('superuser');
SELECT matches(plan, 'generations_workspace_list_idx[^\n]*\n\s+Index Cond: \(workspace_id = ', 'the history of a workspace') FROM plans WHERE what = 'all';
SELECT matches(plan, 'generations_user_workspace_list_idx[^\n]*\n\s+Index Cond: \(\(user_id = .*workspace_id = ', 'one''s own part of it') FROM plans WHERE what = 'mine';
SELECT unalike(plan, '%Sort%', 'it comes in order: ' || what) FROM plans;
SELECT unalike(plan, '%Seq Scan on generations%', 'the table is not read: ' || what) FROM plans;
SELECT * FROM finish();
ROLLBACK;
