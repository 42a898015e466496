-- SPDX-License-Identifier: PostgreSQL
-- What an attacker tries with the server rather than with rows: commands that need no policy, functions with the ids of others,
-- claims that are none, objects of his own in the way, rights that somebody else had a moment ago. Whatever he reads is searched
-- for a word that stands in all that is not his.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

UPDATE users SET display_name = 'SECRET', first_name = 'SECRET' WHERE id = pg_temp.id('owner');
UPDATE generations SET prompt = 'SECRET', error_message = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE workspaces SET description = 'SECRET', slug = 'secret';
UPDATE flows SET name = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE flow_nodes SET data = '{"a": "SECRET"}' WHERE flow_id <> pg_temp.id('gone');
UPDATE flow_comments SET content = 'SECRET';
UPDATE flow_invites SET token = 'SECRET ' || id;
UPDATE user_loras SET description = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE lora_training_images SET caption = 'SECRET' WHERE lora_id = pg_temp.id('owner');
UPDATE notifications SET message = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE assistant_conversations SET title = 'SECRET', preview_text = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE assistant_messages SET content = 'SECRET' WHERE conversation_id = pg_temp.id('owner');
UPDATE support_tickets SET answer = 'SECRET' WHERE user_id = pg_temp.id('owner');
UPDATE api_logs SET error_message = 'SECRET';
UPDATE replicate_tokens SET token = 'r8_SECRET';
UPDATE atelier.attempts SET error = 'SECRET';
UPDATE atelier.flow_node_memory SET error_message = 'SECRET';

CREATE TEMP VIEW relations AS
SELECT c.oid::regclass::text AS name, c.oid, c.relkind FROM pg_class c
 WHERE c.relnamespace IN ('public'::regnamespace, 'atelier'::regnamespace) AND c.relkind IN ('r', 'v', 'm');
CREATE TEMP VIEW attackers AS SELECT unnest('{anon,nobody,impostor,stranger,gone}'::text[]) AS who;

-- Commands that no policy stops. Views are no tables to some of them.
SELECT is_empty(format('SELECT name FROM relations WHERE pg_temp.outcome(%L, format(%L, name)) NOT IN (''42501'', ''42809'', ''0A000'')', a.who, c.command),
                format('%s: %s, of any relation', a.who, c.command))
  FROM (SELECT who FROM attackers UNION ALL VALUES ('owner'), ('boss'), ('root')) a
 CROSS JOIN unnest(ARRAY[
   'TRUNCATE %s', 'DROP TABLE %s CASCADE', 'ALTER TABLE %s ADD COLUMN evil text', 'ALTER TABLE %s DISABLE ROW LEVEL SECURITY', 'ALTER TABLE %s DISABLE TRIGGER ALL',
   'ALTER TABLE %s OWNER TO authenticated', 'ALTER TABLE %s SET SCHEMA pg_temp', 'ALTER TABLE %s REPLICA IDENTITY FULL', 'COMMENT ON TABLE %s IS ''x''',
   'CREATE POLICY evil ON %s USING (true)', 'CREATE INDEX ON %s ((1))', 'CREATE RULE evil AS ON UPDATE TO %s DO ALSO NOTHING',
   'CREATE TRIGGER evil BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()',
   'CLUSTER %s', 'REINDEX TABLE %s']) c (command)
 ORDER BY a.who, c.command;
SELECT is_empty(format('SELECT name FROM relations WHERE relkind = ''r'' AND pg_temp.outcome(%L, ''GRANT SELECT ON '' || name || '' TO anon'') = ''0''
                         AND has_table_privilege(''anon'', oid, ''SELECT'') AND name <> ''ideas''', who), who || ': nothing is granted on')
  FROM attackers ORDER BY who;
-- Locks that keep others, and the workers, from working. Whoever may delete rows may lock the table: PostgreSQL knows no difference.
SELECT is_empty(format('SELECT name, mode FROM relations CROSS JOIN unnest(''{SHARE,EXCLUSIVE,ACCESS EXCLUSIVE}''::text[]) m (mode)
                         WHERE relkind = ''r'' AND NOT has_table_privilege(''authenticated'', oid, ''DELETE'')
                           AND pg_temp.outcome(%L, format(''LOCK TABLE %%s IN %%s MODE'', name, mode)) <> ''42501''', who), who || ': locks no table that he may not delete from')
  FROM attackers ORDER BY who;
SELECT is_empty(format('SELECT name FROM relations WHERE name NOT IN (''ideas'', ''users'') AND pg_temp.outcome(%L, ''SELECT FROM '' || name || '' FOR UPDATE'') NOT IN (''42501'', ''0'', ''0A000'')', who),
                who || ': locks no row of others') FROM attackers ORDER BY who;

-- What he reads, of anything, in any way.
CREATE FUNCTION pg_temp.reads(who text, query text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.answer(who, format('SELECT string_agg(x::text, '' '') FROM (%s) x', query)) $$;
SELECT is_empty(format('SELECT name FROM relations WHERE pg_temp.reads(%L, ''SELECT * FROM '' || name) ~* ''secret''', who), who || ': reads nothing of anybody''s') FROM attackers ORDER BY who;
SELECT is_empty(format('SELECT name FROM relations WHERE pg_temp.reads(%L, ''UPDATE '' || name || '' SET id = id RETURNING *'') ~* ''secret''', who), who || ': nor by RETURNING') FROM attackers ORDER BY who;
SELECT is_empty(format('SELECT name FROM relations WHERE pg_temp.outcome(%L, ''CREATE TEMP VIEW evil AS SELECT * FROM '' || name || ''; SET LOCAL row_security = off; SELECT FROM evil'') NOT IN (''42501'', ''0'')', who),
                who || ': nor by a view of his own without row security') FROM attackers ORDER BY who;

-- A function of his own sees no row before the policies have, and cannot say that it is harmless.
SELECT is(pg_temp.outcome('stranger', $$CREATE FUNCTION pg_temp.harmless(text) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true'$$), '42501', 'nobody calls his function leakproof');
CREATE FUNCTION pg_temp.peek(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text := '';
BEGIN
  CREATE TEMP TABLE loot (word text);
  CREATE FUNCTION pg_temp.look(word text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $f$ BEGIN INSERT INTO loot VALUES (word); RETURN true; END $f$;
  EXECUTE format('SELECT FROM %s t WHERE pg_temp.look(t::text)', relation);
  SELECT string_agg(l.word, ' ') INTO seen FROM loot l;
  RETURN seen;
END $$;
SELECT is_empty(format('SELECT name FROM relations WHERE relkind = ''r'' AND pg_temp.answer(%L, format(''SELECT pg_temp.peek(%%L)'', name)) ~* ''secret''', who), who || ': a cheap function of his own sees nothing') FROM attackers ORDER BY who;
-- Errors tell nothing of a row that is not his.
CREATE FUNCTION pg_temp.error_of(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  PERFORM pg_temp.become(who);
  EXECUTE command;
  PERFORM pg_temp.become('superuser');
  RETURN '';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', sqlerrm, detail, hint);
END $$;
SELECT unalike(pg_temp.error_of('stranger', command), '%SECRET%', 'an error tells nothing: ' || left(command, 60))
  FROM unnest(ARRAY[
    $$SELECT 1 / length(prompt) - length(prompt) FROM generations WHERE (prompt || 'x')::integer = 1$$, $$SELECT FROM flows WHERE name::integer = 1$$,
    $$SELECT FROM replicate_tokens WHERE token::integer = 1$$, $$SELECT FROM assistant_messages WHERE content::uuid IS NULL$$,
    $$INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status) VALUES (pg_temp.id('shared'), pg_temp.me(), 'create', 'm', 'M', 'o/n', 'pending')$$,
    $$INSERT INTO flows (id, user_id) VALUES (pg_temp.id('owner'), pg_temp.me())$$, $$INSERT INTO flow_comments (id, flow_id, user_id, content) VALUES (pg_temp.id('owner'), pg_temp.id('owner'), pg_temp.me(), 'x')$$,
    $$INSERT INTO ideas (title, user_id) VALUES (NULL, pg_temp.me())$$, $$INSERT INTO support_tickets (id, user_id, message) VALUES (pg_temp.id('owner'), pg_temp.me(), 'm')$$]) command;
SELECT is(pg_temp.error_of('stranger', $$UPDATE flow_nodes SET generation_id = pg_temp.id('owner')$$), '', 'a row that he does not see is none');
SELECT is(pg_temp.error_of('stranger', format('WITH f AS (INSERT INTO flows (id, user_id) VALUES (gen_random_uuid(), pg_temp.me()) RETURNING id) SELECT 1 FROM f')), '', 'his own flow may be made');

-- Every function that the app's roles may call, with nulls and with the ids of others.
CREATE TEMP VIEW calls AS
SELECT f.oid::regprocedure::text AS name, f.oid, f.proisstrict AS strict,  -- the planner answers a strict one, asked about null, without calling it
       format('SELECT * FROM %s(%s)', f.oid::regproc, (SELECT string_agg('NULL::' || format_type(t.type, NULL), ', ' ORDER BY t.n) FROM unnest(f.proargtypes::oid[]) WITH ORDINALITY t (type, n))) AS nothing,
       format('SELECT * FROM %s(%s)', f.oid::regproc, (SELECT string_agg(
         CASE format_type(t.type, NULL) WHEN 'uuid' THEN 'pg_temp.id(%1$L)' WHEN 'uuid[]' THEN 'ARRAY[pg_temp.id(%1$L)]' WHEN 'text' THEN '%2$L' WHEN 'integer' THEN '10'
           WHEN 'boolean' THEN 'true' WHEN 'timestamp with time zone' THEN 'NULL::timestamptz'
           WHEN 'flows' THEN 'jsonb_populate_record(NULL::flows, jsonb_build_object(''id'', pg_temp.id(%1$L)))' ELSE 'NULL' END, ', ' ORDER BY t.n)
           FROM unnest(f.proargtypes::oid[]) WITH ORDINALITY t (type, n))) AS foreign_ids
  FROM pg_proc f
 WHERE f.pronamespace IN ('public'::regnamespace, 'atelier'::regnamespace) AND f.prorettype <> 'trigger'::regtype AND f.prokind = 'f'
   AND f.proname NOT IN ('uid', 'role', 'translit_slug', 'is_active_user');
SELECT cmp_ok(count(*), '>=', 100::bigint, 'the functions were found') FROM calls;
SELECT is_empty(format('SELECT name FROM calls WHERE NOT has_function_privilege(%L, oid, ''EXECUTE'') AND NOT strict AND pg_temp.outcome(%L, nothing) <> ''42501''', CASE who WHEN 'anon' THEN 'anon' ELSE 'authenticated' END, who),
                who || ': calls nothing that was not granted') FROM attackers ORDER BY who;
-- What a call with nulls may say: an error, nothing, no.
SELECT is_empty(format('SELECT name, pg_temp.reads(%1$L, nothing) FROM calls WHERE pg_temp.reads(%1$L, nothing) !~ ''^(null|\(\)|\(f\)|\(0\)|[0-9A-Z]{5}|\("\[\]"\)|\(\[\]\)|\(user\)|\("\{""error"": ""(Unauthorized|Invalid or expired invite)""\}"\))$''
                         AND NOT (name ~ ''poll_generations'' AND %1$L = ''stranger'')', who), who || ': null entitles to nothing') FROM attackers ORDER BY who;
SELECT is_empty(format('SELECT name, i.id, pg_temp.reads(%1$L, format(foreign_ids, i.id, i.word)) FROM calls CROSS JOIN (VALUES (''owner'', ''owner@tap.test''), (''shared'', ''SECRET''), (''space'', ''root@tap.test''), (''chief'', ''archived'')) i (id, word)
                         WHERE pg_temp.reads(%1$L, format(foreign_ids, i.id, i.word)) !~ ''^(null|\(\)|\(f\)|\(0\)|[0-9A-Z]{5}|\("\[\]"\)|\(\[\]\)|\(user\)|\("\{""error"": ""(Unauthorized|Invalid or expired invite)""\}"\))$''', who),
                who || ': the ids of others entitle to nothing') FROM attackers ORDER BY who;
SELECT is_empty(format('SELECT name FROM calls CROSS JOIN (VALUES (''owner'', ''owner@tap.test''), (''shared'', ''SECRET''), (''space'', ''root@tap.test'')) i (id, word)
                         WHERE pg_temp.reads(%1$L, format(foreign_ids, i.id, i.word)) ~* ''secret''', who), who || ': no function tells what is not his') FROM (SELECT who FROM attackers UNION ALL VALUES ('boss')) a ORDER BY who;

-- Claims. What cannot be read makes nobody, never an error and never somebody.
CREATE FUNCTION pg_temp.with_claims(role_name text, claims text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  value text;
BEGIN
  PERFORM set_config('request.jwt.claims', claims, true), set_config('role', role_name, true);
  EXECUTE query INTO value;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = coalesce(value, 'null');
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm;
  WHEN OTHERS THEN RETURN sqlstate;
END $$;
CREATE TEMP TABLE forged (claims text, what text);
INSERT INTO forged
SELECT replace(c.claims, 'ID', pg_temp.id('owner')::text), c.what
  FROM (VALUES ('{"sub": "ID"', 'no end'), ('{"sub": "ID"} x', 'more after the end'), ('["sub", "ID"]', 'a list'), ('"ID"', 'a text'), ('ID', 'an id alone'), ('{"sub": ["ID"]}', 'a list of ids'),
               ('{"sub": {"sub": "ID"}}', 'an object'), ('{"SUB": "ID"}', 'another name'), ('{"sub ": "ID"}', 'a name with a space'), ('{"sub": " ID"}', 'an id with a space'), ('{"sub": "ID\u0000"}', 'a NUL after it'),
               ('{"sub": "{ID}"}', 'braces'), ('{"sub": "ID ''; DROP TABLE users; --"}', 'SQL'), ('{"sub": "urn:uuid:ID"}', 'a URN'), ('{"sub": null, "user_id": "ID"}', 'another claim'), ('{"sub": ""}', 'an empty one'),
               ('{"email": "owner@tap.test"}', 'an address'), ('{"role": "service_role", "email": "root@tap.test"}', 'the app''s role'), ('{"is_admin": true, "app_metadata": {"role": "super_admin"}}', 'metadata'),
               ('{"user_metadata": {"sub": "ID"}, "sub": "x"}', 'metadata with an id'), (repeat('[', 200000), 'brackets'), (repeat('{"sub":', 100000), 'objects'),
               ('{"sub": "' || repeat('a', 200000) || '"}', 'a long one'), ('{"x": "' || repeat('a', 100000) || '", "sub": "ID"}', 'too large'), ('null', 'null'), ('', 'nothing'), ('   ', 'spaces')) c (claims, what);
SELECT is(pg_temp.with_claims('authenticated', claims, 'SELECT count(*) FROM generations'), '0', 'claims, ' || what || ': no rows') FROM forged;
SELECT is(pg_temp.with_claims('authenticated', claims, $$SELECT concat(atelier.uid(), atelier.is_admin(), atelier.is_super_admin(), atelier.is_active_user())$$), 'fff', 'claims, ' || what || ': nobody') FROM forged;
SELECT is(pg_temp.with_claims('authenticated', claims, 'SELECT count(*) FROM get_next_replicate_token()'), '42501', 'claims, ' || what || ': no token') FROM forged;
SELECT is(pg_temp.with_claims('anon', json_build_object('sub', pg_temp.id('owner'), 'role', 'authenticated')::text, query), want, 'the claims of a user under the role anon: ' || query)
  FROM (VALUES ('SELECT count(*) FROM generations', '42501'), ('SELECT count(*) FROM users', '42501'), ('SELECT poll_generations()', '42501'), ('SELECT count(*) FROM ideas', '2')) q (query, want);
SELECT is(pg_temp.with_claims('authenticated', json_build_object('sub', pg_temp.id(who), 'role', 'service_role')::text, query), '42501', format('%s with the claim to be the app: %s', who, query))
  FROM unnest('{owner,root}'::text[]) who CROSS JOIN unnest(ARRAY['SELECT count(*) FROM api_logs', 'SELECT count(*) FROM get_next_replicate_token()', 'SELECT cleanup_old_generations(1)', 'UPDATE users SET role = ''super_admin'' RETURNING 1']) query;

-- Somebody else's rights, a moment ago: plans, caches and cursors are asked again.
PREPARE mine AS SELECT count(*) FROM generations;
PREPARE my_flows AS SELECT count(*) FROM flow_nodes WHERE flow_id = pg_temp.id('owner');
CREATE FUNCTION pg_temp.in_turn(callers text[], statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  caller text;
  one text;
  list text := '';
BEGIN
  FOREACH caller IN ARRAY callers LOOP
    PERFORM pg_temp.become(caller);
    BEGIN
      EXECUTE statement INTO one;
    EXCEPTION WHEN insufficient_privilege THEN
      one := 'no';
    END;
    list := list || ' ' || one;
  END LOOP;
  PERFORM pg_temp.become('superuser');
  RETURN list;
END $$;
SELECT is(pg_temp.in_turn('{owner,stranger,owner,gone,anon,owner,root,service_role,stranger}', 'EXECUTE mine'), ' 2 0 2 0 no 2 3 3 0', 'a prepared statement asks who calls');
SELECT is(pg_temp.in_turn('{viewer,stranger,editor,gone,chief,owner,nobody}', 'EXECUTE my_flows'), ' 2 0 2 0 0 2 0', 'so do memberships');
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is(pg_temp.in_turn('{owner,stranger,owner,gone,anon,owner,root,service_role,stranger}', 'EXECUTE mine'), ' 2 0 2 0 no 2 3 3 0', 'and a generic plan');
RESET plan_cache_mode;
CREATE FUNCTION pg_temp.after_losing(role_of text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint;
  later bigint;
BEGIN
  PERFORM pg_temp.become('member');
  SELECT count(*) INTO before FROM generations;
  PERFORM pg_temp.become('superuser');
  IF role_of = 'workspace' THEN
    DELETE FROM workspace_members WHERE user_id = pg_temp.id('member');
  ELSIF role_of = 'active' THEN
    UPDATE users SET is_active = false WHERE id = pg_temp.id('member');
  ELSE
    UPDATE workspaces SET is_active = false;
  END IF;
  PERFORM pg_temp.become('member');
  SELECT count(*) INTO later FROM generations;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = before || ' ' || later;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
  RETURN sqlerrm;
END $$;
SELECT is(pg_temp.after_losing('workspace'), '1 0', 'who is removed from a workspace sees it no more, in the same transaction');
SELECT is(pg_temp.after_losing('active'), '1 0', 'nor does who is deactivated');
SELECT pg_temp.become('owner');
DECLARE held CURSOR FOR SELECT id, prompt FROM generations;
SELECT pg_temp.become('stranger');
SELECT is((SELECT count(*) FROM generations), 0::bigint, 'a cursor of another is open, and changes nothing');
SELECT pg_temp.become('superuser');
CLOSE held;

-- In parallel workers it is the same caller.
SELECT set_config(name, 'on', true) IS NOT NULL AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SELECT is(pg_temp.in_turn('{owner,stranger,gone,nobody,root,service_role}', 'SELECT count(*) FROM generations'), ' 2 0 0 0 3 3', 'in a parallel worker, too');
SELECT set_config(name, 'off', true) IS NOT NULL AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset

-- Objects of his own in the way of ours.
CREATE FUNCTION pg_temp.shadowed(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  value text;
BEGIN
  CREATE TEMP TABLE users (id uuid, email text, role text, is_active boolean);
  CREATE TEMP TABLE workspace_members (workspace_id uuid, user_id uuid, role text);
  CREATE TEMP TABLE flow_members (flow_id uuid, user_id uuid, role text, accepted_at timestamptz);
  CREATE TEMP TABLE flows (id uuid, user_id uuid, workspace_id uuid);
  INSERT INTO pg_temp.users VALUES (atelier.uid(), 'root@tap.test', 'super_admin', true);
  INSERT INTO pg_temp.workspace_members VALUES (pg_temp.id('space'), atelier.uid(), 'owner');
  INSERT INTO pg_temp.flow_members VALUES (pg_temp.id('owner'), atelier.uid(), 'editor', now());
  INSERT INTO pg_temp.flows VALUES (pg_temp.id('owner'), atelier.uid(), pg_temp.id('space'));
  SET LOCAL search_path = pg_temp, public, pg_catalog;
  EXECUTE query INTO value;
  RETURN value;
END $$;
SELECT is(pg_temp.answer('stranger', format('SELECT pg_temp.shadowed(%L)', query)), want, 'with tables of his own in front: ' || query)
  FROM (VALUES ('SELECT count(*) FROM generations', '0'), ('SELECT count(*) FROM flow_nodes', '0'), ('SELECT atelier.is_super_admin()', 'false'), ('SELECT atelier.is_workspace_member(pg_temp.id(''space''))', 'false'),
               ('SELECT atelier.can_edit_flow(pg_temp.id(''owner''))', 'false'), ('SELECT get_user_role(''root@tap.test'')', '42501'), ('SELECT count(*) FROM public.users', '1'),
               ('SELECT update_flow_status(pg_temp.id(''owner''), ''archived'')', '42501'), ('SELECT poll_generations(p_workspace_id => pg_temp.id(''space''))', '42501')) q (query, want);

-- What is left: settings, sequences, large objects, other schemas, roles.
SELECT is(pg_temp.outcome(who, command), '42501', format('%s: %s', who, command))
  FROM (SELECT who FROM attackers UNION ALL VALUES ('root')) a
 CROSS JOIN unnest(ARRAY[
   'SELECT setval(''replicate_tokens_id_seq'', 1)', 'SELECT nextval(''replicate_tokens_id_seq'')', 'SELECT * FROM replicate_tokens_id_seq', 'CREATE TABLE public.evil ()', 'CREATE FUNCTION public.evil() RETURNS int LANGUAGE sql AS ''SELECT 1''',
   'CREATE TABLE atelier.evil ()', 'CREATE FUNCTION atelier.evil() RETURNS int LANGUAGE sql AS ''SELECT 1''', 'CREATE SCHEMA evil', 'ALTER EXTENSION atelier DROP FUNCTION atelier.uid()', 'DROP EXTENSION atelier CASCADE',
   'CREATE OR REPLACE FUNCTION atelier.uid() RETURNS uuid LANGUAGE sql AS ''SELECT NULL::uuid''', 'ALTER FUNCTION atelier.is_active_user() OWNER TO authenticated', 'GRANT EXECUTE ON FUNCTION atelier.install() TO authenticated',
   'ALTER ROLE authenticated SUPERUSER', 'ALTER ROLE authenticated BYPASSRLS', 'CREATE ROLE evil', 'GRANT service_role TO authenticated', 'GRANT atelier_owner TO authenticated', 'SET LOCAL session_replication_role = replica',
   'SET LOCAL atelier.max_prompt_chars = 1', 'SET LOCAL atelier.api_base_url = ''https://evil.test''', 'SHOW atelier.webhook_url', 'ALTER ROLE authenticated SET atelier.api_base_url = ''https://evil.test''',
   'CREATE PUBLICATION evil FOR TABLE generations', 'CREATE EVENT TRIGGER evil ON ddl_command_start EXECUTE FUNCTION atelier.guard_user()', 'SELECT pg_read_file(''postgresql.conf'')', 'COPY generations TO PROGRAM ''cat''',
   'SELECT lo_import(''/etc/passwd'')', 'SELECT pg_reload_conf()', 'SELECT atelier.install()', 'SELECT atelier.resume()', 'SELECT atelier.pause()', 'SELECT atelier.health()', 'SELECT atelier.run_ddl(''SELECT 1'')',
   'SELECT atelier.write_as_owner(''SELECT 1'')', 'SELECT atelier.start_workers()', 'SELECT * FROM atelier.worker_state()', 'CALL atelier.adopt_backfill()', 'SELECT atelier.setup_storage()']) command
 ORDER BY who, command;
SELECT is((SELECT count(*) FROM pg_publication_tables WHERE tablename = 'generations' AND schemaname = 'public'), 0::bigint, 'generations are published nowhere');
SELECT is_empty($$SELECT name FROM relations WHERE relkind = 'r' AND pg_temp.answer('stranger', 'SELECT count(*) FROM pg_stats WHERE tablename = ' || quote_literal(split_part(name, '.', 2))) NOT IN ('0', '42501')$$, 'statistics of columns are not shown');

-- Advisory locks of SQL have the classes 1 and 2, and anybody may hold them for ever: what makes users wait is none of these.
SELECT set_config('request.jwt.claims', format('{"sub": "%s"}', pg_temp.id('owner')), true) IS NOT NULL AS signed_in \gset
SET LOCAL ROLE authenticated;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (atelier.uid(), 'create', 'm', 'M', 'owner/name');
INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.id('owner'), 'somebody@tap.test');
RESET ROLE;
SELECT atelier.require_free_trainer(pg_temp.id('owner')), atelier.install();
SELECT is_empty($$SELECT classid, objid FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid IN (1, 2)$$, 'nobody can be in the way of queueing, inviting, training and installing');
SELECT cmp_ok((SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted), '>=', 4::bigint, 'each of which has a lock of its own');
SELECT * FROM finish();
ROLLBACK;
