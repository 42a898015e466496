-- SPDX-License-Identifier: PostgreSQL
-- Schema auth, as hosted databases have it: made only where there is none. An existing one is never touched.

CREATE FUNCTION atelier.own_auth_schema() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  ALTER SCHEMA auth OWNER TO atelier_owner;
  -- Default privileges may let users make functions in new schemas.
  REVOKE ALL ON SCHEMA auth FROM PUBLIC, anon, authenticated, service_role;
  GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
  ALTER FUNCTION auth.uid() OWNER TO atelier_owner;
  ALTER FUNCTION auth.role() OWNER TO atelier_owner;
  ALTER FUNCTION auth.jwt() OWNER TO atelier_owner;
  ALTER FUNCTION auth.email() OWNER TO atelier_owner;
  REVOKE ALL ON FUNCTION auth.uid(), auth.role(), auth.jwt(), auth.email() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION auth.uid(), auth.role(), auth.jwt(), auth.email() TO anon, authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.own_auth_schema() IS 'part of make_auth_schema(): to whom it belongs and who may call it';

CREATE FUNCTION atelier.make_auth_schema() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF to_regnamespace('auth') IS NOT NULL THEN
    RETURN;
  END IF;
  CREATE SCHEMA auth;
  COMMENT ON SCHEMA auth IS 'who is calling, for policies and queries of the app';

  PERFORM atelier.make_function('auth.uid()', $ddl$
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT atelier.uid()'$ddl$);
  COMMENT ON FUNCTION auth.uid() IS 'id of the signed-in user; null for nobody';
  PERFORM atelier.make_function('auth.role()', $ddl$
    CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT atelier.role()'$ddl$);
  COMMENT ON FUNCTION auth.role() IS 'role claim of the request; null for nobody';
  PERFORM atelier.make_function('auth.jwt()', $ddl$
    CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    AS $body$
    BEGIN
      RETURN nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      RETURN NULL;
    END
    $body$ $ddl$);
  COMMENT ON FUNCTION auth.jwt() IS 'all claims of the request; null when there are none or they are malformed';
  PERFORM atelier.make_function('auth.email()', $ddl$
    CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE PARALLEL RESTRICTED AS 'SELECT auth.jwt() OPERATOR(pg_catalog.->>) ''email'''$ddl$);
  COMMENT ON FUNCTION auth.email() IS 'e-mail claim of the request; never a reason to grant anything';

  PERFORM atelier.own_auth_schema();
END
$function$;
COMMENT ON FUNCTION atelier.make_auth_schema() IS 'creates schema auth with uid(), role(), jwt() and email() when there is no such schema';
