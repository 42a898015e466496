-- SPDX-License-Identifier: PostgreSQL
-- Install step 9: flows, their nodes and edges.

CREATE FUNCTION atelier.step_20260119_create_flows() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  IF to_regtype(atelier.in_app_schema('@app@.flow_block_type')) IS NULL THEN
    PERFORM atelier.run_ddl($ddl$
      CREATE TYPE @app@.flow_block_type AS ENUM ('text', 'image', 'video');
      ALTER TYPE @app@.flow_block_type OWNER TO atelier_owner;
      COMMENT ON TYPE @app@.flow_block_type IS 'what a node of a flow holds'$ddl$);
  END IF;

  PERFORM atelier.make_table('@app@.flows', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flows_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT flows_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    name text NOT NULL DEFAULT 'Без названия',
    description text,
    viewport_x double precision NOT NULL DEFAULT 0,
    viewport_y double precision NOT NULL DEFAULT 0,
    viewport_zoom double precision NOT NULL DEFAULT 1,
    is_template boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    workspace_id uuid CONSTRAINT flows_workspace_id_fkey REFERENCES @app@.workspaces (id) ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'in_progress'
      CONSTRAINT flows_status_check CHECK (status IN ('in_progress', 'review', 'done', 'archived'))
  $table$);
  PERFORM atelier.make_index('@app@.flows_user_list_idx',
    'CREATE INDEX flows_user_list_idx ON @app@.flows (user_id, updated_at DESC)');
  PERFORM atelier.make_index('@app@.flows_workspace_list_idx',
    'CREATE INDEX flows_workspace_list_idx ON @app@.flows (workspace_id, updated_at DESC)');
  PERFORM atelier.describe('@app@.flows', 'visual pipelines, also cards on the board of a workspace', ARRAY[
    'id', 'id of the flow',
    'user_id', 'its owner, for ever',
    'name', 'name for people',
    'description', 'what it is for',
    'viewport_x', 'where the canvas was left',
    'viewport_y', 'where the canvas was left',
    'viewport_zoom', 'how large the canvas was shown',
    'is_template', 'offered as a template',
    'created_at', 'when it was made',
    'updated_at', 'when it was changed last, set by trigger',
    'workspace_id', 'workspace whose members share it; null: private',
    'status', 'in_progress, review, done or archived']);

  PERFORM atelier.make_table('@app@.flow_nodes', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flow_nodes_pkey PRIMARY KEY,
    flow_id uuid NOT NULL CONSTRAINT flow_nodes_flow_id_fkey REFERENCES @app@.flows (id) ON DELETE CASCADE,
    block_type @app@.flow_block_type NOT NULL,
    position_x double precision NOT NULL DEFAULT 0,
    position_y double precision NOT NULL DEFAULT 0,
    width double precision,
    height double precision,
    data jsonb NOT NULL DEFAULT '{}',
    model_id text,
    output_url text,
    output_type text CONSTRAINT flow_nodes_output_type_check CHECK (output_type IN ('image', 'video', 'text')),
    status text NOT NULL DEFAULT 'idle' CONSTRAINT flow_nodes_status_check CHECK (status IN
      ('idle', 'pending', 'processing', 'running', 'succeeded', 'completed', 'failed')),
    error_message text,
    generation_id uuid CONSTRAINT flow_nodes_generation_id_fkey REFERENCES @app@.generations (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid CONSTRAINT flow_nodes_created_by_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    created_by_email text,
    type @app@.flow_block_type GENERATED ALWAYS AS (block_type) STORED
  $table$);
  PERFORM atelier.make_index('@app@.flow_nodes_flow_id_idx', 'CREATE INDEX flow_nodes_flow_id_idx ON @app@.flow_nodes (flow_id)');
  PERFORM atelier.make_index('@app@.flow_nodes_generation_id_idx',
    'CREATE INDEX flow_nodes_generation_id_idx ON @app@.flow_nodes (generation_id) WHERE generation_id IS NOT NULL');
  PERFORM atelier.make_index('@app@.flow_nodes_created_by_idx',
    'CREATE INDEX flow_nodes_created_by_idx ON @app@.flow_nodes (created_by) WHERE created_by IS NOT NULL');
  PERFORM atelier.describe('@app@.flow_nodes', 'blocks on the canvas of a flow', ARRAY[
    'id', 'made by the browser and sent along',
    'flow_id', 'the flow',
    'block_type', 'text, image or video',
    'position_x', 'place on the canvas',
    'position_y', 'place on the canvas',
    'width', 'size on the canvas',
    'height', 'size on the canvas',
    'data', 'prompt, model, settings and media of the block',
    'model_id', 'id in the app''s own catalogue of models',
    'output_url', 'the result',
    'output_type', 'image, video or text',
    'status', 'idle, pending, processing, running, succeeded, completed or failed',
    'error_message', 'why it failed',
    'generation_id', 'the generation that makes the result',
    'created_at', 'when it was made',
    'updated_at', 'when it was changed last, set by trigger',
    'created_by', 'who made it',
    'created_by_email', 'the e-mail of that user at the time',
    'type', 'the same as block_type, for reading only']);

  PERFORM atelier.make_table('@app@.flow_edges', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT flow_edges_pkey PRIMARY KEY,
    flow_id uuid NOT NULL CONSTRAINT flow_edges_flow_id_fkey REFERENCES @app@.flows (id) ON DELETE CASCADE,
    source_node_id uuid NOT NULL CONSTRAINT flow_edges_source_node_id_fkey REFERENCES @app@.flow_nodes (id) ON DELETE CASCADE,
    source_handle text,
    target_node_id uuid NOT NULL CONSTRAINT flow_edges_target_node_id_fkey REFERENCES @app@.flow_nodes (id) ON DELETE CASCADE,
    target_handle text,
    edge_type text NOT NULL DEFAULT 'default',
    created_at timestamptz NOT NULL DEFAULT now(),
    source uuid GENERATED ALWAYS AS (source_node_id) STORED,
    target uuid GENERATED ALWAYS AS (target_node_id) STORED,
    CONSTRAINT flow_edges_ends_key UNIQUE NULLS NOT DISTINCT (source_node_id, source_handle, target_node_id, target_handle)
  $table$);
  PERFORM atelier.make_index('@app@.flow_edges_flow_id_idx', 'CREATE INDEX flow_edges_flow_id_idx ON @app@.flow_edges (flow_id)');
  PERFORM atelier.make_index('@app@.flow_edges_target_node_id_idx',
    'CREATE INDEX flow_edges_target_node_id_idx ON @app@.flow_edges (target_node_id)');
  PERFORM atelier.describe('@app@.flow_edges', 'connections between the nodes of a flow', ARRAY[
    'id', 'id of the connection',
    'flow_id', 'the flow',
    'source_node_id', 'where it begins',
    'source_handle', 'at which connector',
    'target_node_id', 'where it ends',
    'target_handle', 'at which connector',
    'edge_type', 'how it is drawn',
    'created_at', 'when it was made',
    'source', 'the same as source_node_id, for reading only',
    'target', 'the same as target_node_id, for reading only']);
END
$step$;
COMMENT ON FUNCTION atelier.step_20260119_create_flows() IS 'install step: flows, nodes and edges';
