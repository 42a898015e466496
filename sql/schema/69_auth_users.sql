-- SPDX-License-Identifier: PostgreSQL
-- Profiles follow the users of the auth service, where there is a table auth.users: triggers on it make, refresh and delete
-- them. Nobody inherits a profile, or its role, by having its e-mail address: only the id counts. A sign-up never fails.

CREATE FUNCTION atelier.tidy_address(address text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN nullif(lower(btrim(address, E' \t\r\n')), '');
END
$function$;
COMMENT ON FUNCTION atelier.tidy_address(text) IS 'an e-mail address in the form in which it is kept; null for an empty one';

CREATE FUNCTION atelier.write_profile(auth_id uuid, address text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- An address that is another profile's stays there, and the new profile has none.
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    INSERT INTO @app@.users AS u (id, email, auth_provider, role, is_active)
    SELECT $1, CASE WHEN NOT EXISTS (SELECT FROM @app@.users o WHERE lower(o.email) = $2 AND o.id <> $1) THEN $2 END,
           'email', 'user', true
        ON CONFLICT (id) DO UPDATE SET email = coalesce(EXCLUDED.email, u.email), is_active = true$sql$)
    USING auth_id, address;
END
$function$;
COMMENT ON FUNCTION atelier.write_profile(uuid, text) IS 'makes the profile of an auth user, or refreshes its address and activates it; role and credits of one that exists stay';

CREATE FUNCTION atelier.make_profile(auth_id uuid, auth_email text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.write_profile(auth_id, atelier.tidy_address(auth_email));
EXCEPTION WHEN unique_violation THEN
  -- Somebody else took the address meanwhile.
  PERFORM atelier.write_profile(auth_id, NULL);
END
$function$;
COMMENT ON FUNCTION atelier.make_profile(uuid, text) IS 'write_profile(), without the address when another transaction takes it at the same time';

CREATE FUNCTION atelier.refresh_address(auth_id uuid, auth_email text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The old address is not his any more in any case.
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    UPDATE @app@.users u
       SET email = CASE WHEN NOT EXISTS (SELECT FROM @app@.users o WHERE lower(o.email) = $2 AND o.id <> $1) THEN $2 END
     WHERE u.id = $1$sql$)
    USING auth_id, atelier.tidy_address(auth_email);
EXCEPTION WHEN unique_violation THEN
  EXECUTE atelier.in_app_schema('UPDATE @app@.users SET email = NULL WHERE id = $1') USING auth_id;
END
$function$;
COMMENT ON FUNCTION atelier.refresh_address(uuid, text) IS 'gives a profile the address that its auth user has now, or none when it is another profile''s';

CREATE FUNCTION atelier.follow_auth_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF TG_RELID IS DISTINCT FROM to_regclass('auth.users')::oid OR TG_WHEN <> 'AFTER' OR TG_LEVEL <> 'ROW' THEN
    RAISE EXCEPTION 'trigger function is only for table auth.users' USING ERRCODE = 'trigger_protocol_violated';
  END IF;
  IF TG_OP = 'DELETE' THEN
    EXECUTE atelier.in_app_schema('DELETE FROM @app@.users WHERE id = $1') USING OLD.id;
    RETURN NULL;
  END IF;
  BEGIN
    IF TG_OP = 'INSERT' THEN
      PERFORM atelier.make_profile(NEW.id, NEW.email::text);
    ELSIF NEW.email IS DISTINCT FROM OLD.email THEN
      PERFORM atelier.refresh_address(NEW.id, NEW.email::text);
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'profile of auth user % could not be written: %', NEW.id, SQLERRM
      USING HINT = 'Remove the cause, then run SELECT atelier.make_profiles();';
  END;
  RETURN NULL;
END
$function$;
ALTER FUNCTION atelier.follow_auth_user() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.follow_auth_user() IS 'trigger on auth.users: makes, refreshes or deletes the profile of the same id';

CREATE FUNCTION atelier.auth_users() RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT c.oid
            FROM pg_class c
            JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = 'id' AND i.atttypid = 'uuid'::regtype
            JOIN pg_attribute e ON e.attrelid = c.oid AND e.attname = 'email' AND e.atttypid IN ('text'::regtype, 'varchar'::regtype)
           WHERE c.relname = 'users' AND c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace('auth'));
END
$function$;
COMMENT ON FUNCTION atelier.auth_users() IS 'the table auth.users with columns id and email; null where there is none';

CREATE FUNCTION atelier.missing_auth_changes(OUT ddl text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relation regclass := atelier.auth_users();
BEGIN
  -- The original's trigger lets a sign-up take over the profile that has its address.
  RETURN QUERY
  SELECT format('DROP TRIGGER %I ON %s;', t.tgname, relation)
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE t.tgrelid = relation AND t.tgname = 'on_auth_user_created' AND p.proname = 'handle_new_user'
     AND p.pronamespace <> 'atelier'::regnamespace;
  RETURN QUERY
  SELECT format('CREATE TRIGGER %I AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION atelier.follow_auth_user();',
                w.name, w.event, relation)
    FROM (VALUES ('atelier_user_created', 'INSERT'), ('atelier_user_email_changed', 'UPDATE OF email'),
                 ('atelier_user_deleted', 'DELETE')) w (name, event)
   WHERE relation IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = w.name);
  RETURN QUERY
  SELECT format('ALTER TABLE %s ENABLE TRIGGER %I;', relation, t.tgname)
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE t.tgrelid = relation AND p.proname = 'follow_auth_user' AND p.pronamespace = 'atelier'::regnamespace
     AND t.tgenabled IN ('D', 'R');
END
$function$;
COMMENT ON FUNCTION atelier.missing_auth_changes() IS 'the statements that table auth.users still needs, none where there is no such table';

CREATE FUNCTION atelier.make_auth_triggers() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  statement text;
BEGIN
  IF atelier.auth_users() IS NULL THEN
    RETURN;
  END IF;
  FOR statement IN SELECT m.ddl FROM atelier.missing_auth_changes() m LOOP
    EXECUTE statement;
  END LOOP;
  -- For health(), which runs as the owner and compares addresses.
  GRANT USAGE ON SCHEMA auth TO atelier_owner;
  EXECUTE format('GRANT SELECT (id, email) ON %s TO atelier_owner', atelier.auth_users());
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'profiles do not follow table auth.users'
    USING DETAIL = 'The installing role may not put triggers on it.',
          HINT = 'atelier.health() prints the statements for its owner.';
END
$function$;
COMMENT ON FUNCTION atelier.make_auth_triggers() IS 'puts the triggers on auth.users where there is such a table and the caller may; part of install()';

CREATE FUNCTION atelier.make_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  person record;
  made bigint := 0;
BEGIN
  IF atelier.auth_users() IS NULL THEN
    RETURN 0;
  END IF;
  FOR person IN EXECUTE atelier.in_app_schema($sql$
    SELECT a.id, a.email::text AS email FROM auth.users a
     WHERE NOT EXISTS (SELECT FROM @app@.users u WHERE u.id = a.id)$sql$) LOOP
    PERFORM atelier.make_profile(person.id, person.email);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION atelier.make_profiles() IS 'makes the profiles that auth users lack, and returns their number. Owner and superusers';

CREATE FUNCTION atelier.health_auth(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relation regclass := atelier.auth_users();
  lacking bigint;
BEGIN
  IF relation IS NULL THEN
    RETURN;
  END IF;
  check_name := 'sign-up'; status := 'ok'; detail := 'profiles follow auth.users';
  hint := (SELECT string_agg(m.ddl, ' ' ORDER BY m.ddl LIKE 'CREATE%', m.ddl) FROM atelier.missing_auth_changes() m);
  IF hint IS NOT NULL THEN
    status := 'fail'; detail := 'profiles do not follow auth.users: its owner has to run the statements of the hint';
  END IF;
  RETURN NEXT;

  check_name := 'profiles'; status := 'ok'; detail := 'every auth user has one, with his address'; hint := NULL;
  IF NOT has_schema_privilege('auth', 'USAGE') OR NOT has_column_privilege(relation, 'id', 'SELECT')
     OR NOT has_column_privilege(relation, 'email', 'SELECT') THEN
    status := 'warn'; detail := 'not known: atelier_owner may not read auth.users';
    hint := format('GRANT USAGE ON SCHEMA auth TO atelier_owner; GRANT SELECT (id, email) ON %s TO atelier_owner;', relation);
    RETURN NEXT;
    RETURN;
  END IF;
  EXECUTE atelier.in_app_schema($sql$
    SELECT count(*) FROM auth.users a WHERE NOT EXISTS (SELECT FROM @app@.users u WHERE u.id = a.id)$sql$) INTO lacking;
  IF lacking > 0 THEN
    status := 'warn'; detail := format('%s auth users have no profile', lacking); hint := 'SELECT atelier.make_profiles();';
  END IF;
  RETURN NEXT;

  check_name := 'addresses'; status := 'ok'; detail := 'no auth user has the address of another profile'; hint := NULL;
  EXECUTE atelier.in_app_schema($sql$
    SELECT string_agg(format('%s has the address of profile %s', p.id, p.other), ', '),
           string_agg(format('UPDATE @app@.users SET email = NULL WHERE id = %L; UPDATE @app@.users SET email = %L WHERE id = %L;',
                             p.other, p.address, p.id), ' ')
      FROM (SELECT u.id, o.id AS other, o.email AS address
              FROM @app@.users u
              JOIN auth.users a ON a.id = u.id
              JOIN @app@.users o ON lower(o.email) = atelier.tidy_address(a.email::text) AND o.id <> u.id
             WHERE u.email IS NULL
             ORDER BY u.id LIMIT 10) p$sql$) INTO detail, hint;
  IF detail IS NULL THEN
    detail := 'no auth user has the address of another profile';
  ELSE
    status := 'warn'; hint := hint || ' -- if both are the same person; rights and rows stay where they are';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_auth() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_auth() IS 'part of health(), where there is a table auth.users: its triggers, and profiles that lack their address';
