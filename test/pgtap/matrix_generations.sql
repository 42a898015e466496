-- SPDX-License-Identifier: PostgreSQL
-- The matrix: generations. A user sees his own and those of his workspaces, a super_admin all; each changes his own; only a
-- super_admin and the app move one between workspaces (H32); what a row becomes is said by atelier and the app (H10).
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

-- anon nobody impostor | owner stranger | member admin chief | viewer editor | gone | boss root | service_role
INSERT INTO stated (relation, command, outcomes, why) VALUES
  ('generations', $$SELECT FROM generations WHERE id = pg_temp.id('owner')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 1   1', 'a private one: its user, and super_admins'),
  ('generations', $$SELECT FROM generations WHERE id = pg_temp.id('shared')$$,
   'no 0 0   1 0   1 1 1   0 0   0   0 1   1', 'H31: one of a workspace: also its members'),
  ('generations', $$SELECT FROM generations WHERE workspace_id = pg_temp.id('space')$$,
   'no 0 0   1 0   1 1 1   0 0   0   0 1   1', 'H31'),
  ('generations', $$SELECT FROM generations WHERE id = pg_temp.id('gone')$$,
   'no 0 0   0 0   0 0 0   0 0   0   0 1   1', 'a deactivated user reads nothing'),
  ('generations', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.me(), 'create', 'm', 'M', 'owner/name') RETURNING *$$,
   'no no no   1 1   1 1 1   1 1   no   1 1   1', 'for oneself'),
  ('generations', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, workspace_id) VALUES (pg_temp.me(), 'create', 'm', 'M', 'owner/name', pg_temp.id('space')) RETURNING *$$,
   'no no no   1 no   1 1 1   no no   no   no no   1', 'H10: into a workspace as its member, whatever role one has besides'),
  ('generations', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.id('owner'), 'create', 'm', 'M', 'owner/name') RETURNING *$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'not for others'),
  ('generations', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.id('gone'), 'create', 'm', 'M', 'owner/name') RETURNING *$$,
   'no no no   no no   no no no   no no   no   no no   1', 'writing needs an active user'),
  ('generations', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status) VALUES (pg_temp.me(), 'create', 'm', 'M', 'owner/name', 'completed') RETURNING *$$,
   'no no no   no no   no no no   no no   no   no no   1', 'H10: a job starts at its beginning'),
  ('generations', $$UPDATE generations SET viewed = true, viewed_at = now(), is_favorite = true WHERE id = pg_temp.id('owner')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 no   1', 'marks are the owner''s'),
  ('generations', $$UPDATE generations SET viewed = true WHERE id = pg_temp.id('shared')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 no   1', 'also in a workspace'),
  ('generations', $$UPDATE generations SET viewed = true WHERE id = pg_temp.id('gone')$$,
   'no 0 0   0 0   0 0 0   0 0   0   0 no   1', 'writing needs an active user'),
  ('generations', $$UPDATE generations SET status = 'queued' WHERE id = pg_temp.id('owner')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 no   1', 'the hand-over'),
  ('generations', $$UPDATE generations SET status = 'processing', replicate_prediction_id = 'p' WHERE id = pg_temp.id('owner')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 no   1', 'the app''s own dispatch, as its user'),
  ('generations', $$UPDATE generations SET status = 'failed', error_message = 'e', completed_at = now() WHERE id = pg_temp.id('owner')$$,
   'no 0 0   1 0   0 0 0   0 0   0   0 no   1', 'the same'),
  ('generations', $$UPDATE generations SET status = 'completed' WHERE id = pg_temp.id('owner')$$,
   'no 0 0   no 0   0 0 0   0 0   0   0 no   1', 'H10: results are not claimed'),
  ('generations', $$UPDATE generations SET workspace_id = pg_temp.id('space') WHERE id = pg_temp.id('owner')$$,
   'no 0 0   no 0   0 0 0   0 0   0   0 1   1', 'H32: super_admins move generations'),
  ('generations', $$UPDATE generations SET workspace_id = NULL WHERE id = pg_temp.id('shared')$$,
   'no 0 0   no 0   0 0 0   0 0   0   0 1   1', 'H32'),
  ('generations', $$UPDATE generations SET cost_credits = 0, cost_usd = 0 WHERE id = pg_temp.id('owner')$$,
   'no no no   no no   no no no   no no   no   no no   1', 'H10: money'),
  ('generations', $$UPDATE generations SET output_urls = '{https://tap.test}', output_url = 'https://tap.test' WHERE id = pg_temp.id('owner')$$,
   'no no no   no no   no no no   no no   no   no no   1', 'H10: results'),
  ('generations', $$UPDATE generations SET prompt = 'x', settings = '{}', replicate_input = '{}' WHERE id = pg_temp.id('owner')$$,
   'no no no   no no   no no no   no no   no   no no   1', 'the request stays'),
  ('generations', $$UPDATE generations SET user_id = pg_temp.me() WHERE id = pg_temp.id('shared')$$,
   'no no no   no no   no no no   no no   no   no no   1', 'H10: ownership'),
  ('generations', $$DELETE FROM generations WHERE id = pg_temp.id('owner')$$,
   'no no no   no no   no no no   no no   no   no no   1', 'the app deletes, with the files'),
  ('generations', $$UPDATE generations SET viewed = true$$,
   'no 0 0   2 0   0 0 0   0 0   0   0 no   3', 'no column is read, so the policy of this command decides alone'),
  ('generations', $$TRUNCATE generations CASCADE$$,
   'no no no   no no   no no no   no no   no   no no   no', 'empties the tables that refer to it, whosever rows they have');
\ir lib/matrix.sql
ROLLBACK;
