-- SPDX-License-Identifier: PostgreSQL
-- The view metrics: its names are a promise to whoever has built a dashboard on them.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql
CREATE FUNCTION pg_temp.metric(wanted text, of_what jsonb DEFAULT '{}') RETURNS double precision LANGUAGE sql AS
$$SELECT value FROM atelier.metrics WHERE name = wanted AND labels = of_what$$;

DELETE FROM generations;
DELETE FROM atelier.queue;
DELETE FROM atelier.attempts;
DELETE FROM replicate_tokens;
INSERT INTO replicate_tokens (id, token, is_active) OVERRIDING SYSTEM VALUE VALUES (9001, 'r8_one', true), (9002, 'r8_two', true), (9003, 'r8_three', true), (9004, 'r8_four', false);
INSERT INTO atelier.token_state (token_id, account, cooling_until) VALUES (9001, 'acme', NULL), (9002, 'acme', now() + interval '100 s'), (9004, 'beta', NULL);
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, created_at)
SELECT ('00000000-0000-4000-8000-0000000f000' || n)::uuid, pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'queued', now() - n * interval '1 minute' FROM generate_series(1, 3) n;
UPDATE atelier.queue SET not_before = now() + interval '1 hour' WHERE generation_id = '00000000-0000-4000-8000-0000000f0003';
INSERT INTO atelier.attempts (generation_id, user_id, number, token_id, sent_at, deadline, state, ended_at)
SELECT '00000000-0000-4000-8000-0000000f0009', pg_temp.ann(), v.number, 9001, now() - v.age, now(), v.state, CASE WHEN v.state NOT IN ('running', 'unknown') THEN now() - v.age END
  FROM (VALUES (1, 'failed', interval '2 hours'), (2, 'succeeded', '30 minutes'), (1, 'running', '10 seconds'), (1, 'unknown', '20 seconds')) v (number, state, age);

DELETE FROM atelier.trainings;
INSERT INTO atelier.trainings (lora_id, user_id, trainer, version, state, created_at, sent_at, ended_at, token_id)
SELECT gen_random_uuid(), pg_temp.ann(), 'a/b', 'c', v.state, now() - v.age, now() - v.sent, now() - v.ended, 9001
  FROM (VALUES ('queued', interval '5 minutes', NULL::interval, NULL::interval), ('queued', '1 minute', NULL, NULL),
               ('running', '5 seconds', '2 seconds', NULL), ('succeeded', '3 hours', '2 hours', '20 minutes'),
               ('failed', '4 hours', '4 hours', '3 hours')) v (state, age, sent, ended);

SELECT set_eq('SELECT DISTINCT name FROM atelier.metrics', ARRAY[
  'queued', 'queued_in_backoff', 'queued_in_full_workspace', 'queued_users', 'oldest_queued_age_seconds', 'open_attempts', 'attempts_last_hour', 'retries_last_hour',
  'open_trainings', 'oldest_queued_training_age_seconds', 'trainings_last_hour',
  'tokens_active', 'tokens_cooling', 'cooling_seconds_left', 'creates_left_this_minute', 'worker_up', 'in_flight', 'accepted_total',
  'finished_total', 'unreached_in_a_row', 'dispatch', 'job_lag_seconds', 'job_duration_seconds', 'job_failed'], 'the names')
  FROM atelier.run_job('forget-deletions');
SELECT is_empty('SELECT name, labels FROM atelier.metrics GROUP BY 1, 2 HAVING count(*) > 1', 'name and labels are a key');
SELECT is_empty('SELECT FROM atelier.metrics WHERE value IS NULL OR value < 0 OR labels IS NULL', 'no value is missing or negative');
SELECT is(pg_temp.metric('queued'), 3::float8, 'what waits');
SELECT is(pg_temp.metric('queued_in_backoff'), 1::float8, 'of that, not due yet');
SELECT is(pg_temp.metric('queued_users'), 1::float8, 'whose');
SELECT ok(pg_temp.metric('oldest_queued_age_seconds') BETWEEN 180 AND 400, 'since when');
SELECT is(pg_temp.metric('open_attempts', '{"state": "running"}'), 1::float8, 'what runs');
SELECT is(pg_temp.metric('open_attempts', '{"state": "unknown"}'), 1::float8, 'what is looked up');
SELECT is(pg_temp.metric('attempts_last_hour', '{"outcome": "succeeded"}'), 1::float8, 'outcomes of the last hour');
SELECT is(pg_temp.metric('attempts_last_hour', '{"outcome": "failed"}'), 0::float8, 'and of no longer');
SELECT is(pg_temp.metric('retries_last_hour'), 1::float8, 'second attempts');
SELECT is(pg_temp.metric('open_trainings', '{"state": "queued"}'), 2::float8, 'trainings that wait');
SELECT is(pg_temp.metric('open_trainings', '{"state": "running"}'), 1::float8, 'that run');
SELECT ok(pg_temp.metric('oldest_queued_training_age_seconds') BETWEEN 300 AND 500, 'since when');
SELECT is(pg_temp.metric('trainings_last_hour', '{"outcome": "succeeded"}'), 1::float8, 'how they have ended');
SELECT is(pg_temp.metric('trainings_last_hour', '{"outcome": "failed"}'), 0::float8, 'within the hour');
SELECT is(pg_temp.metric('tokens_active', '{"account": "acme"}'), 2::float8, 'tokens of an account');
SELECT is(pg_temp.metric('tokens_active', '{"account": ""}'), 1::float8, 'of one that is not known yet');
SELECT is(pg_temp.metric('tokens_active', '{"account": "beta"}'), 0::float8, 'inactive ones do not count');
SELECT is(pg_temp.metric('tokens_cooling', '{"account": "acme"}'), 1::float8, 'that cool down');
SELECT ok(pg_temp.metric('cooling_seconds_left', '{"account": "acme"}') BETWEEN 1 AND 100, 'for how long');
SELECT is(pg_temp.metric('creates_left_this_minute', '{"account": "acme"}'), 597::float8, 'what is left of the limit, trainings counted');
SET LOCAL atelier.creates_per_minute = 0;
SELECT is(pg_temp.metric('creates_left_this_minute', '{"account": "acme"}'), NULL, 'without a limit nothing is told');
SELECT is(pg_temp.metric('dispatch', '{"state": "running"}'), 1::float8, 'whether it dispatches');
SELECT atelier.pause();
SELECT is(pg_temp.metric('dispatch', '{"state": "paused"}'), 1::float8, 'or is paused');
UPDATE atelier.job_state SET started_at = now() - interval '1 hour', result = 'failed' WHERE name = 'refresh-admin-stats';
SELECT ok(pg_temp.metric('job_lag_seconds', '{"job": "refresh-admin-stats"}') BETWEEN 3200 AND 3700, 'by how much a job is late');
SELECT is(pg_temp.metric('job_failed', '{"job": "refresh-admin-stats"}'), 1::float8, 'and that it failed');
SELECT is(pg_temp.outcome(caller, 'SELECT FROM atelier.metrics'), '42501', caller || ' sees none') FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT isnt(pg_temp.answer('service_role', 'SELECT count(*) FROM atelier.metrics'), '0', 'service_role does');
SELECT is_empty($$SELECT FROM atelier.metrics WHERE labels::text LIKE '%r8\_%'$$, 'no secret is among them');
SELECT * FROM finish();
ROLLBACK;
