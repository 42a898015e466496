-- SPDX-License-Identifier: PostgreSQL
-- Models, prices, budgets, outputs: who tells the dispatcher, and what a DBA asks.

CREATE FUNCTION atelier.catalogue_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_catalogue_changed';
COMMENT ON FUNCTION atelier.catalogue_changed() IS 'trigger: tells the dispatcher at commit to read models, prices and limits anew';

CREATE FUNCTION atelier.money_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, 'catalogue_change_trigger'::name, 'AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON %s FOR EACH STATEMENT',
         'catalogue_changed'
    FROM (VALUES ('atelier.models'), ('atelier.prices'), ('atelier.user_limits')) AS w (relation);
END
$function$;
COMMENT ON FUNCTION atelier.money_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.own_seeds() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Rows of another database, restored into a fresh install, are older than what that install put in.
BEGIN
  IF to_regclass('atelier.models') IS NULL OR to_regclass('atelier.prices') IS NULL THEN
    RETURN;
  END IF;
  IF to_regclass('atelier.trainers') IS NOT NULL THEN
    DELETE FROM atelier.trainers t
     WHERE t.seeded_at > (SELECT min(o.seeded_at) FROM atelier.trainers o WHERE o.seeded_at > '-infinity');
  END IF;
  DELETE FROM atelier.models m
   WHERE m.seeded_at > (SELECT min(o.seeded_at) FROM atelier.models o WHERE o.seeded_at > '-infinity');
  DELETE FROM atelier.prices p
   WHERE p.seeded_at > (SELECT min(o.seeded_at) FROM atelier.prices o WHERE o.seeded_at > '-infinity');
END
$function$;
COMMENT ON FUNCTION atelier.own_seeds() IS 'part of resume(): of the models and prices of several installs those of the oldest stay';

CREATE FUNCTION atelier.spent_today(user_id uuid DEFAULT '00000000-0000-0000-0000-000000000000') RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN coalesce((SELECT s.usd FROM atelier.spending s
                    WHERE s.day = (clock_timestamp() AT TIME ZONE 'UTC')::date AND s.user_id = spent_today.user_id), 0);
END
$function$;
COMMENT ON FUNCTION atelier.spent_today(uuid) IS 'dollars that predictions which ended today (UTC) have cost, of one user or of all. Owner and superusers';

CREATE FUNCTION atelier.reached_budget(user_id uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  everybody CONSTANT numeric := current_setting('atelier.daily_budget_usd')::numeric;
BEGIN
  IF everybody > 0 AND atelier.spent_today() >= everybody THEN
    RETURN 'database';
  END IF;
  IF atelier.spent_today(reached_budget.user_id) >= (SELECT l.daily_budget_usd FROM atelier.user_limits l
                                                      WHERE l.user_id = reached_budget.user_id) THEN
    RETURN 'user';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION atelier.reached_budget(uuid) IS 'whose daily budget keeps rows of this user waiting: database, user, or null for none. Owner and superusers';

CREATE FUNCTION atelier.forget_outputs(older_than interval DEFAULT '1 day') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  forgotten bigint;
BEGIN
  DELETE FROM atelier.outputs o WHERE o.expires_at < clock_timestamp() - older_than;
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END
$function$;
COMMENT ON FUNCTION atelier.forget_outputs(interval) IS 'deletes what is known of files that expired longer ago, and returns how many. Owner and superusers';

CREATE FUNCTION atelier.health_money(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  budget CONSTANT numeric := current_setting('atelier.daily_budget_usd')::numeric;
  spent numeric;
  found bigint;
BEGIN
  check_name := 'models'; status := 'ok'; hint := NULL;
  detail := format('users may queue the %s models of atelier.models', (SELECT count(DISTINCT m.replicate_model) FROM atelier.models m WHERE m.enabled));
  IF NOT current_setting('atelier.models_only')::boolean THEN
    status := 'warn'; detail := 'users may queue every model, at whatever price';
    hint := 'ALTER SYSTEM SET atelier.models_only = on; SELECT pg_reload_conf();';
  END IF;
  RETURN NEXT;

  spent := atelier.spent_today();
  found := (SELECT count(*) FROM atelier.user_limits l
             WHERE l.daily_budget_usd IS NOT NULL AND atelier.spent_today(l.user_id) >= l.daily_budget_usd);
  check_name := 'budget'; status := 'ok'; hint := NULL;
  detail := CASE WHEN budget > 0 THEN format('%s of %s dollars spent today (UTC)', round(spent, 2), budget)
                 ELSE format('%s dollars spent today (UTC), no limit', round(spent, 2)) END;
  IF budget > 0 AND spent >= budget THEN
    status := 'warn'; detail := format('reached: %s, rows wait until tomorrow', detail);
    hint := format('ALTER SYSTEM SET atelier.daily_budget_usd = %s; SELECT pg_reload_conf();', ceil(spent * 2));
  ELSIF found > 0 THEN
    status := 'warn'; detail := format('reached by %s users, whose rows wait until tomorrow; %s', found, detail);
    hint := 'UPDATE atelier.user_limits SET daily_budget_usd = atelier.spent_today(user_id) + 1'
            ' WHERE daily_budget_usd <= atelier.spent_today(user_id);';
  END IF;
  RETURN NEXT;

  found := (SELECT count(*) FROM atelier.outputs o
             WHERE o.expires_at >= clock_timestamp() AND o.expires_at < clock_timestamp() + interval '15 minutes');
  check_name := 'outputs'; status := 'ok'; detail := 'no file expires within 15 minutes'; hint := NULL;
  IF found > 0 THEN
    status := 'warn'; detail := format('%s files expire within 15 minutes', found);
    hint := 'SELECT * FROM atelier.outputs WHERE expires_at BETWEEN now() AND now() + interval ''15 minutes''; -- copy them';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_money() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_money() IS 'part of health(): the list of models, the budget, files that expire';
