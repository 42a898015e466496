-- SPDX-License-Identifier: PostgreSQL
-- health(): is this database well? One row per check, each with a hint that can be pasted. Read-only, and fast however long
-- the queue is.

CREATE FUNCTION atelier.missing_tables() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT string_agg(w.relation, ', ')
            FROM (SELECT atelier.in_app_schema('@app@.' || t.name) AS relation
                    FROM unnest(ARRAY['users', 'generations', 'replicate_tokens', 'api_logs', 'notifications']) AS t(name)
                  UNION ALL
                  SELECT 'atelier.' || t.name FROM unnest(ARRAY['queue', 'attempts', 'token_state', 'models', 'prices', 'credit_entries', 'user_limits',
                                                                      'spending', 'outputs', 'trainers', 'trainings']) AS t(name)) w
           WHERE to_regclass(w.relation) IS NULL);
END
$function$;
COMMENT ON FUNCTION atelier.missing_tables() IS 'names of tables that should be there and are not; null when all are';

CREATE FUNCTION atelier.health_tables(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known CONSTANT integer := atelier.code_table_version();
  have integer := 0;
  problem text;
BEGIN
  check_name := 'tables'; status := 'ok'; hint := NULL;
  IF to_regclass('atelier.identity') IS NOT NULL AND to_regclass('atelier.migrations') IS NOT NULL THEN
    have := atelier.table_version();
  END IF;
  detail := format('version %s of the tables, version %s of the code', have, known);
  IF have > 0 THEN
    IF atelier.app_schema() IS NULL THEN
      status := 'fail';
      detail := 'atelier.identity has no row: nothing says where the tables are';
      hint := 'SELECT atelier.install();';
      RETURN NEXT;
      RETURN;
    END IF;
    problem := atelier.missing_tables();
  END IF;
  IF problem IS NOT NULL THEN
    status := 'fail';
    detail := 'missing: ' || problem;
    hint := 'DELETE FROM atelier.migrations; SELECT atelier.install();';
  ELSIF have <> known THEN
    status := 'fail';
    hint := CASE WHEN have < known THEN 'SELECT atelier.install();'
                 ELSE 'Install the newer library that made these tables, then: ALTER EXTENSION atelier UPDATE;' END;
  END IF;
  RETURN NEXT;
  IF have = 0 THEN
    RETURN;
  END IF;

  check_name := 'guards'; status := 'ok'; detail := 'all triggers and policies are there'; hint := NULL;
  problem := (SELECT string_agg(format('%I on %s', m.name, m.relation), ', ')
                FROM (SELECT t.name, t.relation FROM atelier.missing_triggers() t
                      UNION ALL SELECT p.name, p.relation FROM atelier.missing_policies() p) m);
  IF problem IS NOT NULL THEN
    status := 'fail'; detail := 'missing: ' || problem; hint := 'SELECT atelier.install();';
  ELSE
    SELECT string_agg(format('%I on %s', t.tgname, t.tgrelid::regclass), ', '),
           string_agg(format('ALTER TABLE %s ENABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname), ' ')
      INTO problem, hint
      FROM atelier.wanted_triggers() w
      JOIN pg_trigger t ON t.tgrelid = to_regclass(atelier.in_app_schema(atelier.placed(w.relation))) AND t.tgname = w.name
     WHERE t.tgenabled IN ('D', 'R');
    IF problem IS NOT NULL THEN
      status := 'fail'; detail := 'disabled: ' || problem;
    END IF;
  END IF;
  RETURN NEXT;

  check_name := 'changes'; status := 'ok'; detail := 'policies, triggers and functions are those of this version'; hint := NULL;
  IF to_regclass('atelier.made') IS NULL THEN
    -- Restored from a dump of 0.1.0.
    status := 'fail'; detail := 'policies, triggers and functions are those of an older version'; hint := 'SELECT atelier.install();';
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT string_agg(c.object, ', '), string_agg(c.remedy, ' ') INTO problem, hint FROM atelier.changed_by_others() c;
  IF problem IS NOT NULL THEN
    status := 'warn'; detail := 'kept as somebody has changed them: ' || problem;
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_tables() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_tables() IS 'part of health(): versions, triggers, policies';

CREATE FUNCTION atelier.health_rights(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  tables regclass[] := (SELECT array_agg(c.oid::regclass)
                          FROM pg_class c
                         WHERE c.relkind = 'r'
                           AND (c.relnamespace = 'atelier'::regnamespace
                                OR c.oid IN (SELECT to_regclass(atelier.in_app_schema('@app@.' || p.relation))
                                               FROM atelier.wanted_policies() p)));
  problem text;
BEGIN
  check_name := 'row level security'; status := 'ok'; detail := 'enabled on every table'; hint := NULL;
  SELECT string_agg(c.oid::regclass::text, ', '),
         string_agg(format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', c.oid::regclass), ' ')
    INTO problem, hint FROM pg_class c WHERE c.oid = ANY (tables) AND NOT c.relrowsecurity;
  IF problem IS NOT NULL THEN
    status := 'fail'; detail := 'disabled on ' || problem;
  END IF;
  RETURN NEXT;

  check_name := 'owner'; status := 'ok'; detail := 'every table belongs to atelier_owner'; hint := NULL;
  SELECT string_agg(c.oid::regclass::text, ', '),
         string_agg(format('ALTER TABLE %s OWNER TO atelier_owner;', c.oid::regclass), ' ')
    INTO problem, hint FROM pg_class c WHERE c.oid = ANY (tables) AND c.relowner <> 'atelier_owner'::regrole;
  IF problem IS NOT NULL THEN
    status := 'fail'; detail := 'of another role: ' || problem;
  END IF;
  RETURN NEXT;

  check_name := 'grants'; status := 'ok'; detail := 'users have no rights that policies do not check'; hint := NULL;
  SELECT string_agg(o.relation::text, ', ' ORDER BY o.relation::text) INTO problem FROM atelier.open_relations() o (relation);
  IF problem IS NOT NULL THEN
    status := 'fail'; detail := 'default privileges have opened ' || problem; hint := 'SELECT atelier.install();';
  END IF;
  RETURN NEXT;

  check_name := 'roles'; status := 'ok'; detail := 'row level security applies to users and not to the app'; hint := NULL;
  SELECT string_agg(r.rolname, ', '),
         string_agg(format('ALTER ROLE %I %s;', r.rolname,
                           CASE WHEN r.rolname = 'service_role' THEN 'BYPASSRLS' ELSE 'NOSUPERUSER NOBYPASSRLS' END), ' ')
    INTO problem, hint
    FROM pg_roles r
   WHERE (r.rolname IN ('anon', 'authenticated', 'atelier_owner') AND (r.rolsuper OR r.rolbypassrls))
      OR (r.rolname = 'service_role' AND NOT r.rolbypassrls);
  IF problem IS NOT NULL THEN
    status := 'fail'; detail := 'wrong attributes: ' || problem;
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_rights() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_rights() IS 'part of health(): row level security, owners, grants, roles';

CREATE FUNCTION atelier.health_workers(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  launcher record;
  dispatcher record;
  running boolean;
  places integer := current_setting('max_worker_processes')::integer;
  needed integer;
BEGIN
  SELECT w.* INTO launcher FROM atelier.worker_state() w WHERE w.kind = 'launcher';
  SELECT w.* INTO dispatcher FROM atelier.worker_state() w WHERE w.kind = 'dispatcher';
  running := (SELECT count(*) = 2 FROM atelier.worker_state() w WHERE w.kind IN ('dispatcher', 'keeper'));

  check_name := 'preload'; status := 'ok'; detail := 'the launcher runs'; hint := NULL;
  IF launcher.pid IS NULL THEN
    status := CASE WHEN running THEN 'warn' ELSE 'fail' END;
    detail := 'the library is not preloaded: workers do not start by themselves';
    hint := format('ALTER SYSTEM SET shared_preload_libraries = %s; -- then restart the server',
                   (SELECT string_agg(quote_literal(btrim(btrim(library), '"')), ', ')
                      FROM unnest(array_append(string_to_array(nullif(current_setting('shared_preload_libraries'), ''), ','),
                                               'atelier')) library));
  END IF;
  RETURN NEXT;

  check_name := 'worker places'; status := 'ok'; hint := NULL;
  -- The launcher, two per database, and the server's own launcher of replication.
  needed := 2 + 2 * greatest(coalesce(launcher.running, 0), 1);
  detail := format('max_worker_processes is %s, %s are needed', places, needed);
  IF places < needed THEN
    status := 'fail';
    hint := format('ALTER SYSTEM SET max_worker_processes = %s; -- then restart the server', needed + 8);
  END IF;
  RETURN NEXT;

  check_name := 'workers'; status := 'ok'; detail := 'a dispatcher and a keeper run'; hint := NULL;
  IF NOT running THEN
    status := 'fail'; detail := 'no dispatcher or no keeper runs for this database'; hint := 'SELECT atelier.start_workers();';
    IF current_setting('atelier.databases') <> '*' THEN
      detail := detail || format(', and atelier.databases is %L', current_setting('atelier.databases'));
      hint := format('ALTER SYSTEM SET atelier.databases = %L; SELECT pg_reload_conf(); SELECT atelier.start_workers();',
                     concat_ws(', ', nullif(current_setting('atelier.databases'), ''), quote_ident(current_database())));
    END IF;
  END IF;
  RETURN NEXT;

  check_name := 'provider'; status := 'ok'; hint := NULL;
  detail := format('requests go to %s', current_setting('atelier.api_base_url'));
  IF dispatcher.unreached >= 5 THEN
    status := 'fail';
    detail := format('the last %s requests did not reach %s', dispatcher.unreached, current_setting('atelier.api_base_url'));
    hint := 'ALTER SYSTEM SET atelier.api_base_url = ''https://api.replicate.com/v1''; SELECT pg_reload_conf();';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_workers() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_workers() IS 'part of health(): preload, places, workers, the provider''s host';

CREATE FUNCTION atelier.health_dispatch(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  identity record;
  tokens record;
  waits interval;
  overdue bigint;
BEGIN
  SELECT min(i.dispatch) AS dispatch,
         bool_and(i.system_identifier = here.system_identifier AND i.database_oid = here.database_oid
                  AND i.relation_oid = 'atelier.identity'::regclass) AS same,
         bool_or(i.timeline <> here.timeline) AS promoted
    INTO identity FROM atelier.identity i CROSS JOIN atelier.database_identity() here;
  check_name := 'dispatch'; status := 'ok'; detail := 'running'; hint := NULL;
  IF NOT identity.same THEN
    status := 'fail'; detail := 'held: this database is a copy or was restored, and the original may dispatch the same rows';
  ELSIF identity.dispatch = 'held' AND identity.promoted THEN
    status := 'fail'; detail := 'held: the provider has deleted what would show which queued rows were sent before the restore';
  ELSIF identity.dispatch = 'held' THEN
    status := 'fail'; detail := 'held: tables with rows were adopted';
  ELSIF identity.dispatch = 'paused' THEN
    status := 'warn'; detail := 'paused';
  END IF;
  IF status <> 'ok' THEN
    hint := 'SELECT atelier.resume();';
  END IF;
  RETURN NEXT;

  EXECUTE atelier.in_app_schema($sql$
    SELECT count(*) AS active, count(*) FILTER (WHERE s.cooling_until > clock_timestamp()) AS cooling,
           min(s.cooling_until) AS until
      FROM @app@.replicate_tokens t LEFT JOIN atelier.token_state s ON s.token_id = t.id
     WHERE t.is_active$sql$) INTO tokens;
  check_name := 'tokens'; status := 'ok'; hint := NULL;
  detail := format('%s active, %s of them cooling down', tokens.active, tokens.cooling);
  IF tokens.active = 0 THEN
    status := 'fail'; detail := 'no active token: nothing can be sent';
  ELSIF tokens.active = tokens.cooling THEN
    status := 'warn'; detail := format('all %s active tokens cool down, the first one until %s', tokens.active, tokens.until);
  END IF;
  IF status <> 'ok' THEN
    hint := atelier.in_app_schema('INSERT INTO @app@.replicate_tokens (token) VALUES (''r8_...'');');
  END IF;
  RETURN NEXT;

  -- The first rows of the first hundred users stand for the queue.
  EXECUTE atelier.in_app_schema($sql$
    WITH RECURSIVE ring(user_id, n) AS (
      (SELECT q.user_id, 1 FROM atelier.queue q ORDER BY q.user_id LIMIT 1)
      UNION ALL
      SELECT following.user_id, ring.n + 1
        FROM ring
       CROSS JOIN LATERAL (SELECT q.user_id FROM atelier.queue q WHERE q.user_id > ring.user_id
                            ORDER BY q.user_id LIMIT 1) following
       WHERE ring.n < 100)
    SELECT date_trunc('second', clock_timestamp() - min(g.created_at))
      FROM ring
     CROSS JOIN LATERAL (SELECT q.generation_id, q.not_before FROM atelier.queue q WHERE q.user_id = ring.user_id
                          ORDER BY q.priority DESC, q.seq LIMIT 1) head
      JOIN @app@.generations g ON g.id = head.generation_id
     WHERE head.not_before <= clock_timestamp()$sql$) INTO waits;
  check_name := 'queue'; status := 'ok'; detail := 'nothing that is due waits long'; hint := NULL;
  IF waits > interval '10 minutes' THEN
    status := 'warn'; detail := format('a generation that is due waits for %s', waits);
    hint := 'SELECT atelier.wake(); -- if that does not help, raise atelier.user_concurrency or add tokens';
  END IF;
  RETURN NEXT;

  overdue := (SELECT count(*) FROM atelier.attempts a
               WHERE a.state IN ('sending', 'running', 'unknown') AND a.deadline < clock_timestamp() - interval '10 minutes');
  check_name := 'attempts'; status := 'ok'; detail := 'none is open beyond its deadline'; hint := NULL;
  IF overdue > 0 THEN
    status := 'warn'; detail := format('%s are open beyond their deadline', overdue); hint := 'SELECT atelier.wake();';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_dispatch() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_dispatch() IS 'part of health(): right to dispatch, tokens, queue, attempts';

CREATE FUNCTION atelier.health(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF (SELECT c.relowner FROM pg_class c WHERE c.oid = to_regclass('atelier.identity')) <> 'atelier_owner'::regrole THEN
    check_name := 'owner'; status := 'fail'; detail := 'the tables were restored without their owner: nothing works';
    hint := 'SELECT atelier.install();';
    RETURN NEXT;
    RETURN;
  END IF;
  RETURN QUERY SELECT h.* FROM atelier.health_tables() h;
  IF to_regclass('atelier.identity') IS NOT NULL THEN
    RETURN QUERY SELECT h.* FROM atelier.health_rights() h;
  END IF;
  RETURN QUERY SELECT h.* FROM atelier.health_workers() h;
  IF to_regclass('atelier.identity') IS NOT NULL AND atelier.table_version() > 0
     AND atelier.app_schema() IS NOT NULL AND atelier.missing_tables() IS NULL THEN
    RETURN QUERY SELECT h.* FROM atelier.health_dispatch() h;
    RETURN QUERY SELECT h.* FROM atelier.health_trainings() h;
    RETURN QUERY SELECT h.* FROM atelier.health_money() h;
    RETURN QUERY SELECT h.* FROM atelier.health_counts() h;
    RETURN QUERY SELECT h.* FROM atelier.health_webhooks() h;
    RETURN QUERY SELECT h.* FROM atelier.health_adoption() h;
    RETURN QUERY SELECT h.* FROM atelier.health_auth() h;
    RETURN QUERY SELECT h.* FROM atelier.health_realtime() h;
    RETURN QUERY SELECT h.* FROM atelier.health_storage() h;
  END IF;
END
$function$;
ALTER FUNCTION atelier.health() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health() IS 'whether this database is well: one row per check with status ok, warn or fail, what was found, and a hint that can be pasted. Reads only. service_role, owner and superusers';
