-- SPDX-License-Identifier: PostgreSQL
-- Install step: what fairness needs of the queue: rows that wait for a time, or for a place of their workspace, in indexes of
-- their own.

CREATE FUNCTION atelier.step_limits() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  -- Rows that are due have no time at all. Those that wait for one stand in nobody's way: a claim does not meet them.
  PERFORM atelier.write_as_owner($sql$
    UPDATE atelier.queue SET not_before = '-infinity' WHERE not_before > '-infinity' AND not_before <= now()$sql$);
  PERFORM atelier.make_index('atelier.queue_due_idx', $ddl$
    CREATE INDEX queue_due_idx ON atelier.queue (user_id, priority DESC, seq) WHERE not_before = '-infinity'$ddl$);
  PERFORM atelier.make_index('atelier.queue_later_idx', $ddl$
    CREATE INDEX queue_later_idx ON atelier.queue (not_before) WHERE not_before > '-infinity'$ddl$);
  DROP INDEX IF EXISTS atelier.queue_order_idx;
  PERFORM atelier.make_table('atelier.queue', 'workspace_id uuid');
  PERFORM atelier.make_index('atelier.queue_parked_idx', $ddl$
    CREATE INDEX queue_parked_idx ON atelier.queue (workspace_id, user_id, priority DESC, seq) WHERE not_before = 'infinity'$ddl$);
  PERFORM atelier.describe('atelier.queue', NULL, ARRAY[
    'not_before', 'not sent earlier, after a refusal or a failure that passes; -infinity when it is due, infinity while its workspace is full',
    'workspace_id', 'the workspace that was full when its turn came; null for others']);
END
$step$;
COMMENT ON FUNCTION atelier.step_limits() IS 'install step: the indexes of the queue';
