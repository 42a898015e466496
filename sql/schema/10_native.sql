-- SPDX-License-Identifier: PostgreSQL
-- The functions of atelier.so. None of them mentions the type of a table, so that the tables can be dumped and restored
-- without them. Who may call which stands in 80_grants.sql.

-- Who is calling.

CREATE FUNCTION atelier.uid() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_uid';
COMMENT ON FUNCTION atelier.uid() IS 'id of the signed-in user from the request''s claims; null when there is none or the claims are malformed';

CREATE FUNCTION atelier.role() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_role';
COMMENT ON FUNCTION atelier.role() IS 'role claim of the request; null when there is none or the claims are malformed';

-- What the caller may do, for policies. Never null for an id that is not null.

CREATE FUNCTION atelier.is_active_user() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_is_active_user';
COMMENT ON FUNCTION atelier.is_active_user() IS 'whether the signed-in user has a profile that is not deactivated; never null';

CREATE FUNCTION atelier.is_admin() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_is_admin';
COMMENT ON FUNCTION atelier.is_admin() IS 'whether the signed-in user is an admin or super_admin';

CREATE FUNCTION atelier.is_super_admin() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_is_super_admin';
COMMENT ON FUNCTION atelier.is_super_admin() IS 'whether the signed-in user is a super_admin';

CREATE FUNCTION atelier.is_workspace_member(workspace_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_is_workspace_member';
COMMENT ON FUNCTION atelier.is_workspace_member(uuid) IS 'whether the signed-in user is a member of the workspace';

CREATE FUNCTION atelier.manages_workspace(workspace_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_manages_workspace';
COMMENT ON FUNCTION atelier.manages_workspace(uuid) IS 'whether the signed-in user is an owner or admin of the workspace';

CREATE FUNCTION atelier.owns_workspace(workspace_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_owns_workspace';
COMMENT ON FUNCTION atelier.owns_workspace(uuid) IS 'whether the signed-in user is an owner of the workspace';

CREATE FUNCTION atelier.can_see_flow(flow_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_can_see_flow';
COMMENT ON FUNCTION atelier.can_see_flow(uuid) IS 'whether the signed-in user may read the flow: its owner, an accepted member, a member of its workspace';

CREATE FUNCTION atelier.can_edit_flow(flow_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_can_edit_flow';
COMMENT ON FUNCTION atelier.can_edit_flow(uuid) IS 'whether the signed-in user may change the flow: its owner, an accepted editor, a member of its workspace';

CREATE FUNCTION atelier.owns_flow(flow_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_owns_flow';
COMMENT ON FUNCTION atelier.owns_flow(uuid) IS 'whether the signed-in user owns the flow';

CREATE FUNCTION atelier.is_flow_member(flow_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_is_flow_member';
COMMENT ON FUNCTION atelier.is_flow_member(uuid) IS 'whether the signed-in user has accepted an invitation to the flow';

CREATE FUNCTION atelier.owns_lora(lora_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_owns_lora';
COMMENT ON FUNCTION atelier.owns_lora(uuid) IS 'whether the LoRA is the signed-in users';

CREATE FUNCTION atelier.owns_conversation(conversation_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_owns_conversation';
COMMENT ON FUNCTION atelier.owns_conversation(uuid) IS 'whether the chat is the signed-in users';

-- Wrappers in the app schema.

CREATE FUNCTION atelier.plain_call(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'atelier_plain_call';
COMMENT ON FUNCTION atelier.plain_call(internal) IS 'support function of wrappers: the planner calls the function of the same name in schema atelier instead. For the planner';

-- Tokens.

CREATE FUNCTION atelier.get_next_replicate_token(OUT id integer, OUT token text) RETURNS SETOF record
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'atelier_get_next_replicate_token';
ALTER FUNCTION atelier.get_next_replicate_token() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.get_next_replicate_token() IS 'the active token that was used least recently, counted as used; no row when none is usable';

CREATE FUNCTION atelier.next_replicate_token(OUT id integer, OUT token text) RETURNS record
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_next_replicate_token';
COMMENT ON FUNCTION atelier.next_replicate_token() IS 'the same as one value, null when no token is usable';

CREATE FUNCTION atelier.flush_tokens() RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_flush_tokens';
COMMENT ON FUNCTION atelier.flush_tokens() IS 'writes how often tokens were handed out into their rows, which the keeper does every second; returns how many uses there were. Owner and superusers';

-- One at a time.

CREATE FUNCTION atelier.take_turn(what text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'atelier_take_turn';
COMMENT ON FUNCTION atelier.take_turn(text) IS 'waits for other transactions that do the same, and keeps them waiting until this one ends. Owner and superusers';

-- Triggers. Each checks that it is called for the table and the event it is meant for.

CREATE FUNCTION atelier.guard_generation() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_generation';
COMMENT ON FUNCTION atelier.guard_generation() IS 'trigger: lets users write only what is theirs to write in generations, and fills in defaults';

CREATE FUNCTION atelier.update_generation_status() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_update_generation_status';
COMMENT ON FUNCTION atelier.update_generation_status() IS 'trigger: sets started_at, completed_at and processing_time_ms of a generation when its status changes';

CREATE FUNCTION atelier.sync_queue() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_sync_queue';
COMMENT ON FUNCTION atelier.sync_queue() IS 'trigger: puts queued generations into the queue, takes others out, and wakes the dispatcher at commit';

CREATE FUNCTION atelier.clear_queue() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_clear_queue';
COMMENT ON FUNCTION atelier.clear_queue() IS 'trigger: after TRUNCATE, takes every generation out of the queue and cancels what is under way';

CREATE FUNCTION atelier.guard_user() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_user';
COMMENT ON FUNCTION atelier.guard_user() IS 'trigger: keeps e-mail addresses in lower case and lets users change only their profile';

CREATE FUNCTION atelier.remove_user_flows() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_remove_user_flows';
COMMENT ON FUNCTION atelier.remove_user_flows() IS 'trigger: deletes the flows of a user who is being deleted, before what he made in those of others loses its author';

CREATE FUNCTION atelier.fill_defaults() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_fill_defaults';
COMMENT ON FUNCTION atelier.fill_defaults() IS 'trigger: null sent for a column that must not be null becomes the column''s default';

CREATE FUNCTION atelier.guard_token() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_token';
COMMENT ON FUNCTION atelier.guard_token() IS 'trigger: refuses tokens that cannot be sent in a header';

CREATE FUNCTION atelier.keep_token() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_keep_token';
COMMENT ON FUNCTION atelier.keep_token() IS 'trigger: keeps the secret of a deleted token until the predictions that it made have ended';

CREATE FUNCTION atelier.tokens_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_tokens_changed';
COMMENT ON FUNCTION atelier.tokens_changed() IS 'trigger: tells the dispatcher at commit to read the tokens anew';

-- Workers.

CREATE FUNCTION atelier.worker_state(
  OUT kind text, OUT pid integer, OUT since timestamptz, OUT state text, OUT in_flight integer, OUT running integer,
  OUT accepted bigint, OUT finished bigint, OUT unreached integer) RETURNS SETOF record
LANGUAGE c VOLATILE ROWS 3 AS 'MODULE_PATHNAME', 'atelier_worker_state';
COMMENT ON FUNCTION atelier.worker_state() IS 'what the launcher and the workers of this database are doing, from shared memory';

CREATE FUNCTION atelier.start_workers() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_start_workers';
COMMENT ON FUNCTION atelier.start_workers() IS 'starts the workers of this database when they do not run, also without shared_preload_libraries';

CREATE FUNCTION atelier.announce() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_announce';
COMMENT ON FUNCTION atelier.announce() IS 'tells the launcher at commit that this database wants workers; warns when there is no launcher';

CREATE FUNCTION atelier.wake() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_wake';
COMMENT ON FUNCTION atelier.wake() IS 'lets the dispatcher of this database look at its queue and its state at commit';

CREATE FUNCTION atelier.database_identity(OUT system_identifier bigint, OUT database_oid oid, OUT timeline integer)
RETURNS SETOF record
LANGUAGE c STABLE ROWS 1 AS 'MODULE_PATHNAME', 'atelier_database_identity';
COMMENT ON FUNCTION atelier.database_identity() IS 'which server and database this is; install() records it and the workers compare';

CREATE FUNCTION atelier.code_table_version() RETURNS integer
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_code_table_version';
COMMENT ON FUNCTION atelier.code_table_version() IS 'the version of the tables that the library works on: the number of the last install step';
