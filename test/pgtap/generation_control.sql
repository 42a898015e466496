-- SPDX-License-Identifier: PostgreSQL
-- cancel_generation(), retry_generation(), atelier.retry(), and what others write to a generation that has an open attempt.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql
SET LOCAL client_min_messages = error;

-- A generation of ann's in this status; `sent`: with an attempt in this state.
CREATE FUNCTION pg_temp.make(state text, sent text DEFAULT NULL) RETURNS uuid LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid;
BEGIN
  PERFORM pg_temp.become('superuser');
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, prompt, error_message, started_at, completed_at)
  VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', state, 'p', CASE WHEN state = 'failed' THEN 'old' END,
          CASE WHEN state NOT IN ('pending', 'queued') THEN now() - interval '5 s' END,
          CASE WHEN state IN ('completed', 'failed', 'cancelled') THEN now() END)
  RETURNING id INTO row_id;
  IF sent IS NOT NULL THEN
    DELETE FROM atelier.queue q WHERE q.generation_id = row_id;
    INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline, prediction_id)
    VALUES (row_id, pg_temp.ann(), 1, sent, now(), now(), CASE WHEN sent <> 'sending' THEN 'p' || row_id END);
    UPDATE generations SET replicate_prediction_id = 'p' || row_id WHERE id = row_id AND sent <> 'sending';
  END IF;
  RETURN row_id;
END $$;
-- What is to be seen of it: its status, whether it is in the queue, and its attempts.
CREATE FUNCTION pg_temp.seen(row_id uuid) RETURNS text LANGUAGE sql
AS $$
  SELECT concat_ws(' ', g.status, CASE WHEN EXISTS (SELECT FROM atelier.queue q WHERE q.generation_id = g.id) THEN 'waits' END,
                   (SELECT string_agg(a.state || CASE WHEN a.cancel_requested THEN '-cancel' ELSE '' END
                                      || CASE WHEN a.disowned THEN '-disowned' ELSE '' END, ' ' ORDER BY a.number)
                      FROM atelier.attempts a WHERE a.generation_id = g.id))
    FROM generations g WHERE g.id = row_id $$;
-- Does it and undoes it again: what the call answers, and what is to be seen then.
CREATE FUNCTION pg_temp.try(caller text, command text, state text, sent text DEFAULT NULL) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid;
  answer text;
BEGIN
  row_id := pg_temp.make(state, sent);
  PERFORM pg_temp.become(caller);
  EXECUTE format(command, row_id) INTO answer;
  PERFORM pg_temp.become('superuser');
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = answer || ': ' || pg_temp.seen(row_id);
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN PERFORM pg_temp.become('superuser'); RETURN sqlerrm;
  WHEN OTHERS THEN PERFORM pg_temp.become('superuser'); RETURN sqlstate;
END $$;

-- Cancelling.
CREATE FUNCTION pg_temp.cancels(caller text, state text, sent text, outcome text, about text) RETURNS text LANGUAGE sql
AS $$ SELECT is(pg_temp.try(caller, 'SELECT public.cancel_generation(p_generation_id => %L)', state, sent), outcome, about) $$;
SELECT pg_temp.cancels('ann', 'pending', NULL, 'cancelled: cancelled', 'what was not handed over ends at once');
SELECT pg_temp.cancels('ann', 'queued', NULL, 'cancelled: cancelled', 'what waits ends at once');
SELECT pg_temp.cancels('ann', 'queued', 'sending', 'queued: queued sending-cancel', 'what is being sent is asked to end');
SELECT pg_temp.cancels('ann', 'processing', 'running', 'processing: processing running-cancel', 'what runs ends as the provider says');
SELECT pg_temp.cancels('ann', 'processing', 'unknown', 'processing: processing unknown-cancel', 'so does what is looked for');
SELECT pg_temp.cancels('service_role', 'processing', 'running', 'processing: processing running-cancel', 'also when the app asks');
SELECT pg_temp.cancels('superuser', 'processing', 'running', 'processing: processing running-cancel', 'or a superuser');
SELECT pg_temp.cancels('ann', 'processing', NULL, 'cancelled: cancelled', 'what the app has sent itself is the app''s to cancel there');
SELECT pg_temp.cancels('ann', s, NULL, s || ': ' || s, 'what is ' || s || ' stays so') FROM unnest('{completed,failed,cancelled}'::text[]) s;
SELECT pg_temp.cancels(who, s, NULL, '42501', format('%s may not cancel what is %s', who, s))
  FROM unnest('{nobody,impostor,bob,anon}'::text[]) who, unnest('{pending,queued,processing,completed}'::text[]) s;
SELECT is(pg_temp.outcome('ann', 'SELECT cancel_generation(gen_random_uuid())'), '42501', 'nor learn what does not exist');
SELECT is(pg_temp.outcome('ann', 'SELECT cancel_generation(NULL)'), '42501', 'null is nobody''s');
SELECT is(pg_temp.outcome('service_role', 'SELECT cancel_generation(gen_random_uuid())'), '22023', 'the app is told that it does not exist');
SELECT is(pg_temp.outcome('service_role', 'SELECT cancel_generation(NULL)'), '22023', 'and that null is no id');
-- The same by UPDATE, as the app's own client does it.
SELECT is(pg_temp.try('ann', $$UPDATE generations SET status = 'cancelled' WHERE id = %L RETURNING status$$, state, sent), outcome, 'UPDATE: ' || outcome)
  FROM (VALUES ('queued', NULL, 'cancelled: cancelled'), ('queued', 'sending', 'queued: queued sending-cancel'),
               ('processing', 'running', 'processing: processing running-cancel')) v (state, sent, outcome);
SELECT is(pg_temp.try('ann', $$UPDATE generations SET status = 'cancelled' WHERE id = %L RETURNING status$$, 'pending'), '42501',
          'but a pending row is cancelled by the function only');

-- Retrying.
CREATE FUNCTION pg_temp.retries(caller text, state text, sent text, outcome text, about text) RETURNS text LANGUAGE sql
AS $$ SELECT is(pg_temp.try(caller, 'SELECT public.retry_generation(p_generation_id => %L)', state, sent), outcome, about) $$;
SELECT pg_temp.retries('ann', 'failed', 'failed', 'queued: queued waits failed', 'what has failed is queued anew');
SELECT pg_temp.retries('ann', 'cancelled', 'canceled', 'queued: queued waits canceled', 'what was cancelled too');
SELECT pg_temp.retries('ann', 'failed', NULL, 'queued: queued waits', 'and what the app had sent');
SELECT pg_temp.retries('service_role', 'failed', 'lost', 'queued: queued waits lost', 'also when the app asks');
SELECT pg_temp.retries('ann', 'failed', 'running', '55000', 'not while the last prediction has not ended');
SELECT pg_temp.retries('ann', 'completed', 'succeeded', '55000', 'not what has completed');
SELECT pg_temp.retries('ann', 'pending', NULL, 'pending: pending', 'what was not handed over stays so');
SELECT pg_temp.retries('ann', 'queued', NULL, 'queued: queued waits', 'a second retry changes nothing');
SELECT pg_temp.retries('ann', 'processing', 'running', 'processing: processing running', 'nor does one of what runs');
SELECT pg_temp.retries(who, 'failed', NULL, '42501', who || ' may not retry it') FROM unnest('{nobody,impostor,bob,anon}'::text[]) who;
SELECT is(pg_temp.try('service_role', 'SELECT atelier.retry(%L)', 'failed', 'lost'), 'queued: queued waits lost', 'for the app and the owner, atelier.retry');
SELECT is(pg_temp.try('ann', 'SELECT atelier.retry(%L)', 'failed', 'lost'), '42501', 'is granted to no user');

-- A retry of another user's row by an admin, a member of its workspace, a deactivated user.
INSERT INTO workspaces (id, name, slug, created_by) VALUES ('00000000-0000-4000-8000-0000000000e1', 'W', 'w-control', pg_temp.bob());
INSERT INTO workspace_members (workspace_id, user_id) VALUES ('00000000-0000-4000-8000-0000000000e1', pg_temp.ann());
CREATE FUNCTION pg_temp.shared(state text) RETURNS uuid LANGUAGE sql
AS $$ INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, status)
      VALUES (pg_temp.ann(), '00000000-0000-4000-8000-0000000000e1', 'create', 'm', 'M', 'owner/name', state) RETURNING id $$;
SELECT is(pg_temp.outcome('bob', format('SELECT FROM generations WHERE id = %L', pg_temp.shared('failed'))), '1', 'a member of the workspace reads it');
SELECT is(pg_temp.outcome('bob', format('SELECT retry_generation(%L)', pg_temp.shared('failed'))), '42501', 'but does not retry it');
SELECT is(pg_temp.outcome('bob', format('SELECT cancel_generation(%L)', pg_temp.shared('queued'))), '42501', 'nor cancel it');
UPDATE users SET role = 'super_admin' WHERE id = pg_temp.bob();
SELECT is(pg_temp.outcome('bob', format('SELECT retry_generation(%L)', pg_temp.shared('failed'))), '42501', 'not even as super_admin');
SELECT is(pg_temp.outcome('bob', format('SELECT cancel_generation(%L)', pg_temp.shared('queued'))), '42501', 'and neither');
UPDATE users SET role = 'user' WHERE id = pg_temp.bob();
UPDATE users SET is_active = false WHERE id = pg_temp.ann();
SELECT is(pg_temp.outcome('ann', format('SELECT cancel_generation(%L)', pg_temp.shared('queued'))), '42501', 'nor does a deactivated user');
SELECT is(pg_temp.outcome('ann', format('SELECT retry_generation(%L)', pg_temp.shared('failed'))), '42501', 'nor retry');
UPDATE users SET is_active = true WHERE id = pg_temp.ann();

-- What a retry clears, and what it asks again.
CREATE TEMP TABLE retried AS SELECT pg_temp.make('failed', 'failed') AS id;
SELECT pg_temp.act('ann', format('SELECT retry_generation(%L)', r.id)) FROM retried r;
SELECT is(row(g.completed_at, g.processing_time_ms, g.error_message, g.started_at, g.replicate_prediction_id),
          row(NULL::timestamptz, NULL::integer, NULL::text, NULL::timestamptz, NULL::text), 'a retry clears the end, the message and the old prediction')
  FROM generations g JOIN retried r USING (id);
SELECT is((SELECT a.prediction_id FROM atelier.attempts a JOIN retried r ON r.id = a.generation_id), 'p' || r.id, 'which its attempt keeps') FROM retried r;
CREATE TEMP TABLE unfit AS SELECT pg_temp.make('failed') AS id;
UPDATE generations SET replicate_model = 'no reference' WHERE id = (SELECT id FROM unfit);
SELECT is(pg_temp.outcome('ann', format('SELECT retry_generation(%L)', u.id)), '55000', 'a model that cannot be queued is an error') FROM unfit u;
SELECT throws_like(format('SELECT atelier.retry(%L)', u.id), 'generation cannot be tried again: model "no reference" cannot be queued: %', 'which says why') FROM unfit u;
SELECT set_config('atelier.max_queued_per_user', '1', true);
SELECT is(pg_temp.try('ann', 'SELECT retry_generation(%L)', 'failed'), '53400', 'the limit of waiting rows holds for a retry');
SELECT is(pg_temp.try('service_role', 'SELECT retry_generation(%L)', 'failed'), 'queued: queued waits', 'but not for the app');
SELECT set_config('atelier.max_queued_per_user', '1000', true);
-- The wish ends with its call.
SELECT is(pg_temp.outcome('ann', format($$SELECT retry_generation(%L); UPDATE generations SET status = 'queued' WHERE id = %L$$, pg_temp.make('queued'), pg_temp.make('failed'))),
          '42501', 'a retry gives no right to the next statement');
SELECT is(pg_temp.outcome('ann', format($q$DO $do$ BEGIN PERFORM retry_generation(%L); EXCEPTION WHEN OTHERS THEN
            UPDATE generations SET status = 'queued' WHERE id = %L; END $do$$q$, (SELECT id FROM unfit), pg_temp.make('failed'))),
          '42501', 'nor one that has failed');

-- What the app writes while an attempt is open.
CREATE FUNCTION pg_temp.writes(status text, state text, sent text, outcome text, about text) RETURNS text LANGUAGE sql
AS $$ SELECT is(pg_temp.try('service_role', format('UPDATE generations SET status = %L WHERE id = %%L RETURNING status', status), state, sent), outcome, about) $$;
SELECT pg_temp.writes(s, 'processing', 'running', s || ': ' || s || ' running-cancel-disowned', s || ' by the app is final: its prediction is cancelled and not applied')
  FROM unnest('{completed,failed,cancelled}'::text[]) s;
SELECT pg_temp.writes(s, 'queued', 'sending', s || ': ' || s || ' sending-cancel-disowned', 'also while it is being sent: ' || s)
  FROM unnest('{completed,failed,cancelled}'::text[]) s;
SELECT pg_temp.writes(s, 'queued', NULL, s || ': ' || s, 'and before: ' || s) FROM unnest('{completed,failed,cancelled,processing}'::text[]) s;
SELECT pg_temp.writes(s, 'processing', 'running', 'processing: processing running', 'back to ' || s || ' is ignored') FROM unnest('{pending,queued}'::text[]) s;
SELECT pg_temp.writes('pending', 'queued', 'sending', 'queued: queued sending', 'back to pending is ignored once it is being sent');
SELECT pg_temp.writes('pending', 'queued', NULL, 'pending: pending', 'before, it takes the row back');
SELECT pg_temp.writes('queued', 'failed', 'failed', 'queued: queued waits failed', 'failed -> queued is a retry');
SELECT pg_temp.writes('queued', 'failed', 'running', 'failed: failed running', 'that waits for the end of the last prediction');
SELECT pg_temp.writes('processing', 'failed', 'failed', 'processing: processing failed', 'failed -> processing: the app has sent it itself');
SELECT pg_temp.writes('processing', 'failed', 'running', 'processing: processing running-cancel-disowned', 'and what atelier had running is none of it');
-- Rows that are deleted take their attempt along to its end.
CREATE FUNCTION pg_temp.deletes(command text, about text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid := pg_temp.make('processing', 'running');
BEGIN
  UPDATE generations SET workspace_id = '00000000-0000-4000-8000-0000000000e1' WHERE id = row_id;
  EXECUTE format(command, row_id);
  RETURN is((SELECT a.state || ' ' || a.cancel_requested || ' ' || a.disowned FROM atelier.attempts a WHERE a.generation_id = row_id),
            'running true true', about);
END $$;
SELECT pg_temp.deletes('DELETE FROM generations WHERE id = %L', 'DELETE of the row asks for the end of its prediction');
-- A workspace that is deleted leaves its rows to their users; what is under way in it is cancelled.
CREATE TEMP TABLE left_behind AS SELECT pg_temp.make('processing', 'running') AS runs, pg_temp.make('queued') AS waits,
                                        pg_temp.make('processing') AS apps, pg_temp.make('completed') AS ended;
UPDATE generations g SET workspace_id = '00000000-0000-4000-8000-0000000000e1' FROM left_behind l WHERE g.id IN (l.runs, l.waits, l.apps, l.ended);
DELETE FROM workspaces WHERE id = '00000000-0000-4000-8000-0000000000e1';
SELECT is(pg_temp.seen(l.runs), 'processing running-cancel', 'DELETE of its workspace asks for the end of its prediction') FROM left_behind l;
SELECT is(pg_temp.seen(l.waits), 'cancelled', 'and ends what waits') FROM left_behind l;
SELECT is(pg_temp.seen(l.apps), 'processing', 'but not what the app has sent itself') FROM left_behind l;
SELECT is(pg_temp.seen(l.ended), 'completed', 'nor what has ended') FROM left_behind l;
INSERT INTO workspaces (id, name, slug) VALUES ('00000000-0000-4000-8000-0000000000e1', 'W', 'w-control');
SELECT pg_temp.deletes('DELETE FROM users WHERE id = pg_temp.ann() OR id::text = %L', 'DELETE of its user too');
SELECT is((SELECT count(*) FROM pg_constraint c WHERE c.conrelid = 'atelier.attempts'::regclass AND c.contype = 'f'), 0::bigint, 'attempts are bound to no row');

SELECT * FROM finish();
ROLLBACK;
