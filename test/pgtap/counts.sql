-- SPDX-License-Identifier: PostgreSQL
-- Counts of generations: what they count, and who may ask.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.eve() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-0000000000ee'::uuid $$;
CREATE FUNCTION pg_temp.w(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-00000000f00' || n)::uuid $$;
DELETE FROM generations;
INSERT INTO users (id) VALUES (pg_temp.eve());
INSERT INTO workspaces (id, name, slug) SELECT pg_temp.w(n), 'w', 'tap-counts-' || n FROM generate_series(1, 3) n;
INSERT INTO workspace_members (workspace_id, user_id, role)
VALUES (pg_temp.w(1), pg_temp.ann(), 'owner'), (pg_temp.w(1), pg_temp.bob(), 'member'), (pg_temp.w(2), pg_temp.bob(), 'owner'),
       (pg_temp.w(1), pg_temp.dan(), 'member');
-- Of ann: 1 pending, 2 queued, 3 processing, 4 completed, 5 failed, 6 cancelled; and 1 part of a film of each status.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, is_favorite, workspace_id, cost_usd)
SELECT pg_temp.ann(), 'create', 'm', 'M', 'owner/name', s.status, k > s.n, s.status = 'completed' AND k <> 2,
       CASE WHEN k <> 3 THEN pg_temp.w(1) END, 0.5
  FROM unnest('{pending,queued,processing,completed,failed,cancelled}'::text[]) WITH ORDINALITY s (status, n)
 CROSS JOIN LATERAL generate_series(1, s.n + 1) k;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, workspace_id, cost_usd)
VALUES (pg_temp.bob(), 'video_keyframes', 'm', 'M', 'owner/name', 'failed', pg_temp.w(1), 7),
       (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'queued', pg_temp.w(2), NULL);

CREATE FUNCTION pg_temp.mine(someone uuid) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT c::text FROM get_generation_counts(%L) c', someone) $$;
CREATE FUNCTION pg_temp.ours(workspace uuid, someone uuid) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT c::text FROM get_workspace_generation_counts(%L, %L) c', workspace, someone) $$;

-- What is counted. Parts of films are no generations of their own, those that wait to be sent are under way.
SELECT is(pg_temp.answer('ann', pg_temp.mine(pg_temp.ann())), '(21,6,3,5)', 'H20 a user counts his own, queued ones among those under way');
SELECT is(pg_temp.answer('service_role', pg_temp.mine(pg_temp.ann())), '(21,6,3,5)', 'the app counts the same');
SELECT is(pg_temp.answer('superuser', pg_temp.mine(pg_temp.ann())), '(21,6,3,5)', 'and so does a superuser');
SELECT is(pg_temp.answer('bob', pg_temp.mine(pg_temp.bob())), '(2,1,0,1)', 'films count');
SELECT is(pg_temp.answer('service_role', pg_temp.mine(pg_temp.eve())), '(0,0,0,0)', 'one row for a user who has none');
SELECT is(pg_temp.answer('service_role', pg_temp.mine(gen_random_uuid())), '(0,0,0,0)', 'and for one who does not exist');
SELECT is(pg_temp.answer('service_role', pg_temp.mine(NULL)), '(0,0,0,0)', 'and for null');
SELECT is(pg_temp.answer('ann', 'SELECT all_count || '' '' || processing_count || '' '' || favorites_count || '' '' || failed_count
                                   FROM get_generation_counts(p_user_id => pg_temp.ann())'), '21 6 3 5', 'by the names of the contract');

-- A workspace: k = 3 is private.
SELECT is(pg_temp.answer('ann', pg_temp.ours(pg_temp.w(1), NULL)), '(18,5,2,5)', 'a member counts all of a workspace');
SELECT is(pg_temp.answer('bob', pg_temp.ours(pg_temp.w(1), pg_temp.ann())), '(17,5,2,4)', 'or those of one of its users');
SELECT is(pg_temp.answer('bob', pg_temp.ours(pg_temp.w(1), pg_temp.bob())), '(1,0,0,1)', 'or his own');
SELECT is(pg_temp.answer('bob', format('SELECT all_count FROM get_workspace_generation_counts(p_workspace_id => %L)', pg_temp.w(1))), '18',
          'the user may be left out');
SELECT is(pg_temp.answer('service_role', pg_temp.ours(pg_temp.w(1), NULL)), '(18,5,2,5)', 'the app counts the same');
SELECT is(pg_temp.answer('service_role', pg_temp.ours(pg_temp.w(3), NULL)), '(0,0,0,0)', 'one row for an empty workspace');
SELECT is(pg_temp.answer('service_role', pg_temp.ours(NULL, NULL)), '(0,0,0,0)', 'and for null');

-- Strangers get an error, not zeros.
SELECT is(pg_temp.outcome(caller, pg_temp.mine(pg_temp.ann())), '42501', format('H3 %s does not count the generations of ann', caller))
  FROM unnest('{anon,nobody,impostor,bob,dan}'::text[]) caller;
SELECT is(pg_temp.outcome('ann', pg_temp.mine(NULL)), '42501', 'H3 null is nobody''s id');
SELECT is(pg_temp.outcome('nobody', pg_temp.mine(NULL)), '42501', 'H3 not even of somebody without one');
SELECT is(pg_temp.outcome('dan', pg_temp.mine(pg_temp.dan())), '42501', 'a deactivated user does not count his own');
SELECT is(pg_temp.outcome(caller, pg_temp.ours(pg_temp.w(2), NULL)), '42501', format('H31 %s does not count a workspace of others', caller))
  FROM unnest('{anon,nobody,impostor,ann,dan}'::text[]) caller;
SELECT is(pg_temp.outcome('dan', pg_temp.ours(pg_temp.w(1), NULL)), '42501', 'H31 nor does a deactivated member');
SELECT is(pg_temp.outcome('ann', pg_temp.ours(pg_temp.w(2), pg_temp.ann())), '42501', 'H31 his own rows in it are no excuse');
SELECT is(pg_temp.outcome('ann', pg_temp.ours(NULL, pg_temp.ann())), '42501', 'H31 null is no workspace');
SELECT is(pg_temp.outcome(caller, format('SELECT * FROM atelier.%s', f)), '42501', format('H3 %s does not get past the wrapper: %s', caller, f))
  FROM unnest('{anon,bob,impostor}'::text[]) caller
 CROSS JOIN unnest(ARRAY[format('get_generation_counts(%L)', pg_temp.ann()), format('get_workspace_generation_counts(%L, NULL)', pg_temp.w(3))]) f;

-- A definer function of the app's own keeps the right to see what it counts.
SELECT function_returns('get_generation_counts', '{uuid}'::name[], 'setof record');
SELECT is((SELECT string_agg(p.proname || ' ' || p.provolatile::text || ' ' || p.prosecdef, ', ' ORDER BY p.proname) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname IN ('get_generation_counts', 'get_workspace_generation_counts')),
          'get_generation_counts s false, get_workspace_generation_counts s false', 'both are stable and run as their caller');
SELECT * FROM finish();
ROLLBACK;
