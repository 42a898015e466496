-- SPDX-License-Identifier: PostgreSQL
-- explain_generation(): each reason, the place in the queue, and that nobody learns of others.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql
DELETE FROM atelier.queue; DELETE FROM atelier.attempts; DELETE FROM replicate_tokens;

CREATE FUNCTION pg_temp.make(state text DEFAULT 'queued', sent text DEFAULT NULL, whose uuid DEFAULT pg_temp.ann()) RETURNS uuid LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid;
BEGIN
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
  VALUES (whose, 'create', 'm', 'M', 'owner/name', state) RETURNING id INTO row_id;
  IF sent IS NOT NULL THEN
    DELETE FROM atelier.queue WHERE generation_id = row_id;
    INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline) VALUES (row_id, whose, 1, sent, now(), now());
  END IF;
  RETURN row_id;
END $$;
CREATE FUNCTION pg_temp.why(row_id uuid, caller text DEFAULT 'ann') RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.answer(caller, format($q$SELECT concat_ws(' ', e.state, e.reason, e."position", e.ahead_of_you, e.blocked_by, e.percent)
                                                FROM public.explain_generation(p_generation_id => %L) e$q$, row_id)) $$;

-- What does not wait.
SELECT is(pg_temp.why(pg_temp.make(s)), s || ' ' || s, s) FROM unnest('{completed,failed,cancelled}'::text[]) s;
SELECT is(pg_temp.why(pg_temp.make('pending')), 'pending not_handed_over', 'pending');
SELECT is(pg_temp.why(pg_temp.make('processing')), 'processing sent_by_app', 'sent by the app');
SELECT is(pg_temp.why(pg_temp.make('queued', 'sending')), 'queued sending', 'being sent');
SELECT is(pg_temp.why(pg_temp.make('queued', 'unknown')), 'queued looking_up', 'the answer was lost');
SELECT is(pg_temp.why(pg_temp.make('processing', 'running')), 'processing running', 'running');
SELECT is(pg_temp.why(pg_temp.make('queued', 'failed')), 'queued not_in_queue', 'neither sent nor waiting: something is wrong');
UPDATE atelier.attempts SET percent = 45 WHERE state = 'running';
SELECT is(pg_temp.why(a.generation_id), 'processing running 45', 'running, and how far') FROM atelier.attempts a WHERE a.state = 'running';
UPDATE atelier.attempts SET cancel_requested = true WHERE state = 'running';
SELECT is(pg_temp.why(a.generation_id), 'processing cancelling 45', 'being cancelled') FROM atelier.attempts a WHERE a.state = 'running';
UPDATE atelier.attempts SET disowned = true WHERE state = 'running';
SELECT is(pg_temp.why(a.generation_id), 'processing sent_by_app', 'what was taken over is the app''s') FROM atelier.attempts a WHERE a.state = 'running';
DELETE FROM atelier.attempts;

-- What waits: each reason hides the ones behind it.
CREATE TEMP TABLE waits AS SELECT pg_temp.make() AS id;
INSERT INTO replicate_tokens (id, token) VALUES (1, 'r8_explain_1'), (2, 'r8_explain_2');
SELECT is(pg_temp.why(w.id), 'queued no_worker 1 0', 'no dispatcher runs here') FROM waits w;
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
SELECT gen_random_uuid(), pg_temp.ann(), 1, 'running', now(), now() FROM generate_series(1, 5);
SELECT is(pg_temp.why(w.id), 'queued user_concurrency 1 0 atelier.user_concurrency = 5', 'as many run as may') FROM waits w;
INSERT INTO atelier.user_limits (user_id, concurrency) VALUES (pg_temp.ann(), 4);
SELECT is(pg_temp.why(w.id), 'queued user_concurrency 1 0 own limit = 4', 'as many as the user himself may') FROM waits w;
UPDATE atelier.user_limits SET daily_budget_usd = 0;
SELECT is(pg_temp.why(w.id), 'queued budget 1 0 daily budget of the user', 'all that may be spent today is spent') FROM waits w;
SELECT is(pg_temp.answer('ann', format('SELECT e.earliest_start > now() AND e.earliest_start <= now() + interval ''1 day'' FROM explain_generation(%L) e', w.id)), 'true', 'and tomorrow comes') FROM waits w;
UPDATE atelier.queue q SET not_before = clock_timestamp() + interval '1 min' FROM waits w WHERE q.generation_id = w.id;
SELECT is(pg_temp.why(w.id), 'queued backoff 1 0', 'after a failure that passes') FROM waits w;
SELECT is(pg_temp.answer('ann', format('SELECT e.earliest_start > now() + interval ''50 s'' FROM explain_generation(%L) e', w.id)), 'true', 'which says until when') FROM waits w;
UPDATE atelier.queue q SET not_before = 'infinity' FROM waits w WHERE q.generation_id = w.id;
SET LOCAL atelier.workspace_concurrency = 3;
SELECT is(pg_temp.why(w.id), 'queued workspace_concurrency 1 0 atelier.workspace_concurrency = 3', 'as many of the workspace run as may') FROM waits w;
SELECT is(pg_temp.answer('ann', format('SELECT e.earliest_start IS NULL FROM explain_generation(%L) e', w.id)), 'true', 'nobody knows until when') FROM waits w;
INSERT INTO atelier.token_state (token_id, cooling_until, account) VALUES (1, now() + interval '1 h', 'acme'), (2, now() + interval '2 h', 'other');
SELECT is(pg_temp.why(w.id), 'queued cooling 1 0 account acme', 'all tokens cool down: the first account to be back is named') FROM waits w;
SELECT is(pg_temp.answer('ann', format('SELECT e.earliest_start = now() + interval ''1 h'' FROM explain_generation(%L) e', w.id)), 'true', 'and when it is') FROM waits w;
UPDATE replicate_tokens SET is_active = false;
SELECT is(pg_temp.why(w.id), 'queued no_token 1 0', 'no token') FROM waits w;
UPDATE users SET is_active = false WHERE id = pg_temp.ann();
SELECT is(pg_temp.why(w.id, 'service_role'), 'queued user_inactive 1 0', 'a deactivated user') FROM waits w;
SELECT is(pg_temp.why(w.id), '42501', 'who cannot ask himself') FROM waits w;
UPDATE users SET is_active = true WHERE id = pg_temp.ann();
UPDATE atelier.identity SET dispatch = 'paused';
SELECT is(pg_temp.why(w.id), 'queued paused 1 0', 'paused') FROM waits w;
UPDATE atelier.identity SET dispatch = 'held';
SELECT is(pg_temp.why(w.id), 'queued held 1 0', 'held') FROM waits w;
UPDATE atelier.identity SET dispatch = 'running', system_identifier = system_identifier + 1;
SELECT is(pg_temp.why(w.id), 'queued held 1 0', 'held, since it is a copy') FROM waits w;
UPDATE atelier.identity SET system_identifier = system_identifier - 1;

-- The place: first come, first served, but for priorities; other users take turns.
DELETE FROM atelier.queue; DELETE FROM atelier.attempts;
SELECT pg_temp.make('queued', NULL, pg_temp.bob()) FROM generate_series(1, 7);
CREATE TEMP TABLE line AS SELECT n, pg_temp.make() AS id FROM generate_series(1, 3) n;
UPDATE atelier.queue q SET priority = 1 FROM line l WHERE q.generation_id = l.id AND l.n = 3;
SELECT is(pg_temp.answer('ann', format('SELECT concat_ws('' '', e."position", e.ahead_of_you) FROM explain_generation(%L) e', l.id)), v.seen, 'row ' || l.n)
  FROM line l JOIN (VALUES (3, '1 1'), (1, '2 3'), (2, '3 5')) v (n, seen) USING (n);
SELECT is(pg_temp.answer('ann', format('SELECT e.reason FROM explain_generation(%L) e', l.id)), 'no_token', 'and the reason is told all the same') FROM line l WHERE n = 1;

-- Who may ask.
SELECT is(pg_temp.why(w.id, who), '42501', who || ' may not ask') FROM waits w, unnest('{anon,nobody,impostor,bob}'::text[]) who;
SELECT is(pg_temp.outcome('service_role', 'SELECT explain_generation(gen_random_uuid())'), '22023', 'the app hears that it does not exist');
SELECT is(pg_temp.outcome('ann', 'SELECT explain_generation(gen_random_uuid())'), '42501', 'a user only that it is none of his');
SELECT is(pg_temp.outcome('ann', 'SELECT explain_generation(NULL)'), '42501', 'null is none');

SELECT * FROM finish();
ROLLBACK;
