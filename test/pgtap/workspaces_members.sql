-- SPDX-License-Identifier: PostgreSQL
-- Memberships: who sees, adds, changes and removes whom. A matrix of callers and targets, stated by hand.
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql
-- A second owner, so that what is refused is not refused for the sake of the last one.
INSERT INTO users (id, email) VALUES (pg_temp.id('second'), 'second@tap.test'), (pg_temp.id('new'), 'new@tap.test');
INSERT INTO workspace_members (workspace_id, user_id, role) VALUES (pg_temp.id('one'), pg_temp.id('second'), 'owner');

CREATE TEMP TABLE stated (caller text, sees text, add_member text, add_owner text, promote text, crown text, demote_owner text,
                          remove_member text, remove_admin text, remove_owner text, leave text);
INSERT INTO stated VALUES
--  caller        sees     adds a   adds an  member   member   demotes  removes  removes  removes  leaves
--                         member   owner    to admin to owner an owner a member an admin an owner
  ('owner',        '5',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '1'),
  ('admin',        '5',     '1',     '42501', '0',     '0',     '0',     '1',     '1',     '42501', '1'),
  ('member',       '5',     '42501', '42501', '0',     '0',     '0',     '1',     '0',     '0',     '1'),  -- himself
  ('chief',        '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('stranger',     '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('idle',         '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('boss',         '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('root',         '5',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '0'),
  ('nobody',       '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('impostor',     '0',     '42501', '42501', '0',     '0',     '0',     '0',     '0',     '0',     '0'),
  ('anon',         '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501', '42501'),
  ('service_role', '5',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '1',     '0');
CREATE FUNCTION pg_temp.of(name text) RETURNS text LANGUAGE sql
AS $$ SELECT format('workspace_id = %L AND user_id = %L', pg_temp.id('one'), pg_temp.id(name)) $$;
CREATE FUNCTION pg_temp.add(role text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO workspace_members (workspace_id, user_id, role) VALUES (%L, %L, %L) RETURNING *', pg_temp.id('one'), pg_temp.id('new'), role) $$;

SELECT is(pg_temp.outcome(s.caller, t.command), t.wanted, format('H13: %s %s', s.caller, t.what))
  FROM stated s
 CROSS JOIN LATERAL (VALUES
   ('sees the members', 'SELECT FROM workspace_members WHERE workspace_id = pg_temp.id(''one'')', s.sees),
   ('sees them as workspace_users', 'SELECT FROM workspace_users WHERE workspace_id = pg_temp.id(''one'')', s.sees),
   ('adds a member', pg_temp.add('member'), s.add_member),
   ('adds an admin', pg_temp.add('admin'), s.add_member),
   ('adds an owner', pg_temp.add('owner'), s.add_owner),
   ('makes a member admin', 'UPDATE workspace_members SET role = ''admin'' WHERE ' || pg_temp.of('member'), s.promote),
   ('makes a member owner', 'UPDATE workspace_members SET role = ''owner'' WHERE ' || pg_temp.of('member'), s.crown),
   ('makes himself owner', 'UPDATE workspace_members SET role = ''owner'' WHERE ' || pg_temp.of(s.caller),
    CASE WHEN s.caller IN ('root', 'service_role') THEN '0' ELSE s.crown END),
   ('demotes an owner', 'UPDATE workspace_members SET role = ''member'' WHERE ' || pg_temp.of('second'), s.demote_owner),
   ('removes a member', 'DELETE FROM workspace_members WHERE ' || pg_temp.of('member'), s.remove_member),
   ('removes an admin', 'DELETE FROM workspace_members WHERE ' || pg_temp.of('admin'), s.remove_admin),
   ('removes an owner', 'DELETE FROM workspace_members WHERE ' || pg_temp.of('second'), s.remove_owner),
   ('leaves', 'DELETE FROM workspace_members WHERE ' || pg_temp.of(s.caller), s.leave)) t (what, command, wanted);

-- The second wall: the guard refuses without the policies and privileges as well.
GRANT UPDATE ON workspace_members TO authenticated;
CREATE POLICY open ON workspace_members FOR ALL TO authenticated USING (true) WITH CHECK (true);
SELECT is(pg_temp.outcome(s.caller, t.command), '42501', format('H13, guard: %s %s', s.caller, t.what))
  FROM unnest(ARRAY['admin', 'member', 'stranger', 'chief', 'idle', 'boss', 'nobody']) s (caller)
 CROSS JOIN LATERAL (VALUES
   ('adds an owner', pg_temp.add('owner')),
   ('makes a member owner', 'UPDATE workspace_members SET role = ''owner'' WHERE ' || pg_temp.of('member')),
   ('demotes an owner', 'UPDATE workspace_members SET role = ''member'' WHERE ' || pg_temp.of('second')),
   ('removes an owner', 'DELETE FROM workspace_members WHERE ' || pg_temp.of('second'))) t (what, command);
SELECT is(pg_temp.outcome(caller, format('UPDATE workspace_members SET %s WHERE %s', change, pg_temp.of('member'))), '42501', format('H13: %s, %s', caller, change))
  FROM unnest(ARRAY['owner', 'root']) caller
 CROSS JOIN unnest(ARRAY['workspace_id = pg_temp.id(''two'')', 'user_id = pg_temp.id(''new'')', 'joined_at = ''2001-01-01''', 'invited_by = NULL',
                         'id = gen_random_uuid()']) change;
DROP POLICY open ON workspace_members;
REVOKE UPDATE ON workspace_members FROM authenticated;
GRANT UPDATE (role) ON workspace_members TO authenticated;
SELECT is(pg_temp.outcome('service_role', format('UPDATE workspace_members SET %s WHERE %s', change, pg_temp.of('member'))), '23514',
          'H13: a membership stays where it is: ' || change)
  FROM unnest(ARRAY['workspace_id = pg_temp.id(''two'')', 'user_id = pg_temp.id(''new'')']) change;

-- Who invited, and when, is not the user's to say.
SELECT is(pg_temp.answer('admin', $$INSERT INTO workspace_members (workspace_id, user_id, joined_at, invited_by)
            VALUES (pg_temp.id('one'), pg_temp.id('new'), '2001-01-01', pg_temp.id('owner'))
            RETURNING concat_ws(' ', role, joined_at = now(), invited_by = pg_temp.id('admin'))$$), 'member t t', 'the caller invited, now, as a member');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO workspace_members (id, workspace_id, user_id, role, joined_at, invited_by)
            VALUES (NULL, pg_temp.id('one'), pg_temp.id('new'), NULL, NULL, pg_temp.id('owner'))
            RETURNING concat_ws(' ', id IS NOT NULL, role, joined_at = now(), invited_by = pg_temp.id('owner'))$$), 't member t t',
          'the app says who invited; null becomes the default');
SELECT is(pg_temp.outcome('owner', pg_temp.add('king')), '23514', 'there are three roles');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO workspace_members (workspace_id, user_id) VALUES (pg_temp.id('one'), pg_temp.id('none'))$$), '23503',
          'a member is a user');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO workspace_members (workspace_id, user_id) VALUES (NULL, pg_temp.id('new'))$$), '42501', 'of a workspace');
SELECT is(pg_temp.outcome('chief', $$INSERT INTO workspace_members (workspace_id, user_id) VALUES (pg_temp.id('one'), pg_temp.id('chief'))$$), '42501',
          'nobody adds himself');

-- The last owner, whoever writes. Two of them in one statement are no way round.
SELECT is(pg_temp.outcome(caller, command), '23514', format('H13: both owners at once: %s, %s', caller, command))
  FROM unnest(ARRAY['owner', 'service_role']) caller
 CROSS JOIN unnest(ARRAY['DELETE FROM workspace_members WHERE workspace_id = pg_temp.id(''one'') AND role = ''owner''',
                         'UPDATE workspace_members SET role = ''admin'' WHERE workspace_id = pg_temp.id(''one'')',
                         'WITH a AS (UPDATE workspace_members SET role = ''admin'' WHERE user_id = pg_temp.id(''second'') RETURNING 1)
                          DELETE FROM workspace_members WHERE user_id = pg_temp.id(''owner'') AND workspace_id = pg_temp.id(''one'')']) command;
DELETE FROM workspace_members WHERE user_id = pg_temp.id('second');
SELECT is(pg_temp.outcome(caller, command || pg_temp.of('owner')), '23514', format('H13: the last owner stays: %s, %s', caller, command))
  FROM unnest(ARRAY['owner', 'root', 'service_role', 'superuser']) caller
 CROSS JOIN unnest(ARRAY['DELETE FROM workspace_members WHERE ', 'UPDATE workspace_members SET role = ''admin'' WHERE ',
                         'UPDATE workspace_members SET role = ''member'' WHERE ']) command;
SELECT is(pg_temp.outcome('service_role', $$DELETE FROM workspace_members WHERE workspace_id = pg_temp.id('one')$$), '23514', 'H13: nor goes he with all the others');
SELECT is(pg_temp.outcome('service_role', $$UPDATE workspace_members SET role = 'owner' WHERE workspace_id = pg_temp.id('one')$$), '4', 'setting the role he has is no change');
SELECT is(pg_temp.outcome('owner', $$UPDATE workspace_members SET role = 'owner' WHERE workspace_id = pg_temp.id('one') AND user_id = pg_temp.id('member');
            DELETE FROM workspace_members WHERE workspace_id = pg_temp.id('one') AND user_id = pg_temp.id('owner')$$), '1', 'after naming another he leaves');
SELECT is(pg_temp.outcome('owner', $$WITH gone AS (DELETE FROM workspace_members WHERE user_id = pg_temp.id('owner') RETURNING workspace_id)
            INSERT INTO workspace_members (workspace_id, user_id) SELECT workspace_id, pg_temp.id('new') FROM gone$$), '23514', 'H13: not by a common table expression');
-- What goes with its workspace or its user goes.
SELECT is(pg_temp.outcome(caller, command), '1', format('H22: %s: %s', caller, command))
  FROM (VALUES ('service_role', $$DELETE FROM users WHERE id = pg_temp.id('owner')$$), ('owner', $$DELETE FROM workspaces WHERE id = pg_temp.id('one')$$),
               ('root', $$DELETE FROM workspaces WHERE id = pg_temp.id('one')$$)) t (caller, command);
SELECT * FROM finish();
ROLLBACK;
