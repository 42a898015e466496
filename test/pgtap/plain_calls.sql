-- SPDX-License-Identifier: PostgreSQL
-- The planner calls the function behind a wrapper in its place, as long as the caller may call both and nobody has put another
-- function there.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.called(query text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  tree json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO tree;
  RETURN coalesce(tree -> 0 -> 'Plan' ->> 'Function Call', tree -> 0 -> 'Plan' -> 'Output' ->> 0);
END $$;
UPDATE replicate_tokens SET is_active = false;
INSERT INTO replicate_tokens (id, token) VALUES (7, 'r8_plain');

SELECT pg_temp.become('service_role');
SELECT is(pg_temp.called('SELECT * FROM get_next_replicate_token()'), 'atelier.get_next_replicate_token()', 'the wrapper is passed over');
SELECT is((SELECT t::text FROM get_next_replicate_token() t), '(7,r8_plain)', 'and answers the same');
SELECT is((SELECT array_agg(t.token) FROM (SELECT (get_next_replicate_token()).*) t), '{r8_plain}', 'also in the list of a query');
PREPARE next AS SELECT token FROM get_next_replicate_token();
SELECT is(pg_temp.called('EXECUTE next'), 'atelier.get_next_replicate_token()', 'also when it is prepared');
RESET ROLE;

SELECT pg_temp.become('service_role');
SET LOCAL search_path = pg_temp, public, tap, pg_catalog;
SELECT is(pg_temp.called('SELECT * FROM public.get_next_replicate_token()'), 'atelier.get_next_replicate_token()', 'whatever search_path says');
RESET ROLE;
SET LOCAL search_path = public, tap;

-- Those that users call all the time are passed over too, with their arguments.
SELECT pg_temp.become('ann');
SELECT is(pg_temp.called(query), call, call)
  FROM (VALUES ('SELECT * FROM get_generation_counts(pg_temp.ann())', format('atelier.get_generation_counts(%L::uuid)', pg_temp.ann())),
               ('SELECT * FROM get_workspace_generation_counts(p_workspace_id => pg_temp.ann())',
                format('atelier.get_workspace_generation_counts(%L::uuid, NULL::uuid)', pg_temp.ann())),
               ('SELECT poll_generations(p_context => ''background'')', 'atelier.poll_generations(NULL::text, ''background''::text, NULL::uuid)')) v (query, call);
RESET ROLE;
SELECT set_eq($$SELECT p.proname FROM pg_proc p WHERE p.prosupport = 'atelier.plain_call(internal)'::regprocedure$$,
              '{get_next_replicate_token,get_generation_counts,get_workspace_generation_counts,poll_generations}'::name[], 'these are all');

REVOKE EXECUTE ON FUNCTION get_next_replicate_token() FROM service_role;
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM get_next_replicate_token()'), '42501', 'who may not call the wrapper is refused');
SELECT is(pg_temp.outcome('service_role', 'EXECUTE next'), '42501', 'also with a plan that he has had before');
GRANT EXECUTE ON FUNCTION get_next_replicate_token() TO service_role;
REVOKE EXECUTE ON FUNCTION atelier.get_next_replicate_token() FROM service_role;
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM get_next_replicate_token()'), '1', 'who may call the wrapper only gets its answer');
GRANT EXECUTE ON FUNCTION atelier.get_next_replicate_token() TO service_role;
SELECT is(pg_temp.outcome('service_role', 'EXECUTE next'), '1', 'the plan is good again');

CREATE OR REPLACE FUNCTION get_next_replicate_token() RETURNS TABLE (id integer, token text) LANGUAGE sql VOLATILE
AS $$ SELECT 8, 'the DBA''s' $$;
SELECT pg_temp.become('service_role');
PREPARE again AS SELECT t.token FROM get_next_replicate_token() t;
SELECT results_eq('EXECUTE next', ARRAY['the DBA''s'], 'a DBA''s own function in its place is called, also by an old plan');
SELECT results_eq('EXECUTE again', ARRAY['the DBA''s'], 'and by a new one');
RESET ROLE;
SELECT throws_ok('SELECT atelier.plain_call(NULL)', '42883', NULL, 'SQL cannot call the planner''s function');
SELECT * FROM finish();
ROLLBACK;
