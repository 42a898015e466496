-- SPDX-License-Identifier: PostgreSQL
-- What linters of databases look for, stated as tests: of the schemas that we make, and of no other. The names in the
-- comments are those of Supabase's linter, splinter.
BEGIN;
SELECT * FROM no_plan();
\ir lib/functions.sql

CREATE TEMP VIEW relations AS
SELECT c.oid, c.oid::regclass::text AS name, n.nspname AS schema, c.relkind, c.relrowsecurity, c.reloptions
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (n.nspname IN ('public', 'atelier') OR (n.nspname = 'auth' AND pg_temp.auth_is_ours())) AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
CREATE TEMP VIEW tables AS SELECT * FROM relations WHERE relkind IN ('r', 'p');
CREATE TEMP VIEW policies AS
SELECT p.*, r.name AS relation, concat(pg_get_expr(p.polqual, p.polrelid), ' ', pg_get_expr(p.polwithcheck, p.polrelid)) AS rule
  FROM pg_policy p JOIN relations r ON r.oid = p.polrelid;
SELECT cmp_ok(count(*), '>=', 26::bigint, 'the tables were found') FROM tables;
SELECT cmp_ok(count(*), '>=', 60::bigint, 'the policies were found') FROM policies;

-- function_search_path_mutable: what is native names no object but by its schema and needs none, unless it is a definer.
SELECT is_empty($$
  SELECT name, proconfig FROM functions
   WHERE (prosecdef OR language <> 'c') AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
     AND NOT (schema = 'auth' AND proname IN ('uid', 'role', 'email'))$$,
  'H18: the search_path of every function that is SQL or a definer is fixed');
-- These three are inlined into the app's own queries, which a setting would prevent; they call one qualified function each.
SELECT set_eq($$SELECT name FROM functions WHERE language = 'sql' AND proconfig IS NULL$$,
              CASE WHEN pg_temp.auth_is_ours() THEN ARRAY['auth.uid()', 'auth.role()', 'auth.email()'] ELSE '{}' END,
              'but for three that are one call each');
SELECT is_empty($$SELECT name FROM functions WHERE language NOT IN ('c', 'sql', 'plpgsql')$$, 'there is no other language');

-- security_definer_view, materialized_view_in_api, foreign_table_in_api. The views of schema atelier are granted to nobody.
SELECT is_empty($$SELECT name FROM relations WHERE relkind = 'v' AND schema <> 'atelier'
                     AND NOT coalesce(reloptions, '{}') && '{security_invoker=true,security_invoker=on,security_invoker=1}'$$,
                'a view that the app sees runs with the rights of who reads it');
SELECT is_empty($$SELECT r.name, g.role FROM relations r CROSS JOIN unnest('{anon,authenticated}'::text[]) g (role)
                   WHERE (r.relkind IN ('m', 'f') OR r.schema = 'atelier')
                     AND has_any_column_privilege(g.role, r.oid, 'SELECT, INSERT, UPDATE')$$,
                'neither materialised views nor schema atelier are granted to users');
-- auth_users_exposed.
SELECT is_empty($$SELECT r.name FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid
                    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
                    JOIN pg_class c ON c.oid = d.refobjid WHERE c.relnamespace = to_regnamespace('auth')$$, 'no view shows the auth service''s users');

-- rls_disabled_in_public, policy_exists_rls_disabled, rls_enabled_no_policy.
SELECT is_empty('SELECT name FROM tables WHERE NOT relrowsecurity', 'every table has row level security');
SELECT is_empty('SELECT t.name FROM tables t WHERE NOT EXISTS (SELECT FROM policies p WHERE p.polrelid = t.oid)', 'every table has a policy');
SELECT is_empty($$
  SELECT t.name, g.role, c.command
    FROM tables t CROSS JOIN unnest('{anon,authenticated}'::text[]) g (role)
   CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) c (command, letter)
   WHERE t.name <> 'replicate_tokens'
     AND CASE c.command WHEN 'DELETE' THEN has_table_privilege(g.role, t.oid, 'DELETE') ELSE has_any_column_privilege(g.role, t.oid, c.command) END
     AND NOT EXISTS (SELECT FROM policies p WHERE p.polrelid = t.oid AND p.polcmd::text IN (c.letter, '*')
                        AND g.role::regrole::oid = ANY (p.polroles))$$,
  'a privilege without a policy would be a mistake, but for the app''s question for tokens');
SELECT is_empty($$
  SELECT p.relation, p.polname FROM policies p CROSS JOIN unnest(p.polroles) role (oid)
   WHERE p.polcmd <> '*' AND NOT CASE p.polcmd WHEN 'd' THEN has_table_privilege(role.oid, p.polrelid, 'DELETE')
           ELSE has_any_column_privilege(role.oid, p.polrelid, CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' ELSE 'UPDATE' END) END$$,
  'and so would a policy without a privilege');

-- multiple_permissive_policies: PUBLIC counts for every role.
SELECT is_empty($$
  SELECT p.relation, r.role::regrole, c.letter
    FROM policies p CROSS JOIN unnest(p.polroles) r (role) CROSS JOIN string_to_table('r a w d', ' ') c (letter)
   WHERE p.polpermissive AND p.polcmd::text IN (c.letter, '*')
   GROUP BY p.relation, r.role, c.letter HAVING count(*) > 1$$, 'no two policies permit the same command to the same role');
SELECT is_empty('SELECT relation, polname FROM policies WHERE 0 = ANY (polroles)', 'no policy is for everybody');

-- auth_rls_initplan: who asks is read once for a row at most, from a cache that costs 0.1 us, not from a setting that has to be
-- parsed; atelier.uid() is STABLE and stands as it is, since as an index condition it is evaluated once.
SELECT is_empty($$SELECT relation, polname FROM policies WHERE rule ~ '(current_setting|auth\.(uid|role|jwt|email))'$$,
                'no policy parses the claims for each row');
SELECT is_empty($$
  SELECT p.relation, p.polname, f.name FROM policies p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
    JOIN functions f ON d.refclassid = 'pg_proc'::regclass AND f.id = d.refobjid
   WHERE f.provolatile = 'v' OR f.language <> 'c' OR f.schema <> 'atelier'$$, 'what policies call is native and stable');
-- rls_policy_null_auth_disjunct: who is nobody gets the rows of nobody; ideas are for everybody, also without a session.
SELECT set_eq($$SELECT polname::text FROM policies WHERE rule ~* 'uid\(\) IS NULL|role\(\) IS NULL|jwt\(\) IS NULL'$$, ARRAY['ideas_select_user'], 'no other policy opens for nobody');
-- rls_references_user_metadata, and every other claim: rights are looked up by the id.
SELECT is_empty($$SELECT relation, polname FROM policies WHERE rule ~ '(user_metadata|jwt|email|atelier\.role\()'$$,
                'no policy trusts a claim but the id');
-- rls_policy_always_true: ideas are public, and the policies of service_role and the owner repeat what they may anyway.
SELECT set_eq($$SELECT polname::text FROM policies WHERE btrim(rule) ~ '^true( true)?$'$$, ARRAY['ideas_select_anon', 'owner_only', 'api_logs_service', 'replicate_tokens_service'],
              'no other policy is always true');

-- unindexed_foreign_keys: the columns of the key come first in some index.
SELECT is_empty($$
  SELECT c.conrelid::regclass, c.conname FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid
   WHERE c.contype = 'f'
     AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indisvalid
                        AND (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(c.conkey)] = c.conkey)$$, 'every foreign key has an index');
-- A partial index serves a key only when it leaves out nothing but nulls.
SELECT is_empty($$
  SELECT c.conname FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid
   WHERE c.contype = 'f'
     AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                      WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
                        AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', a.attname)))$$,
  'one that serves every row of it');
-- duplicate_index, and an index that is the beginning of another.
CREATE TEMP VIEW indexes AS
SELECT i.indexrelid::regclass::text AS name, i.*, coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate, x.relam,
       coalesce(pg_get_expr(i.indexprs, i.indrelid), '') AS expressions
  FROM pg_index i JOIN tables t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid;
SELECT is_empty($$
  SELECT a.name, b.name FROM indexes a JOIN indexes b ON b.indrelid = a.indrelid AND a.indexrelid < b.indexrelid
   WHERE (a.indkey, a.indclass, a.indoption, a.relam, a.predicate, a.expressions)
       = (b.indkey, b.indclass, b.indoption, b.relam, b.predicate, b.expressions)$$, 'no index is there twice');
SELECT is_empty($$
  SELECT a.name, b.name FROM indexes a JOIN indexes b ON b.indrelid = a.indrelid AND a.indexrelid <> b.indexrelid
   WHERE NOT a.indisunique AND a.indnkeyatts < b.indnkeyatts AND a.relam = b.relam AND a.expressions = '' AND b.expressions = ''
     AND a.predicate = b.predicate
     AND (a.indkey::smallint[])[0:a.indnkeyatts - 1] = (b.indkey::smallint[])[0:a.indnkeyatts - 1]
     AND (a.indoption::smallint[])[0:a.indnkeyatts - 1] = (b.indoption::smallint[])[0:a.indnkeyatts - 1]$$,
  'none is the beginning of another');
SELECT is_empty('SELECT name FROM indexes WHERE NOT indisvalid OR NOT indisready', 'all are valid');
-- no_primary_key.
SELECT is_empty($$SELECT name FROM tables t WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'p')$$,
                'every table has a primary key');
-- anon_security_definer_function_executable, authenticated_security_definer_function_executable: in any schema.
SELECT is_empty($$SELECT f.name, g.role FROM functions f CROSS JOIN unnest('{anon,authenticated}'::text[]) g (role)
                   WHERE f.prosecdef AND has_function_privilege(g.role, f.id, 'EXECUTE')$$, 'H18: users execute no function with the rights of another');
-- sensitive_columns_exposed: what is named like a secret is under row level security, which the lint asks for, and not for anon.
SELECT is_empty($$SELECT t.name, a.attname FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0
                   WHERE a.attname ~ '^(token|secret|password|api_key|access_token|refresh_token)$' AND has_column_privilege('anon', t.oid, a.attnum, 'SELECT')$$,
                'anon reads no column that is named like a secret');
-- autovacuum_disabled, table_bloat.
SELECT is_empty($$SELECT name FROM relations WHERE reloptions::text ~ 'autovacuum_enabled=(false|off|0)'$$, 'autovacuum is on everywhere');
-- unsupported_reg_types: pg_upgrade does not carry these.
SELECT is_empty($$SELECT t.name, a.attname FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0
                   WHERE a.atttypid::regtype::text ~ '^reg' AND a.atttypid NOT IN ('regclass'::regtype, 'regrole'::regtype, 'regtype'::regtype)$$, 'no column has a type that cannot be upgraded');
-- fkey_to_auth_unique: no key leads into the auth service's tables.
SELECT is_empty($$SELECT c.conname FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
                   WHERE c.contype = 'f' AND r.relnamespace = to_regnamespace('auth')$$, 'no foreign key leads to auth.users');
-- extension_in_public.
SELECT is((SELECT e.extnamespace::regnamespace::text FROM pg_extension e WHERE e.extname = 'atelier'), 'atelier', 'the extension is not in an exposed schema');
SELECT is_empty($$SELECT name FROM functions WHERE schema = 'public' AND language = 'c'$$, 'no native function is in an exposed schema');

-- Publications: browsers listen to notifications and to nothing else of ours.
SELECT is_empty($$SELECT p.pubname, t.tablename FROM pg_publication p JOIN pg_publication_tables t USING (pubname)
                   WHERE (t.schemaname = 'atelier' OR (t.schemaname = 'public' AND t.tablename <> 'notifications'))$$,
                'no other table of ours is published');
SELECT is_empty($$SELECT name FROM tables JOIN pg_class c USING (oid) WHERE c.relreplident <> 'd'$$, 'no table sends whole old rows');
SET LOCAL client_min_messages = error;  -- about wal_level
DROP PUBLICATION IF EXISTS supabase_realtime;
CREATE PUBLICATION supabase_realtime FOR TABLE generations;
SELECT atelier.set_publication();
SELECT set_eq($$SELECT tablename::text FROM pg_publication_tables WHERE pubname = 'supabase_realtime'$$, ARRAY['notifications'],
                  'install() puts notifications in and takes generations out');
SELECT * FROM finish();
ROLLBACK;
