-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests of workspaces and roles after BEGIN: people of every kind and two workspaces; they try commands as
-- try.sql says. pg_temp.id(name) is the id that belongs to a name.
--
-- The people: owner, admin, member (of workspace one), chief (the owner of workspace two), stranger (of none), idle (a
-- deactivated member of one), boss (global role admin), root (super_admin).
\ir try.sql

CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(name)::uuid $$;
CREATE FUNCTION pg_temp.id_of(caller text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.id(caller) $$;

INSERT INTO users (id, email, role, is_active)
SELECT pg_temp.id(p.name), p.name || '@tap.test', p.role, p.name <> 'idle'
  FROM (VALUES ('owner', 'user'), ('admin', 'user'), ('member', 'user'), ('chief', 'user'), ('stranger', 'user'), ('idle', 'user'),
               ('boss', 'admin'), ('root', 'super_admin')) p (name, role);

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
