-- SPDX-License-Identifier: PostgreSQL
-- Who may execute what: every function times every role, compared with what is stated here; a function that is not stated is
-- for its owner and superusers. And how the functions are made that run with the owner's rights.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE TEMP TABLE stated (function text, roles text[]);
INSERT INTO stated VALUES
  ('atelier.uid()', '{anon,authenticated,service_role}'),
  ('atelier.role()', '{anon,authenticated,service_role}'),
  ('atelier.is_active_user()', '{authenticated,service_role}'),
  ('atelier.get_next_replicate_token()', '{service_role}'),
  ('atelier.health()', '{service_role}'),
  ('public.get_next_replicate_token()', '{service_role}'),
  ('auth.uid()', '{anon,authenticated,service_role}'),
  ('auth.role()', '{anon,authenticated,service_role}'),
  ('auth.jwt()', '{anon,authenticated,service_role}'),
  ('auth.email()', '{anon,authenticated,service_role}');
CREATE TEMP VIEW functions AS
SELECT p.*, p.oid AS id, n.nspname AS schema,
       format('%I.%I(%s)', n.nspname, p.proname,
              (SELECT string_agg(format_type(t.type, NULL), ', ' ORDER BY t.n)
                FROM unnest(p.proargtypes) WITH ORDINALITY t (type, n))) AS name
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname IN ('atelier', 'auth', 'public');
CREATE TEMP VIEW grants AS
SELECT f.name, CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END AS role, x.is_grantable
  FROM functions f CROSS JOIN aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x
 WHERE x.grantee <> f.proowner AND x.grantee <> (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'atelier_owner');
CREATE TEMP VIEW stated_grants AS SELECT s.function, r.role, false FROM stated s CROSS JOIN unnest(s.roles) r (role);

SELECT cmp_ok(count(*), '>=', 50::bigint, 'the functions were found') FROM functions;
SELECT is_empty('SELECT function FROM stated EXCEPT SELECT name FROM functions', 'every stated function exists');
SELECT is(has_function_privilege(r.role, f.id, 'EXECUTE'), coalesce(r.role = ANY (s.roles), false),
  format('%s executes %s', r.role, f.name))
  FROM functions f LEFT JOIN stated s ON s.function = f.name
 CROSS JOIN unnest(ARRAY['public', 'anon', 'authenticated', 'service_role']) r (role)
 ORDER BY f.name, r.role;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'no other role was granted a function');

-- Tried, not looked up.
SELECT is(pg_temp.outcome(caller, query), '42501', format('%s: %s', caller, query))
  FROM unnest(ARRAY['anon', 'ann', 'impostor', 'service_role']) caller
 CROSS JOIN unnest(ARRAY['SELECT atelier.install()', 'SELECT atelier.resume()', 'SELECT atelier.pause()',
   'SELECT atelier.wake()',
                         'SELECT atelier.start_workers()', 'SELECT * FROM atelier.worker_state()',
                         'SELECT atelier.run_ddl(''DROP TABLE @app@.users'')', 'SELECT atelier.record_identity(''running'')',
                         'SELECT * FROM atelier.health_dispatch()', 'SELECT atelier.sync_queue()']) query;
SELECT is(pg_temp.outcome(caller, query), '42501', format('%s: %s', caller, query))
  FROM unnest(ARRAY['anon', 'ann', 'impostor']) caller
 CROSS JOIN unnest(ARRAY['SELECT * FROM atelier.health()', 'SELECT * FROM atelier.get_next_replicate_token()',
                         'SELECT * FROM get_next_replicate_token()']) query;
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM get_next_replicate_token()'), '1', 'the app gets a token');
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM atelier.health() WHERE status IN (''ok'', ''warn'', ''fail'')'),
          (SELECT count(*)::text FROM atelier.health()), 'the app reads the health');
-- The owner is no superuser and not the caller of the installer; what it is granted it can do.
SELECT is_empty($$SELECT name FROM functions WHERE schema = 'atelier'
  AND NOT has_function_privilege('atelier_owner', id, 'EXECUTE')$$,
                'the owner executes all');

-- Functions with the rights of their owner.
SELECT set_eq('SELECT name FROM functions WHERE prosecdef',
              ARRAY['atelier.get_next_replicate_token()', 'atelier.health()'], 'these run with the rights of their owner');
SELECT is_empty($$SELECT name FROM functions WHERE prosecdef AND proowner <> 'atelier_owner'::regrole$$,
  'which is atelier_owner');
SELECT is_empty($$SELECT name FROM functions WHERE prosecdef AND schema <> 'atelier'$$,
  'none of them is in a schema that is exposed');
SELECT is_empty($$
  SELECT name, proconfig FROM functions
   WHERE schema = 'atelier' AND (prosecdef OR prolang <> (SELECT l.oid FROM pg_language l WHERE l.lanname = 'c'))
     AND proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}'$$,
       'their search_path is fixed, and that of all that is SQL');
SELECT is_empty($$SELECT name FROM functions WHERE schema IN ('auth', 'public') AND proowner <> 'atelier_owner'::regrole$$,
                'what the app calls belongs to atelier_owner');

-- Tables are dumped and restored without the code, so no function mentions their types and no table needs a function.
SELECT is_empty($$
  SELECT f.name FROM functions f CROSS JOIN unnest(coalesce(f.proallargtypes, f.proargtypes::oid[]) || f.prorettype) t (type)
    JOIN pg_type y ON y.oid IN (t.type, (SELECT e.typelem FROM pg_type e WHERE e.oid = t.type))
      JOIN pg_class c ON c.oid = y.typrelid
   WHERE f.schema = 'atelier' AND c.relkind <> 'c' AND c.relnamespace <> 'pg_catalog'::regnamespace$$,
  'no function takes or returns rows of a table');
SELECT is_empty($$
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_depend d JOIN functions f ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = f.id AND f.schema = 'atelier'
   WHERE d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass)$$,
  'no default, constraint, index or generated column calls a function of the extension');
SELECT is_empty($$
  SELECT d.classid::regclass, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    AND d.refclassid = 'pg_extension'::regclass
    LEFT JOIN functions f ON f.id = d.objid AND d.classid = 'pg_proc'::regclass AND f.schema = 'atelier'
   WHERE e.extname = 'atelier' AND d.deptype = 'e' AND f.id IS NULL$$, 'members are functions of schema atelier only');
SELECT is_empty($$
  SELECT f.name FROM functions f
   WHERE f.schema = 'atelier' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
     AND d.objid = f.id AND d.deptype = 'e')$$,
  'and every one of them is a member');

-- What policies call can be an index condition and run in parallel workers.
SELECT is(f.provolatile::text || f.proparallel::text, 'ss', f.name || ' is stable and parallel safe')
  FROM functions f WHERE f.name IN ('atelier.uid()', 'atelier.role()', 'atelier.is_active_user()', 'auth.uid()',
    'auth.role()') ORDER BY f.name;

-- Hosted databases grant whatever is born to everybody.
SET LOCAL client_min_messages = error;
SET LOCAL atelier.allow_drop = on;
DROP EXTENSION atelier CASCADE;
DROP SCHEMA atelier, auth CASCADE;
DROP TABLE users, generations, replicate_tokens, api_logs, notifications;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE EXTENSION atelier;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'default privileges add nothing');
SELECT * FROM finish();
ROLLBACK;
