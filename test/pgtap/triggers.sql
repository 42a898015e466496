-- SPDX-License-Identifier: PostgreSQL
-- The native trigger functions run with the rights of whoever fires them and look at memory, so they serve their own tables only: a
-- user cannot put them on a table of his own to fill the queue or to crash the server. triggers_changed.sql has what a DBA does
-- to the real tables, auth_users.sql the trigger on the auth service's.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

-- Every trigger function, the table that it is for (null: any of ours), and when it fires.
CREATE TEMP TABLE native (name text, relation text, timing text, events text, level text);
INSERT INTO native VALUES
  ('guard_generation',         'generations',             'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('update_generation_status', 'generations',             'BEFORE', 'UPDATE', 'ROW'),
  ('sync_queue',               'generations',             'AFTER',  'INSERT OR UPDATE OR DELETE', 'ROW'),
  ('note_gone',                'generations',             'AFTER',  'UPDATE OR DELETE', 'ROW'),
  ('count_generation',         'generations',             'AFTER',  'INSERT OR UPDATE OR DELETE', 'ROW'),
  ('clear_counts',             'generations',             'AFTER',  'TRUNCATE', 'STATEMENT'),
  ('guard_user',               'users',                   'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('remove_user_flows',        'users',                   'BEFORE', 'DELETE', 'ROW'),
  ('clear_queue',              'generations',             'AFTER',  'TRUNCATE', 'STATEMENT'),
  ('guard_token',              'replicate_tokens',        'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('keep_token',               'replicate_tokens',        'BEFORE', 'DELETE', 'ROW'),
  ('tokens_changed',           'replicate_tokens',        'AFTER',  'INSERT OR UPDATE OR DELETE', 'STATEMENT'),
  ('guard_notification',       'notifications',           'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_workspace',          'workspaces',              'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('end_workspace',            'workspaces',              'BEFORE', 'DELETE', 'ROW'),
  ('add_workspace_owner',      'workspaces',              'AFTER',  'INSERT', 'ROW'),
  ('guard_workspace_member',   'workspace_members',       'BEFORE', 'INSERT OR UPDATE OR DELETE', 'ROW'),
  ('guard_flow',               'flows',                   'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('forget_flow',              'flows',                   'AFTER',  'DELETE', 'ROW'),
  ('guard_flow_node',          'flow_nodes',              'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('remember_flow_node',       'flow_nodes',              'AFTER',  'DELETE', 'ROW'),
  ('forget_flow_nodes',        'flow_nodes',              'AFTER',  'DELETE', 'STATEMENT'),
  ('guard_flow_edge',          'flow_edges',              'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_flow_member',        'flow_members',            'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_flow_invite',        'flow_invites',            'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_flow_comment',       'flow_comments',           'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_lora',               'user_loras',              'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_lora_image',         'lora_training_images',    'BEFORE', 'INSERT', 'ROW'),
  ('guard_conversation',       'assistant_conversations', 'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('guard_message',            'assistant_messages',      'BEFORE', 'INSERT', 'ROW'),
  ('note_message',             'assistant_messages',      'AFTER',  'INSERT', 'ROW'),
  ('guard_idea',               'ideas',                   'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('count_vote',               'idea_votes',              'AFTER',  'INSERT OR UPDATE OR DELETE', 'ROW'),
  ('guard_ticket',             'support_tickets',         'BEFORE', 'INSERT OR UPDATE', 'ROW'),
  ('catalogue_changed',        NULL,                      'AFTER',  'INSERT OR UPDATE OR DELETE', 'STATEMENT'),
  ('fill_defaults',            NULL,                      'BEFORE', 'INSERT', 'ROW'),
  ('touch_updated_at',         NULL,                      'BEFORE', 'UPDATE', 'ROW');
CREATE TEMP VIEW trigger_functions AS
SELECT p.oid, p.proname::text AS name, l.lanname = 'c' AS native FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'atelier'::regnamespace AND p.prorettype = 'trigger'::regtype;
SELECT set_eq('SELECT name FROM trigger_functions WHERE native', 'SELECT name FROM native', 'every native trigger function is stated');
SELECT set_eq('SELECT name FROM trigger_functions WHERE NOT native', ARRAY['follow_auth_user'], 'and there is one that is not native');
-- Where they are on: each on its own table, enabled.
SELECT is_empty($$
  SELECT n.name FROM native n JOIN trigger_functions f ON f.name = n.name
   WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = f.oid AND t.tgenabled = 'O'
                        AND t.tgrelid = coalesce(to_regclass('public.' || n.relation), t.tgrelid))$$, 'each is on its table');
SELECT is_empty($$
  SELECT t.tgrelid::regclass, n.name FROM native n JOIN trigger_functions f ON f.name = n.name JOIN pg_trigger t ON t.tgfoid = f.oid
   WHERE n.relation IS NOT NULL AND t.tgrelid <> to_regclass('public.' || n.relation)$$, 'and on no other');

-- A table like ours in another schema: same columns and types, without what would refuse an INSERT of nothing. One command
-- after the other, so that every trigger is fired.
CREATE SCHEMA own AUTHORIZATION authenticated;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION pg_temp.attach(n native, place text) RETURNS text LANGUAGE sql
AS $$ SELECT format('CREATE %1$sTABLE %2$s.%3$I AS SELECT * FROM public.%3$I WITH NO DATA;
                     CREATE TRIGGER mine %4$s %5$s ON %2$s.%3$I FOR EACH %6$s EXECUTE FUNCTION atelier.%7$I();',
                    CASE place WHEN 'pg_temp' THEN 'TEMP ' ELSE '' END, place, coalesce(n.relation, 'flows'), n.timing, n.events, n.level, n.name) $$;
CREATE FUNCTION pg_temp.fire(n native, place text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO %1$s.%2$I DEFAULT VALUES; UPDATE %1$s.%2$I SET id = id; DELETE FROM %1$s.%2$I; TRUNCATE %1$s.%2$I', place, coalesce(n.relation, 'flows')) $$;
SELECT is(pg_temp.outcome('ann', 'SET LOCAL search_path = own; ' || format('CREATE TABLE own.mine (id uuid); CREATE TRIGGER mine %s %s ON own.mine FOR EACH %s EXECUTE FUNCTION atelier.%I()',
                                               n.timing, n.events, n.level, n.name)), '42501', 'a user does not attach ' || n.name) FROM native n ORDER BY n.name;
SELECT is(pg_temp.outcome('superuser', 'SELECT atelier.' || n.name || '()'), '39P01', n.name || ' is not called but fired')
  FROM native n ORDER BY n.name;

-- Even where somebody has granted the functions: nothing is fired on a table that is not atelier_owner's.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA atelier TO authenticated;
GRANT ALL ON ALL TABLES IN SCHEMA public TO authenticated;
SELECT is(pg_temp.outcome('ann', pg_temp.attach(n, 'own') || pg_temp.fire(n, 'own')), '39P01', n.name || ' refuses a look-alike of a user')
  FROM native n ORDER BY n.name;
SELECT is(pg_temp.outcome('superuser', pg_temp.attach(n, 'own') || pg_temp.fire(n, 'own')), '39P01', n.name || ' refuses a look-alike of a superuser')
  FROM native n ORDER BY n.name;
-- A temporary table is found first, by name.
SELECT is(pg_temp.outcome('ann', pg_temp.attach(n, 'pg_temp') || pg_temp.fire(n, 'pg_temp')), '39P01', n.name || ' refuses a temporary look-alike')
  FROM native n ORDER BY n.name;

-- On a table of atelier_owner: the wrong name, time, level.
CREATE FUNCTION pg_temp.attempt_as_owner(n native, relation text, timing text, level text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('superuser', format(
  'CREATE SCHEMA elsewhere AUTHORIZATION atelier_owner; CREATE TABLE elsewhere.%1$I AS SELECT * FROM public.%2$I WITH NO DATA;
   ALTER TABLE elsewhere.%1$I OWNER TO atelier_owner; CREATE TRIGGER mine %3$s %4$s ON elsewhere.%1$I FOR EACH %5$s EXECUTE FUNCTION atelier.%6$I();
   INSERT INTO elsewhere.%1$I DEFAULT VALUES; UPDATE elsewhere.%1$I SET id = id; DELETE FROM elsewhere.%1$I; TRUNCATE elsewhere.%1$I',
  -- There is no trigger for each row of a truncation.
  relation, coalesce(n.relation, 'flows'), timing, CASE level WHEN 'ROW' THEN replace(n.events, 'TRUNCATE', 'INSERT') ELSE n.events END, level, n.name)) $$;
SELECT is(pg_temp.attempt_as_owner(n, 'others', n.timing, n.level), '39P01', n.name || ' does not serve another table')
  FROM native n WHERE n.relation IS NOT NULL ORDER BY n.name;
SELECT is(pg_temp.attempt_as_owner(n, coalesce(n.relation, 'flows'), CASE n.timing WHEN 'BEFORE' THEN 'AFTER' ELSE 'BEFORE' END, n.level), '39P01',
          n.name || ' does not serve at the wrong time') FROM native n ORDER BY n.name;
SELECT is(pg_temp.attempt_as_owner(n, coalesce(n.relation, 'flows'), n.timing, CASE n.level WHEN 'ROW' THEN 'STATEMENT' ELSE 'ROW' END), '39P01',
          n.name || ' does not serve at the wrong level') FROM native n ORDER BY n.name;
-- Wrong columns.
SELECT is(pg_temp.outcome('superuser', format(
  'CREATE SCHEMA elsewhere AUTHORIZATION atelier_owner; CREATE TABLE elsewhere.%1$I %2$s; ALTER TABLE elsewhere.%1$I OWNER TO atelier_owner;
   CREATE TRIGGER mine %3$s; INSERT INTO elsewhere.%1$I DEFAULT VALUES; UPDATE elsewhere.%1$I SET id = id; DELETE FROM elsewhere.%1$I',
  name, definition, format(timing, 'elsewhere.' || quote_ident(name)))), '39P01', format('%s (%s) does not serve: %s', name, definition, timing))
  FROM (VALUES
    ('generations', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation()', '(id uuid, status text)'),
    ('generations', 'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION atelier.update_generation_status()', '(id uuid, status integer)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue()',
      '(id text, user_id uuid, status text DEFAULT ''queued'', settings jsonb)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue()',
      '(id integer DEFAULT 7, user_id integer, status text DEFAULT ''queued'', settings integer)'),
    ('users', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_user()', '(id uuid, email integer DEFAULT 7)'),
    ('replicate_tokens', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_token()', '(id integer, token integer DEFAULT 7)'),
    ('flows', 'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION atelier.touch_updated_at()', '(id uuid, updated_at text)'),
    ('flows', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_flow()', '(id uuid, name integer)'),
    ('flow_edges', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_flow_edge()', '(id uuid, flow_id text)'),
    ('flow_comments', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_flow_comment()', '(id uuid, read_by text)'),
    ('workspaces', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_workspace()', '(id uuid, slug integer)'),
    ('idea_votes', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.count_vote()', '(id uuid, idea_id text)'),
    ('assistant_messages', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.note_message()', '(id uuid)')) v (name, timing, definition);
SELECT is(pg_temp.outcome('superuser', $$CREATE VIEW own.generations AS SELECT * FROM public.generations;
  CREATE TRIGGER mine INSTEAD OF UPDATE ON own.generations FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation();
  UPDATE own.generations SET viewed = true$$), '39P01', 'a view is no table');
SELECT is((SELECT count(*) FROM atelier.queue WHERE user_id = pg_temp.bob()), 1::bigint,
  'after all this the queue is as it was');
SELECT * FROM finish();
ROLLBACK;
