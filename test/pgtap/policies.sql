-- SPDX-License-Identifier: PostgreSQL
-- The policies as such: which there are, one per command and role, for named roles, without subqueries (those recursed and
-- broke half of the calls that users made), so cheap that no plan reaches the compiler.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE TEMP VIEW policies AS
SELECT c.oid::regclass::text AS relation, p.polname AS name, p.polcmd AS command, p.polpermissive AS permissive,
  p.polroles AS roles,
       p.polqual::text AS rule_tree, p.polwithcheck::text AS check_tree, p.oid
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public';
-- Table, role, and the commands that have a policy: r SELECT, a INSERT, w UPDATE, d DELETE. A command that is not stated has
-- none, so nobody gets through but who bypasses row level security.
CREATE TEMP TABLE stated (relation text, role text, commands text, why text);
INSERT INTO stated VALUES
  ('users',                   'authenticated', 'r w',     'profiles are made at sign-up and deleted by the app'),
  ('generations',             'authenticated', 'r a w',   'the app deletes, with the files'),
  ('replicate_tokens',        'service_role',  '*',       'H17: no policy for users'),
  ('workspaces',              'authenticated', 'r a w d', 'by membership and global role'),
  ('workspace_members',       'authenticated', 'r a w d', 'by membership'),
  ('flows',                   'authenticated', 'r a w d', 'H11: one policy for INSERT, not two that add up'),
  ('flow_nodes',              'authenticated', 'r a w d', 'by the flow'),
  ('flow_edges',              'authenticated', 'r a w d', 'by the flow'),
  ('flow_members',            'authenticated', 'r a w d', 'the flow''s owner; oneself may leave'),
  ('flow_invites',            'authenticated', 'r a d',   'an invitation is not changed'),
  ('flow_comments',           'authenticated', 'r a w d', 'by the flow, the guard says who writes what'),
  ('user_loras',              'authenticated', 'r a w d', 'one''s own'),
  ('lora_training_images',    'authenticated', 'r a d',   'of one''s own LoRA'),
  ('notifications',           'authenticated', 'r w d',   'H7: nobody inserts'),
  ('ideas',                   'anon',          'r',       'the list is public'),
  ('ideas',                   'authenticated', 'r a d',   'an idea is not changed'),
  ('idea_votes',              'authenticated', 'r a d',   'given or taken back'),
  ('assistant_conversations', 'authenticated', 'r a w',   'H8; deleted by deleted_at'),
  ('assistant_messages',      'authenticated', 'r a',     'H8; what was said stays'),
  ('api_logs',                'service_role',  '*',       'H8: no policy for users'),
  ('support_tickets',         'authenticated', 'r a',     'answered by answer_support_ticket()');
SELECT bag_eq($$SELECT relation, r.role::regrole::text, command::text FROM policies CROSS JOIN unnest(roles) r (role)$$,
              $$SELECT s.relation, s.role, c.letter FROM stated s CROSS JOIN string_to_table(s.commands, ' ') c (letter)$$, 'these are all policies');
SELECT is_empty($$SELECT name FROM policies WHERE name NOT LIKE replace(relation, 'atelier.', '') || '\_%'$$, 'they are named after their tables');
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
                 WHERE d.refclassid = 'pg_proc'::regclass$$,
              ARRAY['atelier.uid()', 'atelier.is_active_user()', 'atelier.is_admin()', 'atelier.is_super_admin()',
                    'atelier.is_workspace_member(uuid)', 'atelier.manages_workspace(uuid)', 'atelier.owns_workspace(uuid)',
                    'atelier.can_see_flow(uuid)', 'atelier.can_edit_flow(uuid)', 'atelier.owns_flow(uuid)', 'atelier.is_flow_member(uuid)',
                    'atelier.owns_lora(uuid)', 'atelier.owns_conversation(uuid)'],
              'they call our own functions, neither auth.uid() nor anything that trusts a claimed role');
SELECT is_empty($$SELECT name FROM policies WHERE concat(rule_tree, check_tree) ~ 'current_setting' $$, 'and read no setting');

-- The tables under them.
CREATE TEMP VIEW tables AS
SELECT c.oid::regclass::text AS name, c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind IN ('r', 'p');
SELECT set_eq('SELECT relation FROM stated', $$SELECT name FROM tables WHERE name NOT LIKE 'atelier.%'$$, 'each table of the app is stated');
SELECT set_eq($$SELECT t.name, p.polname::text, p.polcmd, p.polroles::regrole[]::text FROM tables t LEFT JOIN pg_policy p ON p.polrelid = t.oid WHERE t.name LIKE 'atelier.%'$$,
              $$SELECT name, 'owner_only' AS policy, '*'::"char" AS command, '{atelier_owner}' AS roles FROM tables WHERE name LIKE 'atelier.%'$$, 'the tables of the workers are their owner''s alone');
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

-- The role that bypasses policies has them all the same where nobody else may read, for a server that took BYPASSRLS away.
SELECT is(pg_temp.outcome('superuser', $$ALTER ROLE service_role NOBYPASSRLS; SELECT pg_temp.become('service_role'); SELECT FROM replicate_tokens$$),
          (SELECT count(*)::text FROM replicate_tokens), 'tokens are for service_role by a policy, too');
SELECT is(pg_temp.outcome('superuser', $$ALTER ROLE service_role NOBYPASSRLS; SELECT pg_temp.become('service_role'); INSERT INTO api_logs (method, path, status_code) VALUES ('GET', '/', 200)$$),
          '1', 'so are logs');
SELECT is(pg_temp.outcome('superuser', $$ALTER ROLE service_role NOBYPASSRLS; SELECT pg_temp.become('service_role'); SELECT FROM users$$), '0',
          'and nothing else: health() says so');

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
