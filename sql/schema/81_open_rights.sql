-- SPDX-License-Identifier: PostgreSQL
-- A dump says which rights it gives, not which it does not: where default privileges grant everything to users, what is
-- restored is born open. Rights that nobody grants to users on purpose tell that, and then all are set anew.

CREATE FUNCTION atelier.open_relations() RETURNS SETOF regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT DISTINCT c.oid::regclass
    FROM pg_class c
   CROSS JOIN LATERAL aclexplode(c.relacl) a
   WHERE c.relowner = 'atelier_owner'::regrole AND c.relkind IN ('r', 'v', 'm', 'S')
     AND c.relnamespace IN ('atelier'::regnamespace, to_regnamespace(quote_ident(atelier.app_schema())))
     AND a.grantee IN (0, 'anon'::regrole, 'authenticated'::regrole)
     AND (c.relkind = 'S' OR a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'));
END
$function$;
COMMENT ON FUNCTION atelier.open_relations() IS 'tables, views and sequences of ours on which users have rights that only default privileges give';

CREATE FUNCTION atelier.take_rights_back() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relations regclass[] := ARRAY(SELECT o.relation FROM atelier.open_relations() o (relation));
  relation regclass;
  kind text;
BEGIN
  -- Tables of an older version lack what is granted; install() brings them here.
  IF cardinality(relations) = 0 OR atelier.table_version() <> atelier.code_table_version() THEN
    RETURN 0;
  END IF;
  FOREACH relation IN ARRAY relations LOOP
    kind := CASE (SELECT c.relkind FROM pg_class c WHERE c.oid = relation) WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END;
    EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC, anon, authenticated, service_role', kind, relation);
  END LOOP;
  PERFORM atelier.own_function(w.signature, w.callers)
     FROM atelier.wanted_functions() w
     JOIN pg_proc p ON p.oid = to_regprocedure(atelier.in_app_schema('@app@.' || w.signature))
    WHERE p.proowner = 'atelier_owner'::regrole;
  PERFORM atelier.grant_tables();
  PERFORM atelier.run_ddl('GRANT SELECT ON @app@.admin_stats, @app@.mv_admin_stats, atelier.metrics, atelier.orphaned_files TO service_role');
  RETURN cardinality(relations);
END
$function$;
COMMENT ON FUNCTION atelier.take_rights_back() IS 'part of install() and resume(): where default privileges have let users in, the rights of a fresh install; returns on how many relations. Owner and superusers';
