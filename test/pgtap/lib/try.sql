-- SPDX-License-Identifier: PostgreSQL
-- How a test tries a command as somebody. Included by the files beside it, which say who there is: they make
-- pg_temp.id_of(caller), the id of a user. Whoever is no user is one of these: anon (no session), nobody (role
-- authenticated without claims), impostor (the same, claiming to be service_role), service_role, superuser.
--
--   pg_temp.outcome(caller, command)   the number of rows that the command reads or writes, or the SQLSTATE it fails with
--   pg_temp.answer(caller, query)      the single value that the query gives, or the SQLSTATE
--   pg_temp.act(caller, command)       does it; the two above leave no trace
--   pg_temp.become(caller)             stays that caller until the next call

SET LOCAL client_min_messages = warning;

CREATE FUNCTION pg_temp.become(caller text) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
  role_name text := CASE WHEN caller IN ('anon', 'service_role') THEN caller WHEN caller = 'superuser' THEN 'none'
                         ELSE 'authenticated' END;
BEGIN
  PERFORM set_config('request.jwt.claims',
            CASE WHEN caller IN ('nobody', 'superuser') THEN ''
                 WHEN caller = 'anon' THEN '{"role": "anon"}'
                 WHEN caller IN ('impostor', 'service_role') THEN '{"role": "service_role"}'
                 ELSE json_build_object('role', 'authenticated', 'sub', pg_temp.id_of(caller),
                                        'email', caller || '@tap.test')::text END, true),
          set_config('role', role_name, true);
END $$;

CREATE FUNCTION pg_temp.outcome(caller text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  rows bigint;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  GET DIAGNOSTICS rows = ROW_COUNT;
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = rows;
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm;
  WHEN OTHERS THEN RETURN sqlstate;
END $$;

CREATE FUNCTION pg_temp.answer(caller text, query text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  value text;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE query INTO value;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = coalesce(value, 'null');
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm;
  WHEN OTHERS THEN RETURN sqlstate;
END $$;

CREATE FUNCTION pg_temp.act(caller text, command text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  PERFORM pg_temp.become('superuser');
END $$;
