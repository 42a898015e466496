-- SPDX-License-Identifier: PostgreSQL
-- The app's own database after all its migrations becomes what a fresh install is: CREATE EXTENSION adopts its tables in place,
-- the original's policies, triggers, functions and indexes go, the DBA's own stay, no row is lost, and nothing is sent.
BEGIN;
SELECT plan(51);
\ir lib/adoption.sql
\ir ../adopt/hosted.sql
\ir ../adopt/base.sql
\ir ../adopt/later.sql
\ir ../adopt/later_rules.sql
\ir ../adopt/data.sql

CREATE TEMP TABLE before AS
  SELECT c.relname, pg_relation_filenode(c.oid) AS node,
         (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', c.oid::regclass), false, true, '')))[1]::text::bigint AS n
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r';
SELECT cmp_ok((SELECT count(*) FROM pg_indexes WHERE tablename = 'generations'), '=', 34::bigint, 'the original has 34 indexes on generations');
CREATE TEMP TABLE generation AS SELECT * FROM generations;
CREATE TEMP TABLE person AS SELECT * FROM users;

-- What the DBA has made.
ALTER TABLE generations ADD remark text DEFAULT 'none';
CREATE INDEX dba_remark_idx ON generations (remark);
CREATE FUNCTION dba_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER dba_trigger BEFORE INSERT ON generations FOR EACH ROW EXECUTE FUNCTION dba_trigger();
CREATE POLICY dba_everything ON generations FOR SELECT USING (true);
CREATE POLICY dba_narrow ON generations AS RESTRICTIVE FOR SELECT USING (user_id IS NOT NULL);
ALTER TABLE users ADD CONSTRAINT dba_check CHECK (credits < 1000000);
CREATE TABLE dba_things (id integer, updated_at timestamptz);
CREATE TRIGGER touch BEFORE UPDATE ON dba_things FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE VIEW dba_view AS SELECT prompt FROM generations;
CREATE FUNCTION get_user_generation_stats_filtered() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM generations';
CREATE VIEW dba_numbers AS SELECT get_user_generation_stats_filtered();
CREATE POLICY dba_members ON dba_things USING (is_workspace_member(NULL, NULL));
COMMENT ON COLUMN generations.prompt IS 'what the DBA says';

-- The dry run.
SET LOCAL atelier.install = off;
-- Names are compared as texts in many places.
SET LOCAL quote_all_identifiers = on;
CREATE EXTENSION atelier;
CREATE TEMP TABLE report AS SELECT * FROM atelier.adoption_report();
RESET quote_all_identifiers;
CREATE FUNCTION pg_temp.said(what text, thing text) RETURNS text LANGUAGE sql AS $$ SELECT detail FROM report WHERE kind = what AND object = thing $$;
SELECT is_empty($$SELECT * FROM report WHERE kind = 'conflict'$$, 'the report has no conflict');
SELECT is(pg_temp.said('drop', 'policy "Users can update own generations" on public.generations'), 'the original''s', 'names policies that go');
SELECT is(pg_temp.said('drop', 'trigger generation_status_trigger on public.generations'), 'the original''s', 'triggers');
SELECT is(pg_temp.said('drop', 'trigger on_auth_user_created on auth.users'), 'the original''s', 'that of auth.users');
SELECT matches(pg_temp.said('drop', 'index public.idx_generations_action'), '^the original''s, \d+ kB$', 'indexes with their size');
SELECT is(pg_temp.said('replace', 'index public.idx_generations_user_status'), 'is what is wanted and becomes generations_user_status_idx', 'one that is kept under another name');
SELECT is(pg_temp.said('replace', 'function public.get_user_role(text)'), 'the original''s', 'functions that are replaced');
SELECT is(pg_temp.said('replace', 'function public.is_workspace_member(uuid,uuid)'),
          'the original''s, in place since it is needed by policy dba_members on table public.dba_things', 'in place where somebody needs them');
SELECT is(pg_temp.said('drop', 'function public.translit_slug(text,integer)'), 'the original''s', 'and one of another signature that is dropped');
SELECT is(pg_temp.said('keep', 'function public.update_updated_at_column()'), 'the original''s, needed by trigger touch on table public.dba_things', 'and one that somebody needs');
SELECT is(pg_temp.said('danger', 'function public.get_user_generation_stats_filtered()'), 'the original''s, needed by view public.dba_numbers', 'which is a danger when it is a definer''s');
SELECT matches(pg_temp.said('rewrite', 'column public.notifications.read'), 'rewritten, \d+ kB of table and indexes, lock ACCESS EXCLUSIVE', 'rewrites with size and lock');
SELECT is(pg_temp.said('fill', 'column public.generations.status'), '2 rows are filled with ''pending''', 'nulls that are filled');
SELECT is(pg_temp.said('fill', 'column public.users.email'), '10 addresses are put into lower case', 'addresses');
SELECT matches(pg_temp.said('replace', 'constraint flows_user_id_fkey on public.flows'), '^FOREIGN KEY .* REFERENCES auth.users.* becomes .* REFERENCES public.users', 'foreign keys that move');
SELECT is(pg_temp.said('replace', 'owner of public.users'), current_user || ' gives way to atelier_owner', 'owners');
SELECT is((SELECT array_agg(object ORDER BY object) FROM report WHERE kind = 'danger'),
          ARRAY['function public.get_user_generation_stats_filtered()', 'policy dba_everything on public.generations', 'view public.dba_view'], 'the DBA''s permissive policy and his view are dangers');
SELECT is((SELECT hint FROM report WHERE object LIKE 'policy dba_everything%'), 'DROP POLICY dba_everything ON public.generations; -- or make it AS RESTRICTIVE', 'with a hint');
SELECT is((SELECT array_agg(object ORDER BY object COLLATE "C") FROM report WHERE kind = 'keep' AND object ~ 'dba|remark'),
          ARRAY['column public.generations.remark', 'index public.dba_remark_idx', 'policy dba_narrow on public.generations', 'trigger dba_trigger on public.generations'],
          'and what stays is listed');
SELECT is((SELECT count(*) FROM pg_policies WHERE policyname LIKE '% %'), 72::bigint, 'the dry run changes nothing');
SELECT hasnt_schema('atelier_fresh', 'and leaves nothing');
SELECT hasnt_table('atelier', 'identity', 'not even a row of identity');
DROP EXTENSION atelier CASCADE;

-- The adoption.
RESET atelier.install;
SET LOCAL client_min_messages = error;
SET LOCAL quote_all_identifiers = on;
SELECT lives_ok('CREATE EXTENSION atelier', 'CREATE EXTENSION adopts');
RESET quote_all_identifiers;
SET LOCAL client_min_messages = warning;
SELECT set_eq($$SELECT line FROM differences WHERE line !~ 'dba|remark|1000000|stats_filtered\(\)'$$,
  $$SELECT line FROM differences WHERE line ~ '^(missing|unexpected): (column public.generations.prompt |function update_updated_at_column)'
                                      OR line ~ '^unexpected: function public.update_updated_at_column'$$, 'the catalog is that of a fresh install');
SELECT is((SELECT count(*) FROM differences WHERE line ~ 'dba|remark|1000000|stats_filtered\(\)' AND line LIKE 'unexpected:%'), 19::bigint, 'but for what the DBA has made');
SELECT is(col_description('generations'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'generations'::regclass AND attname = 'prompt')),
          'what the DBA says', 'and said');
SELECT is(pg_relation_filenode('generations'), (SELECT node FROM before WHERE relname = 'generations'), 'generations keeps its relfilenode');
SELECT is_empty($$SELECT b.relname FROM before b WHERE b.n <> (xpath('/row/n/text()', query_to_xml(
                    format('SELECT count(*) AS n FROM public.%I', b.relname), false, true, '')))[1]::text::bigint$$, 'no row is lost');
SELECT is_empty($$SELECT i.identity FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
                   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND i.schema = 'public'$$, 'nothing of the app is a member of the extension');
SELECT set_eq('SELECT outcome FROM atelier.migrations', ARRAY['adopted'], 'the migrations are adopted');
SELECT is((SELECT max(version) FROM atelier.migrations), atelier.code_table_version(), 'all of them');

-- Rows.
SELECT is_empty($$SELECT g.id, g.status, g.settings, g.prompt, g.created_at, g.workspace_id, g.processing_time_ms, g.completed_at FROM generation g
                   WHERE g.status IS NOT NULL EXCEPT SELECT g.id, g.status, g.settings, g.prompt, g.created_at, g.workspace_id,
                         g.processing_time_ms, g.completed_at FROM generations g$$, 'generations are what they were');
SELECT is((SELECT string_agg(DISTINCT concat_ws(' ', status, settings, viewed, is_keyframe_segment, cost_credits), ',') FROM generations WHERE prompt IN ('p10', 'p20')),
          'pending {} f f 1', 'nulls are filled, and nobody has handed over what had no status');
SELECT is((SELECT count(*) FROM users u JOIN person p USING (id) WHERE u.email = lower(p.email)), 50::bigint, 'H6: addresses are in lower case');
SELECT is((SELECT array_agg(DISTINCT u.role || coalesce(p.role, '-')) FROM users u JOIN person p USING (id)), ARRAY['super_adminsuper_admin', 'user-', 'useruser'], 'nobody''s role is raised');
SELECT is((SELECT array_agg(DISTINCT u.credits || coalesce(p.credits::text, '-')) FROM users u JOIN person p USING (id)), ARRAY['100-', '77'], 'credits are the default where there were none');
SELECT is((INSERT_ID.id), 3, 'tokens are counted on') FROM (SELECT nextval(pg_get_serial_sequence('replicate_tokens', 'id'))::integer AS id) INSERT_ID;
SELECT is((SELECT count(*) FROM flow_invites WHERE created_by = invited_by AND email = 'guest@adopt.test'), 20::bigint, 'second names have their values');

-- The original's rules are gone with their holes.
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'generations'::regclass AND tgfoid::regproc::text LIKE '%update_generation_status'), 1::bigint, 'one status trigger');
CREATE FUNCTION pg_temp.as_user(command text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  SET LOCAL ROLE authenticated;
  SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000000002", "role": "authenticated"}';
  EXECUTE command;
  RAISE EXCEPTION 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate;
END $$;
SELECT is(pg_temp.as_user($$UPDATE public.users SET role = 'super_admin'$$), '42501', 'H1: a user cannot promote himself any more');
SELECT is(pg_temp.as_user($$INSERT INTO public.notifications (user_id, type, title) VALUES ('00000000-0000-4000-8000-000000000001', 'update', 'x')$$), '42501', 'H7: nor write to others');
SELECT is(pg_temp.as_user('SELECT FROM public.assistant_messages'), 'P0001', 'H8: chats have rules');
INSERT INTO auth.users (id, email) VALUES ('00000000-0000-4000-8000-0000000000aa', 'user1@adopt.test');
SELECT is((SELECT role || coalesce(email, '-') FROM users WHERE id = '00000000-0000-4000-8000-0000000000aa'), 'user-', 'H4: a sign-up takes over no profile');

SELECT is_empty($$SELECT r.* FROM atelier.adoption_report() r WHERE r.kind NOT IN ('keep', 'danger')$$, 'the report has nothing to do any more');
CREATE TEMP TABLE adopted AS SELECT line FROM differences;

-- It holds.
SELECT is((SELECT dispatch FROM atelier.identity), 'held', 'an adopted database with rows holds');
SELECT is((SELECT concat_ws(' ', status, detail, hint) FROM atelier.health() WHERE check_name = 'dispatch'),
          'fail held: tables with rows were adopted SELECT atelier.resume();', 'health says so');
SELECT is((SELECT status || ' ' || hint FROM atelier.health() WHERE check_name = 'policies'),
          'warn DROP POLICY dba_everything ON public.generations; -- or make it AS RESTRICTIVE', 'and warns of the DBA''s policy');
SELECT atelier.resume();
SELECT is((SELECT dispatch FROM atelier.identity), 'running', 'until resume()');

-- And a second install() finds nothing to do.
SET LOCAL client_min_messages = error;
SELECT atelier.install();
DELETE FROM atelier.migrations;
SELECT lives_ok('SELECT atelier.install()', 'adopting what is ours already works too');
SELECT set_eq('SELECT line FROM differences', 'SELECT line FROM adopted', 'and changes nothing');
SELECT * FROM finish();
ROLLBACK;
