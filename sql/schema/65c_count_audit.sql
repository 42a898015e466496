-- SPDX-License-Identifier: PostgreSQL
-- The keeper compares the kept numbers with the rows, some users at a time, and says when it had to repair them: triggers were
-- disabled, or rows came from a restore or a replication of this table alone.

CREATE FUNCTION atelier.repair_sums() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- What workspaces have follows from the lines of users; the hours of the last day are few rows.
BEGIN
  RETURN atelier.add_missing_counts($sql$
      SELECT 2::smallint AS scope, $3 AS user_id, l.workspace_id, 0::bigint AS hour,
             l.credits, l.generations, l.completed, l.time_ms, l.completed_cost_micros, l.failed, l.cancelled,
             l.other_cost_micros, l.untimed, l.parts, l.parts_under_way, l.parts_failed, l.favorites
        FROM lines l
       WHERE l.scope = 1$sql$,
    'l.scope = 2', NULL, NULL, floor(extract(epoch FROM now() - interval '25 hours') / 3600)::bigint);
END
$function$;
ALTER FUNCTION atelier.repair_sums() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.repair_sums() IS 'part of audit_counts(): what is kept of workspaces and of the last hours. Owner and superusers';

CREATE FUNCTION atelier.audit_counts(after uuid, most integer, OUT next_user uuid, OUT repaired bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  last_user uuid;
BEGIN
  EXECUTE atelier.in_app_schema('SELECT g.user_id FROM @app@.generations g WHERE g.user_id > $1 ORDER BY g.user_id OFFSET $2 LIMIT 1')
    INTO last_user USING after, most;
  next_user := last_user;
  repaired := atelier.repair_counts(after, coalesce(last_user, 'ffffffff-ffff-ffff-ffff-ffffffffffff'));
  IF repaired > 0 OR next_user IS NULL THEN
    repaired := repaired + atelier.repair_sums();
  END IF;
  IF repaired > 0 THEN
    INSERT INTO atelier.count_repairs (lines) VALUES (repaired);
    RAISE LOG 'atelier: % kept numbers of generations were wrong and have been repaired', repaired
      USING HINT = 'Rows were written while triggers were disabled, or restored or replicated without atelier.generation_counts.';
  END IF;
END
$function$;
ALTER FUNCTION atelier.audit_counts(uuid, integer) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.audit_counts(uuid, integer) IS 'compares the kept numbers of users from one id on, of about so many rows, repairs and reports; next_user is where to go on, null after the last. Owner and superusers';

CREATE FUNCTION atelier.health_counts(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wrong bigint;
BEGIN
  check_name := 'counts'; status := 'ok'; detail := 'no kept number was wrong in the last day'; hint := NULL;
  IF to_regclass('atelier.count_repairs') IS NULL THEN
    RETURN;
  END IF;
  wrong := (SELECT sum(r.lines) FROM atelier.count_repairs r WHERE r.at > now() - interval '1 day');
  IF wrong > 0 THEN
    status := 'warn'; detail := format('%s kept numbers of generations were wrong in the last day and have been repaired', wrong);
    hint := 'SELECT atelier.recount(); -- repairs all at once; rows were written while triggers were disabled';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_counts() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_counts() IS 'part of health(): repairs of the kept numbers';
