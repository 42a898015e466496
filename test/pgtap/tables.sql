-- SPDX-License-Identifier: PostgreSQL
-- The grants: every role times every relation times every privilege, compared with what is stated here. What is not stated is
-- not granted, also where default privileges hand new tables to everybody. Nothing is ever granted to PUBLIC.
BEGIN;
SELECT * FROM no_plan();

-- What users of role authenticated have on a whole relation, anon and service_role, and why. service_role writes all that the
-- app has, with one word: all.
CREATE TEMP TABLE stated (relation text, anon text, authenticated text, service_role text, why text);
INSERT INTO stated VALUES
  ('users',                   '',       'SELECT',               'all',    'profiles are made at sign-up and changed column by column'),
  ('generations',             '',       'SELECT INSERT',        'all',    'the app deletes, with the files'),
  ('replicate_tokens',        '',       'SELECT',               'all',    'the app asks as its user and expects no row'),
  ('workspaces',              '',       'SELECT INSERT DELETE', 'all',    'members, admins and owners by the policies'),
  ('workspace_members',       '',       'SELECT INSERT DELETE', 'all',    'the same'),
  ('workspace_users',         '',       'SELECT',               'SELECT', 'a view for reading'),
  ('flows',                   '',       'SELECT INSERT DELETE', 'all',    'owners, editors and members of workspaces by the policies'),
  ('flow_nodes',              '',       'SELECT INSERT DELETE', 'all',    'a flow is saved by deleting and inserting'),
  ('flow_edges',              '',       'SELECT INSERT DELETE', 'all',    'the same'),
  ('flow_members',            '',       'SELECT INSERT DELETE', 'all',    'the flow''s owner; oneself may leave'),
  ('flow_invites',            '',       'SELECT INSERT DELETE', 'all',    'an invitation is not changed'),
  ('flow_comments',           '',       'SELECT INSERT DELETE', 'all',    'by the policies'),
  ('user_loras',              '',       'SELECT INSERT DELETE', 'all',    'one''s own'),
  ('lora_training_images',    '',       'SELECT INSERT DELETE', 'all',    'of one''s own LoRA'),
  ('notifications',           '',       'SELECT DELETE',        'all',    'H7: written by the app'),
  ('ideas',                   'SELECT', 'SELECT INSERT DELETE', 'all',    'the list is public'),
  ('idea_votes',              '',       'SELECT INSERT DELETE', 'all',    'given or taken back'),
  ('assistant_conversations', '',       'SELECT INSERT',        'all',    'deleted by deleted_at'),
  ('assistant_messages',      '',       'SELECT INSERT',        'all',    'what was said stays'),
  ('api_logs',                '',       '',                     'all',    'H8: the app''s'),
  ('support_tickets',         '',       'SELECT INSERT',        'all',    'answered by answer_support_ticket()'),
  ('admin_stats',             '',       '',                     'SELECT', 'H9: the whole in numbers is the app''s'),
  ('mv_admin_stats',          '',       '',                     'SELECT', 'H9'),
  ('atelier.attempts',         '',      '',                     '',       'the workers'''),
  ('atelier.generation_counts', '',     '',                     '',       'the triggers'''),
  ('atelier.generation_count_deltas', '', '',                   '',       'the triggers'''),
  ('atelier.count_repairs',    '',      '',                     '',       'the keeper''s'),
  ('atelier.credit_entries',   '',      '',                     '',       'the workers'''),
  ('atelier.models',           '',      '',                     '',       'the DBA''s'),
  ('atelier.outputs',          '',      '',                     '',       'the workers'''),
  ('atelier.prices',           '',      '',                     '',       'the DBA''s'),
  ('atelier.spending',         '',      '',                     '',       'the workers'''),
  ('atelier.trainers',         '',      '',                     '',       'the DBA''s'),
  ('atelier.trainings',        '',      '',                     '',       'the workers'),
  ('atelier.user_limits',      '',      '',                     '',       'the DBA''s'),
  ('atelier.deleted_generations', '',   '',                     '',       'the triggers'''),
  ('atelier.backfill',         '',      '',                     '',       'install()'),
  ('atelier.film_parts',       '',      '',                     '',       'the triggers'''),
  ('atelier.flow_node_memory', '',      '',                     '',       'the triggers'''),
  ('atelier.identity',         '',      '',                     '',       'install()'),
  ('atelier.made',             '',      '',                     '',       'install()'),
  ('atelier.cleaned_files',    '',      '',                     '',       'the cleanup'),
  ('atelier.job_state',        '',      '',                     '',       'the keeper'),
  ('atelier.jobs',             '',      '',                     '',       'for the DBA'),
  ('atelier.metrics',          '',      '',                     'SELECT', 'for monitoring'),
  ('atelier.migrations',       '',      '',                     '',       'install()'),
  ('atelier.orphaned_files',   '',      '',                     'SELECT', 'for who deletes the files'),
  ('atelier.kept_tokens',      '',      '',                     '',       'the workers'''),
  ('atelier.queue',            '',      '',                     '',       'the workers'''),
  ('atelier.queue_status',     '',      '',                     '',       'for the DBA'),
  ('atelier.token_state',      '',      '',                     '',       'the workers'''),
  ('atelier.tokens',           '',      '',                     '',       'for the DBA'),
  ('atelier.webhook_events',   '',      '',                     '',       'the workers'''),
  ('atelier.webhook_secrets',  '',      '',                     '',       'the workers'''),
  ('atelier.workers',          '',      '',                     '',       'for the DBA');
UPDATE stated SET service_role = 'SELECT INSERT UPDATE DELETE' WHERE service_role = 'all';

-- What authenticated may write in an UPDATE, besides. Nobody has any other privilege on a column.
CREATE TEMP TABLE stated_columns (relation text, columns text, why text);
INSERT INTO stated_columns VALUES
  ('users',                   'avatar_url cover_url display_name', 'H1: the shown profile'),
  ('generations',             'completed_at error_message is_favorite replicate_prediction_id status viewed viewed_at workspace_id',
   'marks; the app''s own dispatch; the hand-over and cancelling; a super_admin moves it. The guard says which when'),
  ('workspaces',              'description is_active name slug', 'the guard says who deactivates'),
  ('workspace_members',       'role', 'H13: a membership stays where it is'),
  ('flows',                   'description is_template name status updated_at viewport_x viewport_y viewport_zoom workspace_id',
   'H11: never its owner; updated_at may be sent and is set by trigger'),
  ('flow_nodes',              'block_type data error_message generation_id height model_id output_type output_url position_x position_y status updated_at width',
   'never its flow or its author'),
  ('flow_edges',              'edge_type source_handle source_node_id target_handle target_node_id', 'never its flow'),
  ('flow_members',            'role', 'accepting is accept_flow_invite()'),
  ('flow_comments',           'content is_resolved position_x position_y read_by updated_at', 'H15: never its place or its author'),
  ('user_loras',              'deleted_at description name', 'H16: never what became of it'),
  ('notifications',           'is_read', 'nothing but that'),
  ('assistant_conversations', 'deleted_at is_favorite title', 'not the preview, which the trigger writes');

CREATE TEMP VIEW relations AS
SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relowner, c.relacl
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
CREATE TEMP VIEW cells AS
SELECT s.relation, r.role, p.privilege, p.privilege = ANY (string_to_array(r.privileges, ' ')) AS wanted, s.why
  FROM stated s
 CROSS JOIN LATERAL (VALUES ('public', ''), ('anon', s.anon), ('authenticated', s.authenticated), ('service_role', s.service_role)) r (role, privileges)
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p (privilege);

CREATE TEMP VIEW stated_column_grants AS SELECT c.relation, 'authenticated' AS role, 'UPDATE' AS privilege, c.columns FROM stated_columns c;

SELECT set_eq('SELECT name FROM relations', 'SELECT relation FROM stated', 'these are all relations');
SELECT is(has_table_privilege(c.role, c.relation, c.privilege), c.wanted, format('%s: %s on %s (%s)', c.role, c.privilege, c.relation, c.why))
  FROM cells c ORDER BY c.relation, c.role, c.privilege;

CREATE TEMP VIEW granted_columns AS
SELECT r.name, x.grantee::regrole::text AS role, x.privilege_type AS privilege, string_agg(a.attname, ' ' ORDER BY a.attname) AS columns
  FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid CROSS JOIN aclexplode(a.attacl) x
 GROUP BY r.name, x.grantee, x.privilege_type;
SELECT set_eq('SELECT * FROM granted_columns', 'SELECT * FROM stated_column_grants',
              'columns are granted as stated');

-- By the access lists themselves: no other role, no other kind of privilege.
CREATE TEMP VIEW grants AS
SELECT r.name, CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END AS role, x.privilege_type AS privilege
  FROM relations r CROSS JOIN aclexplode(r.relacl) x WHERE x.grantee <> r.relowner;
CREATE TEMP VIEW stated_grants AS SELECT c.relation, c.role, c.privilege FROM cells c WHERE c.wanted;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'nobody else was granted anything');
CREATE TEMP VIEW sequence_grants AS
SELECT c.oid::regclass AS sequence, x.grantee::regrole AS role
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) x
 WHERE c.relkind = 'S' AND n.nspname IN ('public', 'atelier') AND x.grantee <> c.relowner;
SELECT is_empty('SELECT * FROM sequence_grants', 'no sequence is granted to anybody');

-- Hosted databases grant whatever is born in public to everybody.
\ir lib/remove_all.sql
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE EXTENSION atelier;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'default privileges add nothing');
SELECT set_eq('SELECT * FROM granted_columns', 'SELECT * FROM stated_column_grants', 'nor on columns');
SELECT is_empty('SELECT * FROM sequence_grants', 'nor on sequences');
SELECT * FROM finish();
ROLLBACK;
