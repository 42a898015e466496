-- SPDX-License-Identifier: PostgreSQL
-- Install step: what is under way, in the order of the list.

CREATE FUNCTION atelier.step_tabs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- The first page of the tab reads as many rows as it shows, however many are under way. A poll finds what has changed
  -- since among the entries alone; there are at most as many as a user may have queued. The whole of it is small: it is also
  -- the look at what has been under way for long.
  PERFORM atelier.make_index('@app@.generations_under_way_idx', $ddl$
    CREATE INDEX generations_under_way_idx ON @app@.generations (user_id, created_at DESC, changed_in)
     WHERE status IN ('pending', 'queued', 'processing')$ddl$);
  PERFORM atelier.run_ddl('DROP INDEX IF EXISTS @app@.generations_active_idx');
END
$step$;
COMMENT ON FUNCTION atelier.step_tabs() IS 'install step: the index on generations that are under way';
