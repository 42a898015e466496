-- SPDX-License-Identifier: PostgreSQL
-- What adoption compares with: the app's tables as a fresh install makes them, in a schema atelier_fresh that lives in a
-- subtransaction and is rolled back with it, beside atelier_facts with what was found out. So there is no second statement of what a table looks like.

CREATE FUNCTION atelier.make_model() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The steps write where the identity row points to; nobody else sees that, since it is never committed.
DECLARE
  app name;
  step text;
  fact text;
  source text;
BEGIN
  PERFORM atelier.make_identity();
  app := atelier.app_schema();
  CREATE SCHEMA atelier_fresh AUTHORIZATION atelier_owner;
  PERFORM atelier.write_as_owner('UPDATE atelier.identity SET app_schema = ''atelier_fresh''');
  FOR step IN SELECT s.name FROM atelier.steps() s WHERE s.name NOT IN ('atelier', 'jobs', 'money', 'webhooks', 'limits', 'films', 'counts', 'trainings') ORDER BY s.version LOOP
    EXECUTE format('SELECT atelier.%I()', 'step_' || step);
  END LOOP;
  PERFORM atelier.write_as_owner(format('UPDATE atelier.identity SET app_schema = %L', app));
  -- Every part of the plan asks for these.
  CREATE SCHEMA atelier_facts AUTHORIZATION atelier_owner;
  FOR fact, source IN
    VALUES ('columns', 'model_columns'), ('constraints', 'model_constraints'), ('indexes', 'model_indexes'), ('drops', 'adoption_drops')
  LOOP
    EXECUTE format('CREATE TABLE atelier_facts.%I AS SELECT f.* FROM atelier.%I() f', fact, source);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_model() IS 'makes schema atelier_fresh with the app''s tables as install() makes them; only adoption_plan() calls it, and rolls back';

CREATE FUNCTION atelier.model_tables(OUT name name, OUT fresh regclass, OUT there regclass) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT c.relname, c.oid::regclass, to_regclass(atelier.in_app_schema(format('@app@.%I', c.relname)))
    FROM pg_class c
   WHERE c.relnamespace = 'atelier_fresh'::regnamespace AND c.relkind = 'r'
   ORDER BY c.relname;
END
$function$;
COMMENT ON FUNCTION atelier.model_tables() IS 'the tables of the model, and the app''s of the same name or null';

CREATE FUNCTION atelier.for_app(text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN replace($1, 'atelier_fresh.', quote_ident(atelier.app_schema()) || '.');
END
$function$;
COMMENT ON FUNCTION atelier.for_app(text) IS 'a definition taken from the model, for the app''s own tables';

CREATE FUNCTION atelier.model_columns(
  OUT fresh regclass, OUT there regclass, OUT name name, OUT type text, OUT has_type text, OUT expression text,
  OUT has_expression text, OUT generated boolean, OUT has_generated boolean, OUT identity text, OUT has_identity text,
  OUT required boolean, OUT has_required boolean, OUT number smallint) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT m.fresh, m.there, f.attname, atelier.for_app(format_type(f.atttypid, f.atttypmod)), format_type(t.atttypid, t.atttypmod),
         atelier.for_app(pg_get_expr(fd.adbin, fd.adrelid)), pg_get_expr(td.adbin, td.adrelid),
         f.attgenerated <> '', t.attgenerated <> '', f.attidentity::text, t.attidentity::text, f.attnotnull, t.attnotnull, f.attnum
    FROM atelier.model_tables() m
    JOIN pg_attribute f ON f.attrelid = m.fresh AND f.attnum > 0 AND NOT f.attisdropped
    LEFT JOIN pg_attrdef fd ON fd.adrelid = f.attrelid AND fd.adnum = f.attnum
    LEFT JOIN pg_attribute t ON t.attrelid = m.there AND t.attname = f.attname AND t.attnum > 0 AND NOT t.attisdropped
    LEFT JOIN pg_attrdef td ON td.adrelid = t.attrelid AND td.adnum = t.attnum
   WHERE m.there IS NOT NULL
   ORDER BY m.name, f.attnum;
END
$function$;
COMMENT ON FUNCTION atelier.model_columns() IS 'the columns that each of the app''s tables should have, beside what it has; has_type is null where a column is missing';

CREATE FUNCTION atelier.model_constraints(
  OUT fresh regclass, OUT there regclass, OUT oid oid, OUT name name, OUT kind "char", OUT rule text, OUT columns name[],
  OUT target regclass, OUT equal_one name, OUT rivals name[], OUT comparable boolean) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- Names of constraints are the database's own matter, so the rule counts. A rival is what the original has in this place: a
-- foreign key of the same columns to the same table or the auth service's, a check of the same name, a key of the same columns.
BEGIN
  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT m.fresh, m.there, c.oid, c.conname, c.contype, atelier.for_app(pg_get_constraintdef(c.oid)) AS rule,
           ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k (number, place)
                   JOIN pg_attribute a ON a.attrelid = m.fresh AND a.attnum = k.number ORDER BY k.place) AS columns,
           to_regclass(atelier.for_app(nullif(c.confrelid, 0)::regclass::text)) AS target
      FROM atelier.model_tables() m
      JOIN pg_constraint c ON c.conrelid = m.fresh AND c.contype IN ('c', 'f', 'p', 'u')
     WHERE m.there IS NOT NULL),
  present AS MATERIALIZED (
    SELECT c.conrelid, c.conname, c.contype, c.convalidated, c.confrelid, pg_get_constraintdef(c.oid) AS rule,
           ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k (number, place)
                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place) AS columns
      FROM pg_constraint c
     WHERE c.conrelid IN (SELECT m.there FROM atelier.model_tables() m))
  SELECT w.fresh, w.there, w.oid, w.conname, w.contype, w.rule, w.columns, w.target,
         (SELECT p.conname FROM present p
           WHERE p.conrelid = w.there AND p.contype = w.contype AND p.rule = w.rule AND p.convalidated
           ORDER BY p.conname <> w.conname, p.conname LIMIT 1),
         ARRAY(SELECT p.conname FROM present p
                WHERE p.conrelid = w.there AND p.contype = w.contype AND p.rule <> w.rule
                  AND CASE w.contype
                        WHEN 'c' THEN p.conname = w.conname
                          OR (p.columns = w.columns AND p.conname ~ ('^' || w.conname || '\d+$'))
                        WHEN 'f' THEN p.columns = w.columns AND p.confrelid IN (w.target, to_regclass('auth.users'))
                        ELSE p.columns = w.columns OR p.conname = w.conname
                      END
                ORDER BY p.conname),
         NOT EXISTS (SELECT FROM atelier_facts.columns k
                      WHERE k.fresh = w.fresh AND (k.name = ANY (w.columns) OR k.name = 'id') AND k.type IS DISTINCT FROM k.has_type)
    FROM wanted w
   ORDER BY w.there::text, w.conname;
END
$function$;
COMMENT ON FUNCTION atelier.model_constraints() IS 'the constraints that each of the app''s tables should have: an equal one that is there, what is there in its place, whether the columns can be compared';

CREATE FUNCTION atelier.index_rule(index_oid oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  definition text := atelier.for_app(pg_get_indexdef(index_oid));
BEGIN
  RETURN CASE WHEN (SELECT i.indisunique FROM pg_index i WHERE i.indexrelid = index_oid) THEN 'UNIQUE' ELSE '' END
         || substr(definition, strpos(definition, ' USING '));
END
$function$;
COMMENT ON FUNCTION atelier.index_rule(oid) IS 'what an index is, without its name and its table';

CREATE FUNCTION atelier.model_indexes(
  OUT fresh regclass, OUT there regclass, OUT oid oid, OUT name name, OUT is_unique boolean, OUT present oid, OUT twin name,
  OUT comparable boolean) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
-- An index of the original that is what is wanted takes the wanted name instead of being built again.
BEGIN
  RETURN QUERY
  SELECT m.fresh, m.there, i.indexrelid, c.relname, i.indisunique,
         to_regclass(atelier.in_app_schema(format('@app@.%I', c.relname)))::oid,
         (SELECT tc.relname FROM pg_index t JOIN pg_class tc ON tc.oid = t.indexrelid
            JOIN atelier.original_indexes() o ON o.relation = m.name AND o.name = tc.relname
           WHERE t.indrelid = m.there AND t.indisvalid AND atelier.index_rule(t.indexrelid) = atelier.index_rule(i.indexrelid)
           ORDER BY tc.relname LIMIT 1),
         NOT EXISTS (SELECT FROM atelier_facts.columns k
                      WHERE k.fresh = m.fresh AND k.type IS DISTINCT FROM k.has_type
                        AND (k.name = 'id' OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                               AND d.objid = i.indexrelid AND d.refobjid = m.fresh AND d.refobjsubid = k.number)))
    FROM atelier.model_tables() m
    JOIN pg_index i ON i.indrelid = m.fresh
    JOIN pg_class c ON c.oid = i.indexrelid
   WHERE m.there IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
   ORDER BY m.name, c.relname;
END
$function$;
COMMENT ON FUNCTION atelier.model_indexes() IS 'the indexes that each of the app''s tables should have: the one of this name that is there, and an equal one of the original';

CREATE FUNCTION atelier.size_and_lock(relation regclass, lock text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN format('%s of table and indexes, lock %s', pg_size_pretty(pg_total_relation_size(relation)), lock);
END
$function$;
COMMENT ON FUNCTION atelier.size_and_lock(regclass, text) IS 'words for the adoption report: how large a table is and how it is locked meanwhile';
