-- SPDX-License-Identifier: PostgreSQL
-- On a hosting platform: its roles sign people up, connect for the gateway and administer, without being superusers, and what is
-- its own stays as it is.
BEGIN;
SELECT * FROM no_plan();
\ir lib/adoption.sql
\ir ../adopt/hosted.sql
CREATE FUNCTION pg_temp.of_the_platform() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT format('%s %s %s', p.oid::regprocedure, p.proowner::regrole, md5(p.prosrc)) FROM pg_proc p WHERE p.pronamespace IN ('auth'::regnamespace, 'storage'::regnamespace)
  UNION ALL
  SELECT format('%s %s %s %s', c.oid::regclass, c.relowner::regrole, c.relrowsecurity, CASE WHEN c.relname = 'users' THEN '' ELSE c.relacl::text END)
    FROM pg_class c WHERE c.relnamespace IN ('auth'::regnamespace, 'storage'::regnamespace) $$;
CREATE TEMP TABLE platform AS SELECT line FROM pg_temp.of_the_platform() line;
GRANT SELECT ON platform TO PUBLIC;
SET SESSION AUTHORIZATION supabase_admin;
CREATE EXTENSION atelier;
RESET SESSION AUTHORIZATION;
SELECT set_eq('SELECT * FROM pg_temp.of_the_platform()', 'SELECT line FROM platform', 'what is the platform''s is as it was');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'S') AND c.relowner <> 'atelier_owner'::regrole$$,
                'whoever installs, the tables are atelier_owner''s');
SELECT is_empty($$SELECT c.oid::regclass, x.grantee::regrole FROM pg_class c CROSS JOIN aclexplode(c.relacl) x
                   WHERE c.relnamespace = 'public'::regnamespace AND x.grantee IN ('anon'::regrole, 'authenticated'::regrole) AND x.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')$$,
                'the default privileges have left nothing');
SELECT set_eq($$SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = 'supabase_realtime'$$, ARRAY['public.notifications'], 'browsers hear of notifications and of nothing else');

-- The auth service signs people up.
CREATE FUNCTION pg_temp.as_role(role_name text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows bigint;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role_name);
  EXECUTE command;
  GET DIAGNOSTICS rows = ROW_COUNT;
  RESET ROLE;
  RETURN rows;
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT is(pg_temp.as_role('supabase_auth_admin', $$INSERT INTO auth.users (id, email, raw_user_meta_data, is_super_admin, role)
            VALUES ('00000000-0000-4000-8000-00000000000a', 'Ann@TAP.test', '{"role": "super_admin", "credits": 1000000}', true, 'super_admin')$$), '1', 'a sign-up');
SELECT is((SELECT concat_ws(' ', email, role, credits, is_active) FROM public.users), 'ann@tap.test user 100 t', 'makes a profile, whatever it says of itself');
SELECT is(pg_temp.as_role('supabase_auth_admin', $$UPDATE auth.users SET email = 'new@tap.test', raw_app_meta_data = '{"role": "admin"}'$$), '1', 'a new address');
SELECT is((SELECT email || ' ' || role FROM public.users), 'new@tap.test user', 'is taken over, a role is not');
SELECT is((SELECT string_agg(check_name, ' ') FROM atelier.health() WHERE status <> 'ok' AND check_name IN ('sign-up', 'profiles', 'addresses', 'realtime')), NULL, 'health() is content with the services');

-- The gateway: a role without rights of its own becomes what the request says.
SET LOCAL SESSION AUTHORIZATION authenticator;
SELECT throws_ok('SELECT FROM public.generations', '42501', NULL, 'the gateway''s own role has no rights');
SET LOCAL ROLE authenticated;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true) IS NOT NULL AS claimed \gset
SELECT lives_ok($$INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status)
                  VALUES (auth.uid(), 'create', 'm', 'M', 'owner/name', 'pending') RETURNING *$$, 'a user works, with the platform''s auth.uid()');
SELECT results_eq('SELECT count(*) FROM public.users', 'VALUES (1::bigint)', 'and sees himself');
SELECT throws_ok($$UPDATE public.users SET role = 'super_admin'$$, '42501', NULL, 'H1: and no more');
RESET ROLE;
SET LOCAL ROLE anon;
SELECT set_config('request.jwt.claims', '{"role": "anon"}', true) IS NOT NULL AS claimed \gset
SELECT throws_ok('SELECT FROM public.generations', '42501', NULL, 'without a session there is nothing');
SELECT throws_ok('SELECT * FROM public.get_next_replicate_token()', '42501', NULL, 'H17: no token');
RESET ROLE;
RESET SESSION AUTHORIZATION;

-- The customer is no superuser. As a member of the owner he administers.
SELECT matches(pg_temp.as_role('hosted_admin', 'SELECT * FROM atelier.health()'), '^[0-9]+$', 'who may be the app asks for health()');
SELECT is(pg_temp.as_role('hosted_admin', 'SELECT atelier.pause()'), '1', 'and pauses, as the app may');
GRANT atelier_owner TO hosted_admin;
SELECT is(pg_temp.as_role('hosted_admin', 'SELECT atelier.pause()'), '1', 'as a member of atelier_owner he pauses');
SELECT is((SELECT dispatch FROM atelier.identity), 'paused', 'dispatch');
SELECT is(pg_temp.as_role('hosted_admin', 'SELECT atelier.resume()'), '1', 'and resumes');
SELECT is(pg_temp.as_role('hosted_admin', 'SELECT count(*) FROM public.users'), '1', 'and sees the tables');
SELECT matches(pg_temp.as_role('hosted_admin', 'ALTER EXTENSION atelier DROP FUNCTION atelier.uid()'), '^42501', 'the extension itself stays the platform''s');

-- A dump that is restored here says nothing of what default privileges give.
CREATE TEMP VIEW rights AS
SELECT c.oid::regclass::text AS object, a.grantee::regrole::text, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE pg_get_userbyid(c.relowner) = 'atelier_owner'
UNION ALL
SELECT c.oid::regclass || '.' || t.attname, a.grantee::regrole::text, a.privilege_type FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a WHERE pg_get_userbyid(c.relowner) = 'atelier_owner'
UNION ALL
SELECT p.oid::regprocedure::text, a.grantee::regrole::text, a.privilege_type FROM pg_proc p, aclexplode(p.proacl) a WHERE pg_get_userbyid(p.proowner) = 'atelier_owner';
CREATE TEMP TABLE before AS TABLE rights;
SELECT is((SELECT status FROM atelier.health() WHERE check_name = 'grants'), 'ok', 'rights are in order');
GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO anon, authenticated, service_role;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO anon, authenticated, service_role;
SELECT is(pg_temp.as_role('anon', 'SELECT FROM public.mv_admin_stats'), '1', 'as restored, anon reads the statistics');
SELECT is((SELECT status || ' ' || hint FROM atelier.health() WHERE check_name = 'grants'), 'fail SELECT atelier.install();', 'which health() tells');
SELECT is(pg_temp.as_role('hosted_admin', 'SELECT atelier.resume()'), '1', 'whoever lets the database dispatch');
SELECT set_eq('TABLE rights', 'TABLE before', 'takes it back');
GRANT ALL ON public.generations TO authenticated;
GRANT UPDATE ON public.ideas TO authenticated;
SELECT atelier.install();
SELECT set_eq('TABLE rights', $$TABLE before UNION ALL VALUES ('ideas', 'authenticated', 'UPDATE')$$, 'as install() does; what a DBA may mean stays');
REVOKE UPDATE ON public.ideas FROM authenticated;

-- The storage service.
SELECT is((SELECT status FROM atelier.health_storage()), 'warn', 'the buckets are not made unasked');
SELECT lives_ok('SELECT atelier.setup_storage()', 'setup_storage() makes them');
SELECT results_eq('SELECT id, public FROM storage.buckets ORDER BY id', $$VALUES ('generations', true), ('lora-models', false), ('lora-training-images', false)$$, 'one is public');
SELECT is((SELECT c.relowner::regrole::text FROM pg_class c WHERE c.oid = 'storage.objects'::regclass), 'supabase_storage_admin', 'the table stays the service''s');
SELECT is_empty($$SELECT policyname FROM pg_policies WHERE schemaname = 'storage' AND NOT policyname LIKE 'atelier\_objects\_%'$$, 'with our policies on it');
-- An adopted database has the original's policies, under which everybody writes and deletes files.
DROP POLICY atelier_objects_add ON storage.objects;
CREATE POLICY "Service role can upload to generations" ON storage.objects FOR INSERT WITH CHECK (bucket_id = 'generations');
CREATE POLICY "Service role can delete from generations" ON storage.objects FOR DELETE USING (bucket_id = 'generations');
INSERT INTO storage.objects (bucket_id, name) VALUES ('generations', 'a.png');
CREATE ROLE tap_installer;
GRANT atelier_owner TO tap_installer;
SELECT is(pg_temp.as_role('tap_installer', 'SELECT atelier.close_storage()'), '1', 'H34: who may not change them');
SELECT is((SELECT count(*) FROM atelier.open_storage_policies()), 2::bigint, 'leaves them');
SELECT atelier.install();
SELECT is_empty($$SELECT policyname FROM pg_policies WHERE schemaname = 'storage' AND NOT policyname LIKE 'atelier\_objects\_%'$$, 'H34: install() replaces them');
SELECT matches(pg_temp.as_role('anon', $$INSERT INTO storage.objects (bucket_id, name) VALUES ('generations', 'b.png')$$), '^42501', 'H34: anon uploads nothing');
SELECT is(pg_temp.as_role('anon', 'DELETE FROM storage.objects'), '0', 'H34: nor deletes');
SELECT is((SELECT status FROM atelier.health_storage()), 'ok', 'and health is content');
SELECT is(pg_temp.as_role('supabase_auth_admin', 'DELETE FROM auth.users'), '1', 'H22: an account is deleted');
SELECT is_empty('SELECT FROM public.users UNION ALL SELECT FROM public.generations', 'H22: with profile and generations');
SELECT * FROM finish();
ROLLBACK;
