-- SPDX-License-Identifier: PostgreSQL
-- atelier.models and atelier.prices: what is in them at first, that it stays the DBA's, and what atelier.models_only lets users
-- queue. What the dispatcher makes of them: test/t/080_money.pl.
BEGIN;
SELECT * FROM no_plan();
SET LOCAL timezone = 'UTC';
\ir lib/callers.sql

SELECT is(count(*), 47::bigint, 'every model of the app') FROM atelier.models;
SELECT is(count(*), 11::bigint, 'the pinned versions') FROM atelier.models WHERE version IS NOT NULL;
SELECT is(count(*), 37::bigint, 'those whose hardware is known') FROM atelier.models WHERE price_rule IS NOT NULL;
SELECT is_empty($$SELECT price_rule FROM atelier.models WHERE price_rule IS NOT NULL EXCEPT SELECT rule FROM atelier.prices$$,
                'each hardware has its price');
SELECT results_eq($$SELECT version, price_rule FROM atelier.models WHERE replicate_model = 'yorickvp/llava-13b'$$,
  $$VALUES ('80537f9eead1a5bfa72d5ac6ea6414379be41d4d4f6679fd776e9535d1eb58bb', 'gpu-a40-large')$$, 'a model with both');
SELECT set_eq('SELECT rule, usd FROM atelier.prices', $$VALUES
  ('cpu-small', 0.000025), ('cpu', 0.0001), ('gpu-t4', 0.000225), ('gpu-a40-small', 0.000575), ('gpu-a40-large', 0.000725),
  ('gpu-l40s', 0.000975), ('gpu-l40s-2x', 0.00195), ('gpu-a100-large', 0.0014), ('gpu-a100-large-2x', 0.0028),
  ('gpu-a100-large-4x', 0.0056), ('gpu-a100-large-8x', 0.0112), ('gpu-h100', 0.001525), ('gpu-h100-2x', 0.00305),
  ('gpu-h100-4x', 0.0061), ('gpu-h100-8x', 0.0122)$$, 'dollars per second');
SELECT is_empty($$SELECT FROM atelier.prices WHERE (metric, tier, valid_from) <> ('predict_time', '{}', '-infinity')$$, 'since ever');

-- The DBA's changes.
SELECT throws_ok(format('INSERT INTO atelier.models (replicate_model, version, deadline) VALUES (''a/b'', %L, %L)', version, deadline), '23514', NULL,
                 format('refused: version %L, deadline %L', version, deadline))
  FROM (VALUES ('latest', NULL), (repeat('A', 64), NULL), (NULL, '4 s'), (NULL, '25 h')) v (version, deadline);
INSERT INTO atelier.models (replicate_model, version) VALUES ('fofr/ltx-video', repeat('1', 64));
SELECT throws_ok($$INSERT INTO atelier.models (replicate_model) VALUES ('fofr/ltx-video')$$, '23505', NULL, 'one row of one''s own for a model');
SELECT throws_ok($$INSERT INTO atelier.prices (rule, usd) VALUES ('x', -1)$$, '23514', NULL, 'a price below zero is refused');
UPDATE atelier.models SET version = NULL, price_rule = 'mine', enabled = false WHERE replicate_model = 'lucataco/video-merge';
DELETE FROM atelier.models WHERE replicate_model = 'cjwbw/rembg';
UPDATE atelier.prices SET usd = 7 WHERE rule = 'cpu';
CREATE TEMP TABLE before AS SELECT * FROM atelier.models;
SELECT lives_ok('SELECT atelier.step_money(); SELECT atelier.install()', 'the step may run again');
SELECT set_eq('SELECT * FROM atelier.models', 'SELECT * FROM before', 'what the DBA has changed and deleted stays so');
SELECT is(usd, 7::numeric, 'prices too') FROM atelier.prices WHERE rule = 'cpu';

-- Rows of a database that was dumped, restored into this one, which has put in its own.
SAVEPOINT restored;
INSERT INTO atelier.models (replicate_model, seeded_at) VALUES ('cjwbw/rembg', '2026-01-01'), ('old/model', '2026-01-01');
SELECT lives_ok('SELECT atelier.resume()', 'resume()');
SELECT set_eq('SELECT replicate_model, seeded_at::text FROM atelier.models',
  $$VALUES ('cjwbw/rembg', '2026-01-01 00:00:00+00'), ('old/model', '2026-01-01 00:00:00+00'), ('fofr/ltx-video', '-infinity')$$, 'keeps those of the oldest install, and one''s own');
ROLLBACK TO restored;

-- Only what is listed.
CREATE FUNCTION pg_temp.insert(model text, action text DEFAULT 'create', status text DEFAULT 'queued') RETURNS text LANGUAGE sql AS
$$ SELECT format('INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
                  VALUES (pg_temp.ann(), %L, ''m'', ''M'', %L, %L)', action, model, status) $$;
CREATE FUNCTION pg_temp.complaint(caller text, command text) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE h text; BEGIN PERFORM pg_temp.become(caller); EXECUTE command; RETURN 'none';
   EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT; RETURN sqlerrm || '. ' || h; END $$;
INSERT INTO atelier.models (replicate_model, actions, version, enabled) VALUES
  ('list/any', NULL, NULL, true), ('list/edit', '{edit,inpaint}', NULL, true), ('list/off', NULL, NULL, false),
  ('list/pinned', NULL, repeat('a', 64), true), ('deployment:list/fast', NULL, NULL, true);

SELECT is(current_setting('atelier.models_only'), 'off', 'off by default');
SELECT is(pg_temp.outcome('ann', pg_temp.insert(model, action)), '1', 'off: ' || model || ' may be queued')
  FROM (VALUES ('some/model', 'create'), ('list/off', 'create'), ('list/edit', 'create'), ('list/pinned:' || repeat('b', 64), 'create')) v (model, action);
SET LOCAL atelier.models_only = on;
SELECT is(pg_temp.outcome('ann', pg_temp.insert(model, action)), wanted, format('on: %s for %s: %s', model, action, wanted))
  FROM (VALUES ('list/any', 'create', '1'), ('list/any', 'video_edit', '1'), ('list/edit', 'edit', '1'), ('list/edit', 'create', '42501'),
               ('list/off', 'create', '42501'), ('some/model', 'create', '42501'), ('list/pinned', 'create', '1'),
               ('list/pinned:' || repeat('a', 64), 'create', '1'), ('list/pinned:' || repeat('b', 64), 'create', '42501'),
               ('list/any:' || repeat('b', 64), 'create', '42501'), (repeat('a', 64), 'create', '1'), (repeat('b', 64), 'create', '42501'),
               ('fofr/ltx-video:' || repeat('1', 64), 'create', '1'), ('fofr/ltx-video', 'create', '1'),
               ('deployment:list/fast', 'create', '1'), ('list/fast', 'create', '42501'), ('LIST/any', 'create', '42501'),
               ('nano-banana-pro', 'create', '22023')) v (model, action, wanted);
SELECT is(pg_temp.outcome(caller, pg_temp.insert('some/model')), '1', caller || ' is exempt') FROM unnest('{service_role,superuser}'::text[]) caller;
SELECT is(pg_temp.complaint('ann', pg_temp.insert('some/model')),
  'model "some/model" cannot be queued: it is not listed. Choose a model of the list, or ask an administrator to add this one.', 'with its name and a hint');
SELECT is(pg_temp.complaint('ann', pg_temp.insert('list/edit')), 'model "list/edit" cannot be queued: it is not listed for action "create". '
  'Choose a model of the list, or ask an administrator to add this one.', 'with the reason');

-- The app's own providers: a pending row is not atelier's, until it is handed over.
SELECT is(pg_temp.outcome('ann', pg_temp.insert('some/model', status => 'pending')), '1', 'a pending row may have any model');
SELECT pg_temp.act('ann', pg_temp.insert('some/model', status => 'pending'));
SELECT is(pg_temp.outcome('ann', $$UPDATE generations SET status = 'queued' WHERE replicate_model = 'some/model'$$), '42501', 'but is not handed over');
SELECT is(pg_temp.outcome('service_role', $$UPDATE generations SET status = 'queued' WHERE replicate_model = 'some/model'$$), '1', 'save by the app');
SELECT pg_temp.become('superuser');
SELECT is(h.status, 'ok', 'health() is content') FROM atelier.health() h WHERE h.check_name = 'models';
SET LOCAL atelier.models_only = off;
SELECT is(h.status || ': ' || h.hint, 'warn: ALTER SYSTEM SET atelier.models_only = on; SELECT pg_reload_conf();', 'and warns while it is off')
  FROM atelier.health() h WHERE h.check_name = 'models';
SELECT * FROM finish();
ROLLBACK;
