-- SPDX-License-Identifier: PostgreSQL
-- What install() has left for later in large adopted tables, and what health() says about it.

CREATE FUNCTION atelier.fill_pages(relation regclass, first_page bigint, last_page bigint, attributes name[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  EXECUTE (SELECT format('UPDATE %s t SET %s WHERE (%s) AND t.ctid >= %L AND t.ctid < %L', relation,
                         string_agg(format('%1$I = coalesce(t.%1$I, %2$s)', a.attname, pg_get_expr(d.adbin, d.adrelid)), ', '),
                         string_agg(format('t.%I IS NULL', a.attname), ' OR '),
                         format('(%s,0)', first_page), format('(%s,0)', last_page))
             FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = relation AND a.attname = ANY (attributes));
END
$function$;
ALTER FUNCTION atelier.fill_pages(regclass, bigint, bigint, name[]) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.fill_pages(regclass, bigint, bigint, name[]) IS 'part of adopt_backfill(): nulls on some pages of a table become the defaults of their columns';

CREATE FUNCTION atelier.end_backfill(relation regclass, attributes name[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
-- What was written meanwhile may be null again; under the lock it cannot be.
DECLARE
  nulls record;
BEGIN
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
  nulls := atelier.count_nulls(relation, attributes);
  IF nulls.in_any > 0 THEN
    PERFORM atelier.fill_pages(relation, 0, 4294967295, attributes);
  END IF;
  EXECUTE (SELECT format('ALTER TABLE %s %s', relation, string_agg(format('ALTER COLUMN %I SET NOT NULL', a.name), ', '))
             FROM unnest(attributes) a (name));
  DELETE FROM atelier.backfill b
   WHERE b.relation = (SELECT c.relname FROM pg_class c WHERE c.oid = $1) AND b.attribute = ANY (attributes);
END
$function$;
ALTER FUNCTION atelier.end_backfill(regclass, name[]) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.end_backfill(regclass, name[]) IS 'part of adopt_backfill(): the columns of a table that has been filled become NOT NULL';

CREATE PROCEDURE atelier.adopt_backfill(pages integer DEFAULT 1000)
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_adopt_backfill';
COMMENT ON PROCEDURE atelier.adopt_backfill(integer) IS 'fills the columns that health() names in adopted tables, some pages at a time, each batch in a transaction of its own, and makes them NOT NULL; can be stopped and called again. Owner and superusers';

CREATE FUNCTION atelier.health_adoption(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  problem text;
BEGIN
  check_name := 'adoption'; status := 'ok'; detail := 'no column of an adopted table is left to fill'; hint := NULL;
  problem := (SELECT string_agg(format('%s.%I', b.relation, b.attribute), ', ' ORDER BY b.relation, b.attribute) FROM atelier.backfill b);
  IF problem IS NOT NULL THEN
    status := 'warn'; detail := 'these columns may still be null: ' || problem; hint := 'CALL atelier.adopt_backfill();';
  END IF;
  RETURN NEXT;
  check_name := 'policies'; status := 'ok'; detail := 'no other policy opens the app''s tables to its users'; hint := NULL;
  SELECT string_agg(p.object, ', '), string_agg(p.hint, E'\n') INTO problem, hint FROM atelier.foreign_policies() p WHERE p.kind = 'danger';
  IF problem IS NOT NULL THEN
    status := 'warn'; detail := 'permissive and not ours: ' || problem;
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_adoption() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_adoption() IS 'part of health(): columns left to fill, policies of others';
