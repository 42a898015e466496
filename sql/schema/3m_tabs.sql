-- SPDX-License-Identifier: PostgreSQL
-- Install step: what is under way, in the order of the list; what failed, for those who look at all users and for the cleanup.

CREATE FUNCTION atelier.step_tabs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- The first page of the tab reads as many rows as it shows, however many are under way. The whole of it is small: it is also
  -- the look at what has been under way for long.
  PERFORM atelier.make_index('@app@.generations_under_way_idx', $ddl$
    CREATE INDEX generations_under_way_idx ON @app@.generations (user_id, created_at DESC)
     WHERE status IN ('pending', 'queued', 'processing')$ddl$);
  PERFORM atelier.run_ddl('DROP INDEX IF EXISTS @app@.generations_active_idx');

  -- One index by time alone would be taken for the list of a user with many rows too, past all the rows of others.
  PERFORM atelier.make_index('@app@.generations_failed_list_idx', $ddl$
    CREATE INDEX generations_failed_list_idx ON @app@.generations (status, created_at) WHERE status IN ('failed', 'cancelled')$ddl$);
  -- The oldest first, whichever of the two it is. No list asks in these words.
  PERFORM atelier.make_index('@app@.generations_cleanup_idx', $ddl$
    CREATE INDEX generations_cleanup_idx ON @app@.generations (created_at) WHERE (status || '') IN ('failed', 'cancelled')$ddl$);
  PERFORM atelier.run_ddl('DROP INDEX IF EXISTS @app@.generations_failed_idx');
  -- Polls are told of changes by shared memory.
  PERFORM atelier.run_ddl('DROP INDEX IF EXISTS @app@.generations_ended_idx, @app@.generations_workspace_changed_idx');
END
$step$;
COMMENT ON FUNCTION atelier.step_tabs() IS 'install step: the indexes on generations that are under way and on those that failed';
