-- SPDX-License-Identifier: PostgreSQL
-- The grants: every role times every relation times every privilege, compared with what is stated here. What is not stated is
-- not granted, also where default privileges hand new tables to everybody.
BEGIN;
SELECT plan(370);

CREATE TEMP TABLE stated (relation text, role text, privileges text);
INSERT INTO stated
SELECT relation, role, ''
  FROM unnest(ARRAY['users', 'generations', 'replicate_tokens', 'api_logs', 'notifications', 'atelier.attempts',
    'atelier.identity',
                    'atelier.migrations', 'atelier.queue', 'atelier.token_state', 'atelier.queue_status', 'atelier.tokens',
                    'atelier.workers']) relation
 CROSS JOIN unnest(ARRAY['public', 'anon', 'authenticated', 'service_role']) role;
UPDATE stated SET privileges = 'SELECT INSERT UPDATE DELETE' WHERE role = 'service_role' AND relation NOT LIKE 'atelier.%';
UPDATE stated SET privileges = 'SELECT'
 WHERE role = 'authenticated' AND relation IN ('users', 'notifications', 'generations', 'replicate_tokens');
UPDATE stated SET privileges = 'SELECT INSERT' WHERE role = 'authenticated' AND relation = 'generations';
UPDATE stated SET privileges = 'SELECT DELETE' WHERE role = 'authenticated' AND relation = 'notifications';

CREATE TEMP TABLE stated_columns (relation text, role text, privilege text, columns name[]);
INSERT INTO stated_columns VALUES
  ('users', 'authenticated', 'UPDATE', '{avatar_url,cover_url,display_name}'),
  ('generations', 'authenticated', 'UPDATE',
   '{completed_at,error_message,is_favorite,replicate_prediction_id,status,viewed,viewed_at}'),
  ('notifications', 'authenticated', 'UPDATE', '{is_read}');

CREATE TEMP VIEW relations AS
SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relowner, c.relacl
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind IN ('r', 'p', 'v', 'm', 'f');

SELECT set_eq('SELECT name FROM relations', 'SELECT relation FROM stated', 'these are all relations');

SELECT is(has_table_privilege(s.role, s.relation, p.privilege), p.privilege = ANY (string_to_array(s.privileges, ' ')),
          format('%s: %s on %s', s.role, p.privilege, s.relation))
  FROM stated s
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p (privilege)
 ORDER BY s.relation, s.role, p.privilege;

CREATE TEMP VIEW granted_columns AS
SELECT r.name, x.grantee::regrole::text AS role, x.privilege_type AS privilege,
  array_agg(a.attname ORDER BY a.attname) AS columns
  FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid CROSS JOIN aclexplode(a.attacl) x
 GROUP BY r.name, x.grantee, x.privilege_type;
SELECT set_eq('SELECT * FROM granted_columns', 'SELECT * FROM stated_columns', 'columns are granted as stated');

-- By the access lists themselves: no other role, no other kind of privilege.
CREATE TEMP VIEW grants AS
SELECT r.name, CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END AS role, x.privilege_type AS privilege
  FROM relations r CROSS JOIN aclexplode(r.relacl) x WHERE x.grantee <> r.relowner;
CREATE TEMP VIEW stated_grants AS
SELECT s.relation, s.role, p.privilege FROM stated s CROSS JOIN string_to_table(s.privileges, ' ') p (privilege)
  WHERE p.privilege <> '';
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'nobody else was granted anything');
CREATE TEMP VIEW sequence_grants AS
SELECT c.oid::regclass AS sequence, x.grantee::regrole AS role
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) x
 WHERE c.relkind = 'S' AND n.nspname IN ('public', 'atelier') AND x.grantee <> c.relowner;
SELECT is_empty('SELECT * FROM sequence_grants', 'no sequence is granted to anybody');

-- Hosted databases grant whatever is born in public to everybody.
SET LOCAL client_min_messages = error;
SET LOCAL atelier.allow_drop = on;
DROP EXTENSION atelier CASCADE;
DROP SCHEMA atelier, auth CASCADE;
DROP TABLE users, generations, replicate_tokens, api_logs, notifications;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE EXTENSION atelier;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'default privileges add nothing');
SELECT is_empty('SELECT * FROM sequence_grants', 'nor on sequences');
SELECT * FROM finish();
ROLLBACK;
