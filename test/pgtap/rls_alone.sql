-- SPDX-License-Identifier: PostgreSQL
-- Row level security alone: whoever grants too much opens nothing. Every privilege on every table is granted to everybody,
-- and each caller tries every command on all rows, without a condition.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

GRANT ALL ON ALL TABLES IN SCHEMA public, atelier TO anon, authenticated;
CREATE TEMP TABLE tables AS
SELECT c.oid::regclass::text AS name, c.oid,
       (SELECT min(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attgenerated = '' AND a.attidentity <> 'a') AS a_column
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'atelier') AND c.relkind = 'r';
SELECT cmp_ok(count(*), '>=', 26::bigint, 'the tables were found') FROM tables;

-- Nothing is anybody's without a session or claims, but the ideas, which are public.
SELECT is(pg_temp.outcome(caller, 'SELECT FROM ' || name), CASE name WHEN 'ideas' THEN '2' ELSE '0' END, format('%s reads of %s', caller, name))
  FROM tables CROSS JOIN unnest('{anon,nobody,impostor}'::text[]) caller ORDER BY name, caller;
SELECT is(pg_temp.outcome(caller, format('UPDATE %s SET %I = %2$I', name, a_column)), '0', format('%s changes of %s', caller, name))
  FROM tables CROSS JOIN unnest('{anon,nobody,impostor}'::text[]) caller ORDER BY name, caller;
SELECT is(pg_temp.outcome(caller, 'DELETE FROM ' || name), '0', format('%s deletes of %s', caller, name))
  FROM tables CROSS JOIN unnest('{anon,nobody,impostor}'::text[]) caller ORDER BY name, caller;

-- A user with nothing of his own, and a deactivated one with a row of everything: each has his profile, nobody else more.
SELECT is(pg_temp.outcome(caller, 'SELECT FROM ' || name), CASE WHEN (name, caller) = ('ideas', 'stranger') THEN '2' WHEN name = 'users' THEN '1' ELSE '0' END,
          format('%s reads of %s', caller, name))
  FROM tables CROSS JOIN unnest('{stranger,gone}'::text[]) caller ORDER BY name, caller;
SELECT is(pg_temp.outcome(caller, format('UPDATE %s SET %I = %2$I', name, a_column)), CASE WHEN (name, caller) = ('users', 'stranger') THEN '1' ELSE '0' END,
          format('%s changes of %s', caller, name))
  FROM tables CROSS JOIN unnest('{stranger,gone}'::text[]) caller ORDER BY name, caller;
SELECT is(pg_temp.outcome(caller, 'DELETE FROM ' || name), '0', format('%s deletes of %s', caller, name))
  FROM tables CROSS JOIN unnest('{stranger,gone}'::text[]) caller ORDER BY name, caller;

-- Schema atelier is nobody's, whatever he is.
SELECT is(pg_temp.outcome(caller, command), want, format('%s: %s', caller, command))
  FROM unnest('{owner,chief,boss,root}'::text[]) caller
 CROSS JOIN (VALUES ('SELECT FROM atelier.attempts', '0'), ('SELECT FROM atelier.queue', '0'), ('SELECT FROM atelier.token_state', '0'),
                    ('SELECT FROM atelier.identity', '0'), ('SELECT FROM atelier.migrations', '0'), ('SELECT FROM atelier.flow_node_memory', '0'),
                    ('SELECT FROM replicate_tokens', '0'), ('SELECT FROM api_logs', '0'),
                    ('UPDATE atelier.identity SET dispatch = ''running''', '0'), ('DELETE FROM atelier.queue', '0'),
                    ('INSERT INTO atelier.queue (generation_id, user_id) VALUES (gen_random_uuid(), gen_random_uuid())', '42501'),
                    ('INSERT INTO atelier.migrations (version, name) VALUES (99, ''x'')', '42501'),
                    ('INSERT INTO replicate_tokens (token) VALUES (''r8_mine'')', '42501'),
                    ('INSERT INTO api_logs (method, path, status_code) VALUES (''GET'', ''/'', 200)', '42501'),
                    ('INSERT INTO notifications (user_id, type, title) VALUES (atelier.uid(), ''update'', ''t'')', '42501'),
                    ('INSERT INTO users (id, role) VALUES (gen_random_uuid(), ''super_admin'')', '42501')) v (command, want);

-- Rights, money, ownership: the guards hold without the column privileges.
SELECT is(pg_temp.outcome('owner', command), '42501', 'owner: ' || command)
  FROM unnest(ARRAY['UPDATE users SET role = ''super_admin''', 'UPDATE users SET credits = 9', 'UPDATE users SET email = ''x@tap.test''',
                    'UPDATE generations SET cost_credits = 0', 'UPDATE generations SET output_urls = ''{x}''',
                    'UPDATE generations SET user_id = pg_temp.id(''stranger'')', 'UPDATE flows SET user_id = pg_temp.id(''stranger'')',
                    'UPDATE flow_nodes SET created_by = NULL', 'UPDATE flow_members SET accepted_at = NULL',
                    'UPDATE flow_comments SET created_at = ''2001-01-01''', 'UPDATE user_loras SET status = ''completed''',
                    'UPDATE notifications SET title = ''x''', 'UPDATE assistant_conversations SET created_at = ''2001-01-01''']) command;
SELECT is(pg_temp.outcome('chief', command), '42501', 'chief: ' || command)
  FROM unnest(ARRAY['UPDATE workspaces SET created_by = NULL', 'UPDATE workspace_members SET joined_at = ''2001-01-01''']) command;
SELECT is(pg_temp.outcome('owner', command), '0', 'owner, without a policy: ' || command)
  FROM unnest(ARRAY['UPDATE ideas SET votes_count = 9', 'UPDATE idea_votes SET idea_id = pg_temp.id(''gone'')',
                    'UPDATE assistant_messages SET content = ''x''', 'DELETE FROM assistant_messages', 'DELETE FROM assistant_conversations',
                    'UPDATE support_tickets SET status = ''closed''', 'DELETE FROM support_tickets', 'DELETE FROM users', 'DELETE FROM generations',
                    'UPDATE lora_training_images SET caption = ''x''', 'UPDATE flow_invites SET token = id::text']) command;
-- And without the guards: the policies keep a row with its owner.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT t.name FROM tables t LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', name);
  END LOOP;
END $$;
SELECT is(pg_temp.outcome('owner', command), '42501', 'without its guard: ' || command)
  FROM unnest(ARRAY['UPDATE users SET id = gen_random_uuid()',
                    'UPDATE generations SET user_id = pg_temp.id(''stranger'')', 'UPDATE user_loras SET user_id = pg_temp.id(''stranger'')',
                    'UPDATE notifications SET user_id = pg_temp.id(''stranger'')', 'UPDATE assistant_conversations SET user_id = pg_temp.id(''stranger'')',
                    'UPDATE flow_nodes SET flow_id = pg_temp.id(''gone'')', 'UPDATE flow_edges SET flow_id = pg_temp.id(''gone'')',
                    'UPDATE flow_members SET flow_id = pg_temp.id(''gone'')', 'UPDATE flow_comments SET flow_id = pg_temp.id(''gone'')',
                    'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.id(''stranger''), ''edit'', ''m'', ''M'', ''x'')',
                    'INSERT INTO flows (user_id) VALUES (pg_temp.id(''stranger''))']) command;
SELECT is(pg_temp.outcome('chief', 'UPDATE workspace_members SET workspace_id = gen_random_uuid()'), '42501', 'without its guard: a membership moves nowhere');
SELECT * FROM finish();
ROLLBACK;
