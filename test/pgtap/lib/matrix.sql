-- SPDX-License-Identifier: PostgreSQL
-- Runs the matrix that a file has stated in the temporary table `stated` (lib/people.sql makes it): command by command what
-- each caller reads or writes. What is expected was written by hand from the rules of the app; nothing here looks at the
-- policies, but for the controls, which take each of them away and must be noticed.

CREATE FUNCTION pg_temp.cells(of text) RETURNS TABLE (n integer, caller text, command text, want text, why text) LANGUAGE sql STABLE
AS $$
  SELECT s.n, c.caller, s.command, c.want, s.why
    FROM pg_temp.stated s
   CROSS JOIN LATERAL ROWS FROM (unnest(pg_temp.callers()), regexp_split_to_table(s.outcomes, ' +')) c (caller, want)
   WHERE s.relation = of
$$;
CREATE FUNCTION pg_temp.try(caller text, command text) RETURNS text LANGUAGE sql
AS $$ SELECT replace(pg_temp.outcome(caller, command), '42501', 'no') $$;
CREATE TEMP VIEW stated_tables AS
SELECT DISTINCT s.relation, c.relkind, c.oid FROM stated s JOIN pg_class c ON c.oid = s.relation::regclass;

SELECT is((SELECT count(*)::integer FROM regexp_split_to_table(s.outcomes, ' +')), cardinality(pg_temp.callers()),
          format('line %s has a word for each caller', s.n)) FROM stated s ORDER BY s.n;
-- A command with a mistake in it would pass for a refusal.
SELECT matches(pg_temp.outcome('superuser', s.command), '^(\d{1,4}|42501|23514)$', format('it is a command: %s', s.command))
  FROM stated s ORDER BY s.n;
SELECT is_empty($$
  SELECT t.relation, c.command FROM stated_tables t CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) c (command)
   WHERE t.relkind = 'r' AND NOT EXISTS (SELECT FROM stated s WHERE s.relation = t.relation AND s.command LIKE c.command || ' %')$$,
  'every command is stated for every table');

SELECT is(pg_temp.try(c.caller, c.command), c.want, format('%s: %s (%s)', c.caller, c.command, c.why))
  FROM (SELECT DISTINCT s.relation FROM stated s) r CROSS JOIN LATERAL pg_temp.cells(r.relation) c ORDER BY c.n;

-- The controls. How many cells change when the statement has been executed.
CREATE FUNCTION pg_temp.broken_by(relation text, ddl text) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
  broken bigint;
BEGIN
  EXECUTE ddl;
  SELECT count(*) INTO broken FROM pg_temp.cells(relation) c WHERE pg_temp.try(c.caller, c.command) IS DISTINCT FROM c.want;
  RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = broken;
EXCEPTION
  WHEN SQLSTATE 'UNDO1' THEN RETURN sqlerrm::bigint;
END $$;
SELECT is(pg_temp.broken_by(t.relation, 'SELECT'), 0::bigint, 'control: nothing changes by itself in ' || t.relation)
  FROM stated_tables t ORDER BY t.relation;
-- Those of service_role are for a role that lost BYPASSRLS; policies.sql tries them.
SELECT cmp_ok(pg_temp.broken_by(t.relation, format('DROP POLICY %I ON %s', p.polname, t.relation)), '>', 0::bigint,
              format('control: policy %s is missed', p.polname))
  FROM stated_tables t JOIN pg_policy p ON p.polrelid = t.oid AND NOT p.polroles && ARRAY['service_role'::regrole::oid, 'atelier_owner'::regrole::oid]
 ORDER BY p.polname;
SELECT cmp_ok(pg_temp.broken_by(t.relation, format('REVOKE %s ON %s FROM %s', g.privilege, t.relation, g.role)), '>', 0::bigint,
              format('control: %s on %s to %s is missed', g.privilege, t.relation, g.role))
  FROM stated_tables t
 CROSS JOIN LATERAL (SELECT DISTINCT x.grantee::regrole::text AS role, x.privilege_type AS privilege
                       FROM (SELECT c.relacl FROM pg_class c WHERE c.oid = t.oid
                             UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = t.oid) acl (acl)
                      CROSS JOIN aclexplode(acl.acl) x WHERE x.grantee <> 'atelier_owner'::regrole) g
 ORDER BY t.relation, g.role, g.privilege;
-- A policy too many, for each command that users have a privilege for.
SELECT cmp_ok(pg_temp.broken_by(t.relation, format('CREATE POLICY wide ON %s FOR %s TO authenticated %s (true)', t.relation, c.command,
                CASE c.command WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END)), '>', 0::bigint,
              format('control: a wide policy for %s on %s is noticed', c.command, t.relation))
  FROM stated_tables t CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) c (command)
 WHERE t.relkind = 'r' AND has_any_column_privilege('authenticated', t.oid, replace(c.command, 'DELETE', 'SELECT'))
   AND (c.command <> 'DELETE' OR has_table_privilege('authenticated', t.oid, 'DELETE'))
   AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polcmd = 'r' AND c.command = 'SELECT'
                      AND pg_get_expr(p.polqual, p.polrelid) = 'true')
 ORDER BY t.relation, c.command;
SELECT cmp_ok(pg_temp.broken_by(t.relation, format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t.relation)), '>', 0::bigint,
              format('control: row level security of %s is missed', t.relation))
  FROM stated_tables t
 WHERE t.relkind = 'r' AND has_any_column_privilege('authenticated', t.oid, 'SELECT, INSERT, UPDATE') ORDER BY t.relation;
SELECT cmp_ok(pg_temp.broken_by(t.relation, format('GRANT ALL ON %s TO anon, authenticated, service_role', t.relation)), '>', 0::bigint,
              format('control: too many privileges on %s are noticed', t.relation))
  FROM stated_tables t WHERE t.relation NOT IN ('atelier.workers', 'admin_stats') ORDER BY t.relation;  -- their functions refuse all the same
SELECT * FROM finish();
