-- SPDX-License-Identifier: PostgreSQL
-- The periodic jobs: their names and schedules, running one by hand, and what each forgets.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

SELECT results_eq('SELECT name, schedule FROM atelier.jobs ORDER BY name', $$VALUES
  ('cleanup-old-generations', '0 3 * * 0'), ('forget-api-logs', '17 * * * *'), ('forget-attempts', '37 * * * *'),
  ('forget-deletions', '47 * * * *'), ('refresh-admin-stats', '*/5 * * * *')$$, 'the jobs of the mission and those of our own');
UPDATE atelier.job_state SET since = now(), started_at = NULL;
SELECT is_empty('SELECT FROM atelier.jobs WHERE next_run <= now()', 'none is overdue when it has just begun');
SET LOCAL atelier.cleanup_schedule = '';
SET LOCAL atelier.api_logs_retention = 0;
SET LOCAL atelier.attempts_retention = 0;
SELECT results_eq('SELECT name FROM atelier.jobs WHERE schedule IS NULL AND next_run IS NULL ORDER BY name',
                  ARRAY['cleanup-old-generations', 'forget-api-logs', 'forget-attempts'], 'an empty schedule and a retention of 0 are never due');
SET LOCAL atelier.cleanup_schedule = '30 2 * * sun';
SET LOCAL atelier.api_logs_retention = '30d';
SET LOCAL atelier.attempts_retention = '90d';
SELECT is(atelier.next_run(schedule, '2026-11-27 07:31+00'), '2026-11-29 02:30+00', 'in UTC') FROM atelier.jobs WHERE name = 'cleanup-old-generations';
SET LOCAL atelier.timezone = 'Europe/Berlin';
SELECT is(atelier.next_run('30 2 * * *', '2026-11-27 07:31+00'), '2026-11-28 01:30+00', 'in winter time');
SELECT is(atelier.next_run('30 2 * * *', '2026-07-01 07:31+00'), '2026-07-02 00:30+00', 'in summer time');
SELECT is(atelier.next_run('30 2 * * *', '2026-03-28 12:00+00'), '2026-03-29 01:00+00', 'a time that is skipped is due right after');
SELECT is(atelier.next_run('30 2 * * *', '2026-10-25 00:30+00'), '2026-10-26 01:30+00', 'one that comes twice is due once');
SELECT is(atelier.next_run('0 0 30 2 *', now()), NULL, 'a day that never comes');
SET LOCAL atelier.timezone = 'UTC';

SELECT throws_ok(format('SET LOCAL %s = %L', s.setting, s.value), '22023', NULL, s.setting || ' refuses ' || s.value)
  FROM (VALUES ('atelier.refresh_schedule', '*/5 * * *'), ('atelier.cleanup_schedule', '0 3 * * someday'),
               ('atelier.refresh_schedule', '61 * * * *'), ('atelier.timezone', 'Middle/Earth'), ('atelier.timezone', '')) s (setting, value);

-- Who may run one.
SELECT is(pg_temp.outcome(caller, 'SELECT atelier.run_job(''forget-api-logs'')'), '42501', caller || ' runs no job') FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT is(pg_temp.outcome(caller, 'SELECT FROM atelier.jobs'), '42501', caller || ' sees none') FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT is(pg_temp.answer('service_role', 'SELECT atelier.run_job(''forget-api-logs'')'), '0', 'service_role does');
SELECT throws_ok('SELECT atelier.run_job(''no-such-job'')', '22023', 'there is no job "no-such-job"', 'an unknown name');
SELECT throws_ok('SELECT atelier.run_job(NULL)', '22023', 'the name of a job is missing', 'no name');

-- What is written down.
SELECT atelier.run_job(name) FROM atelier.jobs;
SELECT is_empty('SELECT FROM atelier.jobs WHERE result <> ''succeeded'' OR rows IS NULL OR duration < ''0'' OR last_run < now() OR next_run < last_run', 'each run is written down with its end');

-- What each forgets.
INSERT INTO api_logs (method, path, status_code, created_at)
SELECT 'GET', a.age::text, 200, now() - a.age FROM unnest('{29 days 23:00,30 days 00:01,400 days}'::interval[]) a (age)
 CROSS JOIN generate_series(1, 1500);
SELECT is(atelier.run_job('forget-api-logs'), 3000::bigint, 'log rows beyond the retention go, in more than one batch');
SELECT is((SELECT count(*) FROM api_logs WHERE path = '29 days 23:00:00'), 1500::bigint, 'younger ones stay');
SET LOCAL atelier.api_logs_retention = 0;
UPDATE api_logs SET created_at = '-infinity';
SELECT is(atelier.run_job('forget-api-logs'), 0::bigint, 'a retention of 0 keeps them for ever');

INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
SELECT ('00000000-0000-4000-8000-0000000e000' || s.n)::uuid, pg_temp.ann(), 'create', 'm', 'M', 'owner/name', s.status
  FROM (VALUES (1, 'completed'), (2, 'processing')) s (n, status);
INSERT INTO atelier.attempts (generation_id, user_id, number, sent_at, deadline, state, ended_at)
SELECT ('00000000-0000-4000-8000-0000000e000' || s.n)::uuid, pg_temp.ann(), s.number, now() - s.age, now(), s.state,
       CASE WHEN s.state = 'failed' THEN now() - s.age END
  FROM (VALUES (1, 1, 'failed', interval '91 days'), (1, 2, 'failed', '89 days'), (2, 1, 'failed', '91 days'), (2, 2, 'running', '91 days'),
               (3, 1, 'failed', '91 days'), (3, 2, 'running', '91 days')) s (n, number, state, age);
INSERT INTO atelier.trainings (lora_id, user_id, trainer, version, state, ended_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'a/b', 'jobs', s.state, now() - s.age
  FROM (VALUES ('failed', interval '91 days'), ('succeeded', '89 days'), ('running', NULL)) s (state, age);
SELECT is(atelier.run_job('forget-attempts'), 2::bigint, 'ended attempts beyond the retention go');
SELECT results_eq('SELECT right(generation_id::text, 1), number::integer FROM atelier.attempts WHERE generation_id::text LIKE ''00000000-0000-4000-8000-0000000e%'' ORDER BY 1, 2', $$VALUES ('1', 2), ('2', 1), ('2', 2), ('3', 2)$$,
                  'younger ones, open ones and those of a generation that goes on stay');
SELECT results_eq($$SELECT state FROM atelier.trainings WHERE version = 'jobs' ORDER BY 1$$, $$VALUES ('running'), ('succeeded')$$, 'and so do such trainings');
INSERT INTO atelier.cleaned_files (generation_id, kind, url, cleaned_at) VALUES (pg_temp.ann(), 'output', 'https://a.example/1', now() - interval '91 days'), (pg_temp.ann(), 'output', 'https://a.example/2', now() - interval '89 days');
SELECT is(atelier.run_job('forget-deletions'), 1::bigint, 'files of deleted generations are remembered for 90 days');
SELECT * FROM finish();
ROLLBACK;
