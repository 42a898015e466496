-- SPDX-License-Identifier: PostgreSQL
-- Counts, dashboards and statistics of generations, and the housekeeping of that table. Users reach the two functions in
-- C++, which check their caller; everything else is granted to service_role alone and reads as the owner.

-- Counts of one user, of one workspace.

CREATE FUNCTION atelier.get_generation_counts(
  p_user_id uuid, OUT all_count bigint, OUT processing_count bigint, OUT favorites_count bigint, OUT failed_count bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME', 'atelier_get_generation_counts';
COMMENT ON FUNCTION atelier.get_generation_counts(uuid) IS 'always one row: how many generations the user has, how many are under way, favourites, failed; parts of films are left out. The user himself and service_role, anybody else gets an error';

CREATE FUNCTION atelier.get_workspace_generation_counts(
  p_workspace_id uuid, p_user_id uuid, OUT all_count bigint, OUT processing_count bigint, OUT favorites_count bigint,
  OUT failed_count bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME', 'atelier_get_workspace_generation_counts';
COMMENT ON FUNCTION atelier.get_workspace_generation_counts(uuid, uuid) IS 'always one row: the same within a workspace, of all members or (user not null) of one. Members and service_role, anybody else gets an error';

-- What admins look at. Each EXECUTE is planned for its very arguments, so that a filter that is null costs nothing and
-- one that is not finds its index.

CREATE FUNCTION atelier.count_by_workspace(workspace_ids uuid[], OUT workspace_id uuid, OUT generations bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT k.workspace_id, sum(k.shown)::bigint
    FROM atelier.kept_counts(2::smallint, NULL, coalesce(workspace_ids, '{}'), 0) k
   GROUP BY k.workspace_id
  HAVING sum(k.shown) > 0;
END
$function$;
ALTER FUNCTION atelier.count_by_workspace(uuid[]) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.count_by_workspace(uuid[]) IS 'how many generations each of the workspaces has, without the parts of films; no row for one that has none';

CREATE FUNCTION atelier.sum_by_user(
  user_ids uuid[], workspace uuid, since timestamptz, until timestamptz, only_completed boolean,
  OUT user_id uuid, OUT generations bigint, OUT cost_usd numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF since IS NULL AND until IS NULL THEN
    RETURN QUERY
    SELECT k.user_id, sum(k.generations)::bigint,
           atelier.usd(sum(CASE WHEN only_completed THEN k.completed_cost_micros ELSE k.cost_micros END))
      FROM atelier.kept_counts(1::smallint, coalesce(user_ids, '{}'), CASE WHEN workspace IS NOT NULL THEN ARRAY[workspace] END, 0) k
     GROUP BY k.user_id
    HAVING sum(k.generations) > 0;
    RETURN;
  END IF;
  RETURN QUERY EXECUTE atelier.in_app_schema($sql$
    SELECT g.user_id, count(*), coalesce(sum(g.cost_usd) FILTER (WHERE NOT $5 OR g.status = 'completed'), 0)
      FROM @app@.generations g
     WHERE g.user_id = ANY ($1)
       AND ($2 IS NULL OR g.workspace_id = $2)
       AND ($3 IS NULL OR g.created_at >= $3)
       AND ($4 IS NULL OR g.created_at <= $4)
     GROUP BY g.user_id$sql$) USING user_ids, workspace, since, until, only_completed;
END
$function$;
ALTER FUNCTION atelier.sum_by_user(uuid[], uuid, timestamptz, timestamptz, boolean) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.sum_by_user(uuid[], uuid, timestamptz, timestamptz, boolean) IS 'per user: number of generations of any status, parts of films included, and their cost or that of the completed ones; each filter but the users may be null; no row for a user who has none';

CREATE FUNCTION atelier.sum_generations(
  workspace uuid, owner uuid, since timestamptz, until timestamptz,
  OUT generations bigint, OUT cost_usd numeric, OUT failed bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF since IS NULL AND until IS NULL THEN
    RETURN QUERY
    SELECT coalesce(sum(k.generations), 0)::bigint, atelier.usd(sum(k.completed_cost_micros)), coalesce(sum(k.failed), 0)::bigint
      FROM atelier.kept_counts(CASE WHEN owner IS NOT NULL THEN 1 ELSE 2 END::smallint,
                               CASE WHEN owner IS NOT NULL THEN ARRAY[owner] END,
                               CASE WHEN workspace IS NOT NULL THEN ARRAY[workspace] END, 0) k;
    RETURN;
  END IF;
  RETURN QUERY EXECUTE atelier.in_app_schema($sql$
    SELECT count(*), coalesce(sum(g.cost_usd) FILTER (WHERE g.status = 'completed'), 0),
           count(*) FILTER (WHERE g.status = 'failed')
      FROM @app@.generations g
     WHERE ($1 IS NULL OR g.workspace_id = $1)
       AND ($2 IS NULL OR g.user_id = $2)
       AND ($3 IS NULL OR g.created_at >= $3)
       AND ($4 IS NULL OR g.created_at <= $4)$sql$) USING workspace, owner, since, until;
END
$function$;
ALTER FUNCTION atelier.sum_generations(uuid, uuid, timestamptz, timestamptz) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.sum_generations(uuid, uuid, timestamptz, timestamptz) IS 'always one row: number of generations, cost of the completed ones, number of failed ones; each filter may be null, both ends of the time are included';

CREATE FUNCTION atelier.sum_of_all(
  OUT total_generations bigint, OUT generations_today bigint, OUT completed_generations bigint, OUT failed_generations bigint,
  OUT processing_generations bigint, OUT total_credits_spent bigint, OUT avg_processing_time_ms numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- The last 24 hours are the hours that lie in them, and the rows of the one that begins before them.
DECLARE
  since CONSTANT timestamptz := now() - interval '24 hours';
  first_hour CONSTANT bigint := floor(extract(epoch FROM since) / 3600) + 1;
  edge bigint;
BEGIN
  -- A restore without owners fills mv_admin_stats before the owner can read anything; install() fills it again.
  IF NOT has_table_privilege('atelier.identity', 'SELECT') THEN
    RETURN;
  END IF;
  EXECUTE atelier.in_app_schema('SELECT count(*) FROM @app@.generations g WHERE g.created_at > $1 AND g.created_at < $2')
    INTO edge USING since, to_timestamp(first_hour * 3600);
  RETURN QUERY
  SELECT coalesce(sum(k.generations), 0)::bigint,
         edge + (SELECT coalesce(sum(h.generations), 0) FROM atelier.kept_counts(3::smallint, NULL, NULL, first_hour) h)::bigint,
         coalesce(sum(k.completed), 0)::bigint, coalesce(sum(k.failed), 0)::bigint, coalesce(sum(k.under_way), 0)::bigint,
         coalesce(sum(k.credits), 0)::bigint, sum(k.time_ms) / nullif(sum(k.timed), 0)
    FROM atelier.kept_counts(2::smallint, NULL, NULL, 0) k;
END
$function$;
ALTER FUNCTION atelier.sum_of_all() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.sum_of_all() IS 'always one row: what admin_stats says of generations. service_role and owner';

-- Statistics of the whole: a view that counts, and what it said at the last refresh.

CREATE FUNCTION atelier.make_counts_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Relations of these names with another owner are those of a database that is being adopted: another definition.
DECLARE
  live text := atelier.in_app_schema('@app@.admin_stats');
  kept text := atelier.in_app_schema('@app@.mv_admin_stats');
  foreigner record;
  columns CONSTANT text[] := ARRAY[
    'total_users', 'active users', 'active_today', 'active users who signed in within 24 hours',
    'total_generations', 'generations of all users, parts of films included',
    'generations_today', 'those of the last 24 hours', 'completed_generations', 'status completed',
    'failed_generations', 'status failed', 'processing_generations', 'status pending, queued or processing',
    'total_credits_spent', 'sum of cost_credits', 'avg_processing_time_ms', 'average over the completed ones'];
BEGIN
  FOR foreigner IN
    SELECT c.oid::regclass AS name, c.relkind FROM pg_class c
     WHERE c.oid IN (to_regclass(live), to_regclass(kept)) AND c.relkind IN ('v', 'm') AND c.relowner <> 'atelier_owner'::regrole
     ORDER BY c.relkind
  LOOP
    EXECUTE format('DROP %s %s', CASE foreigner.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, foreigner.name);
  END LOOP;

  PERFORM atelier.make_view('@app@.admin_stats', $ddl$
    CREATE VIEW @app@.admin_stats WITH (security_invoker = true) AS
    SELECT u.total_users, u.active_today, g.total_generations, g.generations_today, g.completed_generations,
           g.failed_generations, g.processing_generations, g.total_credits_spent, g.avg_processing_time_ms
      FROM (SELECT count(*) AS total_users,
                   count(*) FILTER (WHERE p.last_login > now() - interval '24 hours') AS active_today
              FROM @app@.users p
             WHERE p.is_active) u
     CROSS JOIN atelier.sum_of_all() g$ddl$);
  PERFORM atelier.describe('@app@.admin_stats', 'the whole in numbers, as they are now; for service_role only', columns);
  PERFORM atelier.run_ddl('GRANT SELECT ON @app@.admin_stats TO service_role');

  IF to_regclass(kept) IS NULL THEN
    PERFORM atelier.run_ddl($ddl$
      CREATE MATERIALIZED VIEW @app@.mv_admin_stats AS
      SELECT s.total_users, s.active_today, s.total_generations, s.generations_today, s.completed_generations,
             s.failed_generations, s.processing_generations, s.total_credits_spent, s.avg_processing_time_ms
        FROM @app@.admin_stats s$ddl$);
    EXECUTE format('ALTER MATERIALIZED VIEW %s OWNER TO atelier_owner', kept);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, anon, authenticated, service_role', kept);
  END IF;
  -- A refresh that blocks no readers compares rows by a unique index.
  PERFORM atelier.make_index('@app@.mv_admin_stats_idx',
    'CREATE UNIQUE INDEX mv_admin_stats_idx ON @app@.mv_admin_stats (total_users)');
  PERFORM atelier.describe('@app@.mv_admin_stats', 'the same at the last refresh_admin_stats(); for service_role only', columns);
  PERFORM atelier.run_ddl('GRANT SELECT ON @app@.mv_admin_stats TO service_role');
END
$function$;
COMMENT ON FUNCTION atelier.make_counts_views() IS 'part of make_views(): admin_stats and mv_admin_stats';

CREATE FUNCTION atelier.refresh_admin_stats() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $function$
-- REFRESH CONCURRENTLY fails on servers that quote all identifiers.
DECLARE
  kept regclass := atelier.in_app_schema('@app@.mv_admin_stats')::regclass;
  changed boolean;
BEGIN
  IF NOT atelier.take_job('refresh-admin-stats') THEN
    RETURN;
  END IF;
  -- After a restore of the schema alone there is nothing to compare with, and nobody can be reading.
  IF NOT (SELECT c.relispopulated FROM pg_class c WHERE c.oid = kept) THEN
    EXECUTE format('REFRESH MATERIALIZED VIEW %s', kept);
    RETURN;
  END IF;
  EXECUTE atelier.in_app_schema('SELECT EXISTS (TABLE @app@.admin_stats EXCEPT TABLE @app@.mv_admin_stats)') INTO changed;
  IF changed THEN
    EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY %s', kept);
  END IF;
END
$function$;
ALTER FUNCTION atelier.refresh_admin_stats() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.refresh_admin_stats() IS 'brings mv_admin_stats up to date without blocking its readers; writes nothing when it is. Returns at once, with a NOTICE, when another session is at it. service_role and owner';

-- Housekeeping.

CREATE FUNCTION atelier.mark_all_generations_viewed() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  marked integer;
BEGIN
  EXECUTE atelier.in_app_schema('UPDATE @app@.generations SET viewed = true WHERE NOT viewed');
  GET DIAGNOSTICS marked = ROW_COUNT;
  RETURN marked;
END
$function$;
ALTER FUNCTION atelier.mark_all_generations_viewed() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.mark_all_generations_viewed() IS 'marks every generation of every user as viewed and returns how many were not. service_role and owner';

CREATE FUNCTION atelier.cleanup_batch(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- Rows that somebody else has locked are left for the next time, so nobody is waited for. The condition is that of the index.
DECLARE
  deleted integer;
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    WITH gone AS (
      DELETE FROM @app@.generations g
       WHERE g.id = ANY (ARRAY(SELECT c.id FROM @app@.generations c
                                WHERE (c.status || '') IN ('failed', 'cancelled') AND c.created_at < $1
                                ORDER BY c.created_at LIMIT $2 FOR UPDATE SKIP LOCKED))
      RETURNING g.id, g.user_id, g.action, g.output_urls, g.output_thumbs),
    files AS (
      INSERT INTO atelier.cleaned_files (generation_id, user_id, kind, url)
      SELECT g.id, g.user_id, f.kind, f.url
        FROM gone g
       CROSS JOIN LATERAL (SELECT 'output', o FROM unnest(g.output_urls) o WHERE o LIKE 'http%'
                           UNION ALL
                           SELECT 'thumbnail', t FROM unnest(g.output_thumbs) t WHERE t LIKE 'http%') f (kind, url)),
    attempts AS (
      DELETE FROM atelier.attempts a
       WHERE a.generation_id IN (SELECT g.id FROM gone g) AND a.state NOT IN ('sending', 'running', 'unknown'))
    SELECT count(*) FROM gone$sql$) INTO deleted USING before, most;
  RETURN deleted;
END
$function$;
ALTER FUNCTION atelier.cleanup_batch(timestamptz, integer) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.cleanup_batch(timestamptz, integer) IS 'deletes at most so many of the failed and cancelled generations that are older, oldest first, with their ended attempts, and returns how many; their files are listed in atelier.orphaned_files. service_role and owner, who can commit between batches';

CREATE FUNCTION atelier.cleanup_old_generations(days_to_keep integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  batch CONSTANT integer := 1000;
  -- More days than this would leave the range of timestamps.
  most_days CONSTANT integer := 1000000;
  deleted integer;
  total integer := 0;
BEGIN
  IF days_to_keep IS NULL OR days_to_keep < 1 THEN
    RAISE EXCEPTION 'days_to_keep must be at least 1' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT atelier.take_job('cleanup-old-generations') THEN
    RETURN 0;
  END IF;
  LOOP
    deleted := atelier.cleanup_batch(now() - make_interval(days => least(days_to_keep, most_days)), batch);
    total := total + deleted;
    EXIT WHEN deleted < batch;
  END LOOP;
  RETURN total;
END
$function$;
ALTER FUNCTION atelier.cleanup_old_generations(integer) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.cleanup_old_generations(integer) IS 'deletes failed and cancelled generations that were created more than so many days ago and returns how many; 22023 for less than 1. Returns 0 at once, with a NOTICE, when another session is at it. service_role and owner';

-- The functions of the app schema.

CREATE FUNCTION atelier.counts_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('get_generation_counts(uuid)', $ddl$
    CREATE FUNCTION @app@.get_generation_counts(p_user_id uuid)
    RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SUPPORT atelier.plain_call SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT c.all_count, c.processing_count, c.favorites_count, c.failed_count
        FROM atelier.get_generation_counts(p_user_id) c;
    END$ddl$, 'authenticated, service_role', 'how many generations a user has: all, under way, favourites, failed; parts of films are left out. The user himself and service_role'),
    ('get_workspace_generation_counts(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.get_workspace_generation_counts(p_workspace_id uuid, p_user_id uuid DEFAULT NULL)
    RETURNS TABLE (all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SUPPORT atelier.plain_call SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT c.all_count, c.processing_count, c.favorites_count, c.failed_count
        FROM atelier.get_workspace_generation_counts(p_workspace_id, p_user_id) c;
    END$ddl$, 'authenticated, service_role', 'the same within a workspace, of all its members or of one user. Members and service_role'),
    ('get_workspaces_generation_counts(uuid[])', $ddl$
    CREATE FUNCTION @app@.get_workspaces_generation_counts(p_workspace_ids uuid[])
    RETURNS TABLE (workspace_id uuid, generations_count bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT c.workspace_id, c.generations FROM atelier.count_by_workspace(p_workspace_ids) c;
    END$ddl$, 'service_role', 'how many generations each of the workspaces has; no row for one that has none'),
    ('get_user_generation_stats(uuid[])', $ddl$
    CREATE FUNCTION @app@.get_user_generation_stats(p_user_ids uuid[])
    RETURNS TABLE (user_id uuid, generations_count bigint, total_cost_usd numeric)
    LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.user_id, s.generations, s.cost_usd FROM atelier.sum_by_user(p_user_ids, NULL, NULL, NULL, false) s;
    END$ddl$, 'service_role', 'number and cost of all generations of each of the users; no row for one who has none'),
    ('get_user_generation_stats_filtered(uuid[], uuid, timestamp with time zone, timestamp with time zone)', $ddl$
    CREATE FUNCTION @app@.get_user_generation_stats_filtered(
      p_user_ids uuid[], p_workspace_id uuid DEFAULT NULL, p_start_date timestamptz DEFAULT NULL, p_end_date timestamptz DEFAULT NULL)
    RETURNS TABLE (user_id uuid, generations_count bigint, total_cost_usd numeric)
    LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.user_id, s.generations, s.cost_usd
        FROM atelier.sum_by_user(p_user_ids, p_workspace_id, p_start_date, p_end_date, true) s;
    END$ddl$, 'service_role', 'the same within a workspace and a time, both ends included, with the cost of completed ones only'),
    ('get_dashboard_totals(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.get_dashboard_totals(p_workspace_id uuid DEFAULT NULL, p_user_id uuid DEFAULT NULL)
    RETURNS TABLE (total_generations bigint, total_cost_usd numeric, total_failed bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.generations, s.cost_usd, s.failed FROM atelier.sum_generations(p_workspace_id, p_user_id, NULL, NULL) s;
    END$ddl$, 'service_role', 'number of generations, cost of the completed ones, number of failed ones; always one row'),
    ('get_dashboard_totals_v2(uuid, uuid, timestamp with time zone, timestamp with time zone)', $ddl$
    CREATE FUNCTION @app@.get_dashboard_totals_v2(
      p_workspace_id uuid DEFAULT NULL, p_user_id uuid DEFAULT NULL, p_start_date timestamptz DEFAULT NULL, p_end_date timestamptz DEFAULT NULL)
    RETURNS TABLE (total_generations bigint, total_cost_usd numeric, total_failed bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.generations, s.cost_usd, s.failed
        FROM atelier.sum_generations(p_workspace_id, p_user_id, p_start_date, p_end_date) s;
    END$ddl$, 'service_role', 'the same within a time, both ends included; always one row'),
    ('get_dashboard_today_stats(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.get_dashboard_today_stats(p_workspace_id uuid DEFAULT NULL, p_user_id uuid DEFAULT NULL)
    RETURNS TABLE (generations_today bigint, cost_today_usd numeric, failed_today bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.generations, s.cost_usd, s.failed
        FROM atelier.sum_generations(p_workspace_id, p_user_id, date_trunc('day', now()), NULL) s;
    END$ddl$, 'service_role', 'the same since midnight of the session''s time zone; always one row'),
    ('get_dashboard_today_stats_v2(uuid, uuid, timestamp with time zone, timestamp with time zone)', $ddl$
    CREATE FUNCTION @app@.get_dashboard_today_stats_v2(
      p_workspace_id uuid DEFAULT NULL, p_user_id uuid DEFAULT NULL, p_start_date timestamptz DEFAULT NULL, p_end_date timestamptz DEFAULT NULL)
    RETURNS TABLE (generations_today bigint, cost_today_usd numeric, failed_today bigint)
    LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT s.generations, s.cost_usd, s.failed
        FROM atelier.sum_generations(p_workspace_id, p_user_id, greatest(date_trunc('day', now()), p_start_date), p_end_date) s;
    END$ddl$, 'service_role', 'the same for what is both of today and within a time; always one row'),
    ('mark_all_generations_viewed()', $ddl$
    CREATE FUNCTION @app@.mark_all_generations_viewed() RETURNS integer
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.mark_all_generations_viewed();
    END$ddl$, 'service_role', 'marks every generation of every user as viewed and returns how many were not'),
    ('refresh_admin_stats()', $ddl$
    CREATE FUNCTION @app@.refresh_admin_stats() RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.refresh_admin_stats();
    END$ddl$, 'service_role', 'brings mv_admin_stats up to date without blocking its readers; writes nothing when it is'),
    ('cleanup_old_generations(integer)', $ddl$
    CREATE FUNCTION @app@.cleanup_old_generations(days_to_keep integer DEFAULT 90) RETURNS integer
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.cleanup_old_generations(days_to_keep);
    END$ddl$, 'service_role', 'deletes failed and cancelled generations that were created more than so many days ago and returns how many');
END
$function$;
COMMENT ON FUNCTION atelier.counts_functions() IS 'part of wanted_functions(): counts, dashboards, statistics, housekeeping of generations';

CREATE FUNCTION atelier.grant_counts_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.get_generation_counts(uuid), atelier.get_workspace_generation_counts(uuid, uuid)
    TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION
    atelier.sum_of_all(), atelier.count_by_workspace(uuid[]), atelier.sum_by_user(uuid[], uuid, timestamptz, timestamptz, boolean),
    atelier.sum_generations(uuid, uuid, timestamptz, timestamptz), atelier.refresh_admin_stats(),
    atelier.mark_all_generations_viewed(), atelier.cleanup_batch(timestamptz, integer), atelier.cleanup_old_generations(integer)
    TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_counts_functions() IS 'part of grant_functions()';
