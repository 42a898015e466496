-- SPDX-License-Identifier: PostgreSQL
-- The functions about workspaces: names and types as the app calls them, and answers only for those they concern.
BEGIN;
SELECT * FROM no_plan();
\ir lib/spaces.sql

SELECT is(pg_get_function_arguments(s.id) || ' -> ' || pg_get_function_result(s.id), s.signature, s.id::text)
  FROM (VALUES
    ('is_workspace_member(uuid, uuid)'::regprocedure, 'p_workspace_id uuid, p_user_id uuid -> boolean'),
    ('get_workspace_role(uuid, uuid)', 'p_workspace_id uuid, p_user_id uuid -> text'),
    ('get_user_workspaces(uuid)', 'p_user_id uuid -> TABLE(workspace_id uuid, workspace_name text, workspace_slug text, member_role text, member_count bigint)'),
    ('translit_slug(text)', 'input text -> text')) s (id, signature);
SELECT columns_are('public', 'workspace_users', ARRAY['id', 'workspace_id', 'user_id', 'role', 'joined_at', 'invited_by'], 'workspace_users has the columns of memberships');
SELECT is((SELECT reloptions FROM pg_class WHERE oid = 'workspace_users'::regclass), '{security_invoker=true}', 'and the rights of whoever reads it');
SELECT is(pg_temp.outcome(caller, command), '42501', format('%s: %s', caller, command))
  FROM unnest(ARRAY['owner', 'service_role']) caller
 CROSS JOIN unnest(ARRAY['INSERT INTO workspace_users (workspace_id, user_id) VALUES (pg_temp.id(''one''), pg_temp.id(''chief''))',
                         'UPDATE workspace_users SET role = ''owner''', 'DELETE FROM workspace_users']) command;

-- H3: about oneself; the app asks about everybody. caller, user, member of one, role in one, number of workspaces.
SELECT is(pg_temp.answer(s.caller, format('SELECT %s', replace(replace(t.call, '@', quote_literal(pg_temp.id('one'))), '$', quote_nullable(pg_temp.id(s.asked))))), t.wanted,
          format('H3: %s asks about %s: %s', s.caller, coalesce(s.asked, 'null'), t.call))
  FROM (VALUES
    ('owner', 'owner', 'true', 'owner', '1'), ('admin', 'admin', 'true', 'admin', '1'), ('member', 'member', 'true', 'member', '1'), ('chief', 'chief', 'false', 'null', '1'),
    ('stranger', 'stranger', 'false', 'null', '0'), ('root', 'root', 'false', 'null', '0'),
    ('idle', 'idle', '42501', '42501', '42501'), ('stranger', 'owner', '42501', '42501', '42501'), ('member', 'owner', '42501', '42501', '42501'),
    ('owner', 'member', '42501', '42501', '42501'), ('boss', 'owner', '42501', '42501', '42501'), ('owner', NULL, '42501', '42501', '42501'),
    ('owner', 'none', '42501', '42501', '42501'), ('nobody', 'owner', '42501', '42501', '42501'), ('nobody', NULL, '42501', '42501', '42501'),
    ('impostor', 'owner', '42501', '42501', '42501'), ('impostor', NULL, '42501', '42501', '42501'), ('anon', 'owner', '42501', '42501', '42501'),
    ('service_role', 'owner', 'true', 'owner', '1'), ('service_role', 'stranger', 'false', 'null', '0'), ('service_role', NULL, 'false', 'null', '0'))
       s (caller, asked, member, role, workspaces)
 CROSS JOIN LATERAL (VALUES ('is_workspace_member(p_workspace_id => @, p_user_id => $)', s.member), ('get_workspace_role(p_workspace_id => @, p_user_id => $)', s.role),
                            ('(SELECT count(*) FROM get_user_workspaces(p_user_id => $))', s.workspaces),
                            -- The native ones check for themselves.
                            ('atelier.has_workspace(@, $)', s.member), ('atelier.get_workspace_role(@, $)', s.role)) t (call, wanted);
SELECT is(pg_temp.answer('owner', 'SELECT is_workspace_member(NULL, pg_temp.id(''owner''))'), 'false', 'no workspace has no members');
SELECT is(pg_temp.answer('owner', 'SELECT get_workspace_role(pg_temp.id(''none''), pg_temp.id(''owner''))'), 'null', 'nor has one that does not exist');

-- H21: the list, in the order of joining.
INSERT INTO workspace_members (workspace_id, user_id, role, joined_at) VALUES (pg_temp.id('two'), pg_temp.id('owner'), 'member', now() - interval '1 day');
INSERT INTO workspaces (id, name, slug, is_active, created_by) VALUES (pg_temp.id('old'), 'Old', 'tap-old', false, pg_temp.id('owner'));
SELECT pg_temp.become('owner');
SELECT results_eq('SELECT * FROM get_user_workspaces(atelier.uid())',
                  $$VALUES (pg_temp.id('two'), 'Two', 'tap-two', 'member', 2::bigint), (pg_temp.id('one'), 'One', 'tap-one', 'owner', 4::bigint)$$,
                  'H21: the active workspaces of a user in the order of joining, with how many members each has');
SELECT pg_temp.become('superuser');

-- Slugs.
SELECT is(pg_temp.answer('anon', format('SELECT translit_slug(input => %L)', t.name)), t.slug, format('translit_slug: %s', left(t.name, 30)))
  FROM (VALUES ('Команда Ёжик', 'komanda-yozhik'), ('ЩУКА и Хлеб', 'schuka-i-hleb'), ('Подъезд', 'podezd'), ('Цирк — Чай', 'tsirk-chay'), ('Эхо, юг & яма', 'eho-yug-yama'),
               ('Ґанок, їжак, Єва, ўсё', 'ganok-yizhak-yeva-usyo'), ('My Team 2', 'my-team-2'), ('--a--b--', 'a-b'), ('a_b.c/d', 'a-b-c-d'), ('', ''), ('!!!', ''), ('日本', ''),
               (E'и\u0306од', 'iod'), (repeat('a', 60), repeat('a', 50)), (repeat('щ', 60), left(repeat('sch', 20), 50)),
               (repeat('a', 49) || ' b', repeat('a', 49)), (repeat('a', 48) || ' bc', repeat('a', 48) || '-b'), (NULL, 'null')) t (name, slug);
SELECT volatility_is('public', 'translit_slug', ARRAY['text'], 'immutable', 'translit_slug is immutable');
SELECT is_empty($$SELECT n FROM generate_series(1, 3000) n
                   WHERE translit_slug(repeat(chr(n), 3) || ' x') !~ '^[a-z0-9]+(-[a-z0-9]+)*$'$$, 'whatever goes in, a slug comes out');
SELECT * FROM finish();
ROLLBACK;
