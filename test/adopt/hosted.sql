-- SPDX-License-Identifier: PostgreSQL
-- A database as hosting platforms hand it over: the roles, default privileges that grant everything, the tables and functions of
-- the auth and storage services, the publication of the realtime service. None of it is ours. The app's schema (base.sql,
-- later.sql) goes on top, or the extension itself. Runs inside a transaction, too.
DROP SCHEMA IF EXISTS extensions, auth, storage, realtime CASCADE;
DROP PUBLICATION IF EXISTS supabase_realtime;
DO $$
DECLARE
  role_name text;
  attributes text;
BEGIN
  FOR role_name, attributes IN
    VALUES ('anon', 'NOLOGIN'), ('authenticated', 'NOLOGIN'), ('service_role', 'NOLOGIN BYPASSRLS'),
           ('authenticator', 'NOINHERIT LOGIN'), ('supabase_admin', 'SUPERUSER LOGIN'),
           ('supabase_auth_admin', 'NOINHERIT CREATEROLE LOGIN'), ('supabase_storage_admin', 'NOINHERIT CREATEROLE LOGIN'),
           -- What the platform's customer is: no superuser.
           ('hosted_admin', 'CREATEROLE CREATEDB LOGIN BYPASSRLS')
  LOOP
    IF to_regrole(role_name) IS NULL THEN
      EXECUTE format('CREATE ROLE %I %s', role_name, attributes);
    END IF;
  END LOOP;
END $$;
GRANT anon, authenticated, service_role TO authenticator, hosted_admin;
GRANT authenticator TO supabase_storage_admin;
GRANT CREATE, USAGE ON SCHEMA public TO hosted_admin, supabase_admin;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
DO $$
DECLARE
  maker text;
BEGIN
  FOREACH maker IN ARRAY ARRAY[current_user, 'supabase_admin', 'hosted_admin'] LOOP
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role', maker);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role', maker);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role', maker);
  END LOOP;
END $$;

CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
CREATE FUNCTION extensions.uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT pg_catalog.gen_random_uuid()';

-- The auth service.
CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, hosted_admin;
CREATE TABLE auth.users (
  instance_id uuid, id uuid PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255), encrypted_password varchar(255),
  email_confirmed_at timestamptz, last_sign_in_at timestamptz, raw_app_meta_data jsonb, raw_user_meta_data jsonb,
  is_super_admin boolean, created_at timestamptz DEFAULT now(), updated_at timestamptz, phone text UNIQUE, deleted_at timestamptz,
  is_anonymous boolean NOT NULL DEFAULT false);
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')::text $$;
CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.email', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')::text $$;
ALTER TABLE auth.users OWNER TO supabase_auth_admin;
ALTER FUNCTION auth.jwt() OWNER TO supabase_auth_admin;
ALTER FUNCTION auth.uid() OWNER TO supabase_auth_admin;
ALTER FUNCTION auth.role() OWNER TO supabase_auth_admin;
ALTER FUNCTION auth.email() OWNER TO supabase_auth_admin;
GRANT ALL ON auth.users TO hosted_admin;
GRANT SELECT ON auth.users TO service_role;

-- The storage service.
CREATE SCHEMA storage AUTHORIZATION supabase_admin;
GRANT ALL ON SCHEMA storage TO supabase_storage_admin, hosted_admin;
GRANT USAGE ON SCHEMA storage TO anon, authenticated, service_role;
CREATE TABLE storage.buckets (
  id text PRIMARY KEY, name text NOT NULL UNIQUE, owner uuid, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  public boolean DEFAULT false, avif_autodetection boolean DEFAULT false, file_size_limit bigint, allowed_mime_types text[], owner_id text);
CREATE TABLE storage.objects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text REFERENCES storage.buckets (id), name text, owner uuid,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), last_accessed_at timestamptz DEFAULT now(), metadata jsonb,
  path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED, version text, owner_id text, user_metadata jsonb,
  UNIQUE (bucket_id, name));
CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN (string_to_array(name, '/'))[1:array_length(string_to_array(name, '/'), 1) - 1];
END $$;
ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.buckets OWNER TO supabase_storage_admin;
ALTER TABLE storage.objects OWNER TO supabase_storage_admin;
GRANT ALL ON storage.buckets, storage.objects TO anon, authenticated, service_role, hosted_admin;

-- The realtime service.
CREATE SCHEMA realtime;
GRANT USAGE ON SCHEMA realtime TO anon, authenticated, service_role;
CREATE FUNCTION pg_temp.publish() RETURNS void LANGUAGE sql SET client_min_messages = error  -- about wal_level
AS 'CREATE PUBLICATION supabase_realtime';
SELECT pg_temp.publish() IS NULL AS published \gset
