-- SPDX-License-Identifier: PostgreSQL
-- Install step 4: workspaces and their members, and the workspace of a generation.

CREATE FUNCTION atelier.step_add_workspaces() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.workspaces', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT workspaces_pkey PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL CONSTRAINT workspaces_slug_key UNIQUE,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid CONSTRAINT workspaces_created_by_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    is_active boolean NOT NULL DEFAULT true
  $table$);
  PERFORM atelier.make_index('@app@.workspaces_created_by_idx',
    'CREATE INDEX workspaces_created_by_idx ON @app@.workspaces (created_by)');
  PERFORM atelier.describe('@app@.workspaces', 'spaces that several users share', ARRAY[
    'id', 'id of the workspace',
    'name', 'name for people',
    'slug', 'name in URLs',
    'description', 'what it is for',
    'created_at', 'when it was made',
    'created_by', 'who made it and became its first owner',
    'is_active', 'false: deleted, but kept']);

  PERFORM atelier.make_table('@app@.workspace_members', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT workspace_members_pkey PRIMARY KEY,
    workspace_id uuid NOT NULL
      CONSTRAINT workspace_members_workspace_id_fkey REFERENCES @app@.workspaces (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT workspace_members_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'member' CONSTRAINT workspace_members_role_check CHECK (role IN ('owner', 'admin', 'member')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    invited_by uuid CONSTRAINT workspace_members_invited_by_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    CONSTRAINT workspace_members_workspace_id_user_id_key UNIQUE (workspace_id, user_id)
  $table$);
  PERFORM atelier.make_index('@app@.workspace_members_user_idx',
    'CREATE INDEX workspace_members_user_idx ON @app@.workspace_members (user_id, workspace_id)');
  PERFORM atelier.make_index('@app@.workspace_members_invited_by_idx',
    'CREATE INDEX workspace_members_invited_by_idx ON @app@.workspace_members (invited_by) WHERE invited_by IS NOT NULL');
  PERFORM atelier.describe('@app@.workspace_members', 'who belongs to a workspace, and as what', ARRAY[
    'id', 'id of the membership',
    'workspace_id', 'the workspace',
    'user_id', 'the member',
    'role', 'owner, admin or member; a workspace keeps its last owner',
    'joined_at', 'since when',
    'invited_by', 'who added the member']);

  PERFORM atelier.make_table('@app@.generations', $table$
    workspace_id uuid CONSTRAINT generations_workspace_id_fkey REFERENCES @app@.workspaces (id) ON DELETE SET NULL
  $table$);
  -- The history of a workspace, and the rows of one that is deleted.
  PERFORM atelier.make_index('@app@.generations_workspace_list_idx', $ddl$
    CREATE INDEX generations_workspace_list_idx ON @app@.generations (workspace_id, created_at DESC)
     WHERE workspace_id IS NOT NULL$ddl$);
  PERFORM atelier.describe('@app@.generations', NULL, ARRAY[
    'workspace_id', 'workspace that it belongs to; null: private']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_workspaces() IS 'install step: workspaces, their members, generations in workspaces';
