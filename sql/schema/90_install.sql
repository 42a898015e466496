-- SPDX-License-Identifier: PostgreSQL
-- install(): makes the tables, or brings them to the version of the code, and puts back what hangs on the code.

CREATE FUNCTION atelier.table_version() RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN coalesce((SELECT max(m.version) FROM atelier.migrations m), 0);
END
$function$;
COMMENT ON FUNCTION atelier.table_version() IS 'the number of the last install step that this database has gone through';

CREATE FUNCTION atelier.make_identity() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wanted name := current_setting('atelier.app_schema');
BEGIN
  IF wanted = '' OR wanted IN ('atelier', 'auth') OR wanted LIKE 'pg\_%' THEN
    RAISE EXCEPTION 'schema "%" cannot be the app schema', wanted
      USING ERRCODE = 'invalid_schema_name', HINT = 'Set atelier.app_schema to the schema that PostgREST exposes, such as public.';
  END IF;
  PERFORM atelier.make_own_table('identity', $table$
    app_schema name NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid oid NOT NULL,
    relation_oid oid NOT NULL,
    timeline integer NOT NULL,
    dispatch text NOT NULL CONSTRAINT identity_dispatch_check CHECK (dispatch IN ('running', 'paused', 'held')),
    since timestamptz NOT NULL,
    CONSTRAINT identity_pkey PRIMARY KEY (system_identifier, database_oid, relation_oid)
  $table$);
  PERFORM atelier.make_own_table('migrations', $table$
    version integer NOT NULL,
    name text NOT NULL,
    outcome text NOT NULL CONSTRAINT migrations_outcome_check CHECK (outcome IN ('created', 'adopted')),
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT migrations_pkey PRIMARY KEY (version, applied_at)
  $table$);
  PERFORM atelier.make_own_table('made', $table$
    kind text NOT NULL CONSTRAINT made_kind_check CHECK (kind IN ('function', 'policy', 'trigger', 'view')),
    relation text NOT NULL,
    object text NOT NULL,
    statement text NOT NULL,
    definition text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT made_pkey PRIMARY KEY (kind, relation, object, made_at)
  $table$);
  PERFORM atelier.make_own_table('backfill', $table$
    relation name NOT NULL,
    attribute name NOT NULL,
    CONSTRAINT backfill_pkey PRIMARY KEY (relation, attribute)
  $table$);
  PERFORM atelier.write_as_owner(format($sql$
    INSERT INTO atelier.identity (app_schema, system_identifier, database_oid, relation_oid, timeline, dispatch, since)
    SELECT %L, here.system_identifier, here.database_oid, 'atelier.identity'::regclass, here.timeline, 'running', now()
      FROM atelier.database_identity() here
     WHERE NOT EXISTS (SELECT FROM atelier.identity)$sql$, wanted));
END
$function$;
COMMENT ON FUNCTION atelier.make_identity() IS 'makes the tables identity, migrations, made and backfill, and the row that says which database this is';

CREATE FUNCTION atelier.make_own_table(name text, definition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Before there is an identity row, make_table() does not know the app schema.
DECLARE
  relation text := format('atelier.%I', name);
BEGIN
  IF to_regclass(relation) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE %s (%s)', relation, definition);
  EXECUTE format('ALTER TABLE %s OWNER TO atelier_owner', relation);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
  EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, anon, authenticated, service_role', relation);
END
$function$;
COMMENT ON FUNCTION atelier.make_own_table(text, text) IS 'creates a table of schema atelier, owned by atelier_owner, with row level security and granted to nobody';

CREATE FUNCTION atelier.take_back() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- A restore without owners leaves everything to whoever restored it, and the code, which runs as atelier_owner, reads nothing.
-- What was restored with its rights keeps them.
DECLARE
  thing regclass;
  wanted record;
  kept regclass;
BEGIN
  IF (SELECT c.relowner FROM pg_class c WHERE c.oid = to_regclass('atelier.identity')) = 'atelier_owner'::regrole THEN
    RETURN;
  END IF;
  FOR thing IN
    SELECT c.oid FROM pg_class c
     WHERE c.relnamespace = 'atelier'::regnamespace AND c.relkind IN ('r', 'v', 'S')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'e', 'i'))
  LOOP
    PERFORM atelier.take_over(thing);
  END LOOP;
  FOR thing IN
    SELECT DISTINCT to_regclass(atelier.in_app_schema(w.name))
      FROM (SELECT CASE m.kind WHEN 'view' THEN m.object ELSE m.relation END AS name
              FROM atelier.made m WHERE m.kind IN ('policy', 'trigger', 'view')) w
     WHERE starts_with(w.name, '@app@.')
  LOOP
    PERFORM atelier.take_over(thing);
  END LOOP;
  FOR wanted IN
    SELECT w.signature, w.callers, p.oid::regprocedure AS function, p.proacl
      FROM atelier.wanted_functions() w JOIN pg_proc p ON p.oid = to_regprocedure(atelier.in_app_schema('@app@.' || w.signature))
     WHERE p.proowner <> 'atelier_owner'::regrole
  LOOP
    IF wanted.proacl IS NULL THEN
      PERFORM atelier.own_function(wanted.signature, wanted.callers);
    ELSE
      EXECUTE format('ALTER FUNCTION %s OWNER TO atelier_owner', wanted.function);
    END IF;
  END LOOP;
  IF (SELECT p.prosrc = 'SELECT atelier.uid()' FROM pg_proc p WHERE p.oid = to_regprocedure('auth.uid()')) THEN
    PERFORM atelier.own_auth_schema();
  END IF;
  IF to_regtype(atelier.in_app_schema('@app@.flow_block_type')) IS NOT NULL THEN
    PERFORM atelier.run_ddl('ALTER TYPE @app@.flow_block_type OWNER TO atelier_owner');
  END IF;
  kept := to_regclass(atelier.in_app_schema('@app@.mv_admin_stats'));
  IF kept IS NOT NULL THEN
    PERFORM atelier.take_over(kept);
    EXECUTE format('REFRESH MATERIALIZED VIEW %s', kept);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.take_back() IS 'makes atelier_owner the owner of what install() has made, when a restore has not';

CREATE FUNCTION atelier.make_app_schema() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF to_regnamespace(quote_ident(atelier.app_schema())) IS NULL THEN
    PERFORM atelier.run_ddl('CREATE SCHEMA @app@ AUTHORIZATION atelier_owner');
  END IF;
  PERFORM atelier.run_ddl('GRANT USAGE ON SCHEMA @app@ TO atelier_owner, anon, authenticated, service_role');
  IF obj_description('atelier'::regnamespace, 'pg_namespace') IS NULL THEN
    COMMENT ON SCHEMA atelier IS 'the code of extension atelier and the tables of its workers; the app does not look in here';
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_app_schema() IS 'creates the app schema when it is missing and lets the app''s roles use it';

CREATE FUNCTION atelier.steps(OUT version integer, OUT name text) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- The migrations of the app's database in its own order, then what only atelier has. Each is a function step_<name>().
BEGIN
  RETURN QUERY
  SELECT s.n::integer, s.step
    FROM unnest(ARRAY[
      'schema', 'add_video_support', 'add_cost_tracking', 'add_workspaces', 'add_lora_support', 'add_admin_roles',
      'add_performance_indexes', 'optimize_disk_io', '20260119_create_flows', '20260121_flow_collaboration',
      '20260127_flow_comments', '20260128_add_notifications', 'add_assistant_chat_history', '20260219_add_api_logs',
      'ideas_and_support', 'atelier', 'jobs', 'money', 'tabs', 'webhooks', 'limits', 'films', 'counts',
      'trainings', 'checks']) WITH ORDINALITY AS s (step, n);
END
$function$;
COMMENT ON FUNCTION atelier.steps() IS 'the numbered steps of install()';

CREATE FUNCTION atelier.run_step(number integer, adopting boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  step text := (SELECT s.name FROM atelier.steps() s WHERE s.version = number);
BEGIN
  EXECUTE format('SELECT atelier.%I()', 'step_' || step);
  PERFORM atelier.write_as_owner(format('INSERT INTO atelier.migrations (version, name, outcome) VALUES (%L, %L, %L)',
    number, step, CASE WHEN adopting THEN 'adopted' ELSE 'created' END));
END
$function$;
COMMENT ON FUNCTION atelier.run_step(integer, boolean) IS 'one numbered step of install(), recorded in atelier.migrations';

CREATE FUNCTION atelier.queue_missed() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- Rows that were queued while the triggers were away are handed over once more; what cannot be stays pending, with a warning.
DECLARE
  missed uuid[];
BEGIN
  EXECUTE atelier.in_app_schema($sql$
    WITH taken AS (
      UPDATE @app@.generations g SET status = 'pending'
       WHERE g.status = 'queued'
         AND NOT EXISTS (SELECT FROM atelier.queue q WHERE q.generation_id = g.id)
         AND NOT EXISTS (SELECT FROM atelier.attempts a
                          WHERE a.generation_id = g.id AND a.state IN ('sending', 'running', 'unknown'))
      RETURNING g.id)
    SELECT array_agg(t.id) FROM taken t$sql$) INTO missed;
  IF missed IS NOT NULL THEN
    EXECUTE atelier.in_app_schema('UPDATE @app@.generations SET status = ''queued'' WHERE id = ANY ($1)') USING missed;
  END IF;
  RETURN coalesce(cardinality(missed), 0);
END
$function$;
ALTER FUNCTION atelier.queue_missed() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.queue_missed() IS 'hands over queued generations that are not in the queue, and returns how many there were';

CREATE FUNCTION atelier.install() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $function$
DECLARE
  last_step CONSTANT integer := atelier.code_table_version();
  step integer;
  existing boolean;
  adopted boolean;
  remembers boolean;
  counted boolean;
BEGIN
  -- Two at once would make everything twice; the second waits and finds it made.
  PERFORM atelier.take_turn('install');
  remembers := to_regclass('atelier.made') IS NOT NULL;
  IF remembers THEN
    PERFORM atelier.take_back();
  END IF;
  PERFORM atelier.make_identity();
  IF atelier.table_version() > last_step THEN
    RAISE EXCEPTION 'the tables have version %, this code knows version %', atelier.table_version(), last_step
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Install a newer version of atelier on this server.';
  END IF;
  PERFORM atelier.make_app_schema();
  IF NOT remembers THEN
    PERFORM atelier.recall_made();
  END IF;
  existing := atelier.table_version() = 0 AND atelier.has_app_tables();
  IF existing THEN
    PERFORM atelier.adopt();
  END IF;
  adopted := existing AND atelier.has_generations();
  FOR step IN atelier.table_version() + 1 .. last_step LOOP
    PERFORM atelier.run_step(step, existing);
  END LOOP;
  PERFORM atelier.describe('atelier.identity',
    'which database this is, and whether it dispatches; a second row came with the data of another database, and holds it', ARRAY[
    'app_schema', 'schema of the tables, views and functions that the app sees',
    'system_identifier', 'of the server; a restored or cloned database finds another one and holds',
    'database_oid', 'of the database; a copy finds another one and holds',
    'relation_oid', 'of this very table; one that was restored from a dump finds another one and holds',
    'timeline', 'of the server; a promoted standby finds another one and goes on after a rescue',
    'dispatch', 'running, paused by pause(), or held until resume()',
    'since', 'when that was decided']);
  PERFORM atelier.describe('atelier.migrations', 'the steps of install() that this database has gone through', ARRAY[
    'version', 'number of the step',
    'name', 'the migration that it carries',
    'outcome', 'created, or adopted where the tables were there before',
    'applied_at', 'when']);
  PERFORM atelier.describe('atelier.made', 'what install() has made that hangs on the code, to tell it from what a DBA has made of it since', ARRAY[
    'kind', 'function, policy, trigger or view',
    'relation', 'table of a policy or trigger, else empty; @app@ stands for the app schema',
    'object', 'name, or signature of a function',
    'statement', 'digest of the statement that made it',
    'definition', 'digest of what the catalogs said then',
    'made_at', 'when; the last row counts']);
  PERFORM atelier.describe('atelier.backfill', 'columns of adopted tables that may still be null, until adopt_backfill() has filled them', ARRAY[
    'relation', 'the table, in the app schema',
    'attribute', 'the column']);
  PERFORM atelier.make_auth_schema();
  PERFORM atelier.make_views();
  PERFORM atelier.make_app_functions();
  counted := atelier.has_count_triggers();
  PERFORM atelier.make_guards();
  IF NOT counted AND atelier.has_generations() THEN
    PERFORM atelier.recount();
  END IF;
  PERFORM atelier.drop_unwanted();
  PERFORM atelier.queue_missed();
  PERFORM atelier.take_rights_back();
  PERFORM atelier.grant_tables();
  PERFORM atelier.make_auth_triggers();
  PERFORM atelier.set_publication();
  PERFORM atelier.close_storage();
  IF adopted THEN
    PERFORM atelier.queue_adopted();
    PERFORM atelier.write_as_owner('UPDATE atelier.identity SET dispatch = ''held'', since = now()');
    RAISE NOTICE 'atelier has adopted tables with rows and holds: nothing is dispatched'
      USING HINT = 'Look at atelier.health(), then run SELECT atelier.resume();';
  END IF;
  PERFORM atelier.announce();
  PERFORM atelier.wake();
END
$function$;
COMMENT ON FUNCTION atelier.install() IS 'makes what is missing of tables, policies, triggers, views and functions, and brings older tables to this version; nothing that exists is lost. Superusers';

CREATE FUNCTION atelier.has_generations() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  found boolean := false;
BEGIN
  IF to_regclass(atelier.in_app_schema('@app@.generations')) IS NOT NULL THEN
    EXECUTE atelier.in_app_schema('SELECT EXISTS (SELECT FROM @app@.generations)') INTO found;
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION atelier.has_generations() IS 'whether there is a table of generations with rows in it';

-- Every preamble of pg_dump sets row_security in the session: a dump is being replayed, and the tables come with it.
CREATE FUNCTION atelier.install_is_wanted() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  CASE current_setting('atelier.install')
    WHEN 'on' THEN RETURN true;
    WHEN 'off' THEN RETURN false;
    ELSE RETURN (SELECT s.source <> 'session' FROM pg_settings s WHERE s.name = 'row_security');
  END CASE;
END
$function$;
COMMENT ON FUNCTION atelier.install_is_wanted() IS 'whether CREATE EXTENSION makes the tables: as atelier.install says, by itself unless a dump is being replayed';
