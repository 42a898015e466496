-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests about flows after BEGIN: people around two flows, who try commands as try.sql says. pg_temp.f(name) is
-- the id that belongs to a name.
--
-- owner owns flow 'shared' in workspace 'team' and flow 'private'; mate is a member of the workspace, boss its admin; editor
-- and viewer have accepted an invitation to both flows, waiting has not yet answered one; stranger has nothing to do with
-- them; gone is deactivated, though owner of flow 'old' and editor of 'shared'.
\ir try.sql

CREATE FUNCTION pg_temp.f(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5('flows ' || name)::uuid $$;

CREATE FUNCTION pg_temp.id_of(caller text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.f(caller) $$;

INSERT INTO users (id, email, display_name, is_active)
SELECT pg_temp.f(who), who || '@flows.test', initcap(who), who <> 'gone'
  FROM unnest('{owner,mate,boss,editor,viewer,waiting,stranger,gone}'::text[]) who;
INSERT INTO workspaces (id, name, slug, created_by)
VALUES (pg_temp.f('team'), 'Team', 'flows-test-team', NULL), (pg_temp.f('other team'), 'Other', 'flows-test-other', NULL);
INSERT INTO workspace_members (workspace_id, user_id, role)
VALUES (pg_temp.f('team'), pg_temp.f('owner'), 'member'), (pg_temp.f('team'), pg_temp.f('mate'), 'member'),
       (pg_temp.f('team'), pg_temp.f('boss'), 'admin'), (pg_temp.f('other team'), pg_temp.f('stranger'), 'owner'),
       (pg_temp.f('other team'), pg_temp.f('mate'), 'member');
INSERT INTO flows (id, user_id, workspace_id, name)
VALUES (pg_temp.f('shared'), pg_temp.f('owner'), pg_temp.f('team'), 'Shared'),
       (pg_temp.f('private'), pg_temp.f('owner'), NULL, 'Private'),
       (pg_temp.f('old'), pg_temp.f('gone'), NULL, 'Old'),
       (pg_temp.f('foreign'), pg_temp.f('stranger'), NULL, 'Foreign');
INSERT INTO flow_members (id, flow_id, user_id, role, invited_by, accepted_at)
SELECT pg_temp.f(m.who || ' of ' || m.flow), pg_temp.f(m.flow), pg_temp.f(m.who), m.role, pg_temp.f('owner'), m.accepted
  FROM (VALUES ('editor', 'shared', 'editor', now()), ('viewer', 'shared', 'viewer', now()), ('waiting', 'shared', 'editor', NULL),
               ('gone', 'shared', 'editor', now()), ('editor', 'private', 'editor', now()), ('viewer', 'private', 'viewer', now()))
       AS m (who, flow, role, accepted);
INSERT INTO generations (id, user_id, workspace_id, action, model_id, model_name, replicate_model, status)
VALUES (pg_temp.f('own generation'), pg_temp.f('owner'), NULL, 'create', 'm', 'M', 'owner/name', 'pending'),
       (pg_temp.f('team generation'), pg_temp.f('mate'), pg_temp.f('team'), 'create', 'm', 'M', 'owner/name', 'pending'),
       (pg_temp.f('strange generation'), pg_temp.f('stranger'), NULL, 'create', 'm', 'M', 'owner/name', 'pending');
INSERT INTO flow_nodes (id, flow_id, block_type, created_by)
SELECT pg_temp.f(flow || ' node ' || n), pg_temp.f(flow), 'image', pg_temp.f('owner')
  FROM unnest('{shared,private,foreign}'::text[]) flow CROSS JOIN generate_series(1, 2) n;
INSERT INTO flow_edges (id, flow_id, source_node_id, target_node_id)
SELECT pg_temp.f(flow || ' edge'), pg_temp.f(flow), pg_temp.f(flow || ' node 1'), pg_temp.f(flow || ' node 2')
  FROM unnest('{shared,private,foreign}'::text[]) flow;
INSERT INTO flow_comments (id, flow_id, user_id, content)
SELECT pg_temp.f(c.who || ' comment'), pg_temp.f(c.flow), pg_temp.f(c.who), 'a word'
  FROM (VALUES ('viewer', 'shared'), ('stranger', 'foreign')) c (who, flow);
INSERT INTO flow_invites (id, flow_id, email, role, token, invited_by, expires_at, used_at)
SELECT pg_temp.f(i.name), pg_temp.f('private'), i.email, i.role, i.name, pg_temp.f('owner'), i.expires_at, i.used_at
  FROM (VALUES ('open invite', 'stranger@flows.test', 'editor', now() + interval '1 day', NULL),
               ('expired invite', 'mate@flows.test', 'editor', now() - interval '1 second', NULL),
               ('used invite', 'mate@flows.test', 'editor', now() + interval '1 day', now()),
               ('nobody''s invite', 'new@flows.test', 'viewer', now() + interval '1 day', NULL)) i (name, email, role, expires_at, used_at);
