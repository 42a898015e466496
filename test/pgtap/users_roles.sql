-- SPDX-License-Identifier: PostgreSQL
-- Global roles and credits: changed by super_admins and the app alone, whatever the arguments and the claimed address say.
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql

SELECT is(pg_get_function_arguments(s.id) || ' -> ' || pg_get_function_result(s.id), s.signature, s.id::text)
  FROM (VALUES
    ('is_admin_or_super(text)'::regprocedure, 'user_email text -> boolean'), ('is_super_admin(text)', 'user_email text -> boolean'),
    ('get_user_role(text)', 'user_email text -> text'), ('assign_admin_role(text, text)', 'target_email text, requesting_email text -> boolean'),
    ('remove_admin_role(text, text)', 'target_email text, requesting_email text -> boolean'),
    ('decrement_credits(uuid, integer)', 'user_id_param uuid, credits_param integer -> void')) s (id, signature);

-- H1, H32: a row of users.
SELECT is(pg_temp.outcome(caller, format('UPDATE users SET %s WHERE id = pg_temp.id(%L)', change, target)), '42501', format('H1: %s, %s of %s', caller, change, target))
  FROM unnest(ARRAY['member', 'admin', 'boss', 'root', 'idle', 'nobody', 'impostor']) caller
 CROSS JOIN unnest(ARRAY['role = ''super_admin''', 'credits = 1000000', 'email = ''root@tap.test''', 'is_active = true']) change
 CROSS JOIN LATERAL (VALUES (caller), ('stranger')) t (target);
GRANT UPDATE ON users TO authenticated;
SELECT is(pg_temp.outcome(caller, format('UPDATE users SET %s WHERE id = atelier.uid()', change)), '42501', format('H1, guard: %s, %s', caller, change))
  FROM unnest(ARRAY['member', 'boss', 'root']) caller
 CROSS JOIN unnest(ARRAY['role = CASE role WHEN ''user'' THEN ''admin'' ELSE ''user'' END', 'credits = 1000000', 'email = ''tap@tap.test''', 'is_active = false']) change;
SELECT is(pg_temp.outcome(caller, $$UPDATE users SET role = 'user' WHERE id <> atelier.uid()$$), '0', 'H32: '|| caller || ' reaches no other row')
  FROM unnest(ARRAY['member', 'boss', 'root', 'nobody']) caller;
REVOKE UPDATE ON users FROM authenticated;
GRANT UPDATE (display_name, avatar_url, cover_url) ON users TO authenticated;
SELECT is(pg_temp.answer('service_role', $$UPDATE users SET role = 'admin', credits = 7, is_active = false WHERE id = pg_temp.id('member')
            RETURNING concat_ws(' ', role, credits, is_active)$$), 'admin 7 f', 'the app changes all that');
SELECT is(pg_temp.outcome(caller, 'SELECT FROM users WHERE email LIKE ''%@tap.test'''), rows, caller || ' sees so many profiles')
  FROM (VALUES ('member', '1'), ('idle', '1'), ('boss', '8'), ('root', '8'), ('nobody', '0'), ('impostor', '0'), ('anon', '42501'), ('service_role', '8')) s (caller, rows);

-- H2: granting and revoking. The requester in the arguments is believed by nobody.
CREATE FUNCTION pg_temp.tried(caller text, call text, target text, requester text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.answer(caller, format('SELECT %I(target_email => %L, requesting_email => %L)', call, target, requester)) $$;
SELECT is(pg_temp.tried(caller, call, 'Member@Tap.test ', requester), '42501', format('H2: %s, %s, as "%s"', caller, call, coalesce(requester, 'null')))
  FROM unnest(ARRAY['member', 'boss', 'idle', 'nobody', 'impostor', 'anon']) caller
 CROSS JOIN unnest(ARRAY['assign_admin_role', 'remove_admin_role']) call
 CROSS JOIN unnest(ARRAY['root@tap.test', 'nobody@tap.test', NULL]) requester;
SELECT is(pg_temp.answer('member', $$SELECT atelier.set_admin_role('member@tap.test', 'root@tap.test', true)$$), '42501', 'H2: nor by the native function');
SELECT is(pg_temp.tried('root', call, s.target, s.requester), s.result, format('a super_admin: %s of %s', call, coalesce(s.target, 'null')))
  FROM unnest(ARRAY['assign_admin_role', 'remove_admin_role']) call
 CROSS JOIN (VALUES ('member@tap.test', 'root@tap.test', 'true'), (' MEMBER@tap.test', NULL, 'true'), ('boss@tap.test', 'nobody@tap.test', 'true'), ('none@tap.test', 'root@tap.test', 'false'),
                    ('root@tap.test', 'root@tap.test', 'false'), (NULL, 'root@tap.test', 'false')) s (target, requester, result);
-- Behind the service key it is the app that says who asks, and that has to be a super_admin.
SELECT is(pg_temp.tried('service_role', 'assign_admin_role', 'member@tap.test', s.requester), s.result, format('H2: the app for %s', coalesce(s.requester, 'null')))
  FROM (VALUES ('root@tap.test', 'true'), ('ROOT@tap.test', 'true'), ('boss@tap.test', '42501'), ('member@tap.test', '42501'), ('none@tap.test', '42501'), (NULL, '42501')) s (requester, result);
SELECT pg_temp.act('root', $$SELECT assign_admin_role('member@tap.test', 'root@tap.test')$$);
SELECT results_eq($$SELECT role FROM users WHERE id = pg_temp.id('member')$$, $$VALUES ('admin')$$, 'he is an admin now');
SELECT is(pg_temp.outcome('member', 'SELECT FROM users WHERE email LIKE ''%@tap.test'''), '8', 'and sees as one');
SELECT pg_temp.act('root', $$SELECT remove_admin_role('member@tap.test', 'root@tap.test')$$);
SELECT results_eq($$SELECT role FROM users WHERE id = pg_temp.id('member')$$, $$VALUES ('user')$$, 'and none again');
UPDATE users SET is_active = false WHERE id = pg_temp.id('root');
SELECT is(pg_temp.tried('root', 'assign_admin_role', 'member@tap.test', 'root@tap.test'), '42501', 'H2: a deactivated super_admin grants nothing');
SELECT is(pg_temp.tried('service_role', 'assign_admin_role', 'member@tap.test', 'root@tap.test'), '42501', 'H2: nor does the app for him');
SELECT is(pg_temp.answer('service_role', 'SELECT concat_ws('' '', is_super_admin(''root@tap.test''), is_admin_or_super(''root@tap.test''), get_user_role(''root@tap.test''))'),
          'f f user', 'a deactivated super_admin is none');
UPDATE users SET is_active = true WHERE id = pg_temp.id('root');

-- H3: asking for roles, without telling strangers who the admins are.
SELECT is(pg_temp.answer(s.caller, format('SELECT concat_ws('' '', is_admin_or_super(user_email => %1$L), is_super_admin(user_email => %1$L), get_user_role(user_email => %1$L))', s.email)),
          s.result, format('H3: %s asks about %s', s.caller, coalesce(s.email, 'null')))
  FROM (VALUES ('member', 'member@tap.test', 'f f user'), ('member', 'MEMBER@tap.test', 'f f user'), ('boss', 'boss@tap.test', 't f admin'), ('root', 'Root@tap.test', 't t super_admin'),
               ('boss', 'root@tap.test', 't t super_admin'), ('boss', 'none@tap.test', 'f f user'), ('service_role', 'root@tap.test', 't t super_admin'),
               ('service_role', 'none@tap.test', 'f f user'), ('service_role', NULL, 'f f user'), ('service_role', '', 'f f user'), ('idle', 'idle@tap.test', 'f f user'),
               ('member', 'root@tap.test', '42501'), ('member', 'none@tap.test', '42501'), ('member', NULL, '42501'), ('idle', 'root@tap.test', '42501'),
               ('nobody', 'root@tap.test', '42501'), ('nobody', NULL, '42501'), ('impostor', 'root@tap.test', '42501'), ('anon', 'root@tap.test', '42501')) s (caller, email, result);
SELECT is(pg_temp.answer('member', $$SELECT atelier.role_of_email('root@tap.test')$$), '42501', 'H3: nor by the native function');

-- H5: the address in the claims gives no right.
CREATE FUNCTION pg_temp.claiming(command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  rows text;
BEGIN
  PERFORM set_config('request.jwt.claims', json_build_object('sub', pg_temp.id('member'), 'role', 'authenticated', 'email', 'root@tap.test')::text, true),
          set_config('role', 'authenticated', true);
  EXECUTE command INTO rows;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = rows;
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm;
  WHEN OTHERS THEN RETURN sqlstate;
END $$;
SELECT is(pg_temp.claiming('SELECT count(*) FROM users'), '1', 'H5: with the address of a super_admin a user sees himself');
SELECT is(pg_temp.claiming($$SELECT assign_admin_role('member@tap.test', 'root@tap.test')$$), '42501', 'H5: and grants nothing');
SELECT is(pg_temp.claiming($$SELECT is_super_admin('root@tap.test')$$), '42501', 'H5: and asks nothing');
SELECT is(pg_temp.outcome('service_role', 'INSERT INTO users (email) VALUES ('' Member@TAP.test'')'), '23505', 'H5: addresses that differ in case are one');
SELECT is(pg_temp.answer('service_role', 'INSERT INTO users (email) VALUES ('' New@TAP.test'') RETURNING email'), 'new@tap.test', 'H6: addresses are kept in lower case');
SELECT is(pg_temp.answer('service_role', 'UPDATE users SET email = ''NEW@TAP.test'' WHERE id = pg_temp.id(''member'') RETURNING email'), 'new@tap.test', 'H6: also changed ones');

SELECT is(pg_temp.answer('service_role', 'UPDATE users SET email = '' '' WHERE id = pg_temp.id(''member'') RETURNING email'), 'null', 'H6: an empty one is none');
SELECT is(pg_temp.outcome('member', format('UPDATE users SET %s WHERE id = atelier.uid()', c.change)), c.result, left(c.change, 40))
  FROM (VALUES ('display_name = repeat(''ж'', 10001)', '22001'), ('display_name = repeat(''ж'', 10000)', '1'), ('avatar_url = repeat(''x'', 2049)', '22001'),
               ('avatar_url = repeat(''x'', 2048)', '1'), ('cover_url = repeat(''x'', 2049)', '22001'), ('cover_url = NULL', '1')) c (change, result);

-- Credits.
SELECT is(pg_temp.outcome(caller, 'SELECT decrement_credits(pg_temp.id(''member''), 1)'), '42501', 'credits are not taken by ' || caller)
  FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'member', 'boss', 'root']) caller;
CREATE FUNCTION pg_temp.left_of(balance integer, taken integer) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
  rest integer;
BEGIN
  UPDATE users SET credits = balance WHERE id = pg_temp.id('member');
  PERFORM pg_temp.act('service_role', format('SELECT decrement_credits(user_id_param => pg_temp.id(''member''), credits_param => %L)', taken));
  SELECT credits INTO rest FROM users WHERE id = pg_temp.id('member');
  RETURN rest;
END $$;
SELECT is(pg_temp.left_of(s.balance, s.taken), s.rest, format('%s credits less %s', s.balance, s.taken))
  FROM (VALUES (100, 1, 99), (100, 100, 0), (3, 5, 0), (0, 1, 0), (-5, 1, -5), (100, 0, 100), (2147483647, 2147483647, 0), (5, 2147483647, 0)) s (balance, taken, rest);
SELECT is(pg_temp.outcome('service_role', call), '22023', call)
  FROM unnest(ARRAY['SELECT decrement_credits(pg_temp.id(''member''), -1)', 'SELECT decrement_credits(pg_temp.id(''member''), NULL)', 'SELECT decrement_credits(NULL, 1)']) call;
SELECT is(pg_temp.outcome('service_role', 'SELECT decrement_credits(pg_temp.id(''none''), 1)'), '1', 'a user who is gone owes nothing');
SELECT * FROM finish();
ROLLBACK;
