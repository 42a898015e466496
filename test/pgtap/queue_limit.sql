-- SPDX-License-Identifier: PostgreSQL
-- atelier.max_queued_per_user: how many generations of a user may wait at once. Two at a time: test/specs/parallel_queueing.spec.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

DELETE FROM generations;
SELECT is(current_setting('atelier.max_queued_per_user'), '1000', 'a thousand by default');
SET LOCAL atelier.max_queued_per_user = 3;
CREATE FUNCTION pg_temp.insert(rows integer, status text) RETURNS text LANGUAGE sql AS
$$ SELECT format('INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
                  SELECT pg_temp.ann(), ''create'', ''m'', ''M'', ''owner/name'', %L FROM generate_series(1, %s)', status, rows) $$;

SELECT is(pg_temp.outcome('ann', pg_temp.insert(3, status)), '3', 'H24 as many as may be, ' || status) FROM unnest('{pending,queued}'::text[]) status;
SELECT is(pg_temp.outcome('ann', pg_temp.insert(4, status)), '53400', 'H24 one more in the same statement is refused, ' || status) FROM unnest('{pending,queued}'::text[]) status;
SELECT is(pg_temp.outcome('service_role', pg_temp.insert(9, 'queued')), '9', 'H24 service_role is exempt');
SELECT is(pg_temp.outcome('superuser', pg_temp.insert(9, 'queued')), '9', 'H24 and so is a superuser');
SELECT is(pg_temp.outcome('ann', format($q$DO $do$ BEGIN FOR n IN 1 .. 4 LOOP %s; END LOOP; END $do$$q$, pg_temp.insert(1, 'queued'))), '53400',
          'H24 one more in the same transaction is refused');

-- What waits counts: both states, parts of films too, not what has been taken or is over, not what others have.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment)
VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'pending', true), (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'queued', false),
       (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'processing', false), (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'failed', false),
       (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'queued', false), (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'queued', false);
SELECT is(pg_temp.outcome('ann', pg_temp.insert(1, 'queued')), '1', 'H24 the last place');
SELECT is(pg_temp.outcome('ann', pg_temp.insert(2, 'queued')), '53400', 'H24 is the last');
SELECT is(pg_temp.outcome('ann', $$WITH gone AS (UPDATE generations SET status = 'cancelled' WHERE status = 'queued' RETURNING id) SELECT FROM gone$$), '1', 'cancelling one');
SELECT is(pg_temp.outcome('ann', format($q$DO $do$ BEGIN UPDATE generations SET status = 'cancelled' WHERE status = 'queued'; %s; END $do$$q$, pg_temp.insert(2, 'queued'))),
          '0', 'H24 frees a place');

-- Places that a rolled back subtransaction took are free again, and rows that came later are counted.
SELECT is(pg_temp.outcome('ann', format($q$DO $do$
  BEGIN
    FOR n IN 1 .. 5 LOOP
      BEGIN
        %1$s;
        RAISE division_by_zero;
      EXCEPTION WHEN division_by_zero THEN NULL;
      END;
    END LOOP;
    %1$s;
  END $do$$q$, pg_temp.insert(1, 'queued'))), '0', 'H24 rolled back places are free');
SELECT is(pg_temp.outcome('ann', format($q$DO $do$
  BEGIN
    BEGIN
      %1$s;
      RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    %1$s;
    %1$s;
  END $do$$q$, pg_temp.insert(1, 'queued'))), '53400', 'H24 but no more than they were');

-- Somebody else's id is the policy's to refuse, in whatever state his queue is.
SELECT is(pg_temp.outcome('bob', pg_temp.insert(2, 'queued')), '42501', 'H24 the limit tells nothing about others');
SET LOCAL atelier.max_queued_per_user = 0;
SELECT is(pg_temp.outcome('ann', pg_temp.insert(50, 'pending')), '50', 'H24 0 is no limit');
SELECT is(pg_temp.outcome('ann', 'SET atelier.max_queued_per_user = 0'), '42501', 'H24 it is no user''s to set');
-- The app's own count decides about its answer: it counts what is under way and sees the same rows.
SET LOCAL atelier.max_queued_per_user = 3;
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM generations WHERE status IN (''pending'', ''queued'', ''processing'')'), '3', 'H24 the app counts for itself');
SELECT * FROM finish();
ROLLBACK;
