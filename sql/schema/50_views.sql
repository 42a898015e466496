-- SPDX-License-Identifier: PostgreSQL
-- What the app calls and what a DBA looks at. All of it hangs on the code, goes with DROP EXTENSION ... CASCADE, and is put
-- back by install().

CREATE FUNCTION atelier.make_views() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  topic name;
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
  FOR topic IN SELECT p.proname FROM pg_proc p
                WHERE p.pronamespace = 'atelier'::regnamespace AND p.proname LIKE 'make\_%\_views' ORDER BY 1 LOOP
    EXECUTE format('SELECT atelier.%I()', topic);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_views() IS 'creates the views that are missing: those of schema atelier, and those of each function make_<topic>_views()';

CREATE FUNCTION atelier.tokens_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('get_next_replicate_token()', $ddl$
    CREATE FUNCTION @app@.get_next_replicate_token() RETURNS TABLE (id integer, token text)
    LANGUAGE plpgsql VOLATILE ROWS 1 SUPPORT atelier.plain_call SET search_path = pg_catalog, pg_temp
    AS $body$
    -- Not in SQL, which would be planned at every call: an expression is not.
    DECLARE
      next record;
    BEGIN
      next := atelier.next_replicate_token();
      IF next.id IS NOT NULL THEN
        id := next.id;
        token := next.token;
        RETURN NEXT;
      END IF;
    END
    $body$$ddl$, 'service_role', 'the active token that was used least recently, counted as used; no row when none is usable');
END
$function$;
COMMENT ON FUNCTION atelier.tokens_functions() IS 'part of wanted_functions(): the token pool';

CREATE FUNCTION atelier.wanted_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  topic name;
BEGIN
  FOR topic IN SELECT p.proname FROM pg_proc p
                WHERE p.pronamespace = 'atelier'::regnamespace AND p.proname LIKE '%\_functions'
                  AND p.proallargtypes = '{25,25,25,25}' AND p.proname <> 'wanted_functions' ORDER BY 1 LOOP
    RETURN QUERY EXECUTE format('SELECT f.* FROM atelier.%I() f', topic);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.wanted_functions() IS 'the functions of the app schema, from each function <topic>_functions(): signature, statement, roles that may call, and what each does';

CREATE FUNCTION atelier.make_app_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wanted record;
  template text;
  what_to_do text;
BEGIN
  FOR wanted IN
    SELECT w.signature, w.ddl, atelier.function_statement(w.ddl, w.callers, w.about) AS statement FROM atelier.wanted_functions() w
  LOOP
    template := '@app@.' || wanted.signature;
    what_to_do := atelier.what_to_make('function', '', template, wanted.statement);
    IF what_to_do = 'replace' AND NOT atelier.can_replace(wanted.signature) THEN
      -- Another result or other names of arguments: whoever has built on it has to know.
      PERFORM atelier.run_ddl(format('DROP FUNCTION %s', template));
    END IF;
    IF what_to_do <> 'nothing' THEN
      PERFORM atelier.replace_function(wanted.signature);
    END IF;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_app_functions() IS 'creates the functions in the app schema that are missing, and replaces those of an older version';
