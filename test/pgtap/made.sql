-- SPDX-License-Identifier: PostgreSQL
-- What a later version does with the policies, triggers, functions and views of this one: what is as install() made it is replaced
-- or dropped, what somebody has changed stays and is named by health(). The later version is played by other answers of
-- wanted_policies() and its like.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.rule(policy name) RETURNS text LANGUAGE sql AS $$
  SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p WHERE p.polname = policy $$;
CREATE FUNCTION pg_temp.changes() RETURNS text LANGUAGE sql AS $$
  SELECT status || ': ' || detail FROM atelier.health() WHERE check_name = 'changes' $$;
CREATE FUNCTION pg_temp.no_changes() RETURNS text LANGUAGE sql AS $$
  SELECT 'ok: policies, triggers and functions are those of this version' $$;
CREATE FUNCTION pg_temp.tries(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE command; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;

SELECT is((SELECT count(*) FROM atelier.wanted_guards()) + (SELECT count(*) FROM atelier.wanted_functions()),
          (SELECT count(*) FROM atelier.made WHERE kind <> 'view'), 'all that is wanted is remembered');
SELECT is((SELECT count(*) FROM atelier.made m WHERE m.definition IS DISTINCT FROM atelier.made_definition(m.kind, m.relation, m.object)),
          0::bigint, 'as it is');
SELECT is(pg_temp.changes(), pg_temp.no_changes(), 'health() is content');

-- What does not count as a change.
SET LOCAL quote_all_identifiers = on;
SET LOCAL intervalstyle = iso_8601;
SET LOCAL search_path = public, pg_catalog, tap;
SELECT is((SELECT count(*) FROM atelier.made m WHERE m.definition IS DISTINCT FROM atelier.made_definition(m.kind, m.relation, m.object)),
          0::bigint, 'settings of the session make no difference');
RESET quote_all_identifiers;
RESET intervalstyle;
RESET search_path;

-- Policies.
ALTER FUNCTION atelier.wanted_policies() RENAME TO policies_of_now;
CREATE FUNCTION atelier.wanted_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE sql BEGIN ATOMIC
  SELECT p.relation, p.name,
         CASE WHEN p.name IN ('idea_votes_select_own', 'user_loras_select_own', 'flows_select') THEN replace(p.rule, 'USING (', 'USING (true AND ') ELSE p.rule END
    FROM atelier.policies_of_now() p
   WHERE p.name NOT IN ('workspaces_delete', 'flows_delete')
  UNION ALL VALUES ('ideas', 'ideas_of_later', 'FOR SELECT TO service_role USING (true)');
END;
SELECT is((SELECT count(*) FROM atelier.policies_of_now() WHERE name IN ('idea_votes_select_own', 'user_loras_select_own', 'flows_select', 'workspaces_delete', 'flows_delete')),
          5::bigint, 'these policies exist');
COMMENT ON POLICY idea_votes_select_own ON idea_votes IS 'a comment';
ALTER POLICY user_loras_select_own ON user_loras USING (false);
ALTER POLICY flows_delete ON flows USING (false);
ALTER POLICY notifications_select_own ON notifications USING (false);
SELECT lives_ok('SELECT atelier.install()', 'a later version with other policies');
SELECT matches(pg_temp.rule('idea_votes_select_own'), '^\(true AND ', 'a policy that was not touched is replaced');
SELECT is((SELECT obj_description(oid, 'pg_policy') FROM pg_policy WHERE polname = 'idea_votes_select_own'), 'a comment', 'its comment stays');
SELECT matches(pg_temp.rule('flows_select'), '^\(\(true AND ', 'another one too');
SELECT is(pg_temp.rule('user_loras_select_own'), 'false', 'one that somebody has changed stays');
SELECT is(pg_temp.rule('ideas_of_later'), 'true', 'a new one is there');
SELECT is(pg_temp.rule('workspaces_delete'), NULL, 'one that is not wanted is gone');
SELECT is(pg_temp.rule('flows_delete'), 'false', 'one that is not wanted, but was changed, stays');
SELECT is(pg_temp.rule('notifications_select_own'), 'false', 'a change of what did not change between the versions stays');
SELECT is(pg_temp.changes(), 'warn: kept as somebody has changed them: policy user_loras_select_own on public.user_loras', 'health() names what is not of this version');
SELECT is(hint, 'DROP POLICY user_loras_select_own on public.user_loras; SELECT atelier.install();', 'and the remedy') FROM atelier.health() WHERE check_name = 'changes';
SELECT lives_ok('SELECT atelier.install()', 'again');
SELECT is(pg_temp.rule('user_loras_select_own'), 'false', 'it stays');
DROP POLICY user_loras_select_own ON user_loras;
DROP POLICY notifications_select_own ON notifications;
SELECT lives_ok('SELECT atelier.install()', 'without it');
SELECT matches(pg_temp.rule('user_loras_select_own'), '^\(true AND ', 'it is ours again');
SELECT is(pg_temp.changes(), pg_temp.no_changes(), 'health() is content');

-- Triggers.
ALTER FUNCTION atelier.wanted_triggers() RENAME TO triggers_of_now;
CREATE FUNCTION atelier.wanted_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE sql BEGIN ATOMIC
  SELECT t.relation, t.name, replace(t.timing, 'BEFORE UPDATE', 'BEFORE INSERT OR UPDATE'), t.call
    FROM atelier.triggers_of_now() t
   WHERE NOT (t.name = 'touch_trigger' AND t.relation = 'flows');
END;
ALTER TABLE flow_comments DISABLE TRIGGER touch_trigger;
SELECT lives_ok('SELECT atelier.install()', 'a later version with other triggers');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname = 'touch_trigger' AND tgtype & 4 = 4),
          (SELECT count(*) - 1 FROM atelier.triggers_of_now() WHERE name = 'touch_trigger'), 'they are replaced, and one is gone');
SELECT is((SELECT tgenabled FROM pg_trigger WHERE tgname = 'touch_trigger' AND tgrelid = 'flow_comments'::regclass), 'D'::"char",
          'what was disabled is disabled');
ALTER TABLE flow_comments ENABLE TRIGGER touch_trigger;

-- Functions.
ALTER FUNCTION atelier.wanted_functions() RENAME TO functions_of_now;
CREATE FUNCTION atelier.wanted_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text) RETURNS SETOF record
LANGUAGE sql BEGIN ATOMIC
  SELECT f.signature,
         CASE f.signature
           WHEN 'refresh_admin_stats()' THEN replace(f.ddl, 'SELECT atelier', 'SELECT 1; SELECT atelier')
           WHEN 'mark_all_generations_viewed()' THEN replace(replace(f.ddl, 'RETURNS integer', 'RETURNS bigint'), '()' || chr(59), '()::bigint' || chr(59))
           WHEN 'translit_slug(text)' THEN replace(f.ddl, 'input', 'other')
           WHEN 'get_user_role(text)' THEN f.ddl || ' '
           WHEN 'cleanup_old_generations(integer)' THEN replace(f.ddl, 'DEFAULT 90', 'DEFAULT 91')
           ELSE f.ddl
         END,
         CASE f.signature WHEN 'get_user_role(text)' THEN 'service_role' ELSE f.callers END,
         CASE f.signature WHEN 'get_user_role(text)' THEN 'another comment' ELSE f.about END
    FROM atelier.functions_of_now() f
   WHERE f.signature NOT IN ('update_flow_status(uuid, text)', 'get_flow_workspace(uuid)')
  UNION ALL
  VALUES ('of_later()', 'CREATE FUNCTION @app@.of_later() RETURNS integer LANGUAGE sql RETURN 2', 'service_role', 'of later');
END;
CREATE ROLE atelier_reporter;
GRANT EXECUTE ON FUNCTION refresh_admin_stats() TO atelier_reporter;
CREATE FUNCTION of_later() RETURNS integer LANGUAGE sql RETURN 1;
CREATE VIEW of_dba AS SELECT get_flow_workspace(gen_random_uuid());
CREATE OR REPLACE FUNCTION cleanup_old_generations(days_to_keep integer DEFAULT 90) RETURNS integer LANGUAGE sql RETURN 0;
SELECT lives_ok('SELECT atelier.install()', 'a later version with other functions');
SELECT matches((SELECT pg_get_functiondef('refresh_admin_stats()'::regprocedure)), 'SELECT 1', 'a body is replaced');
SELECT ok(has_function_privilege('atelier_reporter', 'refresh_admin_stats()', 'EXECUTE'), 'what the DBA has granted stays');
SELECT is((SELECT prorettype::regtype FROM pg_proc WHERE oid = 'mark_all_generations_viewed()'::regprocedure), 'bigint', 'a result is replaced');
SELECT ok(has_function_privilege('service_role', 'mark_all_generations_viewed()', 'EXECUTE')
          AND NOT has_function_privilege('authenticated', 'mark_all_generations_viewed()', 'EXECUTE'), 'with its grants');
SELECT is((SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'mark_all_generations_viewed()'::regprocedure), 'atelier_owner', 'and its owner');
SELECT ok(NOT has_function_privilege('authenticated', 'get_user_role(text)', 'EXECUTE'), 'who may call is replaced');
SELECT is(obj_description('get_user_role(text)'::regprocedure, 'pg_proc'), 'another comment', 'and the comment');
SELECT is(to_regprocedure('update_flow_status(uuid, text)'), NULL, 'one that is not wanted is gone');
SELECT isnt(to_regprocedure('get_flow_workspace(uuid)'), NULL, 'one that is not wanted, but that the DBA needs, stays');
SELECT is(of_later(), 1, 'a function of the DBA stays');
SELECT is(cleanup_old_generations(), 0, 'and ours that he has changed');
SELECT is(pg_temp.changes(), 'warn: kept as somebody has changed them: function public.cleanup_old_generations(integer), function public.of_later()',
          'health() names it, and not what is the same in both versions');
DROP FUNCTION of_later();
DROP FUNCTION cleanup_old_generations(integer);
SELECT lives_ok('SELECT atelier.install()', 'without it');
SELECT is(of_later(), 2, 'ours is made');

-- Views.
SELECT atelier.make_view('atelier.seen', 'CREATE VIEW atelier.seen AS SELECT u.id FROM @app@.users u');
SELECT atelier.describe('atelier.seen', 'first', ARRAY['id', 'first']);
GRANT SELECT ON atelier.seen TO atelier_reporter;
CREATE VIEW on_seen AS SELECT id FROM atelier.seen;
SELECT atelier.make_view('atelier.seen', 'CREATE VIEW atelier.seen AS SELECT u.id, u.email FROM @app@.users u');
SELECT atelier.describe('atelier.seen', 'second', ARRAY['id', 'second']);
SELECT has_column('atelier', 'seen', 'email', 'a view gets its new column');
SELECT is(obj_description('atelier.seen'::regclass, 'pg_class') || col_description('atelier.seen'::regclass, 1), 'secondsecond', 'and its new comments');
SELECT ok(has_table_privilege('atelier_reporter', 'atelier.seen', 'SELECT'), 'and keeps its grants');
SELECT is(pg_temp.tries($$SELECT atelier.make_view('atelier.seen', 'CREATE VIEW atelier.seen AS SELECT u.email FROM @app@.users u')$$), '2BP01',
          'a column that the DBA uses does not go unsaid');
DROP VIEW on_seen;
SELECT atelier.make_view('atelier.seen', 'CREATE VIEW atelier.seen AS SELECT u.email FROM @app@.users u');
SELECT hasnt_column('atelier', 'seen', 'id', 'without his view it goes');
CREATE OR REPLACE VIEW atelier.seen AS SELECT u.email, 1 AS mine FROM users u;
SELECT atelier.make_view('atelier.seen', 'CREATE VIEW atelier.seen AS SELECT u.id FROM @app@.users u');
SELECT has_column('atelier', 'seen', 'mine', 'a view that the DBA has changed stays');
DROP VIEW atelier.seen;
DELETE FROM atelier.made WHERE object = 'atelier.seen';

-- The memory is lost.
CREATE TEMP TABLE before AS SELECT kind, relation, object, statement, definition FROM atelier.made;
SET LOCAL atelier.allow_drop = on;
DROP TABLE atelier.made;
SELECT is(status, 'fail', 'health() fails without the memory') FROM atelier.health() WHERE check_name = 'changes';
SELECT lives_ok('SELECT atelier.install()', 'install() makes it anew');
-- Without a step of its own, what there is could be that of 0.1.0.
SELECT CASE WHEN atelier.table_version() > 16
            THEN is(pg_temp.changes(), pg_temp.no_changes(), 'health() is content') || E'\n'
              || set_eq('SELECT kind, relation, object, statement, definition FROM atelier.made', 'SELECT * FROM before', 'from what is there')
            ELSE skip('no step after those of 0.1.0', 2) END;
SELECT * FROM finish();
ROLLBACK;
