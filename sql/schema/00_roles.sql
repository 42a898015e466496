-- SPDX-License-Identifier: PostgreSQL
-- The roles that the rest of the script names. They are made in every case, also while a dump is replayed, since the
-- grants in the dump need them. Roles that exist stay as they are.

CREATE FUNCTION atelier.make_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  role_name text;
  attributes text;
BEGIN
  FOR role_name, attributes IN
    VALUES ('atelier_owner', 'NOLOGIN'),
           ('anon', 'NOLOGIN'),
           ('authenticated', 'NOLOGIN'),
           ('service_role', 'NOLOGIN BYPASSRLS')
  LOOP
    CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE ROLE %I %s', role_name, attributes);
      EXECUTE format('COMMENT ON ROLE %I IS %L', role_name,
                     CASE role_name
                       WHEN 'atelier_owner' THEN 'owns the tables, views and definer functions of atelier'
                       WHEN 'anon' THEN 'requests without a session'
                       WHEN 'authenticated' THEN 'requests of a signed-in user'
                       ELSE 'requests of the app itself; row level security does not apply'
                     END);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;  -- CREATE EXTENSION in another database was faster
    END;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_roles() IS 'creates the roles atelier_owner, anon, authenticated and service_role when they are missing';

SELECT atelier.make_roles();

-- health() runs as the owner and has to see the settings that only superusers see otherwise.
GRANT pg_read_all_settings TO atelier_owner;
-- Default privileges may have let everybody in already.
REVOKE ALL ON SCHEMA atelier FROM PUBLIC, anon, authenticated, service_role;
GRANT USAGE ON SCHEMA atelier TO atelier_owner, anon, authenticated, service_role;
COMMENT ON SCHEMA atelier IS 'code of the extension, and the tables that its workers use';
