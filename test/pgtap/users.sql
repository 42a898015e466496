-- SPDX-License-Identifier: PostgreSQL
-- Profiles: of his own row a user changes what is shown of him and nothing else, with and without the column privileges. Rights
-- and money are nobody's to give himself.
BEGIN;
SELECT plan(57);
\ir lib/callers.sql

CREATE TEMP TABLE stated (name text, sent text, free boolean);
INSERT INTO stated VALUES
  ('display_name', 'Ann', true), ('avatar_url', 'https://tap.test/a', true), ('cover_url', 'https://tap.test/c', true),
  ('id', '00000000-0000-4000-8000-000000000111', false), ('role', 'super_admin', false), ('credits', '1000000', false),
  ('is_active', 'false', false), ('email', 'admin@tap.test', false), ('auth_provider', 'oauth', false),
    ('created_at', '2001-01-01', false),
  ('last_login', '2001-01-01', false), ('telegram_id', '1', false), ('telegram_username', 'x', false),
    ('telegram_first_name', 'x', false),
  ('telegram_last_name', 'x', false), ('telegram_photo_url', 'x', false), ('first_name', 'x', false), ('last_name', 'x', false);
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped$$,
              'SELECT name FROM stated', 'every column is stated');
CREATE FUNCTION pg_temp.change(caller text, name text, value text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome(caller, format('UPDATE users SET %I = %L WHERE id IN (pg_temp.ann(), pg_temp.bob())', name,
  value)) $$;

SELECT is(pg_temp.change('ann', s.name, s.sent), CASE WHEN s.free THEN '1' ELSE '42501' END, 'column privileges: ' || s.name)
  FROM stated s ORDER BY s.name;
GRANT INSERT, UPDATE, DELETE ON users TO authenticated;
SELECT is(pg_temp.change('ann', s.name, s.sent), CASE WHEN s.free THEN '1' ELSE '42501' END, 'guard: ' || s.name)
  FROM stated s ORDER BY s.name;
SELECT is(pg_temp.change('dan', s.name, s.sent), '0', 'a deactivated user changes nothing: ' || s.name) FROM stated s
  WHERE s.free;
SELECT is(pg_temp.outcome('dan', 'UPDATE users SET is_active = true'), '0', 'nor activates himself');
SELECT is(pg_temp.outcome('ann', 'UPDATE users SET email = email, role = role, credits = 100, display_name = ''A'''), '1',
          'unchanged values are let through');
SELECT is(pg_temp.outcome('ann', 'INSERT INTO users (id, role) VALUES (gen_random_uuid(), ''super_admin'')'), '42501',
  'nobody makes himself another profile');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO users (id, credits)
  VALUES (pg_temp.ann(), 9) ON CONFLICT (id) DO UPDATE SET credits = 9$$), '42501',
          'an upsert is no way round');
SELECT is(pg_temp.outcome('ann', $$MERGE INTO users u USING (SELECT pg_temp.ann() AS id) s ON u.id = s.id WHEN MATCHED THEN UPDATE SET credits = 9$$),
          '42501', 'nor is a merge');
-- The address in the claims grants nothing: rights go by the id.
UPDATE users SET role = 'super_admin' WHERE id = pg_temp.bob();
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-0000000000ff", "role": "authenticated", "email": "bob@tap.test"}', true)
       IS NOT NULL AS claimed \gset
SET LOCAL ROLE authenticated;
SELECT is((SELECT count(*) FROM users), 0::bigint, 'an address without the id reads no profile');
SELECT is((SELECT count(*) FROM generations), 0::bigint, 'nor a generation');
RESET ROLE;

-- What the app writes: addresses in lower case, nulls as defaults, values that are known.
SELECT is(pg_temp.answer('service_role', $$INSERT INTO users (email) VALUES (E'\t New.Person@TAP.test ')
  RETURNING email$$), 'new.person@tap.test',
          'an address is kept in lower case, without what surrounds it');
SELECT is(pg_temp.answer('service_role', $$UPDATE users SET email = 'ANN@tap.test' WHERE id = pg_temp.ann()
  RETURNING email$$), 'ann@tap.test',
          'also when it changes');
SELECT is(pg_temp.outcome('service_role', $$UPDATE users SET email = 'Bob@Tap.Test' WHERE id = pg_temp.ann()$$), '23505',
  'two do not share one');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO users (id, role, credits, is_active, auth_provider, created_at,
  last_login, email)
            VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
            RETURNING concat_ws(' ', role, credits, is_active, auth_provider, created_at = now(), last_login = now(),
              id IS NOT NULL, email IS NULL)$$),
          'user 100 t telegram t t t t', 'null becomes the default, but an address stays null');
SELECT is(pg_temp.outcome('service_role', format('UPDATE users SET %s WHERE id = pg_temp.ann()', change)), '23514',
  change || ' is refused')
  FROM unnest(ARRAY['role = ''owner''', 'auth_provider = ''google''']) change;

-- A user who goes takes his rows along; nothing keeps him.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name') RETURNING id AS waiting \gset
DELETE FROM users WHERE id = pg_temp.ann();
SELECT is((SELECT count(*) FROM generations WHERE user_id = pg_temp.ann()), 0::bigint, 'his generations go');
SELECT is((SELECT count(*) FROM notifications WHERE user_id = pg_temp.ann()), 0::bigint, 'his notifications go');
SELECT is((SELECT count(*) FROM atelier.queue WHERE generation_id = pg_temp.dan() OR generation_id = :'waiting'), 1::bigint,
  'what waited of his is not sent');
SELECT is((SELECT count(*) FROM generations WHERE user_id = pg_temp.bob()), 1::bigint, 'the others stay');
SELECT * FROM finish();
ROLLBACK;
