-- SPDX-License-Identifier: PostgreSQL
-- Code that runs with the rights of another role must not pick up what its caller has put in front of pg_catalog, nor his temporary
-- tables. A schema full of traps: whoever runs into one of its functions or operators fails with TRAP0.
BEGIN;
SELECT plan(28);
\ir lib/callers.sql

CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
DO $$
DECLARE
  made text;
BEGIN
  FOR made IN
    -- Functions by the signatures that pg_catalog has, in its place.
    SELECT format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION USING ERRCODE = ''''TRAP0''''; END''',
                  p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, NULL))
      FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
       AND p.proname IN ('now', 'clock_timestamp', 'current_setting', 'set_config', 'to_regclass', 'to_regrole',
         'to_regnamespace', 'to_regprocedure',
                         'quote_ident', 'quote_literal', 'format', 'replace', 'lower', 'hashtext', 'date_trunc',
                           'pg_advisory_xact_lock', 'nextval')
       AND p.proallargtypes IS NULL
  LOOP
    EXECUTE made;
  END LOOP;
  FOR made IN
    SELECT format('CREATE FUNCTION trap.%I(%2$s, %3$s) RETURNS %4$s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION USING ERRCODE = ''''TRAP0''''; END'';
                   CREATE OPERATOR trap.%5$s (LEFTARG = %2$s, RIGHTARG = %3$s,
                     FUNCTION = trap.%1$I)', 'op_' || o.oid, format_type(o.oprleft, NULL),
                  format_type(o.oprright, NULL), format_type(o.oprresult, NULL), o.oprname)
      FROM pg_operator o
     WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b'
       AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '||', '->>', '->', '~')
       AND o.oprleft::regtype::text IN ('uuid', 'text', 'integer', 'bigint', 'boolean', 'name', 'oid', 'jsonb', '"char"',
         'timestamp with time zone', 'smallint', 'interval')
       AND o.oprright::regtype::text IN ('uuid', 'text', 'integer', 'bigint', 'boolean', 'name', 'oid', 'jsonb', '"char"',
         'timestamp with time zone', 'smallint', 'interval')
  LOOP
    EXECUTE made;
  END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace), '>', 100::bigint, 'the traps are set');

CREATE FUNCTION pg_temp.trapped(caller text, command text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome(caller, 'SET LOCAL search_path = trap, pg_catalog, public; ' || command) $$;
SELECT is(pg_temp.trapped('ann', 'SELECT 1 = 1'), 'TRAP0', 'a trap works: operator');
SELECT is(pg_temp.trapped('ann', 'SELECT now()'), 'TRAP0', 'a trap works: function');
SELECT is(pg_temp.trapped('ann', 'SELECT ''{}''::jsonb ->> ''x''::text'), 'TRAP0', 'a trap works: jsonb');

-- What users and the app can call.
SELECT is(pg_temp.trapped(caller, command), rows, format('%s is not trapped: %s', caller,
  regexp_replace(command, '\s+', ' ', 'g')))
  FROM (VALUES ('ann', 'SELECT atelier.uid()', '1'), ('ann', 'SELECT atelier.role()', '1'),
    ('ann', 'SELECT atelier.is_active_user()', '1'),
               ('ann', 'SELECT auth.uid()', '1'), ('ann', 'SELECT auth.role()', '1'), ('ann', 'SELECT auth.jwt()', '1'),
                 ('ann', 'SELECT auth.email()', '1'),
               ('ann', 'SELECT FROM generations', '1'), ('ann', 'SELECT FROM users', '1'),
               ('ann', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, settings)
                        VALUES (atelier.uid(), ''create'', ''m'', ''M'', ''owner/name'', ''{"priority": 3}'')', '1'),
               ('ann', 'UPDATE generations SET status = ''queued''', '1'), ('ann', 'UPDATE generations SET viewed = true', '1'),
               ('ann', 'UPDATE users SET display_name = ''A''', '1'), ('ann', 'DELETE FROM notifications', '1'),
               ('service_role', 'SELECT public.get_next_replicate_token()', '1'),
                 ('service_role', 'SELECT atelier.get_next_replicate_token()', '1'),
               ('service_role', 'INSERT INTO users (email) VALUES (''X@tap.test'')', '1'),
               ('service_role', 'INSERT INTO replicate_tokens (id, token) VALUES (7, ''r8_x'')', '1'),
               ('service_role', 'INSERT INTO notifications (id, user_id, type, title) VALUES (NULL, pg_temp.ann(), ''update'', ''t'')', '1'),
               ('service_role', 'DELETE FROM generations', '3')) v (caller, command, rows);
SELECT isnt(pg_temp.trapped('service_role', 'SELECT * FROM atelier.health()'), 'TRAP0',
  'service_role is not trapped: health()');
-- What a superuser calls would be worst of all.
SELECT is(pg_temp.trapped('superuser', 'DROP TRIGGER generation_guard_trigger ON public.generations; SELECT atelier.install()'), '1', 'a superuser is not trapped: install()');
SELECT is(pg_temp.trapped('superuser', 'SELECT atelier.pause(); SELECT atelier.resume()'), '1', 'nor by resume()');

-- Temporary tables are found before all others unless a function says otherwise.
CREATE FUNCTION pg_temp.shadow() RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  CREATE TEMP TABLE users AS SELECT u.* FROM public.users u;
  UPDATE pg_temp.users SET is_active = true;
  CREATE TEMP TABLE replicate_tokens AS SELECT 1 AS id, 'r8_shadow' AS token, true AS is_active;
  CREATE TEMP TABLE pg_class AS SELECT 1 AS oid;
END $$;
SELECT is(pg_temp.answer('dan', 'SELECT pg_temp.shadow(); SELECT atelier.is_active_user()'), 'false',
  'a temporary table of users activates nobody');
SELECT * FROM finish();
ROLLBACK;
