-- SPDX-License-Identifier: PostgreSQL
-- Letting this database dispatch, or not. Whoever calls, it is the owner who writes: the
-- table's triggers are his, and a superuser does not run them with his own rights.

CREATE FUNCTION atelier.record_identity(state text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  kept CONSTANT name := atelier.app_schema();
BEGIN
  DELETE FROM atelier.identity;
  INSERT INTO atelier.identity (app_schema, system_identifier, database_oid, relation_oid, timeline, dispatch, since)
  SELECT kept, here.system_identifier, here.database_oid, 'atelier.identity'::regclass, here.timeline, state, now()
    FROM atelier.database_identity() here;
  PERFORM atelier.own_seeds();
  PERFORM atelier.wake();
END
$function$;
ALTER FUNCTION atelier.record_identity(text) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.record_identity(text) IS 'writes down which database this is and whether it dispatches';

CREATE FUNCTION atelier.require_owner_for_held() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Inside a definer function the setting still names the role that called it.
DECLARE
  caller CONSTANT text := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
  IF pg_has_role(caller, 'atelier_owner', 'USAGE') THEN
    RETURN;
  END IF;
  IF (SELECT count(*) <> 1 OR bool_or(i.dispatch = 'held'
                                      OR (i.system_identifier, i.database_oid) IS DISTINCT FROM (here.system_identifier, here.database_oid)
                                      OR i.relation_oid <> 'atelier.identity'::regclass)
        FROM atelier.identity i CROSS JOIN atelier.database_identity() here) THEN
    RAISE EXCEPTION 'permission denied to release a database that holds'
      USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'It was restored, copied or adopted: another one may be dispatching the same rows.',
            HINT = 'Ask a superuser to run SELECT atelier.resume();';
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.require_owner_for_held() IS 'raises 42501 when this database holds and the caller has no rights of its owner. Owner';

CREATE FUNCTION atelier.pause() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  UPDATE atelier.identity SET dispatch = 'paused', since = now() WHERE dispatch = 'running';
  PERFORM atelier.wake();
END
$function$;
ALTER FUNCTION atelier.pause() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.pause() IS 'stops sending at commit, until resume(), also over a restart; what has been sent is watched to its end. A database that holds stays so. service_role, owner and superusers';

CREATE FUNCTION atelier.drain() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.pause();
  RETURN (SELECT count(*) FROM atelier.attempts a WHERE a.state IN ('sending', 'running', 'unknown'))
       + (SELECT count(*) FROM atelier.trainings t WHERE t.state IN ('sending', 'running', 'unknown'));
END
$function$;
ALTER FUNCTION atelier.drain() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.drain() IS 'pause(), and how many predictions and trainings are still under way: ask again until it is 0, then nothing is. service_role, owner and superusers';

CREATE FUNCTION atelier.resume() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.require_owner_for_held();
  PERFORM atelier.take_rights_back();
  PERFORM atelier.record_identity('running');
END
$function$;
ALTER FUNCTION atelier.resume() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.resume() IS 'lets this database dispatch after pause() or drain() (service_role, owner and superusers), or after it was restored, copied or adopted (owner and superusers; others get 42501). Make sure first that no other copy of it dispatches the same rows';

CREATE FUNCTION atelier.grant_control_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.pause(), atelier.drain(), atelier.resume() TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_control_functions() IS 'part of grant_functions()';
