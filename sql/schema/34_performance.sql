-- SPDX-License-Identifier: PostgreSQL
-- Install steps 7 and 8: the indexes on generations, by the queries they serve, and how it is vacuumed.

CREATE FUNCTION atelier.step_add_performance_indexes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- Every change of status writes a new version into each index that the row belongs to, since the mission document wants
  -- an index with the status in it. So there is one index per kind of query, and those for tabs hold only their tab's rows.
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
  -- Counts by status, what is under way for a user (the limit, the sync, the tab), and all rows of a user: a film's parts
  -- are looked up by containment in settings, which no partial index can be proven to serve, among the rows of one user.
  PERFORM atelier.make_index('@app@.generations_user_status_idx', $ddl$
    CREATE INDEX generations_user_status_idx ON @app@.generations (user_id, status)$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_favorites_idx', $ddl$
    CREATE INDEX generations_user_favorites_idx ON @app@.generations (user_id, created_at DESC)
     WHERE is_favorite OR is_favorite IS TRUE$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_failed_idx', $ddl$
    CREATE INDEX generations_user_failed_idx ON @app@.generations (user_id, created_at DESC) WHERE status = 'failed'$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_unviewed_idx', $ddl$
    CREATE INDEX generations_user_unviewed_idx ON @app@.generations (user_id, created_at DESC)
     WHERE NOT viewed OR viewed IS FALSE$ddl$);
  -- All users: what has been under way for long, what failed last and what cleanup deletes, the dashboards' ranges of time.
  PERFORM atelier.make_index('@app@.generations_active_idx', $ddl$
    CREATE INDEX generations_active_idx ON @app@.generations (created_at)
     WHERE status IN ('pending', 'queued', 'processing')$ddl$);
  PERFORM atelier.make_index('@app@.generations_failed_idx', $ddl$
    CREATE INDEX generations_failed_idx ON @app@.generations (created_at) WHERE status IN ('failed', 'cancelled')$ddl$);
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
END
$step$;
COMMENT ON FUNCTION atelier.step_optimize_disk_io() IS 'install step: how often generations are vacuumed and analysed';
