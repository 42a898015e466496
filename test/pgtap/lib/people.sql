-- SPDX-License-Identifier: PostgreSQL
-- Included by the matrix after BEGIN: everybody whom a rule of the app knows, and a row of everything. They try commands as
-- try.sql says. pg_temp.id(name) is the id that belongs to a name; what belongs to a person has the id of that person. What a
-- file of the matrix expects it writes into the table `stated`: `outcomes` has a word for each of pg_temp.callers(), a number
-- of rows, `no` for 42501, or another SQLSTATE; `why` is the rule. lib/matrix.sql runs it.
--
--   owner     owns one row of everything, a flow of his own and one in the workspace, of which he is a member
--   stranger  has nothing to do with any of it
--   member, admin, chief   of the workspace, as member, admin and owner
--   viewer, editor   have accepted an invitation to the owner's private flow
--   gone      deactivated; owns one row of everything, admin of the workspace, editor of the private flow
--   boss, root   global roles admin and super_admin, in no workspace
\ir try.sql

CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5('people ' || name)::uuid $$;
CREATE FUNCTION pg_temp.id_of(caller text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.id(caller) $$;
-- Who asks; the owner where that is no user, so that service_role and the superuser have somebody to write for.
CREATE FUNCTION pg_temp.me() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT coalesce(atelier.uid(), pg_temp.id('owner')) $$;

CREATE FUNCTION pg_temp.callers() RETURNS text[] LANGUAGE sql IMMUTABLE
AS $$ SELECT '{anon,nobody,impostor,owner,stranger,member,admin,chief,viewer,editor,gone,boss,root,service_role}'::text[] $$;
CREATE TEMP TABLE stated (n integer GENERATED ALWAYS AS IDENTITY, relation text, command text, outcomes text, why text);

INSERT INTO users (id, email, role, is_active)
SELECT pg_temp.id(p.name), p.name || '@tap.test', p.role, p.name <> 'gone'
  FROM (VALUES ('owner', 'user'), ('stranger', 'user'), ('member', 'user'), ('admin', 'user'), ('chief', 'user'),
               ('viewer', 'user'), ('editor', 'user'), ('gone', 'user'), ('boss', 'admin'), ('root', 'super_admin')) p (name, role);
INSERT INTO workspaces (id, name, slug, created_by) VALUES (pg_temp.id('space'), 'Space', 'tap-space', pg_temp.id('chief'));
INSERT INTO workspace_members (id, workspace_id, user_id, role)
SELECT pg_temp.id(m.name), pg_temp.id('space'), pg_temp.id(m.name), m.role
  FROM (VALUES ('owner', 'member'), ('member', 'member'), ('admin', 'admin'), ('gone', 'admin')) m (name, role);

-- The rows of the owner and of the deactivated user; `shared` ones are the owner's in the workspace.
INSERT INTO generations (id, user_id, workspace_id, action, model_id, model_name, replicate_model, status)
SELECT pg_temp.id(g.name), pg_temp.id(g.whose), pg_temp.id(g.space), 'create', 'm', 'M', 'owner/name', 'pending'
  FROM (VALUES ('owner', 'owner', NULL), ('shared', 'owner', 'space'), ('gone', 'gone', NULL)) g (name, whose, space);
INSERT INTO flows (id, user_id, workspace_id)
SELECT pg_temp.id(f.name), pg_temp.id(f.whose), pg_temp.id(f.space)
  FROM (VALUES ('owner', 'owner', NULL), ('shared', 'owner', 'space'), ('gone', 'gone', NULL)) f (name, whose, space);
INSERT INTO flow_members (id, flow_id, user_id, role, invited_by, accepted_at)
SELECT pg_temp.id(m.name), pg_temp.id('owner'), pg_temp.id(m.name), m.role, pg_temp.id('owner'), now()
  FROM (VALUES ('viewer', 'viewer'), ('editor', 'editor'), ('gone', 'editor')) m (name, role);
INSERT INTO flow_nodes (id, flow_id, block_type, created_by)
SELECT pg_temp.id(flow || n), pg_temp.id(flow), 'image', pg_temp.id('owner')
  FROM unnest('{owner,shared,gone}'::text[]) flow CROSS JOIN generate_series(1, 2) n;
INSERT INTO flow_edges (id, flow_id, source_node_id, target_node_id)
SELECT pg_temp.id(flow), pg_temp.id(flow), pg_temp.id(flow || 1), pg_temp.id(flow || 2)
  FROM unnest('{owner,shared,gone}'::text[]) flow;
INSERT INTO flow_invites (id, flow_id, email, token, invited_by)
SELECT pg_temp.id(flow), pg_temp.id(flow), 'new@tap.test', 'token of ' || flow, pg_temp.id('owner')
  FROM unnest('{owner,shared}'::text[]) flow;
INSERT INTO flow_comments (id, flow_id, user_id, content)
SELECT pg_temp.id(flow), pg_temp.id(flow), pg_temp.id('owner'), 'a word' FROM unnest('{owner,shared}'::text[]) flow;

CREATE TEMP TABLE whose AS SELECT pg_temp.id(name) AS id FROM unnest('{owner,gone}'::text[]) name;
INSERT INTO user_loras (id, user_id, name, trigger_word) SELECT id, id, 'L', 'TAP' FROM whose;
INSERT INTO lora_training_images (id, lora_id, image_url) SELECT id, id, 'https://tap.test/i' FROM whose;
INSERT INTO notifications (id, user_id, type, title) SELECT id, id, 'update', 't' FROM whose;
INSERT INTO ideas (id, user_id, title) SELECT id, id, 'an idea' FROM whose;
INSERT INTO idea_votes (id, idea_id, user_id) SELECT id, id, id FROM whose;
INSERT INTO assistant_conversations (id, user_id) SELECT id, id FROM whose;
INSERT INTO assistant_messages (id, conversation_id, role, content) SELECT id, id, 'user', 'hello' FROM whose;
INSERT INTO support_tickets (id, user_id, message) SELECT id, id, 'help' FROM whose;
INSERT INTO api_logs (id, user_id, method, path, status_code) SELECT id, id, 'GET', '/', 200 FROM whose;
INSERT INTO replicate_tokens (id, token) VALUES (1000000, 'r8_tap');
INSERT INTO atelier.token_state (token_id) VALUES (1000000);
INSERT INTO atelier.queue (generation_id, user_id) SELECT id, id FROM whose;
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
SELECT id, id, 1, 'failed', now(), now() FROM whose;
INSERT INTO atelier.flow_node_memory (flow_id, node_id, status, deleted_at) SELECT id, id, 'idle', now() FROM whose;
DROP TABLE whose;
