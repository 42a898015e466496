-- SPDX-License-Identifier: PostgreSQL
-- The periodic jobs: what each does in one batch. The keeper runs them by their schedules and commits between batches;
-- run_job() runs one at once, in the caller's transaction.

CREATE FUNCTION atelier.known_jobs(OUT name text, OUT schedule text, OUT keep_minutes bigint) RETURNS SETOF record
LANGUAGE c STABLE ROWS 5 AS 'MODULE_PATHNAME', 'atelier_known_jobs';
COMMENT ON FUNCTION atelier.known_jobs() IS 'the periodic jobs with their schedules (null for never) and, where they keep something for a time, for how many minutes. Owner';

CREATE FUNCTION atelier.next_run(schedule text, after timestamptz) RETURNS timestamptz
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'atelier_next_run';
COMMENT ON FUNCTION atelier.next_run(text, timestamptz) IS 'when a cron expression is due after a time, in the zone of atelier.timezone; null for one that never is; 22023 for a text that is none. Owner';

CREATE FUNCTION atelier.take_job(job text) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'atelier_take_job';
COMMENT ON FUNCTION atelier.take_job(text) IS 'keeps other sessions from running the job until the transaction ends; false, with a NOTICE, when one is running it. Owner';

CREATE FUNCTION atelier.note_job_start(job text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'atelier_note_job_start';
COMMENT ON FUNCTION atelier.note_job_start(text) IS 'writes down that a run begins. Owner';

CREATE FUNCTION atelier.note_job_end(job text, rows bigint) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'atelier_note_job_end';
COMMENT ON FUNCTION atelier.note_job_end(text, bigint) IS 'writes down that a run has ended well. Owner';

CREATE FUNCTION atelier.kept_since(job text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- An age that leaves the range of timestamps keeps everything.
DECLARE
  kept CONSTANT bigint := (SELECT nullif(j.keep_minutes, 0) FROM atelier.known_jobs() j WHERE j.name = job);
BEGIN
  RETURN coalesce(now() - make_interval(mins => kept::integer), '-infinity');
END
$function$;
COMMENT ON FUNCTION atelier.kept_since(text) IS 'what is older than this may go, by the setting of the job; -infinity when all is kept. Owner';

CREATE FUNCTION atelier.forget_api_logs(most integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  gone bigint;
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    DELETE FROM @app@.api_logs l
     WHERE l.ctid = ANY (ARRAY(SELECT o.ctid FROM @app@.api_logs o WHERE o.created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))$sql$)
    USING atelier.kept_since('forget-api-logs'), most;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$function$;
COMMENT ON FUNCTION atelier.forget_api_logs(integer) IS 'one batch of the job forget-api-logs: deletes at most so many rows older than atelier.api_logs_retention. Owner';

CREATE FUNCTION atelier.forget_attempts(most integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The attempts of a generation that goes on are counted before the next one.
DECLARE
  gone bigint;
  trainings bigint;
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    DELETE FROM atelier.attempts a
     WHERE a.ctid = ANY (ARRAY(
       SELECT o.ctid FROM atelier.attempts o
        WHERE o.sent_at < $1 AND o.ended_at < $1
          AND NOT EXISTS (SELECT FROM @app@.generations g
                           WHERE g.id = o.generation_id AND g.status IN ('pending', 'queued', 'processing'))
        LIMIT $2 FOR UPDATE SKIP LOCKED))$sql$)
    USING atelier.kept_since('forget-attempts'), most;
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM atelier.trainings t
   WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM atelier.trainings o
                              WHERE o.ended_at < atelier.kept_since('forget-attempts') LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS trainings = ROW_COUNT;
  RETURN greatest(gone, trainings);
END
$function$;
COMMENT ON FUNCTION atelier.forget_attempts(integer) IS 'one batch of the job forget-attempts: deletes at most so many, and as many trainings, that ended before atelier.attempts_retention. Owner';

CREATE FUNCTION atelier.forget_deletions(most integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- poll_generations() takes no cursor that is older than a week.
DECLARE
  gone bigint;
  files bigint;
BEGIN
  DELETE FROM atelier.deleted_generations d
   WHERE d.ctid = ANY (ARRAY(SELECT o.ctid FROM atelier.deleted_generations o
                              WHERE o.deleted_at < now() - interval '8 days' LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM atelier.cleaned_files f
   WHERE f.ctid = ANY (ARRAY(SELECT o.ctid FROM atelier.cleaned_files o
                              WHERE o.cleaned_at < now() - interval '90 days' LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS files = ROW_COUNT;
  PERFORM atelier.forget_outputs();
  RETURN greatest(gone, files);
END
$function$;
COMMENT ON FUNCTION atelier.forget_deletions(integer) IS 'one batch of the job forget-deletions: what is remembered of deleted generations, for those who poll and for their files, and of files that have expired. Owner';

CREATE FUNCTION atelier.job_batch(job text, most integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  CASE job
    WHEN 'refresh-admin-stats' THEN
      PERFORM atelier.refresh_admin_stats();
      RETURN 0;
    WHEN 'cleanup-old-generations' THEN RETURN atelier.cleanup_batch(atelier.kept_since(job), most);
    WHEN 'forget-api-logs' THEN RETURN atelier.forget_api_logs(most);
    WHEN 'forget-attempts' THEN RETURN atelier.forget_attempts(most);
    WHEN 'forget-deletions' THEN RETURN atelier.forget_deletions(most);
  END CASE;
END
$function$;
COMMENT ON FUNCTION atelier.job_batch(text, integer) IS 'does at most so many rows of a job''s work and returns how many; fewer than that when it is done. Owner';

CREATE FUNCTION atelier.run_job(name text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  most CONSTANT integer := 1000;
  handled bigint;
  total bigint := 0;
BEGIN
  IF run_job.name IS NULL THEN
    RAISE EXCEPTION 'the name of a job is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT name FROM atelier.jobs;';
  END IF;
  IF NOT atelier.take_job(run_job.name) THEN
    RETURN NULL;
  END IF;
  PERFORM atelier.note_job_start(run_job.name);
  LOOP
    handled := atelier.job_batch(run_job.name, most);
    total := total + handled;
    EXIT WHEN handled < most;
  END LOOP;
  PERFORM atelier.note_job_end(run_job.name, total);
  RETURN total;
END
$function$;
ALTER FUNCTION atelier.run_job(text) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.run_job(text) IS 'runs a periodic job at once, whatever its schedule, and returns how many rows it dealt with; null, with a NOTICE, when it is running already; 22023 for an unknown name. service_role and owner';

CREATE FUNCTION atelier.make_jobs_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.make_view('atelier.jobs', $ddl$
    CREATE VIEW atelier.jobs AS
    SELECT j.name, j.schedule, atelier.next_run(j.schedule, coalesce(s.started_at, s.since)) AS next_run,
           s.started_at AS last_run, s.ended_at - s.started_at AS duration, s.result, s.rows, s.error
      FROM atelier.known_jobs() j
      LEFT JOIN LATERAL (SELECT t.* FROM atelier.job_state t WHERE t.name = j.name
                          ORDER BY t.started_at DESC NULLS LAST, t.since DESC LIMIT 1) s ON true$ddl$);
  PERFORM atelier.describe('atelier.jobs', 'the periodic jobs, when each is due, and how its last run went', ARRAY[
    'name', 'the job',
    'schedule', 'cron expression, from the settings; null for never',
    'next_run', 'when it is due; in the past: at the keeper''s next round',
    'last_run', 'when its last run began',
    'duration', 'how long that took; null while it runs',
    'result', 'running, succeeded, failed, or interrupted by a restart',
    'rows', 'how many rows that run has dealt with',
    'error', 'why it failed']);
  PERFORM atelier.make_view('atelier.orphaned_files', $ddl$
    CREATE VIEW atelier.orphaned_files AS
    SELECT f.generation_id, f.user_id, f.kind, f.url, f.cleaned_at FROM atelier.cleaned_files f$ddl$);
  PERFORM atelier.describe('atelier.orphaned_files', 'files whose generations the cleanup has deleted; forgotten after 90 days', ARRAY[
    'generation_id', 'the generation that is gone',
    'user_id', 'whose it was',
    'kind', 'output or thumbnail',
    'url', 'where the file is',
    'cleaned_at', 'when its generation was deleted']);
  GRANT SELECT ON atelier.orphaned_files TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.make_jobs_views() IS 'part of make_views(): jobs and orphaned_files';

CREATE FUNCTION atelier.grant_jobs_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.run_job(text) TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_jobs_functions() IS 'part of grant_functions()';
