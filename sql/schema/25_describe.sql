-- SPDX-License-Identifier: PostgreSQL
-- Comments on what install() makes. A comment that somebody has written meanwhile stays.

CREATE FUNCTION atelier.forget_comments(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  attribute name;
BEGIN
  EXECUTE format('COMMENT ON VIEW %s IS NULL', relation);
  FOR attribute IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND col_description(relation, a.attnum) IS NOT NULL LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', relation, attribute);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.forget_comments(regclass) IS 'removes the comments of a view that has been replaced, so that describe() writes new ones';

CREATE FUNCTION atelier.describe(template text, about text, columns text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relation regclass := atelier.in_app_schema(template)::regclass;
  kind text := (SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END
                  FROM pg_class c WHERE c.oid = relation);
  place integer;
  number smallint;
BEGIN
  IF about IS NOT NULL AND obj_description(relation, 'pg_class') IS NULL THEN
    EXECUTE format('COMMENT ON %s %s IS %L', kind, relation, about);
  END IF;
  FOR place IN 1 .. cardinality(columns) BY 2 LOOP
    number := (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = columns[place]);
    IF number IS NULL THEN
      RAISE EXCEPTION 'table % has no column "%"', relation, columns[place] USING ERRCODE = 'undefined_column';
    END IF;
    IF col_description(relation, number) IS NULL THEN
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, columns[place], columns[place + 1]);
    END IF;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.describe(text, text, text[]) IS 'comments a relation (unless null) and its columns (an array of name, text, name, text ...) where there is no comment yet';
