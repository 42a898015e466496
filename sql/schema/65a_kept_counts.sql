-- SPDX-License-Identifier: PostgreSQL
-- The kept numbers of generations: who writes them, how they are folded, compared with the rows and repaired. Lines are only
-- ever added to or raised by what a transaction has changed, so a difference that is found under one snapshot stays what it
-- is while others write, and adding it is a repair that blocks nobody.

CREATE FUNCTION atelier.count_generation() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_count_generation';
COMMENT ON FUNCTION atelier.count_generation() IS 'trigger: notes what a row changes in the kept numbers; they are written when the transaction ends';

CREATE FUNCTION atelier.clear_counts() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_clear_counts';
COMMENT ON FUNCTION atelier.clear_counts() IS 'trigger: all generations are gone, and with them the kept numbers';

CREATE FUNCTION atelier.unwritten_counts(
  OUT scope smallint, OUT user_id uuid, OUT workspace_id uuid, OUT hour bigint,
  OUT credits bigint, OUT generations bigint, OUT completed bigint, OUT time_ms bigint, OUT completed_cost_micros bigint,
  OUT failed bigint, OUT cancelled bigint, OUT other_cost_micros bigint, OUT untimed bigint, OUT parts bigint,
  OUT parts_under_way bigint, OUT parts_failed bigint, OUT favorites bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5 AS 'MODULE_PATHNAME', 'atelier_unwritten_counts';
COMMENT ON FUNCTION atelier.unwritten_counts() IS 'what this transaction has changed in the kept numbers and not written yet. Owner and superusers';

CREATE FUNCTION atelier.write_counts() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_write_counts';
COMMENT ON FUNCTION atelier.write_counts() IS 'writes that now instead of at the end of the transaction. Owner and superusers';

CREATE FUNCTION atelier.kept_counts(
  scope smallint, user_ids uuid[], workspace_ids uuid[], first_hour bigint,
  OUT user_id uuid, OUT workspace_id uuid, OUT generations bigint, OUT under_way bigint, OUT failed bigint, OUT completed bigint,
  OUT shown bigint, OUT cost_micros bigint, OUT completed_cost_micros bigint, OUT credits bigint, OUT timed bigint, OUT time_ms bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  lines CONSTANT text := $sql$
    SELECT k.user_id, k.workspace_id, k.generations, k.generations - k.completed - k.failed - k.cancelled, k.failed, k.completed,
           k.generations - k.parts, k.completed_cost_micros + k.other_cost_micros, k.completed_cost_micros, k.credits,
           k.completed - k.untimed, k.time_ms
      FROM %s k
     WHERE k.scope = $1 AND k.user_id = ANY ($2) AND k.hour >= $4 AND %s$sql$;
  nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  place CONSTANT text := CASE WHEN workspace_ids IS NULL THEN 'true' ELSE 'k.workspace_id = ANY ($3)' END;
BEGIN
  RETURN QUERY EXECUTE concat_ws(' UNION ALL ', format(lines, 'atelier.generation_counts', place),
                                 format(lines, 'atelier.generation_count_deltas', place), format(lines, 'atelier.unwritten_counts()', place))
    USING scope, coalesce(user_ids, ARRAY[nobody]), array_remove(workspace_ids, nobody), first_hour;
END
$function$;
ALTER FUNCTION atelier.kept_counts(smallint, uuid[], uuid[], bigint) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.kept_counts(smallint, uuid[], uuid[], bigint) IS 'the lines of the kept numbers of these users (null where the scope has none) and workspaces (null for all), with what this transaction has changed; the sum counts. Owner and superusers';

CREATE FUNCTION atelier.usd(micros numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN CASE WHEN micros <> 0 THEN micros * 0.000001 ELSE 0 END;
END
$function$;
COMMENT ON FUNCTION atelier.usd(numeric) IS 'millionths as dollars; 0 for null';

CREATE FUNCTION atelier.counts_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- No WHEN: it would be read from the catalog at each statement, which takes longer than to compare the row.
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('generations', 'generation_counts_trigger', 'AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW', 'count_generation'),
      ('generations', 'generation_counts_truncate_trigger', 'AFTER TRUNCATE ON %s FOR EACH STATEMENT', 'clear_counts'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.counts_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.fold_counts(most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- Into a line of its own: those of the writers are theirs.
DECLARE
  folded bigint;
BEGIN
  WITH gone AS (
    DELETE FROM atelier.generation_count_deltas d
     WHERE d.ctid = ANY (ARRAY(SELECT l.ctid FROM atelier.generation_count_deltas l LIMIT most FOR UPDATE SKIP LOCKED))
    RETURNING d.*),
  raised AS (
    INSERT INTO atelier.generation_counts AS c
      (scope, user_id, workspace_id, hour, slot,
       credits, generations, completed, time_ms, completed_cost_micros, failed, cancelled, other_cost_micros, untimed, parts,
       parts_under_way, parts_failed, favorites)
    SELECT g.scope, g.user_id, g.workspace_id, g.hour, -1,
           sum(g.credits), sum(g.generations), sum(g.completed), sum(g.time_ms), sum(g.completed_cost_micros), sum(g.failed),
           sum(g.cancelled), sum(g.other_cost_micros), sum(g.untimed), sum(g.parts), sum(g.parts_under_way),
           sum(g.parts_failed), sum(g.favorites)
      FROM gone g
     GROUP BY g.scope, g.user_id, g.workspace_id, g.hour
     ORDER BY g.scope, g.user_id, g.workspace_id, g.hour
    ON CONFLICT (scope, user_id, workspace_id, hour, slot) DO UPDATE SET
      credits = c.credits + excluded.credits, generations = c.generations + excluded.generations,
      completed = c.completed + excluded.completed, time_ms = c.time_ms + excluded.time_ms,
      completed_cost_micros = c.completed_cost_micros + excluded.completed_cost_micros, failed = c.failed + excluded.failed,
      cancelled = c.cancelled + excluded.cancelled, other_cost_micros = c.other_cost_micros + excluded.other_cost_micros,
      untimed = c.untimed + excluded.untimed, parts = c.parts + excluded.parts,
      parts_under_way = c.parts_under_way + excluded.parts_under_way, parts_failed = c.parts_failed + excluded.parts_failed,
      favorites = c.favorites + excluded.favorites)
  SELECT count(*) INTO folded FROM gone;
  RETURN folded;
END
$function$;
ALTER FUNCTION atelier.fold_counts(integer) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.fold_counts(integer) IS 'adds at most so many lines of atelier.generation_count_deltas to atelier.generation_counts and returns how many. Owner and superusers';

CREATE FUNCTION atelier.add_missing_counts(wanted text, kept text, first_user uuid, last_user uuid, first_hour bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Both texts may use $1 and $2 for the users and $3 for nobody, and the lines that there are by the name of lines. Without an
-- hour no hours are compared.
DECLARE
  nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  added bigint;
BEGIN
  -- One repair at a time: two would add the same difference.
  LOCK TABLE atelier.generation_count_deltas IN SHARE UPDATE EXCLUSIVE MODE;
  PERFORM atelier.write_counts();
  EXECUTE atelier.in_app_schema(concat($sql$
    WITH lines AS (
      SELECT c.scope, c.user_id, c.workspace_id, c.hour,
             c.credits, c.generations, c.completed, c.time_ms, c.completed_cost_micros, c.failed, c.cancelled,
             c.other_cost_micros, c.untimed, c.parts, c.parts_under_way, c.parts_failed, c.favorites
        FROM atelier.generation_counts c
      UNION ALL
      SELECT d.scope, d.user_id, d.workspace_id, d.hour,
             d.credits, d.generations, d.completed, d.time_ms, d.completed_cost_micros, d.failed, d.cancelled,
             d.other_cost_micros, d.untimed, d.parts, d.parts_under_way, d.parts_failed, d.favorites
        FROM atelier.generation_count_deltas d),
    sums AS (
      ($sql$, wanted, $sql$)
      UNION ALL
      SELECT 3, $3, $3, CASE g.created_at WHEN 'infinity' THEN 2562047788 ELSE floor(extract(epoch FROM g.created_at) / 3600) END,
             0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM @app@.generations g WHERE g.created_at >= to_timestamp($4 * 3600)
      UNION ALL
      SELECT l.scope, l.user_id, l.workspace_id, l.hour,
             -l.credits, -l.generations, -l.completed, -l.time_ms, -l.completed_cost_micros, -l.failed, -l.cancelled,
             -l.other_cost_micros, -l.untimed, -l.parts, -l.parts_under_way, -l.parts_failed, -l.favorites
        FROM lines l WHERE ($sql$, kept, $sql$) OR (l.scope = 3 AND l.hour >= $4))
    INSERT INTO atelier.generation_count_deltas
      (scope, user_id, workspace_id, hour,
       credits, generations, completed, time_ms, completed_cost_micros, failed, cancelled, other_cost_micros, untimed, parts,
       parts_under_way, parts_failed, favorites)
    SELECT s.scope, s.user_id, s.workspace_id, s.hour,
           sum(s.credits), sum(s.generations), sum(s.completed), sum(s.time_ms), sum(s.completed_cost_micros),
           sum(s.failed), sum(s.cancelled), sum(s.other_cost_micros), sum(s.untimed), sum(s.parts),
           sum(s.parts_under_way), sum(s.parts_failed), sum(s.favorites)
      FROM sums s
     GROUP BY s.scope, s.user_id, s.workspace_id, s.hour
    HAVING (sum(s.credits), sum(s.generations), sum(s.completed), sum(s.time_ms), sum(s.completed_cost_micros), sum(s.failed),
            sum(s.cancelled), sum(s.other_cost_micros), sum(s.untimed), sum(s.parts), sum(s.parts_under_way),
            sum(s.parts_failed), sum(s.favorites))
           IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)$sql$))
    USING first_user, last_user, nobody, first_hour;
  GET DIAGNOSTICS added = ROW_COUNT;
  RETURN added;
END
$function$;
ALTER FUNCTION atelier.add_missing_counts(text, text, uuid, uuid, bigint) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.add_missing_counts(text, text, uuid, uuid, bigint) IS 'part of repair_counts() and repair_sums(): adds the difference between the lines that the first text selects, with the hours from one on, and those kept ones that the second chooses, and returns how many lines that took. Owner and superusers';

CREATE FUNCTION atelier.repair_counts(first_user uuid, last_user uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'kept numbers can only be repaired in a transaction of isolation level read committed'
      USING ERRCODE = 'active_sql_transaction', DETAIL = 'Its snapshot must not be older than the last repair.';
  END IF;
  RETURN atelier.add_missing_counts($sql$
    WITH pairs AS MATERIALIZED (
      SELECT g.user_id, coalesce(g.workspace_id, $3) AS workspace_id, coalesce(sum(g.cost_credits), 0) AS credits,
             count(*) AS generations, count(*) FILTER (WHERE g.status = 'completed') AS completed,
             coalesce(sum(g.processing_time_ms) FILTER (WHERE g.status = 'completed'), 0) AS time_ms,
             coalesce(sum(round(nullif(g.cost_usd, 'NaN') * 1000000)) FILTER (WHERE g.status = 'completed'), 0) AS completed_cost_micros,
             count(*) FILTER (WHERE g.status = 'failed') AS failed, count(*) FILTER (WHERE g.status = 'cancelled') AS cancelled,
             coalesce(sum(round(nullif(g.cost_usd, 'NaN') * 1000000)) FILTER (WHERE g.status <> 'completed'), 0) AS other_cost_micros,
             count(*) FILTER (WHERE g.status = 'completed' AND g.processing_time_ms IS NULL) AS untimed,
             count(*) FILTER (WHERE g.is_keyframe_segment) AS parts,
             count(*) FILTER (WHERE g.is_keyframe_segment AND g.status IN ('pending', 'queued', 'processing')) AS parts_under_way,
             count(*) FILTER (WHERE g.is_keyframe_segment AND g.status = 'failed') AS parts_failed,
             count(*) FILTER (WHERE g.is_favorite AND g.is_keyframe_segment IS NOT TRUE) AS favorites
        FROM @app@.generations g
       WHERE $1 IS NULL OR g.user_id BETWEEN $1 AND $2
       GROUP BY 1, 2)
      SELECT 1::smallint AS scope, p.user_id, p.workspace_id, 0::bigint AS hour,
             p.credits, p.generations, p.completed, p.time_ms, p.completed_cost_micros, p.failed, p.cancelled,
             p.other_cost_micros, p.untimed, p.parts, p.parts_under_way, p.parts_failed, p.favorites
        FROM pairs p
      UNION ALL
      SELECT 2, $3, p.workspace_id, 0,
             p.credits, p.generations, p.completed, p.time_ms, p.completed_cost_micros, p.failed, p.cancelled,
             p.other_cost_micros, p.untimed, p.parts, p.parts_under_way, p.parts_failed, p.favorites
        FROM pairs p WHERE $1 IS NULL$sql$,
    '($1 IS NULL AND l.scope < 3) OR (l.scope = 1 AND l.user_id BETWEEN $1 AND $2)', first_user, last_user,
    -- Those of the triggers reach a week back; what lies at that edge is left alone.
    CASE WHEN first_user IS NULL THEN floor(extract(epoch FROM now() - interval '6 days') / 3600) END::bigint);
END
$function$;
ALTER FUNCTION atelier.repair_counts(uuid, uuid) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.repair_counts(uuid, uuid) IS 'compares the kept numbers of the users from one id to another, or with nulls all there are, with the rows, adds what is missing and returns how many lines that took. Owner and superusers';

CREATE FUNCTION atelier.recount() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  repaired bigint := atelier.repair_counts(NULL, NULL);
BEGIN
  -- Hours that nobody asks for any more.
  DELETE FROM atelier.generation_counts c
   WHERE c.scope = 3 AND c.hour < floor(extract(epoch FROM now() - interval '9 days') / 3600);
  LOOP
    EXIT WHEN atelier.fold_counts(10000) < 10000;
  END LOOP;
  RETURN repaired;
END
$function$;
ALTER FUNCTION atelier.recount() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.recount() IS 'counts all generations, repairs the kept numbers and returns how many lines were wrong; others read and write meanwhile. Owner and superusers';

CREATE FUNCTION atelier.has_count_triggers() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT count(*) FROM pg_trigger t
           WHERE t.tgrelid = to_regclass(atelier.in_app_schema('@app@.generations'))
             AND t.tgname IN (SELECT w.name FROM atelier.counts_triggers() w)) = (SELECT count(*) FROM atelier.counts_triggers());
END
$function$;
COMMENT ON FUNCTION atelier.has_count_triggers() IS 'whether the triggers that keep the numbers of generations are there; without them install() counts anew';
