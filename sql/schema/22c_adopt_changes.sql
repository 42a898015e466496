-- SPDX-License-Identifier: PostgreSQL
-- What adoption changes, one function per matter. Each returns rows of the plan: phase (order), kind, object, detail and hint
-- for people, and what is executed: a whole statement, or one action of ALTER TABLE for the relation. The actions of a phase
-- on one table run as one statement, so that it is rewritten or read once. Rows without a command are done by the steps.

CREATE FUNCTION atelier.adoption_owners(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- Looks at the tables only, by the names that the rules mention, so that it can come before everything else.
DECLARE
  is_super boolean := (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user);
BEGIN
  IF NOT is_super AND NOT pg_has_role('atelier_owner', 'USAGE') THEN
    RETURN QUERY SELECT 0, 'conflict', format('role %I', current_user), 'it is no member of atelier_owner, to whom the tables shall belong',
                        format('GRANT atelier_owner TO %I; -- or install as a superuser', current_user), NULL::text, NULL::text;
  END IF;
  RETURN QUERY
  SELECT 0,
         CASE WHEN c.relkind <> 'r' OR m.extension IS NOT NULL OR NOT pg_has_role(c.relowner, 'USAGE') THEN 'conflict' ELSE 'replace' END,
         format('owner of %s', c.oid::regclass),
         CASE WHEN c.relkind <> 'r' THEN 'it is no ordinary table'
              WHEN m.extension IS NOT NULL THEN format('it belongs to extension %s', m.extension)
              WHEN NOT pg_has_role(c.relowner, 'USAGE') THEN format('it is %s, whose rights %I does not have', c.relowner::regrole, current_user)
              ELSE format('%s gives way to atelier_owner', c.relowner::regrole) END,
         CASE WHEN c.relkind <> 'r' THEN format('ALTER TABLE %s RENAME TO %I; -- or set atelier.app_schema to another schema', c.oid::regclass, 'other_' || c.relname)
              WHEN m.extension IS NOT NULL THEN format('ALTER EXTENSION %I DROP TABLE %s;', m.extension, c.oid::regclass)
              WHEN NOT pg_has_role(c.relowner, 'USAGE') THEN format('GRANT %s TO %I; -- or install as a superuser', c.relowner::regrole, current_user) END,
         NULL::text, NULL::text
    FROM (SELECT DISTINCT p.relation FROM atelier.wanted_policies() p) w
    JOIN pg_class c ON c.oid = to_regclass(atelier.in_app_schema(format('@app@.%I', w.relation)))
    LEFT JOIN LATERAL (SELECT e.extname AS extension FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') m ON true
   WHERE c.relkind <> 'r' OR m.extension IS NOT NULL OR c.relowner <> 'atelier_owner'::regrole
   ORDER BY c.oid::regclass::text;
END
$function$;
COMMENT ON FUNCTION atelier.adoption_owners() IS 'part of adoption_plan(): who owns the tables, and whether the caller may change that';

CREATE FUNCTION atelier.adoption_drops(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 10, 'drop', format('policy %I on %s', p.polname, m.there), 'the original''s'::text, NULL::text, NULL::text,
         format('DROP POLICY %I ON %s', p.polname, m.there)
    FROM atelier.model_tables() m
    JOIN atelier.original_policies() o ON o.relation = m.name
    JOIN pg_policy p ON p.polrelid = m.there AND p.polname = o.name;
  RETURN QUERY
  SELECT 10, 'drop', format('trigger %I on %s', t.tgname, t.tgrelid::regclass), 'the original''s'::text, NULL::text, NULL::text,
         format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
    FROM (SELECT m.there, r.name FROM atelier.model_tables() m JOIN atelier.original_triggers() r ON r.relation = m.name
          UNION ALL SELECT c.oid, 'on_auth_user_created' FROM pg_class c
           WHERE c.oid = to_regclass('auth.users') AND pg_has_role(c.relowner, 'USAGE')) o
    JOIN pg_trigger t ON t.tgrelid = o.there AND t.tgname = o.name AND NOT t.tgisinternal
    JOIN pg_proc f ON f.oid = t.tgfoid AND f.pronamespace <> 'atelier'::regnamespace;
  -- By install() itself, where the installing role may.
  RETURN QUERY
  SELECT 10, 'replace', format('policy %I on storage.objects', f.name), 'the original''s, under which everybody may write files'::text,
         NULL::text, NULL::text, NULL::text
    FROM atelier.open_storage_policies() f
   WHERE f.name LIKE 'Service role can %';
  RETURN QUERY
  SELECT 14, CASE WHEN twin.name IS NULL THEN 'drop' ELSE 'replace' END, format('index %s', i.indexrelid::regclass),
         CASE WHEN twin.name IS NULL THEN 'the original''s, ' || pg_size_pretty(pg_relation_size(i.indexrelid))
              ELSE format('is what is wanted and becomes %I', twin.name) END,
         NULL::text, NULL::text,
         CASE WHEN twin.name IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
              ELSE format('ALTER INDEX %s RENAME TO %I', i.indexrelid::regclass, twin.name) END
    FROM atelier.model_tables() m
    JOIN atelier.original_indexes() o ON o.relation = m.name
    JOIN pg_index i ON i.indrelid = m.there
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relname = o.name
    LEFT JOIN LATERAL (SELECT x.name FROM atelier_facts.indexes x
                        WHERE x.there = m.there AND x.twin = c.relname AND x.present IS NULL
                        ORDER BY x.name LIMIT 1) twin ON true
   WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'));
END
$function$;
COMMENT ON FUNCTION atelier.adoption_drops() IS 'part of adoption_plan(): policies, triggers and indexes of the original';

CREATE FUNCTION atelier.adoption_constraints(
  OUT phase integer, OUT kind text, OUT object text, OUT detail text, OUT hint text, OUT relation text, OUT command text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT 55, 'replace', format('constraint %I on %s', w.equal_one, w.there), format('is what is wanted and becomes %I', w.name),
         NULL::text, NULL::text, format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', w.there, w.equal_one, w.name)
    FROM atelier_facts.constraints w
   WHERE w.equal_one <> w.name;
  RETURN QUERY
  SELECT 15, 'replace', format('constraint %I on %s', rival, w.there),
         (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.conrelid = w.there AND c.conname = rival)
         || ' becomes ' || w.rule, NULL::text, w.there::text, format('DROP CONSTRAINT %I', rival)
    FROM atelier_facts.constraints w CROSS JOIN unnest(w.rivals) rival;
  RETURN QUERY
  SELECT CASE w.kind WHEN 'f' THEN 60 ELSE 50 END, 'add', format('constraint %I on %s', w.name, w.there),
         w.rule || '; ' || atelier.size_and_lock(w.there, CASE w.kind WHEN 'f' THEN 'SHARE ROW EXCLUSIVE' ELSE 'ACCESS EXCLUSIVE' END),
         NULL::text, w.there::text,
         -- The step that makes the target adds a foreign key to a table that is not there yet.
         CASE WHEN w.kind <> 'f' OR w.target IS NOT NULL THEN format('ADD CONSTRAINT %I %s', w.name, w.rule) END
    FROM atelier_facts.constraints w
   WHERE w.equal_one IS NULL;
  RETURN QUERY
  SELECT 70, CASE WHEN w.present IS NULL THEN 'add' ELSE 'differs' END,
         format('index %I on %s', w.name, w.there),
         CASE WHEN w.present IS NULL THEN atelier.index_rule(w.oid) || '; ' || atelier.size_and_lock(w.there, 'SHARE')
              ELSE format('it stays as it is: %s', pg_get_indexdef(w.present)) END,
         CASE WHEN w.present IS NOT NULL THEN format('DROP INDEX %s; SELECT atelier.install();', w.present::regclass) END,
         NULL::text, NULL::text
    FROM atelier_facts.indexes w
   WHERE (w.present IS NULL AND w.twin IS NULL)
      OR (w.present IS NOT NULL AND atelier.index_rule(w.present) <> atelier.index_rule(w.oid));
  RETURN QUERY
  SELECT 70, 'add', format('table %I.%I', atelier.app_schema(), m.name), 'it is missing'::text, NULL::text, NULL::text, NULL::text
    FROM atelier.model_tables() m WHERE m.there IS NULL;
END
$function$;
COMMENT ON FUNCTION atelier.adoption_constraints() IS 'part of adoption_plan(): constraints, indexes, and tables that are missing';
