-- SPDX-License-Identifier: PostgreSQL
-- Install steps 7 and 8: the indexes on generations, by the queries they serve, and how it is vacuumed.

CREATE FUNCTION atelier.step_add_performance_indexes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- The app asks for IS FALSE, the mission document states IS NOT TRUE: this predicate is implied by either.
  PERFORM atelier.make_index('@app@.generations_user_list_idx', $ddl$
    CREATE INDEX generations_user_list_idx ON @app@.generations (user_id, created_at DESC)
     WHERE is_keyframe_segment IS NOT TRUE OR is_keyframe_segment IS FALSE$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_workspace_list_idx', $ddl$
    CREATE INDEX generations_user_workspace_list_idx ON @app@.generations (user_id, workspace_id, created_at DESC)$ddl$);
  PERFORM atelier.make_index('@app@.generations_user_status_idx', $ddl$
    CREATE INDEX generations_user_status_idx ON @app@.generations (user_id, status)$ddl$);
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
