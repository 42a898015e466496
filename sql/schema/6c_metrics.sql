-- SPDX-License-Identifier: PostgreSQL
-- The view metrics: what a monitoring system scrapes. Names and labels are stable; the README lists them.

CREATE FUNCTION atelier.metrics_of_queue(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY EXECUTE atelier.in_app_schema($sql$
    SELECT m.name, '{}'::jsonb, m.value::double precision
      FROM (SELECT count(*) AS waiting, count(*) FILTER (WHERE q.not_before > clock_timestamp() AND q.not_before < 'infinity') AS later,
                   count(*) FILTER (WHERE q.not_before = 'infinity') AS parked, count(DISTINCT q.user_id) AS users
              FROM atelier.queue q) q
     CROSS JOIN (SELECT extract(epoch FROM clock_timestamp() - min(g.created_at)) AS age
                   FROM atelier.queue q JOIN @app@.generations g ON g.id = q.generation_id) o
     CROSS JOIN LATERAL (VALUES ('queued', q.waiting), ('queued_in_backoff', q.later), ('queued_in_full_workspace', q.parked), ('queued_users', q.users),
                                ('oldest_queued_age_seconds', coalesce(greatest(o.age, 0), 0))) AS m (name, value)$sql$);
END
$function$;
COMMENT ON FUNCTION atelier.metrics_of_queue() IS 'part of the view metrics: the queue';

CREATE FUNCTION atelier.metrics_of_attempts(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 'open_attempts', jsonb_build_object('state', s.state), count(a.id)::double precision
    FROM unnest('{sending,running,unknown}'::text[]) AS s (state)
    LEFT JOIN atelier.attempts a ON a.state = s.state AND a.state IN ('sending', 'running', 'unknown')
   GROUP BY s.state;
  RETURN QUERY
  SELECT 'attempts_last_hour', jsonb_build_object('outcome', s.state), count(a.id)::double precision
    FROM unnest('{succeeded,failed,canceled,aborted,lost,refused,absent}'::text[]) AS s (state)
    LEFT JOIN atelier.attempts a
      ON a.state = s.state AND a.sent_at > now() - interval '1 day' AND a.ended_at > now() - interval '1 hour'
   GROUP BY s.state;
  RETURN QUERY
  SELECT 'retries_last_hour', '{}'::jsonb, count(*)::double precision
    FROM atelier.attempts a WHERE a.number > 1 AND a.sent_at > now() - interval '1 hour';
END
$function$;
COMMENT ON FUNCTION atelier.metrics_of_attempts() IS 'part of the view metrics: attempts and how they ended';

CREATE FUNCTION atelier.metrics_of_trainings(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 'open_trainings', jsonb_build_object('state', s.state), count(t.id)::double precision
    FROM unnest('{queued,sending,running,unknown}'::text[]) AS s (state)
    LEFT JOIN atelier.trainings t ON t.state = s.state AND t.state IN ('queued', 'sending', 'unknown', 'running')
   GROUP BY s.state;
  RETURN QUERY
  SELECT 'oldest_queued_training_age_seconds', '{}'::jsonb,
         coalesce(greatest(extract(epoch FROM clock_timestamp() - min(t.created_at)), 0), 0)::double precision
    FROM atelier.trainings t WHERE t.state = 'queued';
  RETURN QUERY
  SELECT 'trainings_last_hour', jsonb_build_object('outcome', s.state), count(t.id)::double precision
    FROM unnest('{succeeded,failed,cancelled}'::text[]) AS s (state)
    LEFT JOIN atelier.trainings t ON t.state = s.state AND t.ended_at > now() - interval '1 hour'
   GROUP BY s.state;
END
$function$;
COMMENT ON FUNCTION atelier.metrics_of_trainings() IS 'part of the view metrics: trainings of LoRAs';

CREATE FUNCTION atelier.metrics_of_accounts(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- Tokens whose account has not been asked for yet stand under the empty name.
BEGIN
  RETURN QUERY EXECUTE atelier.in_app_schema($sql$
    WITH tokens AS (
      SELECT t.id, t.is_active, coalesce(s.account, '') AS account, s.cooling_until
        FROM @app@.replicate_tokens t LEFT JOIN atelier.token_state s ON s.token_id = t.id),
    accounts AS (
      SELECT t.account, count(*) FILTER (WHERE t.is_active) AS active,
             count(*) FILTER (WHERE t.is_active AND t.cooling_until > clock_timestamp()) AS cooling,
             coalesce(extract(epoch FROM max(t.cooling_until) FILTER (WHERE t.is_active AND t.cooling_until > clock_timestamp())
                                         - clock_timestamp()), 0) AS seconds,
             (SELECT count(*) FROM atelier.attempts a
               WHERE a.sent_at > now() - interval '1 minute' AND a.token_id = ANY (array_agg(t.id)))
               + (SELECT count(*) FROM atelier.trainings r
                   WHERE r.sent_at > now() - interval '1 minute' AND r.token_id = ANY (array_agg(t.id))) AS sent
        FROM tokens t GROUP BY t.account)
    SELECT m.name, jsonb_build_object('account', a.account), m.value::double precision
      FROM accounts a
     CROSS JOIN LATERAL (VALUES ('tokens_active', a.active), ('tokens_cooling', a.cooling),
                                ('cooling_seconds_left', a.seconds),
                                ('creates_left_this_minute', CASE WHEN $1 > 0 THEN greatest($1 - a.sent, 0) END)) AS m (name, value)
     WHERE m.value IS NOT NULL$sql$) USING current_setting('atelier.creates_per_minute')::integer;
END
$function$;
COMMENT ON FUNCTION atelier.metrics_of_accounts() IS 'part of the view metrics: tokens and what is left of their limits, by account';

CREATE FUNCTION atelier.metrics_of_workers(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 'worker_up', jsonb_build_object('kind', k.kind), count(w.pid)::double precision
    FROM unnest('{launcher,dispatcher,keeper}'::text[]) AS k (kind)
    LEFT JOIN atelier.worker_state() w ON w.kind = k.kind
   GROUP BY k.kind;
  RETURN QUERY
  SELECT m.name, '{}'::jsonb, m.value::double precision
    FROM (SELECT coalesce(sum(w.in_flight), 0) AS in_flight, coalesce(sum(w.accepted), 0) AS accepted,
                 coalesce(sum(w.finished), 0) AS finished, coalesce(sum(w.unreached), 0) AS unreached
            FROM atelier.worker_state() w WHERE w.kind = 'dispatcher') w
   CROSS JOIN LATERAL (VALUES ('in_flight', w.in_flight), ('accepted_total', w.accepted), ('finished_total', w.finished),
                              ('unreached_in_a_row', w.unreached)) AS m (name, value);
  RETURN QUERY
  SELECT 'dispatch', jsonb_build_object('state', s.state), (s.state = i.dispatch)::integer::double precision
    FROM unnest('{running,paused,held}'::text[]) AS s (state)
   CROSS JOIN (SELECT x.dispatch FROM atelier.identity x ORDER BY x.relation_oid = 'atelier.identity'::regclass DESC LIMIT 1) i;
  RETURN QUERY
  SELECT m.name, jsonb_build_object('job', j.name), m.value
    FROM atelier.jobs j
   CROSS JOIN LATERAL (VALUES
      ('job_lag_seconds', coalesce(greatest(extract(epoch FROM clock_timestamp() - j.next_run), 0), 0)::double precision),
      ('job_duration_seconds', extract(epoch FROM j.duration)::double precision),
      ('job_failed', (j.result IN ('failed', 'interrupted'))::integer::double precision)) AS m (name, value)
   WHERE m.value IS NOT NULL;
END
$function$;
COMMENT ON FUNCTION atelier.metrics_of_workers() IS 'part of the view metrics: workers, dispatch and jobs';

CREATE FUNCTION atelier.measure(OUT name text, OUT labels jsonb, OUT value double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY SELECT * FROM atelier.metrics_of_queue();
  RETURN QUERY SELECT * FROM atelier.metrics_of_attempts();
  RETURN QUERY SELECT * FROM atelier.metrics_of_trainings();
  RETURN QUERY SELECT * FROM atelier.metrics_of_accounts();
  RETURN QUERY SELECT * FROM atelier.metrics_of_workers();
END
$function$;
ALTER FUNCTION atelier.measure() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.measure() IS 'the rows of the view metrics. service_role, owner, and whom the DBA grants it to';

CREATE FUNCTION atelier.make_metrics_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.make_view('atelier.metrics', 'CREATE VIEW atelier.metrics AS SELECT m.name, m.labels, m.value FROM atelier.measure() m');
  PERFORM atelier.describe('atelier.metrics', 'what a monitoring system scrapes: names and labels are stable', ARRAY[
    'name', 'what is measured',
    'labels', 'of what',
    'value', 'how much']);
  GRANT SELECT ON atelier.metrics TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.make_metrics_views() IS 'part of make_views(): metrics';

CREATE FUNCTION atelier.grant_metrics_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.measure() TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_metrics_functions() IS 'part of grant_functions()';
