-- SPDX-License-Identifier: PostgreSQL
-- What each caller really reads and writes: a number of rows, or `no` (42501). Of ann's row, ann is the owner, bob another user
-- and dan a deactivated one; of dan's row, dan is the owner.
BEGIN;
SELECT plan(508);
\ir lib/callers.sql

CREATE TEMP TABLE stated (n integer GENERATED ALWAYS AS IDENTITY, command text, anon text, nobody text, impostor text, ann text,
                          bob text, dan text, service_role text);
INSERT INTO stated (command, anon, nobody, impostor, ann, bob, dan, service_role) VALUES
  ($$SELECT FROM users WHERE id = pg_temp.ann()$$,                         'no', '0', '0', '1', '0', '0', '1'),
  ($$SELECT FROM users WHERE id = pg_temp.dan()$$,                         'no', '0', '0', '0', '0', '1', '1'),
  ($$SELECT FROM users WHERE email LIKE '%@tap.test'$$,                    'no', '0', '0', '1', '1', '1', '3'),
  ($$SELECT FROM users WHERE email LIKE '%@tap.test' FOR UPDATE$$,         'no', '0', '0', '1', '1', '0', '3'),
  ($$INSERT INTO users (id) VALUES (gen_random_uuid())$$,                  'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$UPDATE users SET display_name = 'x' WHERE id = pg_temp.ann()$$,       'no', '0', '0', '1', '0', '0', '1'),
  ($$UPDATE users SET display_name = 'x' WHERE id = pg_temp.dan()$$,       'no', '0', '0', '0', '0', '0', '1'),
  ($$UPDATE users SET display_name = 'x'$$,                                'no', '0', '0', '1', '1', '0', '3'),
  ($$UPDATE users SET credits = 9 WHERE id = pg_temp.ann()$$,              'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$DELETE FROM users WHERE id = pg_temp.ann()$$,                         'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$TRUNCATE users CASCADE$$,                                             'no', 'no', 'no', 'no', 'no', 'no', 'no'),
  ($$SELECT FROM generations WHERE id = pg_temp.ann()$$,                   'no', '0', '0', '1', '0', '0', '1'),
  ($$SELECT FROM generations WHERE id = pg_temp.dan()$$,                   'no', '0', '0', '0', '0', '0', '1'),
  ($$SELECT FROM generations$$,                                            'no', '0', '0', '1', '1', '0', '3'),
  ($$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
     VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name')$$,           'no', 'no', 'no', '1', 'no', 'no', '1'),
  ($$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
     VALUES (pg_temp.dan(), 'create', 'm', 'M', 'owner/name')$$,           'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
     VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name') RETURNING *$$, 'no', 'no', 'no', '1', 'no', 'no', '1'),
  ($$UPDATE generations SET viewed = true WHERE id = pg_temp.ann()$$,      'no', '0', '0', '1', '0', '0', '1'),
  ($$UPDATE generations SET viewed = true WHERE id = pg_temp.dan()$$,      'no', '0', '0', '0', '0', '0', '1'),
  ($$UPDATE generations SET viewed = true$$,                               'no', '0', '0', '1', '1', '0', '3'),
  ($$UPDATE generations SET status = 'queued'$$,                           'no', '0', '0', '1', '1', '0', '3'),
  ($$UPDATE generations SET cost_credits = 0 WHERE id = pg_temp.ann()$$,   'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$DELETE FROM generations WHERE id = pg_temp.ann()$$,                   'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$TRUNCATE generations CASCADE$$,                                       'no', 'no', 'no', 'no', 'no', 'no', 'no'),
  ($$SELECT FROM notifications WHERE id = pg_temp.ann()$$,                 'no', '0', '0', '1', '0', '0', '1'),
  ($$SELECT FROM notifications WHERE id = pg_temp.dan()$$,                 'no', '0', '0', '0', '0', '0', '1'),
  ($$INSERT INTO notifications (user_id, type, title)
     VALUES (pg_temp.ann(), 'update', 't')$$,                              'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$UPDATE notifications SET is_read = true WHERE id = pg_temp.ann()$$,   'no', '0', '0', '1', '0', '0', '1'),
  ($$UPDATE notifications SET is_read = true WHERE id = pg_temp.dan()$$,   'no', '0', '0', '0', '0', '0', '1'),
  ($$UPDATE notifications SET link = 'x' WHERE id = pg_temp.ann()$$,       'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$DELETE FROM notifications WHERE id = pg_temp.ann()$$,                 'no', '0', '0', '1', '0', '0', '1'),
  ($$DELETE FROM notifications WHERE id = pg_temp.dan()$$,                 'no', '0', '0', '0', '0', '0', '1'),
  ($$TRUNCATE notifications$$,                                             'no', 'no', 'no', 'no', 'no', 'no', 'no'),
  ($$SELECT FROM replicate_tokens WHERE id = 1000000$$,                    'no', '0', '0', '0', '0', '0', '1'),
  ($$INSERT INTO replicate_tokens (token) VALUES ('r8_mine')$$,            'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$UPDATE replicate_tokens SET is_active = false WHERE id = 1000000$$,   'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$DELETE FROM replicate_tokens WHERE id = 1000000$$,                    'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$TRUNCATE replicate_tokens CASCADE$$,                                  'no', 'no', 'no', 'no', 'no', 'no', 'no'),
  ($$SELECT FROM api_logs WHERE id = pg_temp.ann()$$,                      'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$INSERT INTO api_logs (method, path, status_code)
     VALUES ('GET', '/', 200)$$,                                           'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$UPDATE api_logs SET path = '/x' WHERE id = pg_temp.ann()$$,           'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$DELETE FROM api_logs WHERE id = pg_temp.ann()$$,                      'no', 'no', 'no', 'no', 'no', 'no', '1'),
  ($$TRUNCATE api_logs$$,                                                  'no', 'no', 'no', 'no', 'no', 'no', 'no');
-- Schema atelier is nobody's to look into, the app's neither.
INSERT INTO stated (command, anon, nobody, impostor, ann, bob, dan, service_role)
SELECT command, 'no', 'no', 'no', 'no', 'no', 'no', 'no'
  FROM unnest(ARRAY['SELECT FROM atelier.attempts', 'SELECT FROM atelier.queue', 'SELECT FROM atelier.token_state',
                    'SELECT FROM atelier.identity', 'SELECT FROM atelier.migrations', 'SELECT FROM atelier.tokens',
                    'SELECT FROM atelier.workers', 'SELECT FROM atelier.queue_status',
                    'UPDATE atelier.identity SET dispatch = ''running''', 'DELETE FROM atelier.queue']) command;
SELECT is(replace(pg_temp.outcome(c.caller, s.command), '42501', 'no'), c.expected,
          format('%s: %s', c.caller, regexp_replace(s.command, '\s+', ' ', 'g')))
  FROM stated s
 CROSS JOIN LATERAL (VALUES ('anon', s.anon), ('nobody', s.nobody), ('impostor', s.impostor), ('ann', s.ann), ('bob', s.bob),
                            ('dan', s.dan), ('service_role', s.service_role)) c (caller, expected)
 ORDER BY s.n;

-- A command with a mistake in it would pass for a refusal.
SELECT cmp_ok(length(pg_temp.outcome('superuser', s.command)), '<', 5, 'it can be done: '
  || regexp_replace(s.command, '\s+', ' ', 'g'))
  FROM stated s ORDER BY s.n;

-- Row level security alone: whoever grants too much opens nothing.
GRANT ALL ON ALL TABLES IN SCHEMA public, atelier TO anon, authenticated;
CREATE TEMP TABLE granted (n integer GENERATED ALWAYS AS IDENTITY, command text, anon text, ann text, dan text);
INSERT INTO granted (command, anon, ann, dan) VALUES
  ('SELECT FROM users',                                                               '0', '1', '1'),
  ('SELECT FROM generations',                                                         '0', '1', '0'),
  ('SELECT FROM notifications',                                                       '0', '1', '0'),
  ('SELECT FROM replicate_tokens',                                                    '0', '0', '0'),
  ('SELECT FROM api_logs',                                                            '0', '0', '0'),
  ('SELECT FROM atelier.attempts',                                                    '0', '0', '0'),
  ('SELECT FROM atelier.queue',                                                       '0', '0', '0'),
  ('SELECT FROM atelier.token_state',                                                 '0', '0', '0'),
  ('SELECT FROM atelier.identity',                                                    '0', '0', '0'),
  ('SELECT FROM atelier.migrations',                                                  '0', '0', '0'),
  ('INSERT INTO users (id) VALUES (gen_random_uuid())',                               'no', 'no', 'no'),
  ('INSERT INTO notifications (user_id, type, title) VALUES (pg_temp.ann(), ''update'', ''t'')', 'no', 'no', 'no'),
  ('INSERT INTO replicate_tokens (token) VALUES (''r8_mine'')',                       'no', 'no', 'no'),
  ('INSERT INTO api_logs (method, path, status_code) VALUES (''GET'', ''/'', 200)',   'no', 'no', 'no'),
  ('INSERT INTO atelier.migrations (version) VALUES (9)',                             'no', 'no', 'no'),
  ('INSERT INTO atelier.queue (generation_id, user_id) VALUES (gen_random_uuid(), pg_temp.ann())', 'no', 'no', 'no'),
  ('UPDATE users SET role = ''super_admin'' WHERE id <> pg_temp.ann()',               '0', '0', '0'),
  ('UPDATE users SET role = ''super_admin''',                                         '0', 'no', '0'),
  ('UPDATE notifications SET user_id = pg_temp.bob()',                                '0', 'no', '0'),
  ('UPDATE replicate_tokens SET is_active = false',                                   '0', '0', '0'),
  ('UPDATE atelier.identity SET dispatch = ''running''',                              '0', '0', '0'),
  ('UPDATE atelier.attempts SET state = ''succeeded''',                               '0', '0', '0'),
  ('DELETE FROM users',                                                               '0', '0', '0'),
  ('DELETE FROM generations',                                                         '0', '0', '0'),
  ('DELETE FROM notifications',                                                       '0', '1', '0'),
  ('DELETE FROM replicate_tokens',                                                    '0', '0', '0'),
  ('DELETE FROM atelier.queue',                                                       '0', '0', '0');
SELECT is(replace(pg_temp.outcome(c.caller, g.command), '42501', 'no'), c.expected,
  format('with all grants, %s: %s', c.caller, g.command))
  FROM granted g CROSS JOIN LATERAL (VALUES ('anon', g.anon), ('ann', g.ann), ('dan', g.dan)) c (caller, expected)
 ORDER BY g.n;
-- And the guards aside: a row is not given away.
ALTER TABLE generations DISABLE TRIGGER USER;
ALTER TABLE users DISABLE TRIGGER USER;
SELECT is(pg_temp.outcome('ann', command), '42501', 'without its guard: ' || command)
  FROM unnest(ARRAY['UPDATE generations SET user_id = pg_temp.bob()', 'UPDATE users SET id = gen_random_uuid()',
                    'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.bob(), ''edit'', ''m'', ''M'', ''x'')'])
       command;
SELECT * FROM finish();
ROLLBACK;
