-- SPDX-License-Identifier: PostgreSQL
-- Letting this database dispatch, or not. For the owner and superusers.

CREATE FUNCTION atelier.record_identity(state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- What a dump of data has brought along.
  DELETE FROM atelier.identity i
   WHERE (i.system_identifier, i.database_oid, i.relation_oid) <>
         (SELECT o.system_identifier, o.database_oid, o.relation_oid
            FROM atelier.identity o CROSS JOIN atelier.database_identity() here
           ORDER BY (o.system_identifier, o.database_oid) IS DISTINCT FROM (here.system_identifier, here.database_oid), o.since DESC
           LIMIT 1);
  DELETE FROM atelier.migrations m USING atelier.migrations o WHERE o.version = m.version AND o.applied_at < m.applied_at;
  UPDATE atelier.identity i
     SET system_identifier = here.system_identifier, database_oid = here.database_oid, timeline = here.timeline,
         relation_oid = 'atelier.identity'::regclass, dispatch = state, since = now()
    FROM atelier.database_identity() here;
  PERFORM atelier.wake();
END
$function$;
COMMENT ON FUNCTION atelier.record_identity(text) IS 'writes down which database this is and whether it dispatches';

CREATE FUNCTION atelier.pause() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  UPDATE atelier.identity SET dispatch = 'paused', since = now() WHERE dispatch <> 'held';
  PERFORM atelier.wake();
END
$function$;
COMMENT ON FUNCTION atelier.pause() IS 'stops sending at commit, until resume(); what has been sent is watched to its end. A database that holds stays so. Owner and superusers';

CREATE FUNCTION atelier.resume() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.record_identity('running');
END
$function$;
COMMENT ON FUNCTION atelier.resume() IS 'lets this database dispatch, after pause() or after it was restored, copied or adopted. Make sure first that no other copy of it dispatches the same rows. Owner and superusers';
