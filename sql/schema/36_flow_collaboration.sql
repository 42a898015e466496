-- SPDX-License-Identifier: PostgreSQL
-- Install steps 10 and 11: sharing flows and talking about them.

CREATE FUNCTION atelier.step_20260121_flow_collaboration() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.flow_members', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flow_members_pkey PRIMARY KEY,
    flow_id uuid NOT NULL CONSTRAINT flow_members_flow_id_fkey REFERENCES @app@.flows (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT flow_members_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'viewer' CONSTRAINT flow_members_role_check CHECK (role IN ('owner', 'editor', 'viewer')),
    invited_by uuid CONSTRAINT flow_members_invited_by_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    invited_at timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT flow_members_flow_id_user_id_key UNIQUE (flow_id, user_id)
  $table$);
  PERFORM atelier.make_index('@app@.flow_members_user_idx',
    'CREATE INDEX flow_members_user_idx ON @app@.flow_members (user_id, flow_id)');
  PERFORM atelier.make_index('@app@.flow_members_invited_by_idx',
    'CREATE INDEX flow_members_invited_by_idx ON @app@.flow_members (invited_by) WHERE invited_by IS NOT NULL');
  PERFORM atelier.describe('@app@.flow_members', 'who may see or change a flow besides its owner', ARRAY[
    'id', 'id of the membership',
    'flow_id', 'the flow',
    'user_id', 'the member',
    'role', 'owner and editor may change the flow, viewer may look',
    'invited_by', 'who invited the member',
    'invited_at', 'when',
    'accepted_at', 'when the invitation was accepted; null: it counts for nothing yet',
    'created_at', 'when the row was inserted']);

  PERFORM atelier.make_table('@app@.flow_invites', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flow_invites_pkey PRIMARY KEY,
    flow_id uuid NOT NULL CONSTRAINT flow_invites_flow_id_fkey REFERENCES @app@.flows (id) ON DELETE CASCADE,
    email text NOT NULL,
    role text NOT NULL DEFAULT 'viewer' CONSTRAINT flow_invites_role_check CHECK (role IN ('editor', 'viewer')),
    token text NOT NULL DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
      CONSTRAINT flow_invites_token_key UNIQUE,
    invited_by uuid NOT NULL CONSTRAINT flow_invites_invited_by_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days',
    used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid GENERATED ALWAYS AS (invited_by) STORED
  $table$);
  PERFORM atelier.make_index('@app@.flow_invites_flow_id_idx',
    'CREATE INDEX flow_invites_flow_id_idx ON @app@.flow_invites (flow_id, email)');
  PERFORM atelier.make_index('@app@.flow_invites_invited_by_idx',
    'CREATE INDEX flow_invites_invited_by_idx ON @app@.flow_invites (invited_by)');
  PERFORM atelier.describe('@app@.flow_invites', 'invitations to a flow, by e-mail with a secret link', ARRAY[
    'id', 'id of the invitation',
    'flow_id', 'the flow',
    'email', 'to whom, in lower case; nobody else can accept it',
    'role', 'editor or viewer',
    'token', '64 hex digits; whoever is invited knows them from the link',
    'invited_by', 'who invites',
    'expires_at', 'until when it can be accepted',
    'used_at', 'when it was accepted; it works once',
    'created_at', 'when it was made',
    'created_by', 'the same as invited_by, for reading only']);
END
$step$;
COMMENT ON FUNCTION atelier.step_20260121_flow_collaboration() IS 'install step: members of flows and invitations';

CREATE FUNCTION atelier.step_20260127_flow_comments() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.flow_comments', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flow_comments_pkey PRIMARY KEY,
    flow_id uuid NOT NULL CONSTRAINT flow_comments_flow_id_fkey REFERENCES @app@.flows (id) ON DELETE CASCADE,
    node_id text,
    parent_id uuid CONSTRAINT flow_comments_parent_id_fkey REFERENCES @app@.flow_comments (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT flow_comments_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    content text NOT NULL,
    position_x double precision,
    position_y double precision,
    is_resolved boolean NOT NULL DEFAULT false,
    read_by uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
  $table$);
  PERFORM atelier.make_index('@app@.flow_comments_flow_list_idx',
    'CREATE INDEX flow_comments_flow_list_idx ON @app@.flow_comments (flow_id, created_at)');
  PERFORM atelier.make_index('@app@.flow_comments_parent_id_idx',
    'CREATE INDEX flow_comments_parent_id_idx ON @app@.flow_comments (parent_id) WHERE parent_id IS NOT NULL');
  PERFORM atelier.make_index('@app@.flow_comments_user_id_idx',
    'CREATE INDEX flow_comments_user_id_idx ON @app@.flow_comments (user_id)');
  PERFORM atelier.describe('@app@.flow_comments', 'comments on a flow or one of its nodes', ARRAY[
    'id', 'id of the comment',
    'flow_id', 'the flow',
    'node_id', 'the node, as text since nodes come and go; null: the canvas',
    'parent_id', 'the comment that it answers, of the same flow',
    'user_id', 'its author',
    'content', 'the text',
    'position_x', 'place on the canvas',
    'position_y', 'place on the canvas',
    'is_resolved', 'settled, by its author or the flow''s owner',
    'read_by', 'who has read it; each reader adds himself',
    'created_at', 'when it was written',
    'updated_at', 'when it was changed last, set by trigger']);
END
$step$;
COMMENT ON FUNCTION atelier.step_20260127_flow_comments() IS 'install step: comments on flows';
