-- SPDX-License-Identifier: PostgreSQL
-- Letting this database dispatch, or not. For the owner and superusers. Whoever calls, it is the owner who writes: the
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

CREATE FUNCTION atelier.pause() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  UPDATE atelier.identity SET dispatch = 'paused', since = now() WHERE dispatch <> 'held';
  PERFORM atelier.wake();
END
$function$;
ALTER FUNCTION atelier.pause() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.pause() IS 'stops sending at commit, until resume(); what has been sent is watched to its end. A database that holds stays so. Owner and superusers';

CREATE FUNCTION atelier.resume() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.record_identity('running');
END
$function$;
ALTER FUNCTION atelier.resume() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.resume() IS 'lets this database dispatch, after pause() or after it was restored, copied or adopted. Make sure first that no other copy of it dispatches the same rows. Owner and superusers';
