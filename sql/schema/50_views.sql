-- SPDX-License-Identifier: PostgreSQL
-- What the app calls and what a DBA looks at. All of it hangs on the code, goes with DROP EXTENSION ... CASCADE, and is put
-- back by install().

CREATE FUNCTION atelier.make_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.make_view('atelier.tokens', $ddl$
    CREATE VIEW atelier.tokens AS
    SELECT t.id, s.account, t.is_active, s.cooling_until, s.reason, t.request_count, t.error_count, s.refusals,
           t.last_used_at, t.last_error, t.last_error_at
      FROM @app@.replicate_tokens t
      LEFT JOIN atelier.token_state s ON s.token_id = t.id$ddl$);
  PERFORM atelier.describe('atelier.tokens', 'the token pool without its secrets');

  PERFORM atelier.make_view('atelier.workers', $ddl$
    CREATE VIEW atelier.workers AS
    SELECT w.kind, w.pid, w.since, w.state, w.in_flight, w.running, w.accepted, w.finished, w.unreached
      FROM atelier.worker_state() w$ddl$);
  PERFORM atelier.describe('atelier.workers', 'the launcher and the workers of this database');

  PERFORM atelier.make_view('atelier.queue_status', $ddl$
    CREATE VIEW atelier.queue_status AS
    SELECT count(*) AS waiting,
           count(*) FILTER (WHERE q.not_before <= clock_timestamp()) AS due,
           count(DISTINCT q.user_id) AS users,
           clock_timestamp() - min(g.created_at) AS oldest,
           (SELECT count(*) FROM atelier.attempts a WHERE a.state IN ('sending', 'running', 'unknown')) AS open_attempts
      FROM atelier.queue q
      LEFT JOIN @app@.generations g ON g.id = q.generation_id$ddl$);
  PERFORM atelier.describe('atelier.queue_status', 'how much waits to be sent, for how long, and how much is under way');
END
$function$;
COMMENT ON FUNCTION atelier.make_views() IS 'creates the views of schema atelier that are missing';

CREATE FUNCTION atelier.make_app_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF atelier.make_function('@app@.get_next_replicate_token()', $ddl$
    CREATE FUNCTION @app@.get_next_replicate_token() RETURNS TABLE (id integer, token text)
    LANGUAGE sql VOLATILE ROWS 1
    BEGIN ATOMIC
      SELECT n.id, n.token FROM atelier.get_next_replicate_token() n;
    END$ddl$) THEN
    PERFORM atelier.run_ddl($ddl$
      ALTER FUNCTION @app@.get_next_replicate_token() OWNER TO atelier_owner;
      GRANT EXECUTE ON FUNCTION @app@.get_next_replicate_token() TO service_role;
      COMMENT ON FUNCTION @app@.get_next_replicate_token() IS
        'the active token that was used least recently, counted as used; no row when none is usable'$ddl$);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_app_functions() IS 'creates the functions in the app schema that are missing';
