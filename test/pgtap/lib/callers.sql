-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests after BEGIN: four people with a row of everything, and a way to try a command as somebody.
--
--   pg_temp.outcome(caller, command)   the number of rows that the command reads or writes, or the SQLSTATE it fails with
--   pg_temp.answer(caller, query)      the single value that the query gives, or the SQLSTATE
--
-- Neither leaves a trace. The callers: anon (no session), nobody (role authenticated without claims), impostor (the same,
-- claiming to be service_role), ann and bob (users), dan (a deactivated user), service_role, superuser.

SET LOCAL client_min_messages = warning;
INSERT INTO users (id, email, is_active)
VALUES ('00000000-0000-4000-8000-00000000000a', 'ann@tap.test', true),
  ('00000000-0000-4000-8000-00000000000b', 'bob@tap.test', true),
       ('00000000-0000-4000-8000-00000000000d', 'dan@tap.test', false);

CREATE FUNCTION pg_temp.ann() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000a'::uuid $$;
CREATE FUNCTION pg_temp.bob() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000b'::uuid $$;
CREATE FUNCTION pg_temp.dan() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000d'::uuid $$;

CREATE FUNCTION pg_temp.become(caller text) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
  claims json := CASE caller
    WHEN 'anon' THEN json_build_object('role', 'anon')
    WHEN 'nobody' THEN NULL
    WHEN 'impostor' THEN json_build_object('role', 'service_role')
    WHEN 'service_role' THEN json_build_object('role', 'service_role')
    WHEN 'ann' THEN json_build_object('role', 'authenticated', 'sub', pg_temp.ann())
    WHEN 'bob' THEN json_build_object('role', 'authenticated', 'sub', pg_temp.bob())
    WHEN 'dan' THEN json_build_object('role', 'authenticated', 'sub', pg_temp.dan())
  END;
BEGIN
  PERFORM set_config('request.jwt.claims', coalesce(claims::text, ''), true),
          set_config('role', CASE WHEN caller IN ('anon', 'service_role') THEN caller WHEN caller = 'superuser' THEN 'none'
                                  ELSE 'authenticated' END, true);
END $$;

CREATE FUNCTION pg_temp.outcome(caller text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  rows bigint;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  GET DIAGNOSTICS rows = ROW_COUNT;
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

-- The rows of the people: a generation, a notification, a log entry. Their ids are those of their users.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
SELECT u.id, u.id, 'create', 'm', 'M', 'owner/name', 'pending' FROM users u WHERE u.email LIKE '%@tap.test';
INSERT INTO notifications (id, user_id, type, title) SELECT u.id, u.id, 'update', 't' FROM users u
  WHERE u.email LIKE '%@tap.test';
INSERT INTO api_logs (id, user_id, method, path, status_code) SELECT u.id, u.id, 'GET', '/', 200 FROM users u
  WHERE u.email LIKE '%@tap.test';
INSERT INTO replicate_tokens (id, token) VALUES (1000000, 'r8_tap');
INSERT INTO atelier.token_state (token_id) VALUES (1000000);
INSERT INTO atelier.queue (generation_id, user_id) SELECT u.id, u.id FROM users u WHERE u.email LIKE '%@tap.test';
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
SELECT u.id, u.id, 1, 'failed', now(), now() FROM users u WHERE u.email LIKE '%@tap.test';
