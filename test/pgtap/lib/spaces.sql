-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests of workspaces and roles after BEGIN: people of every kind, two workspaces, and a way to try a command
-- as one of them.
--
--   pg_temp.outcome(caller, command)   the number of rows that the command reads or writes, or the SQLSTATE it fails with
--   pg_temp.answer(caller, query)      the single value that the query gives, or the SQLSTATE
--
-- Neither leaves a trace; pg_temp.act(caller, command) does. The people: owner, admin, member (of workspace one), chief (the
-- owner of workspace two), stranger (of none), idle (a deactivated member of one), boss (global role admin), root
-- (super_admin). Other callers: anon, nobody (authenticated without claims), impostor (the same, claiming to be service_role),
-- service_role, superuser.

SET LOCAL client_min_messages = warning;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(name)::uuid $$;
INSERT INTO users (id, email, role, is_active)
SELECT pg_temp.id(p.name), p.name || '@tap.test', p.role, p.name <> 'idle'
  FROM (VALUES ('owner', 'user'), ('admin', 'user'), ('member', 'user'), ('chief', 'user'), ('stranger', 'user'), ('idle', 'user'),
               ('boss', 'admin'), ('root', 'super_admin')) p (name, role);

CREATE FUNCTION pg_temp.become(caller text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('request.jwt.claims', CASE caller
            WHEN 'nobody' THEN '' WHEN 'superuser' THEN ''
            WHEN 'anon' THEN '{"role": "anon"}'
            WHEN 'impostor' THEN '{"role": "service_role"}' WHEN 'service_role' THEN '{"role": "service_role"}'
            ELSE json_build_object('role', 'authenticated', 'sub', pg_temp.id(caller), 'email', caller || '@tap.test')::text END, true),
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

INSERT INTO workspaces (id, name, slug, created_by)
VALUES (pg_temp.id('one'), 'One', 'tap-one', pg_temp.id('owner')), (pg_temp.id('two'), 'Two', 'tap-two', pg_temp.id('chief'));
INSERT INTO workspace_members (workspace_id, user_id, role, invited_by)
VALUES (pg_temp.id('one'), pg_temp.id('admin'), 'admin', pg_temp.id('owner')), (pg_temp.id('one'), pg_temp.id('member'), 'member', pg_temp.id('admin')),
       (pg_temp.id('one'), pg_temp.id('idle'), 'admin', pg_temp.id('owner'));
-- A private generation of each of the two, and one of the member in each workspace that there is.
INSERT INTO generations (id, user_id, workspace_id, action, model_id, model_name, replicate_model, status)
SELECT pg_temp.id(g.name), pg_temp.id(g.whose), pg_temp.id(g.workspace), 'create', 'm', 'M', 'owner/name', 'pending'
  FROM (VALUES ('private', 'member', NULL), ('shared', 'member', 'one'), ('foreign', 'chief', 'two'), ('other', 'stranger', NULL))
       g (name, whose, workspace);
