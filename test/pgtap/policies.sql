-- SPDX-License-Identifier: PostgreSQL
-- The policies as such: which there are, one per command and role, for named roles, without subqueries (those recursed and
-- broke half of the calls that users made), so cheap that no plan reaches the compiler.
BEGIN;
SELECT plan(19);
\ir lib/callers.sql

CREATE TEMP VIEW policies AS
SELECT c.oid::regclass::text AS relation, p.polname AS name, p.polcmd AS command, p.polpermissive AS permissive,
  p.polroles AS roles,
       p.polqual::text AS rule_tree, p.polwithcheck::text AS check_tree, p.oid
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier');
SELECT set_eq($$SELECT relation, name, command::text, roles::regrole[]::text FROM policies$$, $$VALUES
  ('users', 'users_select_own'::name, 'r', '{authenticated}'), ('users', 'users_update_own', 'w', '{authenticated}'),
  ('generations', 'generations_select_own', 'r', '{authenticated}'),
    ('generations', 'generations_insert_own', 'a', '{authenticated}'),
  ('generations', 'generations_update_own', 'w', '{authenticated}'),
  ('notifications', 'notifications_select_own', 'r', '{authenticated}'),
    ('notifications', 'notifications_update_own', 'w', '{authenticated}'),
  ('notifications', 'notifications_delete_own', 'd', '{authenticated}'),
  ('replicate_tokens', 'replicate_tokens_service', '*', '{service_role}'),
    ('api_logs', 'api_logs_service', '*', '{service_role}')$$,
  'these are all policies');
SELECT is_empty('SELECT name FROM policies WHERE NOT permissive', 'all of them permit');
SELECT is_empty('SELECT name FROM policies WHERE 0 = ANY (roles)', 'each names its role');
SELECT is_empty($$SELECT relation, r.role::regrole, c.command FROM policies CROSS JOIN unnest(roles) r (role)
                    CROSS JOIN string_to_table('r a w d', ' ') c (command) WHERE policies.command::text IN (c.command, '*')
                   GROUP BY relation, r.role, c.command HAVING count(*) > 1$$, 'there is one per command and role');
SELECT is_empty($$SELECT name FROM policies WHERE concat(rule_tree, check_tree) ~ '(SUBLINK|SUBPLAN)'$$, 'none has a subquery');
SELECT is_empty($$SELECT name FROM policies WHERE command IN ('w', '*') AND check_tree IS NULL$$,
  'who may update says what may become of the row');
-- Which functions they call, as the server knows it: ours by name, and the operators of uuid.
SELECT set_eq($$SELECT DISTINCT d.refobjid::regprocedure::text FROM pg_depend d
  JOIN policies p ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                 WHERE d.refclassid = 'pg_proc'::regclass$$, ARRAY['atelier.uid()', 'atelier.is_active_user()'],
              'they call our own functions, neither auth.uid() nor anything that trusts a claimed role');
SELECT is_empty($$SELECT name FROM policies WHERE concat(rule_tree, check_tree) ~ 'current_setting' $$, 'and read no setting');

-- The tables under them.
CREATE TEMP VIEW tables AS
SELECT c.oid::regclass::text AS name, c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind IN ('r', 'p');
SELECT is((SELECT count(*) FROM tables), 10::bigint, 'there are ten tables');
SELECT is_empty('SELECT name FROM tables WHERE NOT relrowsecurity', 'each has row level security');
SELECT is_empty('SELECT name FROM tables WHERE relforcerowsecurity', 'none forces it on its owner, who does the work');
SELECT is_empty($$SELECT name FROM tables WHERE relowner <> 'atelier_owner'::regrole$$, 'each belongs to atelier_owner');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname IN ('atelier_owner', 'anon', 'authenticated')
                    AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolreplication)$$,
                'neither the owner nor users have rights that go beyond the tables');
SELECT is_empty($$SELECT r.rolname, m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid
  JOIN pg_roles m ON m.oid = a.member
                   WHERE r.rolname IN ('atelier_owner', 'service_role')
                     AND m.rolname IN ('anon', 'authenticated', 'service_role')$$,
                'no role of users is a member of a stronger one');

-- Users cannot get round them.
SELECT is(pg_temp.outcome('ann', 'SET LOCAL row_security = off; SELECT FROM generations'), '42501',
  'row_security = off is refused, not obeyed');
SELECT is(pg_temp.outcome('ann', 'ALTER TABLE generations DISABLE ROW LEVEL SECURITY'), '42501', 'nobody switches it off');
SELECT is(pg_temp.outcome('ann', 'CREATE POLICY mine ON generations USING (true)'), '42501', 'nobody adds a policy');
SELECT is(pg_temp.outcome('ann', 'ALTER TABLE generations DISABLE TRIGGER generation_guard_trigger'), '42501',
  'nobody disables a guard');
-- A replica role would silence the guards.
SELECT is(pg_temp.outcome('ann', 'SET LOCAL session_replication_role = replica'), '42501', 'nobody plays the replica');
SELECT * FROM finish();
ROLLBACK;
