-- SPDX-License-Identifier: PostgreSQL
-- Workspaces: who sees, makes, changes and deletes one, that its maker owns it, and what a slug may be. Stated by caller.
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql

-- caller, sees, renames, deactivates, deletes workspace one: rows, or the SQLSTATE.
CREATE TEMP TABLE stated (caller text, sees text, renames text, deactivates text, deletes text);
INSERT INTO stated VALUES
  ('owner', '1', '1', '1', '1'),
  ('admin', '1', '1', '42501', '0'),        -- deactivating is deleting
  ('member', '1', '0', '0', '0'),
  ('chief', '0', '0', '0', '0'),
  ('stranger', '0', '0', '0', '0'),
  ('idle', '0', '0', '0', '0'),             -- an admin of it, but deactivated
  ('boss', '0', '0', '0', '0'),             -- a global admin is no member
  ('root', '1', '1', '1', '1'),
  ('nobody', '0', '0', '0', '0'),
  ('impostor', '0', '0', '0', '0'),
  ('anon', '42501', '42501', '42501', '42501'),
  ('service_role', '1', '1', '1', '1');
SELECT is(pg_temp.outcome(caller, $$SELECT FROM workspaces WHERE id = pg_temp.id('one')$$), sees, caller || ' sees') FROM stated;
SELECT is(pg_temp.outcome(caller, $$UPDATE workspaces SET name = 'N' WHERE id = pg_temp.id('one') RETURNING *$$), renames, caller || ' renames') FROM stated;
SELECT is(pg_temp.outcome(caller, $$UPDATE workspaces SET is_active = false WHERE id = pg_temp.id('one')$$), deactivates, caller || ' deactivates')
  FROM stated;
SELECT is(pg_temp.outcome(caller, $$DELETE FROM workspaces WHERE id = pg_temp.id('one')$$), deletes, caller || ' deletes') FROM stated;
SELECT is(pg_temp.outcome(caller, $$SELECT FROM workspaces WHERE slug LIKE 'tap-%'$$), CASE WHEN caller IN ('root', 'service_role') THEN '2' ELSE sees END,
          caller || ' lists') FROM stated WHERE caller <> 'chief';

-- Making one: global admins, as themselves, and they get it back.
CREATE FUNCTION pg_temp.make(creator text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO workspaces (name, slug, created_by) VALUES (''Neu'', ''tap-neu'', %L) RETURNING *', pg_temp.id(creator)) $$;
SELECT is(pg_temp.outcome(c.caller, pg_temp.make(c.caller)), c.result, c.caller || ' makes a workspace')
  FROM (VALUES ('boss', '1'), ('root', '1'), ('owner', '42501'), ('member', '42501'), ('stranger', '42501'), ('idle', '42501'), ('nobody', '42501'),
               ('impostor', '42501'), ('anon', '42501')) c (caller, result);
SELECT is(pg_temp.answer('boss', $$INSERT INTO workspaces (name, slug, created_by, created_at, is_active)
            VALUES ('Neu', 'tap-neu', pg_temp.id('root'), '2001-01-01', false)
            RETURNING concat_ws(' ', created_by = pg_temp.id('boss'), created_at = now(), is_active)$$), 't t t',
          'a user makes a workspace as himself, now and active, whatever he sends');
SELECT is(pg_temp.answer('boss', $$INSERT INTO workspaces (name, slug) VALUES ('Neu', 'tap-neu') RETURNING created_by = pg_temp.id('boss')$$), 'true',
          'also when he does not say who he is');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO workspaces (id, name, slug, created_at, is_active) VALUES (NULL, 'Neu', 'tap-neu', NULL, NULL)
            RETURNING concat_ws(' ', id IS NOT NULL, created_by IS NULL, created_at = now(), is_active)$$), 't t t t', 'null becomes the default');

-- Its maker owns it, and inserting him as its owner, as the app does, changes nothing and gives the row.
SELECT pg_temp.act('boss', pg_temp.make('boss'));
SELECT results_eq($$SELECT user_id, role, invited_by FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id WHERE w.slug = 'tap-neu'$$,
                  $$VALUES (pg_temp.id('boss'), 'owner', NULL::uuid)$$, 'whoever makes a workspace owns it');
CREATE TEMP TABLE before AS SELECT m.* FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id WHERE w.slug = 'tap-neu';
GRANT SELECT ON before TO PUBLIC;
SELECT is(pg_temp.outcome(caller, $$INSERT INTO workspace_members (workspace_id, user_id, role, invited_by)
            SELECT workspace_id, user_id, 'owner', user_id FROM before RETURNING *$$), '1', caller || ' inserts the first owner again')
  FROM unnest(ARRAY['boss', 'service_role', 'root']) caller;
SELECT is(pg_temp.outcome(caller, $$INSERT INTO workspace_members (workspace_id, user_id, role) SELECT workspace_id, user_id, 'owner' FROM before$$), '42501',
          caller || ' does not') FROM unnest(ARRAY['stranger', 'owner', 'idle', 'nobody']) caller;
SELECT pg_temp.act('service_role', $$INSERT INTO workspace_members (workspace_id, user_id, role, invited_by)
  SELECT workspace_id, user_id, 'owner', user_id FROM before$$);
SELECT results_eq($$SELECT m.* FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id WHERE w.slug = 'tap-neu'$$, 'SELECT * FROM before',
                  'his membership is what it was');
SELECT is(pg_temp.outcome('service_role', $$INSERT INTO workspace_members (workspace_id, user_id, role) SELECT workspace_id, user_id, 'member' FROM before$$),
          '23505', 'a second membership of another kind is refused');
SELECT is(pg_temp.outcome('service_role', $$INSERT INTO workspace_members (workspace_id, user_id, role)
            VALUES (pg_temp.id('one'), pg_temp.id('member'), 'member')$$), '23505', 'so is that of anybody else');
SELECT pg_temp.act('service_role', $$INSERT INTO workspaces (name, slug) VALUES ('Ohne', 'tap-ohne')$$);
SELECT is_empty($$SELECT 1 FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id WHERE w.slug = 'tap-ohne'$$, 'nobody made it: nobody owns it');
-- Having made it shows it during that transaction only: a maker who was put out does not look in later.
UPDATE workspaces SET created_by = pg_temp.id('boss'), created_at = now() - interval '1 second' WHERE slug = 'tap-ohne';
SELECT is(pg_temp.outcome('boss', $$SELECT FROM workspaces WHERE slug = 'tap-ohne'$$), '0', 'a maker who is no member does not see it any more');

-- What of it is not to be changed by users, with and without the column privileges.
CREATE TEMP TABLE fixed (change text);
INSERT INTO fixed VALUES ('id = gen_random_uuid()'), ('created_at = ''2001-01-01'''), ('created_by = pg_temp.id(''member'')'), ('created_by = NULL');
SELECT is(pg_temp.outcome('owner', format('UPDATE workspaces SET %s WHERE id = pg_temp.id(''one'')', change)), '42501', 'privileges: ' || change) FROM fixed;
GRANT UPDATE ON workspaces TO authenticated;
SELECT is(pg_temp.outcome(caller, format('UPDATE workspaces SET %s WHERE id = pg_temp.id(''one'')', change)), '42501', format('guard: %s, %s', caller, change))
  FROM fixed CROSS JOIN unnest(ARRAY['owner', 'admin', 'root']) caller;

-- Slugs: lower case, up to 50 characters, nothing that means something in a URL. Any alphabet: one route of the app keeps Cyrillic.
SELECT is(pg_temp.answer('service_role', format('INSERT INTO workspaces (name, slug) VALUES (''S'', %L) RETURNING slug', s.sent)), s.kept, format('slug "%s"', left(s.sent, 20)))
  FROM (VALUES (' My-Team ', 'my-team'), ('a', 'a'), ('команда-1', 'команда-1'), ('a_b', 'a_b'), ('-a-', '-a-'), (repeat('x', 50), repeat('x', 50)),
               (repeat('ж', 50), repeat('ж', 50)), (repeat('x', 51), '23514'), (repeat('ж', 51), '23514'), ('', '23514'), ('  ', '23514'), ('a b', '23514'),
               ('a/b', '23514'), ('../x', '23514'), ('a?b', '23514'), ('a#b', '23514'), ('a%b', '23514'), (E'a\nb', '23514'), (E'a\u200bb', '23514'),
               (E'a\u00a0b', '23514'), ('<script>', '23514'), ('tap-one', '23505'), ('TAP-ONE', '23505'), (NULL, '23502')) s (sent, kept);
SELECT is(pg_temp.outcome('owner', $$UPDATE workspaces SET slug = 'a b' WHERE id = pg_temp.id('one')$$), '23514', 'also when it changes');
SELECT is(pg_temp.answer('owner', $$UPDATE workspaces SET slug = 'NEW' WHERE id = pg_temp.id('one') RETURNING slug$$), 'new', 'a user changes it');
SELECT is(pg_temp.outcome('owner', format('UPDATE workspaces SET %s WHERE id = pg_temp.id(''one'')', c.change)), c.result, left(c.change, 40))
  FROM (VALUES ('name = '' ''', '23514'), ('name = NULL', '23502'), ('name = repeat(''ж'', 10001)', '22001'), ('name = repeat(''ж'', 10000)', '1'),
               ('description = repeat(''x'', 10001)', '22001'), ('description = repeat(''x'', 10000)', '1'), ('description = NULL', '1')) c (change, result);
-- One that was written before there were rules can still be changed otherwise.
ALTER TABLE workspaces DISABLE TRIGGER workspace_guard_trigger;
UPDATE workspaces SET slug = 'Old Slug' WHERE slug = 'tap-two';
ALTER TABLE workspaces ENABLE TRIGGER workspace_guard_trigger;
SELECT is(pg_temp.outcome('chief', $$UPDATE workspaces SET name = 'N' WHERE id = pg_temp.id('two')$$), '1', 'an old slug does not stand in the way');

-- H22: users and workspaces can be deleted, whoever made or invited whom.
SELECT is(pg_temp.outcome('service_role', $$DELETE FROM users WHERE id = pg_temp.id('owner')$$), '1', 'H22: a user who made a workspace and invited others is deleted');
SELECT pg_temp.act('service_role', $$DELETE FROM users WHERE id = pg_temp.id('owner')$$);
SELECT results_eq($$SELECT created_by FROM workspaces WHERE id = pg_temp.id('one')$$, 'VALUES (NULL::uuid)', 'H22: the workspace stays');
SELECT is((SELECT count(*) FROM workspace_members WHERE workspace_id = pg_temp.id('one') AND invited_by = pg_temp.id('owner')), 0::bigint,
          'H22: nobody was invited by him any more');
SELECT is((SELECT count(*) FROM workspace_members WHERE workspace_id = pg_temp.id('one')), 3::bigint, 'H22: the others are members still');
SELECT pg_temp.act('chief', $$DELETE FROM workspaces WHERE id = pg_temp.id('two')$$);
SELECT results_eq($$SELECT workspace_id FROM generations WHERE id = pg_temp.id('foreign')$$, 'VALUES (NULL::uuid)', 'H22: an owner deletes his workspace; its generations stay');
SELECT is_empty($$SELECT 1 FROM workspace_members WHERE workspace_id = pg_temp.id('two')$$, 'H22: its memberships go');
SELECT * FROM finish();
ROLLBACK;
