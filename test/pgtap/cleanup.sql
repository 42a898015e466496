-- SPDX-License-Identifier: PostgreSQL
-- Housekeeping of generations: deleting what failed long ago, marking everything as viewed.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

DELETE FROM generations;
DELETE FROM atelier.deleted_generations;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, created_at, prompt)
SELECT pg_temp.ann(), 'create', 'm', 'M', 'owner/name', s.status, now() - a.age, s.status || ' ' || a.age
  FROM unnest('{pending,queued,processing,completed,failed,cancelled}'::text[]) s (status)
 CROSS JOIN unnest('{89 days 23:59:59,90 days 00:00:01,400 days}'::interval[]) a (age);

SELECT is(pg_temp.outcome(caller, 'SELECT cleanup_old_generations()'), '42501', 'H30 ' || caller || ' deletes nothing') FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT is(pg_temp.outcome('ann', 'SELECT ' || call), '42501', 'H30 nor by ' || call)
  FROM unnest('{atelier.cleanup_old_generations(1),"atelier.cleanup_batch(now(), 1)"}'::text[]) call;
SELECT is(pg_temp.outcome('service_role', format('SELECT cleanup_old_generations(%s)', n)), '22023', 'a term of ' || n || ' is refused')
  FROM unnest('{0,-1,-2147483648,"NULL"}'::text[]) n;
SELECT is(pg_temp.answer('service_role', 'SELECT cleanup_old_generations(2147483647)'), '0', 'a very long term keeps everything');
SELECT is(pg_temp.answer('service_role', 'SELECT cleanup_old_generations(399)'), '2', 'a long one deletes the very old');
SELECT is(pg_temp.answer('service_role', 'SELECT cleanup_old_generations(days_to_keep => 1)'), '6', 'the argument has the name of the contract');
SET LOCAL ROLE service_role;
SELECT tap.is(cleanup_old_generations(), 4, 'H20 by itself it keeps 90 days');
RESET ROLE;
SELECT set_eq($$SELECT DISTINCT status, count(*) FROM generations GROUP BY status$$,
              $$VALUES ('pending', 3::bigint), ('queued', 3), ('processing', 3), ('completed', 3), ('failed', 1), ('cancelled', 1)$$,
              'H20 only failed and cancelled ones went, however old the others are');

-- More than one batch.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, created_at)
SELECT pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'failed', now() - interval '100 days' FROM generate_series(1, 2500);
SELECT is(pg_temp.answer('service_role', 'SELECT atelier.cleanup_batch(now() - interval ''90 days'', 700)'), '700', 'a batch is no larger than asked');
SELECT is(cleanup_old_generations(), 2500, 'all batches together');
SELECT is(cleanup_old_generations(), 0, 'nothing is left');
-- A film's node in a flow loses its link, the flow stays.
SELECT is((SELECT count(*) FROM atelier.deleted_generations), 2504::bigint, 'whoever polls learns of each');
-- What hung on them.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, created_at, output_urls, output_thumbs)
VALUES ('00000000-0000-4000-8000-00000000d038', pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'failed', now() - interval '100 days',
        '{https://files.example/a.png,https://files.example/b.png,plain text}', '{https://files.example/t.png}');
INSERT INTO atelier.attempts (generation_id, user_id, number, sent_at, deadline, state, ended_at)
SELECT '00000000-0000-4000-8000-00000000d038', pg_temp.ann(), n, now(), now(), s, CASE s WHEN 'failed' THEN now() END
  FROM (VALUES (1, 'failed'), (2, 'running')) v (n, s);
SELECT is(cleanup_old_generations(), 1, 'a row with files and attempts');
SELECT results_eq($$SELECT kind, url FROM atelier.orphaned_files WHERE generation_id = '00000000-0000-4000-8000-00000000d038' AND user_id = pg_temp.ann() ORDER BY url$$,
                  $$VALUES ('output', 'https://files.example/a.png'), ('output', 'https://files.example/b.png'), ('thumbnail', 'https://files.example/t.png')$$,
                  'its files are listed, a text is no file');
SELECT results_eq($$SELECT state FROM atelier.attempts WHERE generation_id = '00000000-0000-4000-8000-00000000d038'$$, ARRAY['running'],
                  'its ended attempts are gone, one that runs is watched to its end');
DELETE FROM atelier.attempts;

UPDATE atelier.deleted_generations SET deleted_at = now() - CASE WHEN ctid < '(1,1)' THEN interval '8 days 1 second' ELSE interval '7 days 23 hours' END;
SELECT cmp_ok((SELECT count(*) FROM atelier.deleted_generations), '>', 0::bigint, 'deletions are kept') FROM atelier.run_job('forget-deletions');
SELECT is_empty($$SELECT FROM atelier.deleted_generations WHERE deleted_at < now() - interval '8 days'$$, 'for eight days');

-- Everything is viewed.
UPDATE generations SET viewed = true, viewed_at = '2020-01-01' WHERE status = 'completed';
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status) VALUES (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'completed');
SELECT is(pg_temp.outcome(caller, 'SELECT mark_all_generations_viewed()'), '42501', 'H30 ' || caller || ' marks nothing') FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT is(pg_temp.outcome('ann', 'SELECT atelier.mark_all_generations_viewed()'), '42501', 'H30 nor behind the wrapper');
SELECT is(pg_temp.answer('service_role', 'SELECT mark_all_generations_viewed()'), '12', 'as many as were not viewed, of all users');
SELECT mark_all_generations_viewed();
SELECT is_empty('SELECT FROM generations WHERE NOT viewed', 'all are');
SELECT is((SELECT count(*) FROM generations WHERE viewed_at = '2020-01-01'), 3::bigint, 'when the others were seen is kept');
SELECT is(mark_all_generations_viewed(), 0, 'the second time there is nothing to do');

-- A job of more than 24.8 days ends like any other.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, started_at)
VALUES ('00000000-0000-4000-8000-00000000d037', pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'processing', now() - interval '30 days');
SELECT lives_ok($$UPDATE generations SET status = 'completed' WHERE id = '00000000-0000-4000-8000-00000000d037'$$, 'H37 a job of 30 days can be completed');
SELECT is((SELECT processing_time_ms FROM generations WHERE id = '00000000-0000-4000-8000-00000000d037'), 2147483647, 'H37 its time is the longest there is');
SELECT lives_ok('SELECT refresh_admin_stats()', 'H37 and the average can be told');
SELECT * FROM finish();
ROLLBACK;
