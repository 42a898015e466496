-- SPDX-License-Identifier: PostgreSQL
-- What a user does with one generation: cancel, retry, ask why it waits.

CREATE FUNCTION atelier.cancel_generation(generation_id uuid) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_cancel_generation';
COMMENT ON FUNCTION atelier.cancel_generation(uuid) IS 'ends a generation that waits, asks the provider to cancel one that was sent, and returns the status as it is now; its user and service_role';

CREATE FUNCTION atelier.retry_generation(generation_id uuid) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_retry_generation';
COMMENT ON FUNCTION atelier.retry_generation(uuid) IS 'queues a failed or cancelled generation anew and returns the status as it is now; its user and service_role';

CREATE FUNCTION atelier.retry(id uuid) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_retry_generation';
COMMENT ON FUNCTION atelier.retry(uuid) IS 'queues a failed or cancelled generation anew, with atelier.max_attempts predictions more, and returns the status as it is now; owner, superusers and service_role';

-- Why a generation stands where it stands. The reasons are these; the first one that holds is told.
--   pending      not_handed_over
--   waiting      held, paused, user_inactive, no_token, cooling, backoff, budget, user_concurrency,
--                workspace_concurrency, no_worker, in_order (others are before it), next; not_in_queue (the triggers
--                were away)
--   sent         sending, looking_up (the answer was lost), running, cancelling; sent_by_app
--   film         film: blocked_by says which part of it is under way
--   ended        completed, failed, cancelled

CREATE FUNCTION atelier.why_waiting(
  generation_id uuid, ahead bigint, OUT reason text, OUT earliest_start timestamptz, OUT blocked_by text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- The checks of the dispatcher, in the order in which a person would want to hear of them.
DECLARE
  row_of record;
  tokens record;
  due timestamptz := (SELECT nullif(q.not_before, '-infinity') FROM atelier.queue q WHERE q.generation_id = why_waiting.generation_id);
  per_user integer := current_setting('atelier.user_concurrency')::integer;
  own_limit integer;
BEGIN
  EXECUTE atelier.in_app_schema(
    'SELECT g.user_id, u.is_active FROM @app@.generations g JOIN @app@.users u ON u.id = g.user_id WHERE g.id = $1')
    INTO row_of USING generation_id;
  own_limit := (SELECT l.concurrency FROM atelier.user_limits l WHERE l.user_id = row_of.user_id);
  EXECUTE atelier.in_app_schema($sql$
    SELECT count(*) AS active, count(*) FILTER (WHERE s.cooling_until > clock_timestamp()) AS cooling, min(s.cooling_until) AS until,
           (array_agg(s.account ORDER BY s.cooling_until))[1] AS account
      FROM @app@.replicate_tokens t LEFT JOIN atelier.token_state s ON s.token_id = t.id
     WHERE t.is_active$sql$) INTO tokens;
  SELECT CASE WHEN bool_and(i.system_identifier = here.system_identifier AND i.database_oid = here.database_oid
                            AND i.relation_oid = 'atelier.identity'::regclass) THEN nullif(min(i.dispatch), 'running') ELSE 'held' END
    INTO reason FROM atelier.identity i CROSS JOIN atelier.database_identity() here;
  IF reason IS NOT NULL THEN
    RETURN;
  ELSIF NOT row_of.is_active THEN
    reason := 'user_inactive';
  ELSIF tokens.active = 0 THEN
    reason := 'no_token';
  ELSIF tokens.active = tokens.cooling THEN
    reason := 'cooling';
    earliest_start := greatest(tokens.until, nullif(due, 'infinity'));
    blocked_by := 'account ' || coalesce(tokens.account, 'not known yet');
  ELSIF due = 'infinity' THEN
    reason := 'workspace_concurrency';
    blocked_by := 'atelier.workspace_concurrency = ' || current_setting('atelier.workspace_concurrency');
  ELSIF due > clock_timestamp() THEN
    reason := 'backoff';
    earliest_start := due;
  ELSIF atelier.reached_budget(row_of.user_id) IS NOT NULL THEN
    reason := 'budget';
    earliest_start := (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC';
    blocked_by := 'daily budget of the ' || atelier.reached_budget(row_of.user_id);
  ELSIF coalesce(own_limit, per_user) > 0
    AND coalesce(own_limit, per_user) <= (SELECT count(*) FROM atelier.attempts a
                                           WHERE a.user_id = row_of.user_id AND a.state IN ('sending', 'running', 'unknown')) THEN
    reason := 'user_concurrency';
    blocked_by := coalesce('own limit = ' || own_limit, 'atelier.user_concurrency = ' || per_user);
  ELSIF NOT EXISTS (SELECT FROM atelier.worker_state() w WHERE w.kind = 'dispatcher') THEN
    reason := 'no_worker';
  ELSE
    reason := CASE WHEN ahead > 0 THEN 'in_order' ELSE 'next' END;
    earliest_start := clock_timestamp();
  END IF;
END
$function$;
ALTER FUNCTION atelier.why_waiting(uuid, bigint) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.why_waiting(uuid, bigint) IS 'part of explain_generation(): what keeps a generation in the queue';

CREATE FUNCTION atelier.ahead_of(generation_id uuid, OUT place bigint, OUT ahead bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- Users take turns, so before the n-th row of one user up to n rows of each other one are sent. Counted no further than to
-- 10,000 and among the first 1,000 users: whoever is behind those wants no exact number.
DECLARE
  mine record;
BEGIN
  SELECT q.user_id, q.priority, q.seq INTO mine FROM atelier.queue q WHERE q.generation_id = ahead_of.generation_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  place := 1 + (SELECT count(*) FROM (SELECT FROM atelier.queue q
                                       WHERE q.user_id = mine.user_id
                                         AND (q.priority > mine.priority OR (q.priority = mine.priority AND q.seq < mine.seq))
                                       LIMIT 100000) before);
  WITH RECURSIVE ring(user_id, n) AS (
    (SELECT q.user_id, 1 FROM atelier.queue q ORDER BY q.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id, ring.n + 1
      FROM ring
     CROSS JOIN LATERAL (SELECT q.user_id FROM atelier.queue q WHERE q.user_id > ring.user_id ORDER BY q.user_id LIMIT 1) following
     WHERE ring.n < 1000)
  SELECT count(*) INTO ahead
    FROM (SELECT FROM ring
           CROSS JOIN LATERAL (SELECT FROM atelier.queue q WHERE q.user_id = ring.user_id AND q.not_before <= clock_timestamp()
                                LIMIT place) row_of
           WHERE ring.user_id <> mine.user_id
           LIMIT 10000) others;
  ahead := least(ahead + place - 1, 10000);
END
$function$;
ALTER FUNCTION atelier.ahead_of(uuid) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.ahead_of(uuid) IS 'part of explain_generation(): the place of a generation among its user''s, and how many rows of anybody are sent before it';

CREATE FUNCTION atelier.film_waits_for(generation_id uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- For a film, and for a part of one whose turn has not come.
DECLARE
  answer text;
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    SELECT CASE WHEN p.ordinal IS NULL THEN 'joining the parts' ELSE format('part %s of %s', p.ordinal + 1, p.parts) END
      FROM (SELECT w.generation_id, w.ordinal, count(w.ordinal) OVER () AS parts
              FROM atelier.film_parts w
             WHERE w.film_id = coalesce((SELECT f.film_id FROM atelier.film_parts f WHERE f.generation_id = $1), $1)) p
      JOIN @app@.generations g ON g.id = p.generation_id
     WHERE g.status <> 'completed'
       AND (NOT EXISTS (SELECT FROM atelier.film_parts f WHERE f.generation_id = $1)
            OR (SELECT w.status FROM @app@.generations w WHERE w.id = $1) = 'pending')
     ORDER BY p.ordinal
     LIMIT 1$sql$) INTO answer USING generation_id;
  RETURN answer;
END
$function$;
ALTER FUNCTION atelier.film_waits_for(uuid) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.film_waits_for(uuid) IS 'part of explain_generation(): the part that a film, or a waiting part of it, waits for; null for other generations';

CREATE FUNCTION atelier.explanation(
  generation_id uuid, OUT state text, OUT reason text, OUT place bigint, OUT ahead_of_you bigint, OUT earliest_start timestamptz,
  OUT blocked_by text, OUT percent smallint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  attempt record;
BEGIN
  EXECUTE atelier.in_app_schema('SELECT g.status FROM @app@.generations g WHERE g.id = $1') INTO state USING generation_id;
  IF state IN ('completed', 'failed', 'cancelled') THEN
    reason := state;
    RETURN;
  END IF;
  SELECT a.state, a.cancel_requested, a.percent INTO attempt
    FROM atelier.attempts a
   WHERE a.generation_id = explanation.generation_id AND a.state IN ('sending', 'running', 'unknown') AND NOT a.disowned
   ORDER BY a.number DESC LIMIT 1;
  IF FOUND THEN
    reason := CASE WHEN attempt.cancel_requested THEN 'cancelling' WHEN attempt.state = 'unknown' THEN 'looking_up' ELSE attempt.state END;
    percent := attempt.percent;
    RETURN;
  END IF;
  blocked_by := atelier.film_waits_for(generation_id);
  IF blocked_by IS NOT NULL THEN
    reason := 'film';
    RETURN;
  END IF;
  SELECT o.place, o.ahead INTO place, ahead_of_you FROM atelier.ahead_of(generation_id) o;
  IF place IS NOT NULL THEN
    SELECT w.reason, w.earliest_start, w.blocked_by INTO reason, earliest_start, blocked_by
      FROM atelier.why_waiting(generation_id, ahead_of_you) w;
  ELSE
    reason := CASE state WHEN 'pending' THEN 'not_handed_over' WHEN 'queued' THEN 'not_in_queue' ELSE 'sent_by_app' END;
  END IF;
END
$function$;
ALTER FUNCTION atelier.explanation(uuid) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.explanation(uuid) IS 'what explain_generation() tells, whoever asks';

CREATE FUNCTION atelier.explain_generation(
  generation_id uuid, OUT state text, OUT reason text, OUT "position" bigint, OUT ahead_of_you bigint,
  OUT earliest_start timestamptz, OUT blocked_by text, OUT percent smallint) RETURNS SETOF record
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'atelier_explain_generation';
COMMENT ON FUNCTION atelier.explain_generation(uuid) IS 'why a generation waits, or how far it has come; for whoever may read it';

CREATE FUNCTION atelier.generation_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('cancel_generation(uuid)', $ddl$
    CREATE FUNCTION @app@.cancel_generation(p_generation_id uuid) RETURNS text
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.cancel_generation(p_generation_id);
    END$ddl$, 'authenticated, service_role',
     'cancels a generation of the user: one that waits ends at once, one that was sent is cancelled at the provider and ends as that says. Returns the status as it is now; one that has ended stays as it is'),
    ('retry_generation(uuid)', $ddl$
    CREATE FUNCTION @app@.retry_generation(p_generation_id uuid) RETURNS text
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.retry_generation(p_generation_id);
    END$ddl$, 'authenticated, service_role',
     'queues a failed or cancelled generation of the user anew, which may be paid for again. Returns the status as it is now; one that is under way stays as it is'),
    ('explain_generation(uuid)', $ddl$
    CREATE FUNCTION @app@.explain_generation(p_generation_id uuid)
    RETURNS TABLE (state text, reason text, "position" bigint, ahead_of_you bigint, earliest_start timestamptz, blocked_by text,
                   percent smallint)
    LANGUAGE sql VOLATILE ROWS 1 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT e.state, e.reason, e."position", e.ahead_of_you, e.earliest_start, e.blocked_by, e.percent
        FROM atelier.explain_generation(p_generation_id) e;
    END$ddl$, 'authenticated, service_role',
     'why a generation stands where it stands: its status, a reason, its place among its user''s, how many rows are sent before it, when it can start at the earliest, what limit or account blocks it, and the percent of a prediction that prints it. For whoever may read the generation');
END
$function$;
COMMENT ON FUNCTION atelier.generation_functions() IS 'part of wanted_functions(): one generation';

CREATE FUNCTION atelier.grant_generation_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.cancel_generation(uuid), atelier.retry_generation(uuid), atelier.explain_generation(uuid)
    TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION atelier.retry(uuid) TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_generation_functions() IS 'part of grant_functions()';
