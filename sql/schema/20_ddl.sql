-- SPDX-License-Identifier: PostgreSQL
-- How install() makes things: only what is missing, with @app@ in the place of the schema that the app sees. Inside
-- an extension script IF NOT EXISTS and OR REPLACE raise for an object that is no member, hence the look into the catalog.

CREATE FUNCTION atelier.app_schema() RETURNS name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT i.app_schema FROM atelier.identity i ORDER BY i.relation_oid = 'atelier.identity'::regclass DESC LIMIT 1);
END
$function$;
COMMENT ON FUNCTION atelier.app_schema() IS 'the schema in which install() put the tables, views and functions that the app sees';

CREATE FUNCTION atelier.in_app_schema(template text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN replace(template, '@app@', quote_ident(atelier.app_schema()));
END
$function$;
COMMENT ON FUNCTION atelier.in_app_schema(text) IS 'the text with the quoted name of the app schema in place of @app@';

CREATE FUNCTION atelier.run_ddl(ddl text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  EXECUTE atelier.in_app_schema(ddl);
END
$function$;
COMMENT ON FUNCTION atelier.run_ddl(text) IS 'executes statements after replacing @app@ with the app schema';

CREATE FUNCTION atelier.write_as_owner(dml text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  EXECUTE dml;
END
$function$;
ALTER FUNCTION atelier.write_as_owner(text) OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.write_as_owner(text) IS 'executes a statement that writes rows, so that triggers run as the owner of the tables whoever installs. Owner and superusers';

-- Tables.

CREATE FUNCTION atelier.add_missing(relation regclass, definition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
-- A model of the table, of the same name in a schema of its own, says what its columns and constraints would be called.
DECLARE
  model regclass;
  change text;
BEGIN
  CREATE SCHEMA atelier_model;
  PERFORM atelier.run_ddl(format('CREATE TABLE atelier_model.%I (%s)',
    (SELECT c.relname FROM pg_class c WHERE c.oid = relation), definition));
  model := (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'atelier_model'::regnamespace AND c.relkind = 'r');
  FOR change IN
    SELECT format('COLUMN %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
           || CASE WHEN a.attgenerated = 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
                   WHEN d.oid IS NOT NULL THEN format(' DEFAULT %s', pg_get_expr(d.adbin, d.adrelid))
                   ELSE '' END
           || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
      FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = model AND a.attnum > 0
       AND NOT EXISTS (SELECT FROM pg_attribute there WHERE there.attrelid = relation AND there.attname = a.attname)
     ORDER BY a.attnum
  LOOP
    EXECUTE format('ALTER TABLE %s ADD %s', relation, change);
  END LOOP;
  FOR change IN
    SELECT format('CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid))
      FROM pg_constraint c
     WHERE c.conrelid = model AND c.contype IN ('c', 'f', 'p', 'u')
       AND NOT EXISTS (SELECT FROM pg_constraint there WHERE there.conrelid = relation AND there.conname = c.conname)
     ORDER BY c.contype = 'f', c.conname
  LOOP
    EXECUTE format('ALTER TABLE %s ADD %s', relation, change);
  END LOOP;
  DROP SCHEMA atelier_model CASCADE;
END
$function$;
COMMENT ON FUNCTION atelier.add_missing(regclass, text) IS 'gives a table that exists already the columns and constraints that it lacks';

CREATE FUNCTION atelier.take_over(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  former regrole := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
BEGIN
  IF former = 'atelier_owner'::regrole OR former IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s OWNER TO atelier_owner', relation);
  IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = former) THEN
    EXECUTE format('GRANT atelier_owner TO %s', former);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.take_over(regclass) IS 'makes atelier_owner the owner of a table; a former owner who is no superuser becomes a member of that role';

CREATE FUNCTION atelier.make_table(template text, definition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Default privileges may have granted a new table to the app's roles already, so it starts with nobody.
DECLARE
  relation regclass := to_regclass(atelier.in_app_schema(template));
  owned_sequence regclass;
BEGIN
  IF relation IS NULL THEN
    PERFORM atelier.run_ddl(format('CREATE TABLE %s (%s)', template, definition));
    relation := to_regclass(atelier.in_app_schema(template));
  ELSE
    PERFORM atelier.add_missing(relation, definition);
  END IF;
  PERFORM atelier.take_over(relation);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
  EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, anon, authenticated, service_role', relation);
  FOR owned_sequence IN
    SELECT d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation
       AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
  LOOP
    EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC, anon, authenticated, service_role', owned_sequence);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.make_table(text, text) IS 'creates a table, or completes one that exists; in both cases owned by atelier_owner, with row level security and granted to nobody';

CREATE FUNCTION atelier.make_index(template text, ddl text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF to_regclass(atelier.in_app_schema(template)) IS NULL THEN
    PERFORM atelier.run_ddl(ddl);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_index(text, text) IS 'runs the statement unless there is an index of this name';

-- What hangs on the code of the extension and goes with DROP EXTENSION ... CASCADE.

CREATE FUNCTION atelier.make_view(template text, ddl text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  view_name text := atelier.in_app_schema(template);
  what_to_do text := atelier.what_to_make('view', '', template, ddl);
BEGIN
  IF what_to_do = 'replace' THEN
    BEGIN
      PERFORM atelier.replace_object('view', template, ddl);
      PERFORM atelier.forget_comments(view_name::regclass);
    EXCEPTION WHEN invalid_table_definition THEN
      -- Columns go or change: whoever has built on them has to know.
      EXECUTE format('DROP VIEW %s', view_name);
      what_to_do := 'create';
    END;
  END IF;
  IF what_to_do = 'create' THEN
    PERFORM atelier.run_ddl(ddl);
    EXECUTE format('ALTER VIEW %s OWNER TO atelier_owner', view_name);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, anon, authenticated, service_role', view_name);
  END IF;
  IF what_to_do <> 'nothing' THEN
    PERFORM atelier.note_made('view', '', template, ddl);
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_view(text, text) IS 'creates a view, owned by atelier_owner and granted to nobody, or replaces that of an older version';

CREATE FUNCTION atelier.make_function(template text, ddl text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  signature text := atelier.in_app_schema(template);
BEGIN
  IF to_regprocedure(signature) IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM atelier.run_ddl(ddl);
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, anon, authenticated, service_role', signature);
  RETURN true;
END
$function$;
COMMENT ON FUNCTION atelier.make_function(text, text) IS 'runs the statement unless there is a function of this signature, and returns whether it did; the function is granted to nobody';

-- Letting go: everything of the extension that is no function of schema atelier becomes an ordinary object.

CREATE FUNCTION atelier.let_go() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Grants made by an extension script count as the extension's own and are left out of dumps, even on objects that are no
-- members. Joining and leaving the extension clears that.
DECLARE
  extension oid := (SELECT e.oid FROM pg_extension e WHERE e.extname = 'atelier');
  kind text;
  object text;
BEGIN
  FOR kind, object IN
    SELECT i.type, i.identity
      FROM (SELECT DISTINCT p.classoid, p.objoid FROM pg_init_privs p WHERE p.privtype = 'e') p
     CROSS JOIN LATERAL pg_identify_object(p.classoid, p.objoid, 0) i
     WHERE (p.classoid, p.objoid) <> ('pg_namespace'::regclass, 'atelier'::regnamespace)
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = p.classoid AND d.objid = p.objoid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER EXTENSION atelier ADD %s %s', kind, object);
  END LOOP;
  LOOP
    SELECT i.type, i.identity INTO kind, object
      FROM pg_depend d
     CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
     WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension AND d.deptype = 'e'
       AND NOT (d.classid = 'pg_proc'::regclass AND i.schema = 'atelier')
     ORDER BY d.classid <> 'pg_class'::regclass
     LIMIT 1;
    EXIT WHEN NOT FOUND;
    EXECUTE format('ALTER EXTENSION atelier DROP %s %s', kind, object);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION atelier.let_go() IS 'releases every member of the extension but its functions in schema atelier';
