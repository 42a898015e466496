-- SPDX-License-Identifier: PostgreSQL
-- The publication that browsers listen to, where there is one: notifications are in it, generations are not, since every
-- change of one would be sent to every listener.

CREATE FUNCTION atelier.missing_realtime_changes(OUT ddl text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  app name := atelier.app_schema();
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'supabase_realtime') THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_publication_tables t
                  WHERE t.pubname = 'supabase_realtime' AND t.schemaname = app AND t.tablename = 'notifications') THEN
    RETURN QUERY SELECT format('ALTER PUBLICATION supabase_realtime ADD TABLE %I.notifications;', app);
  END IF;
  IF EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
              WHERE p.pubname = 'supabase_realtime' AND r.prrelid = to_regclass(atelier.in_app_schema('@app@.generations'))) THEN
    RETURN QUERY SELECT format('ALTER PUBLICATION supabase_realtime DROP TABLE %I.generations;', app);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.missing_realtime_changes() IS 'the statements that publication supabase_realtime still needs, none where there is no such publication';

CREATE FUNCTION atelier.set_publication() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  statement text;
BEGIN
  FOR statement IN SELECT m.ddl FROM atelier.missing_realtime_changes() m LOOP
    EXECUTE statement;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'publication supabase_realtime stays as it is'
    USING DETAIL = 'The installing role may not change it.',
          HINT = 'atelier.health() prints the statements for its owner.';
END
$function$;
COMMENT ON FUNCTION atelier.set_publication() IS 'puts notifications into publication supabase_realtime and takes generations out, where there is one; part of install()';

CREATE FUNCTION atelier.health_realtime(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  app name := atelier.app_schema();
  published name[] := ARRAY(SELECT t.tablename FROM pg_publication_tables t
                             WHERE t.pubname = 'supabase_realtime' AND t.schemaname = app
                               AND t.tablename IN ('generations', 'notifications'));
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'supabase_realtime') THEN
    RETURN;
  END IF;
  check_name := 'realtime'; status := 'ok'; detail := 'notifications are published, generations are not';
  hint := (SELECT string_agg(m.ddl, ' ') FROM atelier.missing_realtime_changes() m);
  IF 'generations' = ANY (published) THEN
    status := 'warn'; detail := 'generations are in supabase_realtime, and every change of one is sent to every listener';
    -- A publication of a whole schema or of all tables names no table that could be dropped.
    hint := coalesce(hint, 'DROP PUBLICATION supabase_realtime; CREATE PUBLICATION supabase_realtime; SELECT atelier.set_publication();');
  ELSIF NOT 'notifications' = ANY (published) THEN
    status := 'warn'; detail := 'notifications are not in supabase_realtime: browsers learn of them only by asking';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_realtime() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_realtime() IS 'part of health(), where there is a publication supabase_realtime: what is in it';
