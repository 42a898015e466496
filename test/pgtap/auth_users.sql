-- SPDX-License-Identifier: PostgreSQL
-- Profiles follow the users of the auth service: made at sign-up with the same id, refreshed with the address, deleted with the user.
-- Nobody takes over a profile by its address (H4), no sign-up fails or stays without a profile for that reason (H35), and deleting an
-- auth user leaves nothing behind (H22).
BEGIN;
SELECT plan(44);
\ir lib/callers.sql

-- Where the platform has it, it is away meanwhile.
DROP TABLE IF EXISTS auth.users CASCADE;
SELECT is_empty('SELECT * FROM atelier.health_auth()', 'without auth.users there is nothing to say');
SELECT lives_ok('SELECT atelier.make_auth_triggers()', 'nor to do');
SELECT is(atelier.make_profiles(), 0::bigint, 'nor profiles to make');

-- A table as the auth service has it, with the original's trigger on it.
CREATE ROLE tap_auth_admin;
CREATE TABLE auth.users (instance_id uuid, id uuid PRIMARY KEY, email varchar(255), created_at timestamptz DEFAULT now());
ALTER TABLE auth.users OWNER TO tap_auth_admin;
GRANT USAGE ON SCHEMA auth TO tap_auth_admin;
CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN UPDATE public.users SET id = NEW.id WHERE email = lower(NEW.email); RETURN NEW; END $$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
CREATE TRIGGER of_the_dba AFTER INSERT ON auth.users FOR EACH ROW WHEN (false) EXECUTE FUNCTION public.handle_new_user();

SELECT is((SELECT status FROM atelier.health_auth() WHERE check_name = 'sign-up'), 'fail', 'health says that the triggers are missing');
SELECT is((SELECT hint FROM atelier.health_auth() WHERE check_name = 'sign-up'),
          'DROP TRIGGER on_auth_user_created ON auth.users; '
          'CREATE TRIGGER atelier_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION atelier.follow_auth_user(); '
          'CREATE TRIGGER atelier_user_deleted AFTER DELETE ON auth.users FOR EACH ROW EXECUTE FUNCTION atelier.follow_auth_user(); '
          'CREATE TRIGGER atelier_user_email_changed AFTER UPDATE OF email ON auth.users FOR EACH ROW EXECUTE FUNCTION atelier.follow_auth_user();',
          'H4: with the statements, the original''s trigger among them');
-- A role that may not do it changes nothing and does not fail.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA atelier TO service_role;
SELECT is(pg_temp.outcome('service_role', 'SELECT atelier.make_auth_triggers()'), '1', 'a role without rights on auth.users goes on');
SELECT is((SELECT count(*) FROM atelier.missing_auth_changes()), 4::bigint, 'and has changed nothing');
SELECT atelier.make_auth_triggers();
SELECT is_empty('SELECT * FROM atelier.missing_auth_changes()', 'the triggers are there');
SELECT lives_ok('SELECT atelier.make_auth_triggers()', 'a second time changes nothing');
SELECT set_eq($$SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal$$,
              ARRAY['atelier_user_created', 'atelier_user_email_changed', 'atelier_user_deleted', 'of_the_dba'], 'the original''s is gone, the DBA''s own stays');
SELECT is((SELECT string_agg(status, ' ') FROM atelier.health_auth()), 'ok ok ok', 'all is well');

CREATE FUNCTION pg_temp.profile(person uuid) RETURNS text LANGUAGE sql
AS $$ SELECT concat_ws(' ', coalesce(email, '-'), auth_provider, role, is_active, credits) FROM users WHERE id = person $$;
CREATE FUNCTION pg_temp.sign_up(person text, address text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  SET LOCAL ROLE tap_auth_admin;
  INSERT INTO auth.users (id, email) VALUES (('00000000-0000-4000-8000-0000000009' || person)::uuid, address);
  RESET ROLE;
  RETURN pg_temp.profile(('00000000-0000-4000-8000-0000000009' || person)::uuid);
END $$;
CREATE FUNCTION pg_temp.person(name text) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-4000-8000-0000000009' || name)::uuid $$;

SELECT is(pg_temp.sign_up('01', 'New.Person@TAP.test'), 'new.person@tap.test email user t 100', 'a sign-up makes a profile of the same id');
SELECT is(pg_temp.sign_up('02', NULL), '- email user t 100', 'also without an address');
SELECT is(pg_temp.sign_up('03', ''), '- email user t 100', 'or with an empty one');
SELECT is(pg_temp.sign_up('04', ''), '- email user t 100', 'which two may have');

-- H4: an address that is another profile's, with rights and rows.
UPDATE users SET role = 'super_admin', email = 'boss@tap.test' WHERE id = pg_temp.ann();
SELECT is(pg_temp.sign_up('05', 'BOSS@tap.test'), '- email user t 100', 'H4: a sign-up with the address of a super_admin gets a profile of its own without rights');
SELECT is(pg_temp.profile(pg_temp.ann()), 'boss@tap.test telegram super_admin t 100', 'H4: the old profile is untouched');
SELECT is((SELECT user_id FROM generations WHERE id = pg_temp.ann()), pg_temp.ann(), 'H35: and so are its rows, which would have blocked it');
SELECT is((SELECT status || ' ' || detail FROM atelier.health_auth() WHERE check_name = 'addresses'),
          format('warn %s has the address of profile %s', pg_temp.person('05'), pg_temp.ann()), 'H4: health lists the pair');
SELECT matches((SELECT hint FROM atelier.health_auth() WHERE check_name = 'addresses'), '^UPDATE public.users SET email = NULL WHERE id = .*; UPDATE public.users SET email = ''boss@tap.test'' WHERE id = .*;',
               'H4: with statements for the case that both are one person');
SELECT is(pg_temp.outcome('superuser', (SELECT hint FROM atelier.health_auth() WHERE check_name = 'addresses')), '1', 'H4: that work');
SELECT is((SELECT string_agg(atelier.role() || count, '') FROM (SELECT set_config('request.jwt.claims', json_build_object('role', 'authenticated', 'sub', pg_temp.person('05'), 'email', 'boss@tap.test')::text, true)) c,
           LATERAL (SELECT atelier.is_super_admin()::text AS count) a), 'authenticatedfalse', 'H4: the address in the claims of the new user grants nothing');

-- A profile that is there already: of a person who was there before, without and with rights.
INSERT INTO users (id, email, role, is_active, credits, auth_provider) VALUES (pg_temp.person('06'), NULL, 'admin', false, 7, 'telegram');
SELECT is(pg_temp.sign_up('06', 'Six@tap.test'), 'six@tap.test telegram admin t 7', 'a profile of the same id gets the address and is active; the rest stays');
INSERT INTO users (id, email) VALUES (pg_temp.person('07'), 'seven@tap.test');
SELECT is(pg_temp.sign_up('07', NULL), 'seven@tap.test telegram user t 100', 'an address is not lost to a sign-up without one');
SELECT is((SELECT count(*) FROM auth.users), 7::bigint, 'no sign-up has failed');

-- H35: an error of another kind is a warning and no failure, health counts who has no profile, and it can be made up for.
ALTER TABLE users ADD CONSTRAINT of_the_dba CHECK (email IS DISTINCT FROM 'odd@tap.test');
SET LOCAL client_min_messages = error;
SELECT is(pg_temp.sign_up('08', 'odd@tap.test'), NULL, 'H35: a profile that cannot be written does not stop the sign-up');
SET LOCAL client_min_messages = warning;
SELECT is((SELECT status || ' ' || hint FROM atelier.health_auth() WHERE check_name = 'profiles'), 'warn SELECT atelier.make_profiles();', 'H35: health knows of it');
ALTER TABLE users DROP CONSTRAINT of_the_dba;
SELECT is(atelier.make_profiles(), 1::bigint, 'H35: and it is made up for');
SELECT is(pg_temp.profile(pg_temp.person('08')), 'odd@tap.test email user t 100', 'H35: with its address');

-- Changes of the address.
CREATE FUNCTION pg_temp.move(person text, address text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  SET LOCAL ROLE tap_auth_admin;
  UPDATE auth.users SET email = address WHERE id = pg_temp.person(person);
  RESET ROLE;
  RETURN pg_temp.profile(pg_temp.person(person));
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.person(text) TO tap_auth_admin;
SELECT is(pg_temp.move('01', 'Moved@TAP.test'), 'moved@tap.test email user t 100', 'a new address is refreshed');
UPDATE users SET is_active = false WHERE id = pg_temp.person('01');
SELECT is(pg_temp.move('01', 'again@tap.test'), 'again@tap.test email user f 100', 'which does not activate a profile');
SELECT is(pg_temp.move('01', 'boss@tap.test'), '- email user f 100', 'H4: an address that is another profile''s is not taken');
SELECT is(pg_temp.profile(pg_temp.ann()), 'boss@tap.test telegram super_admin t 100', 'H4: the other profile is untouched');
SELECT is(pg_temp.move('01', NULL), '- email user f 100', 'no address is no address');

-- H22: deletion. The profile may own a workspace.
INSERT INTO workspaces (id, name, slug, created_by) VALUES (pg_temp.person('01'), 'w', 'tap-w', pg_temp.person('01'));
SET LOCAL ROLE tap_auth_admin;
DELETE FROM auth.users WHERE id = '00000000-0000-4000-8000-000000000901';
RESET ROLE;
SELECT is(pg_temp.profile(pg_temp.person('01')), NULL, 'H22: a deleted auth user takes the profile along');
SELECT is((SELECT created_by FROM workspaces WHERE slug = 'tap-w'), NULL, 'H22: what he made for others stays');

-- The function serves auth.users only, and who signs up needs no rights on the app's tables.
SELECT is(has_table_privilege('tap_auth_admin', 'users', 'SELECT, INSERT, UPDATE, DELETE'), false, 'the auth service has no rights on profiles');
CREATE TABLE pg_temp.users (id uuid, email text);
SELECT lives_ok('CREATE TRIGGER mine AFTER INSERT OR DELETE ON pg_temp.users FOR EACH ROW EXECUTE FUNCTION atelier.follow_auth_user()', 'on another table');
SELECT throws_ok($$INSERT INTO pg_temp.users VALUES ('00000000-0000-4000-8000-000000000999', 'x@tap.test')$$, '39P01', NULL, 'the trigger function refuses');
DROP TABLE pg_temp.users;
SELECT is(pg_temp.outcome('ann', 'SELECT atelier.make_profiles()'), '42501', 'users make no profiles');
SELECT is(has_function_privilege('authenticated', 'atelier.follow_auth_user()', 'EXECUTE'), false, 'nor attach the trigger');
ALTER TABLE auth.users DISABLE TRIGGER atelier_user_deleted;
SELECT is((SELECT hint FROM atelier.health_auth() WHERE check_name = 'sign-up'), 'ALTER TABLE auth.users ENABLE TRIGGER atelier_user_deleted;', 'a disabled trigger is found');
REVOKE SELECT (id, email) ON auth.users FROM atelier_owner;
SET LOCAL ROLE atelier_owner;
SELECT is((SELECT string_agg(check_name || ' ' || status, ', ') FROM atelier.health_auth()), 'sign-up fail, profiles warn', 'health does without the right to read addresses');
SELECT set_config('tap.hint', (SELECT hint FROM atelier.health_auth() WHERE check_name = 'profiles'), true) IS NOT NULL AS done \gset
RESET ROLE;
DO $$ BEGIN EXECUTE current_setting('tap.hint'); END $$;
SET LOCAL ROLE atelier_owner;
SELECT is((SELECT string_agg(check_name || ' ' || status, ', ') FROM atelier.health_auth()), 'sign-up fail, profiles ok, addresses warn', 'and says how to give it');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
