-- SPDX-License-Identifier: PostgreSQL
-- Install steps 7 and 8: the indexes on generations, by the queries they serve, and how it is vacuumed.

CREATE FUNCTION atelier.step_add_performance_indexes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- Every change of status writes a new version into each index that the row belongs to, since the mission document wants
  -- an index with the status in it. So there is one index per kind of query, those for tabs hold only their tab's rows, and
  -- none names `viewed`: every row would be in it for as long as it is written to, and marking it viewed would write to
  -- all of the others too. The badge is counted among the rows of its user.
  -- The app asks for IS FALSE or = true, others for IS NOT TRUE or IS TRUE: a predicate that names two forms is implied by
  -- either.
  PERFORM atelier.make_index('@app@.generations_user_list_idx', $ddl$
    CREATE INDEX generations_user_list_idx ON @app@.generations (user_id, created_at DESC)
     WHERE is_keyframe_segment IS NOT TRUE OR is_keyframe_segment IS FALSE$ddl$);
  -- A member's own rows in a workspace; and those of all, which is also what finds the rows of a workspace that is deleted.
  PERFORM atelier.make_index('@app@.generations_user_workspace_list_idx', $ddl$
    CREATE INDEX generations_user_workspace_list_idx ON @app@.generations (user_id, workspace_id, created_at DESC)
     WHERE workspace_id IS NOT NULL$ddl$);
  PERFORM atelier.make_index('@app@.generations_workspace_list_idx', $ddl$
    CREATE INDEX generations_workspace_list_idx ON @app@.generations (workspace_id, created_at DESC)
     WHERE workspace_id IS NOT NULL$ddl$);
  -- Counts by status, and all rows of a user: a film's parts are looked up by containment in settings, which no partial index
  -- can be proven to serve, among the rows of one user.
  PERFORM atelier.make_index('@app@.generations_user_status_idx', $ddl$
    CREATE INDEX generations_user_status_idx ON @app@.generations (user_id, status)$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_favorites_idx', $ddl$
    CREATE INDEX generations_user_favorites_idx ON @app@.generations (user_id, created_at DESC)
     WHERE is_favorite OR is_favorite IS TRUE$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_failed_idx', $ddl$
    CREATE INDEX generations_user_failed_idx ON @app@.generations (user_id, created_at DESC) WHERE status = 'failed'$ddl$);
  -- All users: the dashboards' ranges of time, and the oldest rows.
  PERFORM atelier.make_index('@app@.generations_created_at_idx', $ddl$
    CREATE INDEX generations_created_at_idx ON @app@.generations (created_at)$ddl$);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_performance_indexes() IS 'install step: the indexes on generations';

CREATE FUNCTION atelier.step_optimize_disk_io() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    ALTER TABLE @app@.generations SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
                                       autovacuum_vacuum_cost_delay = 10)$ddl$);
  -- Polling in place of realtime: what is new to a client is told by the transaction that changed it.
  PERFORM atelier.make_table('@app@.generations', 'changed_in bigint');
  PERFORM atelier.describe('@app@.generations', NULL, ARRAY[
    'changed_in', 'number of the transaction that wrote the row last, set by trigger; for poll_generations()']);
  PERFORM atelier.make_table('atelier.deleted_generations', $table$
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT deleted_generations_pkey PRIMARY KEY,
    generation_id uuid NOT NULL,
    user_id uuid,
    workspace_id uuid,
    changed_in bigint NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
  $table$);
  PERFORM atelier.make_index('atelier.deleted_generations_user_idx', $ddl$
    CREATE INDEX deleted_generations_user_idx ON atelier.deleted_generations (user_id, changed_in) WHERE user_id IS NOT NULL$ddl$);
  PERFORM atelier.make_index('atelier.deleted_generations_workspace_idx', $ddl$
    CREATE INDEX deleted_generations_workspace_idx ON atelier.deleted_generations (workspace_id, changed_in)
     WHERE workspace_id IS NOT NULL$ddl$);
  PERFORM atelier.describe('atelier.deleted_generations', 'generations that are gone, kept for a week for those who poll', ARRAY[
    'id', 'number of the entry',
    'generation_id', 'the generation',
    'user_id', 'whose it was; null when it is still his',
    'workspace_id', 'the workspace that it was in and has left',
    'changed_in', 'number of the transaction that took it away',
    'deleted_at', 'when that was']);
END
$step$;
COMMENT ON FUNCTION atelier.step_optimize_disk_io() IS 'install step: how often generations are vacuumed and analysed, and what polling needs';
