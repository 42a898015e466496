-- SPDX-License-Identifier: PostgreSQL
-- Who is calling, as the policies see it: the subject of the claims and nothing else, asked anew for every statement, and the same
-- in a plan that was made for somebody else or that runs in parallel workers.
BEGIN;
SELECT plan(42);
\ir lib/callers.sql

SELECT is(pg_temp.answer(caller, 'SELECT concat_ws('' '', coalesce(right(atelier.uid()::text, 2), ''-''), coalesce(atelier.role(), ''-''))'), identity, caller || ': who it is')
  FROM (VALUES ('anon', '- anon'), ('nobody', '- -'), ('impostor', '- service_role'), ('ann', '0a authenticated'),
    ('bob', '0b authenticated'),
               ('dan', '0d authenticated'), ('service_role', '- service_role')) v (caller, identity);
SELECT is(pg_temp.answer(caller, 'SELECT atelier.is_active_user()'), active, caller || ': an active user?')
  FROM (VALUES ('anon', '42501'), ('nobody', 'false'), ('impostor', 'false'), ('ann', 'true'), ('bob', 'true'),
    ('dan', 'false'),
               ('service_role', 'false')) v (caller, active);
SELECT is(pg_temp.answer(caller, 'SELECT concat_ws('' '', auth.uid() IS NOT DISTINCT FROM atelier.uid(), auth.role() IS NOT DISTINCT FROM atelier.role())'), 't t',
          caller || ': schema auth says the same')
  FROM unnest(ARRAY['anon', 'nobody', 'ann', 'service_role']) caller;

-- The claims in the forms that they come in. An uuid in another case is the same one; anything else is nobody, even if it holds one.
CREATE FUNCTION pg_temp.rows_with(claims text) RETURNS text LANGUAGE plpgsql
AS $$ BEGIN RETURN pg_temp.outcome('nobody', format('SELECT set_config(''request.jwt.claims'', %L, true); SELECT FROM users', claims)); END $$;
SELECT is(pg_temp.rows_with(claims), rows, format('%s rows for %s', rows, left(claims, 60)))
  FROM (VALUES ('{"sub": "00000000-0000-4000-8000-00000000000A"}', '1'),
               ('{"role": "authenticated", "x": {"y": [1, 2]}, "sub": "00000000-0000-4000-8000-00000000000a"}', '1'),
               ('{"sub": "{00000000-0000-4000-8000-00000000000a}"}', '0'),
                 ('{"sub": "00000000000040008000-00000000000a"}', '0'),
               ('{"sub": " 00000000-0000-4000-8000-00000000000a"}', '0'),
                 ('{"sub": ["00000000-0000-4000-8000-00000000000a"]}', '0'),
               ('{"user": "00000000-0000-4000-8000-00000000000a"}', '0'), ('"00000000-0000-4000-8000-00000000000a"', '0'),
               ('{"sub": "00000000-0000-4000-8000-00000000000a"', '0'), ('{', '0'), ('', '0'), (repeat('[', 100000), '0'),
               ('{"sub": "00000000-0000-4000-8000-00000000000a", "x": "' || repeat('x', 100000) || '"}', '0')) v (claims, rows);
-- The claims of the connection's own owner do not matter for what he owns, nor does a claim of service_role make an owner.
SELECT is(pg_temp.answer('impostor', 'SELECT concat_ws('' '', (SELECT count(*) FROM users), (SELECT count(*) FROM generations), (SELECT count(*) FROM replicate_tokens))'),
          '0 0 0', 'a claimed role opens nothing');
SELECT is(pg_temp.answer('service_role', 'SELECT set_config(''request.jwt.claims'', '''', true) || (SELECT count(*) FROM users WHERE email LIKE ''%@tap.test'')'),
          '3', 'the app needs no claims');

-- One plan, several callers.
CREATE TEMP TABLE seen (who text, rows bigint, users bigint);
GRANT INSERT ON seen TO authenticated;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL ROLE authenticated;
PREPARE count_mine AS INSERT INTO seen SELECT $1, (SELECT count(*) FROM generations), (SELECT count(*) FROM users);
SELECT set_config('request.jwt.claim.sub', pg_temp.ann()::text, true) IS NOT NULL AS done \gset
EXECUTE count_mine ('ann');
SELECT set_config('request.jwt.claim.sub', pg_temp.dan()::text, true) IS NOT NULL AS done \gset
EXECUTE count_mine ('dan');
SELECT set_config('request.jwt.claim.sub', '', true) IS NOT NULL AS done \gset
EXECUTE count_mine ('nobody');
SELECT set_config('request.jwt.claim.sub', pg_temp.bob()::text, true) IS NOT NULL AS done \gset
EXECUTE count_mine ('bob');
RESET ROLE;
SELECT results_eq('SELECT * FROM seen', $$VALUES ('ann', 1::bigint, 1::bigint), ('dan', 0, 1), ('nobody', 0, 0),
  ('bob', 1, 1)$$,
                  'a plan that is kept serves each caller with his own rows');
DEALLOCATE count_mine;

-- A user who is deactivated loses his rows in the next statement, also within one transaction.
SELECT set_config('request.jwt.claim.sub', pg_temp.ann()::text, true) IS NOT NULL AS done \gset
SET LOCAL ROLE authenticated;
SELECT is((SELECT count(*) FROM generations), 1::bigint, 'before');
RESET ROLE;
UPDATE users SET is_active = false WHERE id = pg_temp.ann();
SET LOCAL ROLE authenticated;
SELECT is((SELECT count(*) FROM generations), 0::bigint, 'after he was deactivated');
RESET ROLE;
SAVEPOINT activated;
UPDATE users SET is_active = true WHERE id = pg_temp.ann();
SET LOCAL ROLE authenticated;
SELECT is((SELECT count(*) FROM generations), 1::bigint, 'after he was activated');
RESET ROLE;
ROLLBACK TO activated;
SET LOCAL ROLE authenticated;
SELECT is((SELECT count(*) FROM generations), 0::bigint, 'after that was taken back');
RESET ROLE;
UPDATE users SET is_active = true WHERE id = pg_temp.ann();

-- In parallel workers; the setting that forces them has had two names.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
SELECT pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'pending' FROM generate_series(1, 50);
SELECT set_config(name, CASE vartype WHEN 'bool' THEN 'on' WHEN 'enum' THEN 'on' ELSE '0' END, true) IS NOT NULL AS done
  FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query', 'parallel_setup_cost',
    'parallel_tuple_cost', 'min_parallel_table_scan_size') \g /dev/null
SET LOCAL ROLE authenticated;
CREATE FUNCTION pg_temp.uses_workers() RETURNS boolean LANGUAGE plpgsql
AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXPLAIN (COSTS OFF) SELECT count(*) FROM generations WHERE atelier.role() IS NULL LOOP
    IF line LIKE '%Gather%' THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
SELECT ok(pg_temp.uses_workers(), 'the plan has parallel workers');
SELECT is((SELECT count(*) FROM generations WHERE atelier.role() IS NULL), 1::bigint, 'they know the caller');
SELECT set_config('request.jwt.claim.sub', pg_temp.bob()::text, true) IS NOT NULL AS done \gset
SELECT is((SELECT count(*) FROM generations WHERE atelier.role() IS NULL), 51::bigint, 'and the next one');

-- Where a setting is found among the others changes when one is defined that sorts before it, or whose name is alike.
CREATE FUNCTION pg_temp.follows(before text, claimed uuid) RETURNS boolean LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config(before, 'x', true);
  PERFORM set_config('request.jwt.claims', json_build_object('sub', claimed)::text, true);
  RETURN atelier.uid() = claimed;
END $$;
SELECT ok(bool_and(pg_temp.follows(s.name, gen_random_uuid())), 'the claims are found again after other settings have moved them')
  FROM (SELECT 'request.jwt.' || n FROM unnest(ARRAY['aaa', 'claim', 'claims_too', 'zzz']) n
        UNION ALL SELECT format('a%s.b', n) FROM generate_series(1, 300) n) AS s (name);
SELECT * FROM finish();
ROLLBACK;
