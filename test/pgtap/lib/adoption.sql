-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests of adoption after BEGIN: the catalog of a fresh install, and a way back to the time before atelier.
--
--   pg_temp.catalog()       what a dump would carry of the app's and our objects, as lines; no order of columns, no names of
--                           constraints, nothing of schema auth, not which superuser installed
--   pg_temp.fresh           those lines of a fresh install
--   pg_temp.differences     lines that only the fresh install or only this database has
--   pg_temp.refusal()       tries CREATE EXTENSION; the message, detail and hint of its failure, or null when it succeeded

SET LOCAL client_min_messages = warning;

CREATE FUNCTION pg_temp.rights(acl aclitem[], kind "char", owner oid) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT string_agg(x.line, ' ' ORDER BY x.line)
        FROM unnest(coalesce(acl, acldefault(kind, owner))) a CROSS JOIN LATERAL (SELECT replace(a::text, owner::regrole::text, 'owner') AS line) x $$;

CREATE FUNCTION pg_temp.catalog() RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
  WITH relation AS (SELECT format('%I.%I', n.nspname, c.relname) AS name, c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname IN ('atelier', 'public') AND c.relkind IN ('r', 'v', 'm', 'S'))
  SELECT format('%s %s owner %s rls %s options %s acl %s comment %s', r.relkind, r.name, r.relowner::regrole, r.relrowsecurity,
                (SELECT array_agg(o ORDER BY o) FROM unnest(r.reloptions) o),
                pg_temp.rights(r.relacl, CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner), obj_description(r.oid, 'pg_class'))
    FROM relation r
  UNION ALL
  SELECT format('column %s.%s %s not null %s default %s identity %s generated %s acl %s comment %s', r.name, a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
                (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(a.attacl) x), col_description(r.oid, a.attnum))
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind <> 'S'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  UNION ALL
  SELECT format('constraint on %s %s valid %s', r.name, pg_get_constraintdef(c.oid), c.convalidated)
    FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
  UNION ALL
  SELECT CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid) ELSE format('index of a constraint of %s', r.name) END
    FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
  UNION ALL
  SELECT format('policy %s on %s %s %s to %s using %s check %s', p.polname, r.name, p.polcmd, p.polpermissive,
                (SELECT array_agg(x::regrole::text ORDER BY x::regrole::text) FROM unnest(p.polroles) x),
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('view %s %s', r.name, pg_get_viewdef(r.oid)) FROM relation r WHERE r.relkind IN ('v', 'm')
  UNION ALL
  SELECT format('function %s owner %s acl %s comment %s source %s', p.oid::regprocedure,
                CASE WHEN (SELECT o.rolsuper FROM pg_roles o WHERE o.oid = p.proowner) THEN 'superuser' ELSE p.proowner::regrole::text END,
                pg_temp.rights(p.proacl, 'f', p.proowner), obj_description(p.oid, 'pg_proc'), md5(pg_get_functiondef(p.oid)))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('atelier', 'public')
  UNION ALL
  SELECT format('type %s owner %s labels %s comment %s', t.oid::regtype, t.typowner::regrole,
                (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), obj_description(t.oid, 'pg_type'))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'public' AND t.typtype = 'e'
$$;
CREATE TEMP TABLE fresh AS SELECT line FROM pg_temp.catalog() c (line);
CREATE TEMP VIEW differences AS
  SELECT 'missing: ' || m.line AS line FROM (SELECT f.line FROM fresh f EXCEPT ALL SELECT c.line FROM pg_temp.catalog() c (line)) m
  UNION ALL
  SELECT 'unexpected: ' || u.line FROM (SELECT c.line FROM pg_temp.catalog() c (line) EXCEPT ALL SELECT f.line FROM fresh f) u;

CREATE FUNCTION pg_temp.refusal(OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql
AS $$
BEGIN
  CREATE EXTENSION atelier;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

-- Before atelier.
DROP EXTENSION atelier CASCADE;
DO $$
BEGIN
  IF current_setting('atelier.allow_drop', true) IS NOT NULL THEN
    SET LOCAL atelier.allow_drop = on;
  END IF;
  DROP SCHEMA atelier CASCADE;
  DROP SCHEMA auth CASCADE;
  DROP SCHEMA public CASCADE;
END $$;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
