-- SPDX-License-Identifier: PostgreSQL
-- Rows and objects that stand in the way of adoption: each is reported with a statement that puts it right, nothing is changed
-- before that, and the statements of the hints are enough.
BEGIN;
SELECT plan(31);
\ir lib/adoption.sql
\ir ../adopt/hosted.sql
\ir ../adopt/base.sql
\ir ../adopt/later.sql
\ir ../adopt/later_rules.sql
\ir ../adopt/data.sql

SET LOCAL session_replication_role = replica;
CREATE FUNCTION pg_temp.person(n integer) RETURNS uuid LANGUAGE sql AS $$ SELECT format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0'))::uuid $$;
-- Addresses that differ in case only, or in a space.
INSERT INTO users (id, email) VALUES (pg_temp.person(100), 'USER2@adopt.test'), (pg_temp.person(101), ' user3@adopt.test');
-- Duplicate trigger words; a deleted one does not count.
INSERT INTO user_loras (id, user_id, name, trigger_word, deleted_at)
VALUES (pg_temp.person(1), pg_temp.person(4), 'a', 'CAT', NULL), (pg_temp.person(2), pg_temp.person(4), 'b', 'CAT', NULL),
       (pg_temp.person(3), pg_temp.person(4), 'c', 'CAT', NULL), (pg_temp.person(9), pg_temp.person(4), 'd', 'CAT', now());
-- Edges that are equal since nulls were not.
INSERT INTO flow_edges (id, flow_id, source_node_id, target_node_id)
SELECT pg_temp.person(n), e.flow_id, e.source_node_id, e.target_node_id
  FROM (SELECT * FROM flow_edges ORDER BY id LIMIT 1) e CROSS JOIN generate_series(1, 2) n;
-- New checks.
UPDATE flow_nodes SET status = 'lost', output_type = 'sound' WHERE id = (SELECT min(id::text)::uuid FROM flow_nodes);
ALTER TABLE generations DROP CONSTRAINT generations_status_check;
UPDATE generations SET status = 'succeeded' WHERE prompt = 'p7';
-- References that lead nowhere: a generation that was cleaned up, an author who has left, a person without profile.
UPDATE flow_nodes SET generation_id = pg_temp.person(777) WHERE id = (SELECT max(id::text)::uuid FROM flow_nodes);
UPDATE ideas SET user_id = pg_temp.person(778);
INSERT INTO auth.users (id, email) VALUES (pg_temp.person(779), 'late@adopt.test');
INSERT INTO notifications (id, user_id, type, title) VALUES (pg_temp.person(1), pg_temp.person(779), 'update', 'x');
INSERT INTO idea_votes (id, idea_id, user_id) SELECT pg_temp.person(1), i.id, pg_temp.person(780) FROM ideas i LIMIT 1;
-- Objects.
ALTER TABLE flows ALTER name TYPE varchar(40);
ALTER TABLE api_logs ALTER created_at TYPE timestamp;
ALTER TABLE ideas ADD votes bigint;
CREATE VIEW dba_stats AS SELECT total_users FROM admin_stats;
SET LOCAL session_replication_role = origin;

CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE sql
AS $$ SELECT md5((SELECT string_agg(line, E'\n' ORDER BY line) FROM pg_temp.catalog() c (line)) || (SELECT string_agg(u::text, '' ORDER BY id) FROM users u)) $$;
SELECT pg_temp.state() AS state \gset
SELECT r.* FROM pg_temp.refusal() r \gset
SELECT is(:'message'::text, 'the tables in schema "public" cannot be adopted: 18 conflicts', 'adoption is refused');
SELECT matches(:'detail'::text, 'users_email_lower_idx on public.users: \(atelier.tidy_address\(email\)\) = \(user2@adopt.test\) is in rows', 'with the rows');
SELECT matches(:'hint'::text, 'UPDATE public.users SET email = NULL WHERE id = ''00000000-0000-4000-8000-000000000100'';', 'and remedies');
SELECT is(pg_temp.state(), :'state'::text, 'nothing is changed');
SELECT hasnt_schema('atelier', 'not even the schema is there');

SET LOCAL atelier.install = off;
CREATE EXTENSION atelier;
CREATE TEMP TABLE report AS SELECT * FROM atelier.adoption_report();
SELECT is((SELECT count(*) FROM report WHERE kind = 'conflict'), 18::bigint, 'the report lists them');
SELECT is((SELECT count(*) FROM (SELECT kind FROM report LIMIT 18) r WHERE kind = 'conflict'), 18::bigint, 'first of all');
SELECT is_empty($$SELECT * FROM report WHERE kind = 'conflict' AND hint IS NULL$$, 'each with a hint');
CREATE FUNCTION pg_temp.remedies(thing text) RETURNS SETOF text LANGUAGE sql AS $$ SELECT hint FROM report WHERE kind = 'conflict' AND object = thing $$;
SELECT set_eq($$SELECT pg_temp.remedies('users_email_lower_idx on public.users')$$,
  ARRAY['UPDATE public.users SET email = NULL WHERE id = ''00000000-0000-4000-8000-000000000100'';',
        'UPDATE public.users SET email = NULL WHERE id = ''00000000-0000-4000-8000-000000000101'';'], 'H5: addresses that differ in case or spaces');
SELECT set_eq($$SELECT pg_temp.remedies('user_loras_trigger_word_key on public.user_loras')$$,
  ARRAY['UPDATE public.user_loras SET trigger_word = trigger_word || ''_2'' WHERE id = ''00000000-0000-4000-8000-000000000002''; '
        'UPDATE public.user_loras SET trigger_word = trigger_word || ''_3'' WHERE id = ''00000000-0000-4000-8000-000000000003'';'], 'H23: trigger words');
SELECT is((SELECT count(*) FROM pg_temp.remedies('flow_edges_ends_key on public.flow_edges') r WHERE r ~ '(DELETE FROM public.flow_edges WHERE id = \S+; ?){2}'), 1::bigint, 'equal edges');
SELECT matches(pg_temp.remedies('flow_nodes_status_check on public.flow_nodes'), '^UPDATE public.flow_nodes SET status = ''idle''::text WHERE', 'a check, by the default');
SELECT matches(pg_temp.remedies('flow_nodes_output_type_check on public.flow_nodes'), '^UPDATE public.flow_nodes SET output_type = NULL WHERE', 'or null');
SELECT matches(pg_temp.remedies('generations_status_check on public.generations'), '^UPDATE public.generations SET status = ''failed'' WHERE', 'but no generation is handed over by that');
SELECT matches(pg_temp.remedies('flow_nodes_generation_id_fkey on public.flow_nodes'), '^UPDATE public.flow_nodes SET generation_id = NULL WHERE', 'a reference that can be null');
SELECT is((SELECT count(*) FROM pg_temp.remedies('ideas_user_id_fkey on public.ideas')), 5::bigint, 'several, row by row');
SELECT matches((SELECT r FROM pg_temp.remedies('ideas_user_id_fkey on public.ideas') r LIMIT 1), '-- or all: UPDATE public.ideas t SET user_id = NULL WHERE', 'or together');
SELECT is((SELECT pg_temp.remedies('notifications_user_id_fkey on public.notifications')),
  'INSERT INTO public.users (id, auth_provider) VALUES (''00000000-0000-4000-8000-000000000779'', ''email'') ON CONFLICT DO NOTHING;', 'H36: a person without profile gets one');
SELECT matches(pg_temp.remedies('idea_votes_user_id_fkey on public.idea_votes'), '^DELETE FROM public.idea_votes WHERE id = ', 'a person that does not exist has no votes');
SELECT is(pg_temp.remedies('column public.api_logs.created_at'),
  'ALTER TABLE public.api_logs ALTER COLUMN created_at TYPE timestamp with time zone USING created_at AT TIME ZONE ''UTC'';', 'another type');
SELECT is(pg_temp.remedies('column public.ideas.votes'), 'ALTER TABLE public.ideas ALTER COLUMN votes TYPE integer USING votes::integer;', 'a column of that name');
SELECT matches(pg_temp.remedies('view public.admin_stats'), '^DROP VIEW public.admin_stats CASCADE; -- and make anew afterwards: view public.dba_stats', 'a view that somebody needs');
SELECT is((SELECT detail FROM report WHERE object = 'column public.flows.name' AND kind = 'replace' AND detail LIKE 'type%'), 'type character varying(40) becomes text', 'what can be changed is no conflict');

-- The owner comes first: somebody who may do nothing is told so, and no data is looked at.
SELECT is(pg_temp.state() = :'state'::text, false, 'functions of atelier are in the catalog now');
SAVEPOINT installer;
SELECT atelier.make_identity();
CREATE ROLE tap_installer;
GRANT USAGE, CREATE ON SCHEMA atelier TO tap_installer;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA atelier TO tap_installer;
GRANT atelier_owner TO tap_installer;
GRANT USAGE ON SCHEMA public TO tap_installer WITH GRANT OPTION;
SET LOCAL ROLE tap_installer;
SELECT throws_matching('SELECT atelier.install()', 'cannot be adopted: 19 conflicts', 'a role that may not change the tables is refused');
ROLLBACK TO installer;

-- The remedies are enough.
DO $$
DECLARE
  remedy text;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR round IN 1 .. 3 LOOP
    FOR remedy IN SELECT r.hint FROM atelier.adoption_report() r WHERE r.kind = 'conflict' LOOP
      EXECUTE remedy;
    END LOOP;
  END LOOP;
  SET LOCAL session_replication_role = origin;
END $$;
SELECT is_empty($$SELECT * FROM atelier.adoption_report() WHERE kind = 'conflict'$$, 'the remedies leave no conflict');
SELECT lives_ok('SELECT atelier.install()', 'install() adopts then');
SELECT is_empty($$SELECT line FROM differences WHERE line !~ 'former_votes'$$, 'the catalog is that of a fresh install');
SELECT has_column('ideas'::name, 'former_votes'::name, 'what was the DBA''s is there');
SELECT is((SELECT count(*) FROM notifications WHERE user_id = pg_temp.person(779)), 1::bigint, 'the person without profile keeps his row');
SELECT is((SELECT array_agg(trigger_word ORDER BY trigger_word) FROM user_loras WHERE trigger_word LIKE 'CAT%'), ARRAY['CAT', 'CAT', 'CAT_2', 'CAT_3'], 'and no LoRA is lost');
SELECT * FROM finish();
ROLLBACK;
