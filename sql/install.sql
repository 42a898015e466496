-- SPDX-License-Identifier: PostgreSQL
-- What CREATE EXTENSION makes; that install() can be repeated and puts back what is missing; that DROP EXTENSION takes no
-- data along; and when CREATE EXTENSION makes no tables.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- Members are functions of schema atelier, and nothing else.
SELECT DISTINCT d.classid::regclass AS kind, n.nspname AS schema
  FROM pg_depend d LEFT JOIN pg_proc p ON p.oid = d.objid LEFT JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'atelier');
SELECT e.extrelocatable, e.extnamespace::regnamespace, e.extconfig FROM pg_extension e WHERE e.extname = 'atelier';

-- The roles, and who owns which schema (the owner of public is the server's matter).
SELECT r.rolname, r.rolsuper, r.rolcanlogin, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb
  FROM pg_roles r WHERE r.rolname IN ('anon', 'authenticated', 'atelier_owner', 'service_role') ORDER BY r.rolname;
SELECT n.nspname, has_schema_privilege('anon', n.oid, 'USAGE') AS anon_uses,
       has_schema_privilege('authenticated', n.oid, 'CREATE') AS user_creates,
       has_schema_privilege('service_role', n.oid, 'CREATE') AS service_creates
  FROM pg_namespace n WHERE n.nspname IN ('atelier', 'auth', 'public') ORDER BY n.nspname;

-- Tables and views, by what they have in common; which there are, with which triggers, policies, grants and indexes, is stated
-- in test/pgtap.
CREATE VIEW pg_temp.relations AS
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner::regrole AS owner, c.relrowsecurity AS rls,
       c.relforcerowsecurity AS force, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('atelier', 'auth', 'public') AND c.relkind IN ('r', 'v', 'm', 'p', 'f');
SELECT DISTINCT nspname, relkind, owner, rls, force, policies, triggers FROM pg_temp.relations ORDER BY 1, 2, 3, 4, 5, 6, 7;
SELECT DISTINCT p.pronamespace::regnamespace::name AS schema, p.proowner::regrole AS owner, p.prosecdef AS definer
  FROM pg_proc p WHERE p.pronamespace IN ('public'::regnamespace, 'auth'::regnamespace) ORDER BY 1;
SELECT i.app_schema, i.dispatch, i.relation_oid = 'atelier.identity'::regclass AS relation_oid,
       (i.system_identifier, i.database_oid, i.timeline) = (SELECT (h.*) FROM atelier.database_identity() h) AS here
  FROM atelier.identity i;
SELECT version, name, outcome FROM atelier.migrations ORDER BY version;
SELECT max(version) = atelier.code_table_version() AS of_the_code FROM atelier.migrations;

-- Everything about these objects that a dump would carry, as lines of text.
CREATE FUNCTION pg_temp.catalog() RETURNS TABLE (line text) LANGUAGE sql
AS $$
  WITH relation AS (SELECT c.oid::regclass::text AS name, c.* FROM pg_class c
                     WHERE c.relnamespace IN ('atelier'::regnamespace, 'public'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'S'))
  SELECT format('%s %s %s %s %s', relkind, name, relowner::regrole, relrowsecurity, reloptions) FROM relation
  UNION ALL SELECT format('grant %s %s %s', name, a.grantee::regrole, a.privilege_type)
    FROM relation CROSS JOIN aclexplode(relacl) a
  UNION ALL SELECT format('column %s %s %s %s %s %s', name, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                          a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
  UNION ALL SELECT format('column grant %s %s %s %s', name, a.attname, x.grantee::regrole, x.privilege_type)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND NOT a.attisdropped
   CROSS JOIN aclexplode(a.attacl) x
  UNION ALL SELECT format('constraint %s %s', name, pg_get_constraintdef(c.oid))
    FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
  UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM relation r JOIN pg_index i ON i.indrelid = r.oid
  UNION ALL SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL SELECT format('policy %s %s %s %s %s %s', name, p.polname, p.polcmd, p.polroles::regrole[],
                          pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL SELECT format('view %s %s', name, pg_get_viewdef(r.oid)) FROM relation r WHERE r.relkind IN ('v', 'm')
  UNION ALL SELECT format('comment %s %s %s', name, a.attname, d.description)
    FROM relation r JOIN pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON (a.attrelid, a.attnum) = (r.oid, d.objsubid)
  UNION ALL SELECT format('%s %s %s %s', pg_get_functiondef(p.oid), p.proowner::regrole, obj_description(p.oid), x.*)
    FROM pg_proc p LEFT JOIN LATERAL aclexplode(p.proacl) x ON true
   WHERE p.pronamespace IN ('atelier'::regnamespace, 'auth'::regnamespace, 'public'::regnamespace)
$$;
CREATE TEMP TABLE fresh AS SELECT DISTINCT line FROM pg_temp.catalog();
SELECT count(*) > 1000 AS much_to_compare FROM fresh;
CREATE TEMP TABLE fresh_tables AS SELECT r.nspname, r.relname FROM pg_temp.relations r WHERE r.relkind = 'r';
CREATE TEMP VIEW changes AS
SELECT 'gone' AS change, f.line FROM fresh f WHERE f.line NOT IN (SELECT c.line FROM pg_temp.catalog() c)
UNION ALL SELECT DISTINCT 'new', c.line FROM pg_temp.catalog() c WHERE c.line NOT IN (SELECT f.line FROM fresh f);

-- A second install() changes nothing.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT atelier.install();
SELECT * FROM changes;
SELECT count(*) AS identities, (SELECT count(*) FROM atelier.migrations) = atelier.code_table_version() AS steps FROM atelier.identity;

-- Nor does it take away what the DBA has made or written.
ALTER TABLE generations ADD COLUMN remark text;
COMMENT ON COLUMN generations.prompt IS 'written by the DBA';
CREATE POLICY dba_reads ON generations FOR SELECT TO atelier_owner USING (true);
GRANT SELECT (path) ON api_logs TO authenticated;
SELECT atelier.install();
SELECT * FROM changes ORDER BY line COLLATE "C";
ROLLBACK;

-- It puts back what went, piece by piece.
BEGIN;
SET LOCAL client_min_messages = error;
DROP TRIGGER generation_guard_trigger ON generations;
DROP POLICY generations_select ON generations;
DROP POLICY ideas_select_user ON ideas;
DROP TRIGGER vote_count_trigger ON idea_votes;
DROP VIEW atelier.tokens, workspace_users;
DROP FUNCTION get_next_replicate_token(), nodes(flows);
REVOKE SELECT ON generations FROM authenticated;
SELECT count(*) >= 5 AS seen FROM changes;
SELECT atelier.install();
SELECT * FROM changes;
ROLLBACK;

-- DROP EXTENSION is refused while the tables depend on the code. With CASCADE the rows stay and are nobody's to read; CREATE
-- EXTENSION makes everything as it was.
BEGIN;
\set ON_ERROR_ROLLBACK on
INSERT INTO users (id, email) VALUES ('00000000-0000-4000-8000-00000000000a', 'ann@install.test');
\set VERBOSITY terse
DROP EXTENSION atelier;
\set VERBOSITY default
SET LOCAL client_min_messages = error;
DROP EXTENSION atelier CASCADE;
SELECT t.nspname, t.relname FROM fresh_tables t WHERE NOT EXISTS (SELECT FROM pg_temp.relations r WHERE (r.nspname, r.relname) = (t.nspname, t.relname) AND r.rls);
SELECT DISTINCT nspname, relkind, owner, rls, force, triggers FROM pg_temp.relations ORDER BY 1, 2, 3, 4, 5, 6;
-- What is left of the policies asks nobody who he is.
SELECT p.polrelid::regclass::name AS table, p.polname FROM pg_policy p WHERE p.polrelid IN (SELECT r.oid FROM pg_temp.relations r) ORDER BY 1, 2;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true)
       IS NOT NULL AS claimed;
SET LOCAL ROLE authenticated;
SELECT count(*) FROM users;
RESET ROLE;
CREATE EXTENSION atelier;
SELECT * FROM changes;
SELECT dispatch FROM atelier.identity;
SET LOCAL ROLE authenticated;
SELECT email FROM users;
RESET ROLE;
ROLLBACK;
\set ON_ERROR_ROLLBACK off

-- No tables while a dump is replayed, which every dump shows by setting row_security, nor with atelier.install = off; the
-- roles and the code are there. install() makes up for it.
CREATE FUNCTION pg_temp.start_anew() RETURNS void LANGUAGE plpgsql SET atelier.allow_drop = on
AS $$
BEGIN
  DROP EXTENSION atelier CASCADE;
  DROP OWNED BY atelier_owner CASCADE;
  DROP SCHEMA IF EXISTS atelier CASCADE;
  CREATE EXTENSION atelier;
END $$;
CREATE FUNCTION pg_temp.made() RETURNS text LANGUAGE sql
AS $$ SELECT format('%s tables, %s code',
                    CASE (SELECT count(*) FROM pg_temp.relations WHERE relkind = 'r') WHEN 0 THEN 'no'
                      WHEN (SELECT count(*) FROM fresh_tables) THEN 'all' ELSE 'some' END,
                    CASE WHEN to_regprocedure('atelier.install()') IS NULL THEN 'no' ELSE 'all' END) $$;
BEGIN;
SET LOCAL client_min_messages = error;
SELECT pg_temp.start_anew();
SELECT pg_temp.made();
SELECT * FROM changes;
SET LOCAL row_security = on;
SELECT pg_temp.start_anew();
SELECT pg_temp.made();
SELECT check_name, status, hint FROM atelier.health() WHERE check_name = 'tables';
SELECT atelier.install();
SELECT pg_temp.made();
SET LOCAL row_security = off;
SELECT pg_temp.start_anew();
SELECT pg_temp.made();
SET LOCAL atelier.install = 'on';
SELECT pg_temp.start_anew();
SELECT pg_temp.made();
RESET row_security;
SET LOCAL atelier.install = 'off';
SELECT pg_temp.start_anew();
SELECT pg_temp.made();
SELECT to_regrole('anon') IS NOT NULL AND to_regrole('authenticated') IS NOT NULL AS roles;
ROLLBACK;
BEGIN;
-- Another schema for what the app sees; one that cannot be.
SET LOCAL client_min_messages = error;
SET LOCAL atelier.app_schema = 'My App';
SELECT pg_temp.start_anew();
SELECT relname AS missing FROM fresh_tables t
 WHERE t.nspname = 'public' AND to_regclass(format('"My App".%I', t.relname)) IS NULL;
SELECT 'nothing in public' AS public WHERE NOT EXISTS (SELECT FROM pg_temp.relations WHERE nspname = 'public');
INSERT INTO "My App".users (id) VALUES ('00000000-0000-4000-8000-00000000000a');
SELECT set_config('request.jwt.claim.sub', '00000000-0000-4000-8000-00000000000a', true) AS sub;
SET LOCAL ROLE authenticated;
INSERT INTO "My App".generations (user_id, action, model_id, model_name, replicate_model)
VALUES (atelier.uid(), 'create', 'm', 'M', 'owner/name') RETURNING status;
SELECT count(*) FROM "My App".generations;
RESET ROLE;
SELECT count(*) FROM atelier.queue;
SET LOCAL ROLE service_role;
INSERT INTO "My App".replicate_tokens (token) VALUES ('r8_install');
SELECT token FROM "My App".get_next_replicate_token();
RESET ROLE;
SET LOCAL atelier.app_schema = 'elsewhere';
SELECT atelier.install();
SELECT app_schema FROM atelier.identity;
ROLLBACK;
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL atelier.app_schema = 'pg_catalog';
SELECT pg_temp.start_anew();
ROLLBACK;

-- Tables with rows that are there before the extension are taken over as they are, and nothing of them is sent by itself.
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL atelier.allow_drop = on;
DROP EXTENSION atelier CASCADE;
DROP SCHEMA atelier CASCADE;
ALTER TABLE generations DROP COLUMN is_favorite, DROP COLUMN output_url;
ALTER TABLE generations OWNER TO service_role;
INSERT INTO users (id) VALUES ('00000000-0000-4000-8000-00000000000a');
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES ('00000000-0000-4000-8000-00000000000a', 'create', 'm', 'M', 'owner/name', 'pending');
SELECT pg_relation_filenode('users') AS users, pg_relation_filenode('generations') AS generations \gset
CREATE EXTENSION atelier;
SELECT pg_relation_filenode('users') = :users AS users, pg_relation_filenode('generations') = :generations AS generations;
SELECT status, is_favorite, output_url FROM generations;
SELECT check_name, status, detail, hint FROM atelier.health() WHERE check_name IN ('dispatch', 'owner');
SELECT atelier.resume();
SELECT dispatch FROM atelier.identity;
SELECT * FROM changes;
ROLLBACK;

-- After all this the database is as it was.
SELECT * FROM changes;
SELECT atelier.is_active_user();
