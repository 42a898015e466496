-- SPDX-License-Identifier: PostgreSQL
-- What flows need besides policies: trigger functions, the memory of deleted nodes, and the functions that the app calls.

CREATE FUNCTION atelier.guard_flow() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow';
COMMENT ON FUNCTION atelier.guard_flow() IS 'trigger: a flow keeps its owner, and only he moves it, into a workspace of his';

CREATE FUNCTION atelier.guard_flow_node() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow_node';
COMMENT ON FUNCTION atelier.guard_flow_node() IS 'trigger: a node keeps its flow and author, shows only generations that its writer may see, and gets back what was remembered';

CREATE FUNCTION atelier.remember_flow_node() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_remember_flow_node';
COMMENT ON FUNCTION atelier.remember_flow_node() IS 'trigger: remembers what a deleted node gets back when it is inserted again';

CREATE FUNCTION atelier.forget_flow_nodes() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_forget_flow_nodes';
COMMENT ON FUNCTION atelier.forget_flow_nodes() IS 'trigger: forgets nodes that were deleted more than a day ago';

CREATE FUNCTION atelier.forget_flow() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_forget_flow';
COMMENT ON FUNCTION atelier.forget_flow() IS 'trigger: forgets what was remembered of the nodes of a deleted flow';

CREATE FUNCTION atelier.guard_flow_edge() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow_edge';
COMMENT ON FUNCTION atelier.guard_flow_edge() IS 'trigger: an edge connects two nodes of its own flow';

CREATE FUNCTION atelier.guard_flow_member() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow_member';
COMMENT ON FUNCTION atelier.guard_flow_member() IS 'trigger: users make editors and viewers, who count when they have accepted';

CREATE FUNCTION atelier.guard_flow_invite() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow_invite';
COMMENT ON FUNCTION atelier.guard_flow_invite() IS 'trigger: one open invitation per flow and e-mail address, with a token that nobody chose';

CREATE FUNCTION atelier.guard_flow_comment() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_flow_comment';
COMMENT ON FUNCTION atelier.guard_flow_comment() IS 'trigger: a comment stays its author''s and in its place; readers only add themselves';

CREATE FUNCTION atelier.make_flow_node_memory() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- The flow is part of the key: who deletes a node of his own changes nothing for a node of the same id elsewhere.
  PERFORM atelier.make_table('atelier.flow_node_memory', $table$
    flow_id uuid NOT NULL,
    node_id uuid NOT NULL,
    generation_id uuid,
    status text NOT NULL,
    error_message text,
    width double precision,
    height double precision,
    created_by uuid,
    created_by_email text,
    deleted_at timestamptz NOT NULL,
    CONSTRAINT flow_node_memory_pkey PRIMARY KEY (flow_id, node_id)
  $table$);
  PERFORM atelier.make_index('atelier.flow_node_memory_deleted_at_idx',
    'CREATE INDEX flow_node_memory_deleted_at_idx ON atelier.flow_node_memory (deleted_at)');
  PERFORM atelier.describe('atelier.flow_node_memory',
    'what deleted nodes get back when the app inserts them again, which is how it saves a flow', ARRAY[
    'flow_id', 'the flow that the node was in, and the only one in which it is remembered',
    'node_id', 'the node',
    'generation_id', 'as the node had it',
    'status', 'as the node had it',
    'error_message', 'as the node had it',
    'width', 'as the node had it',
    'height', 'as the node had it',
    'created_by', 'as the node had it',
    'created_by_email', 'as the node had it',
    'deleted_at', 'when the node was deleted; forgotten after a day']);
END
$function$;
COMMENT ON FUNCTION atelier.make_flow_node_memory() IS 'part of step_atelier()';

CREATE FUNCTION atelier.accept_flow_invite(invite_token text) RETURNS json
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'atelier_accept_flow_invite';
COMMENT ON FUNCTION atelier.accept_flow_invite(text) IS 'makes the caller a member of the flow that his e-mail address was invited to; an error comes as a value';

CREATE FUNCTION atelier.get_flow_invite(invite_token text, OUT flow_id uuid, OUT flow_name text, OUT role text,
  OUT expires_at timestamptz, OUT invited_by_name text) RETURNS SETOF record
LANGUAGE c STABLE STRICT ROWS 1 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'atelier_get_flow_invite';
COMMENT ON FUNCTION atelier.get_flow_invite(text) IS 'an open invitation, for the invited person alone; no row for everybody else';

CREATE FUNCTION atelier.update_flow_status(flow_uuid uuid, new_status text) RETURNS void
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'atelier_update_flow_status';
COMMENT ON FUNCTION atelier.update_flow_status(uuid, text) IS 'sets the status of a flow that the caller may edit';

CREATE FUNCTION atelier.flows_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- The body of nodes() and edges() is a text: a parsed one would forbid ALTER TABLE to add a column with a default to flows.
BEGIN
  RETURN QUERY VALUES
    ('accept_flow_invite(text)', $ddl$
    CREATE FUNCTION @app@.accept_flow_invite(invite_token text) RETURNS json
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.accept_flow_invite(invite_token);
    END$ddl$, 'authenticated, service_role', 'accepts the invitation with this token: {success, flow_id, member_id} or {error}'),
    ('get_flow_invite(text)', $ddl$
    CREATE FUNCTION @app@.get_flow_invite(invite_token text)
    RETURNS TABLE (flow_id uuid, flow_name text, role text, expires_at timestamptz, invited_by_name text)
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT i.flow_id, i.flow_name, i.role, i.expires_at, i.invited_by_name FROM atelier.get_flow_invite(invite_token) i;
    END$ddl$, 'authenticated, service_role', 'the open invitation with this token, for the invited person'),
    ('update_flow_status(uuid, text)', $ddl$
    CREATE FUNCTION @app@.update_flow_status(flow_uuid uuid, new_status text) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.update_flow_status(flow_uuid, new_status);
    END$ddl$, 'authenticated, service_role', 'sets the status of a flow: in_progress, review, done or archived'),
    ('get_flow_workspace(uuid)', $ddl$
    CREATE FUNCTION @app@.get_flow_workspace(flow_uuid uuid) RETURNS uuid
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT f.workspace_id FROM @app@.flows f WHERE f.id = flow_uuid;
    END$ddl$, 'service_role', 'the workspace of a flow'),
    ('nodes(@app@.flows)', $ddl$
    CREATE FUNCTION @app@.nodes(flow @app@.flows) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $body$
      SELECT coalesce(jsonb_agg(to_jsonb(n.*) ORDER BY n.created_at, n.id), '[]')
        FROM @app@.flow_nodes n WHERE n.flow_id = (flow).id
    $body$ $ddl$, 'authenticated, service_role', 'the nodes of a flow that the caller may see, for select=*,nodes'),
    ('edges(@app@.flows)', $ddl$
    CREATE FUNCTION @app@.edges(flow @app@.flows) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $body$
      SELECT coalesce(jsonb_agg(to_jsonb(e.*) ORDER BY e.created_at, e.id), '[]')
        FROM @app@.flow_edges e WHERE e.flow_id = (flow).id
    $body$ $ddl$, 'authenticated, service_role', 'the edges of a flow that the caller may see, for select=*,edges');
END
$function$;
COMMENT ON FUNCTION atelier.flows_functions() IS 'part of wanted_functions(): flows';

CREATE FUNCTION atelier.grant_flows_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.accept_flow_invite(text), atelier.get_flow_invite(text),
    atelier.update_flow_status(uuid, text) TO authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_flows_functions() IS 'part of grant_functions(): flows';
