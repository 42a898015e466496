-- SPDX-License-Identifier: PostgreSQL
-- The settings: each with its default, unit, range and description, as the README has it, and all of them for superusers: they
-- name hosts, files and databases, and users must not even read them.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE TEMP TABLE stated (name text, type text, standard text, unit text, least text, most text, choices text[]);
INSERT INTO stated VALUES
  ('app_schema',          'string',  'public',                       NULL, NULL,  NULL,      NULL),
  ('install',             'enum',    'auto',                         NULL, NULL,  NULL,      '{auto,on,off}'),
  ('allow_drop',          'bool',    'off',                          NULL, NULL,  NULL,      NULL),
  ('databases',           'string',  '*',                            NULL, NULL,  NULL,      NULL),
  ('api_base_url',        'string',  'https://api.replicate.com/v1', NULL, NULL,  NULL,      NULL),
  ('api_ca_file',         'string',  '',                             NULL, NULL,  NULL,      NULL),
  ('webhook_url',         'string',  '',                             NULL, NULL,  NULL,      NULL),
  ('max_transfers',       'integer', '128',                          NULL, '1',   '2000',    NULL),
  ('request_timeout',     'integer', '30000',                        'ms', '100', '600000',  NULL),
  ('poll_interval',       'integer', '1000',                         'ms', '10',  '60000',   NULL),
  ('user_concurrency',    'integer', '5',                            NULL, '0',   '100000',  NULL),
  ('workspace_concurrency', 'integer', '0',                          NULL, '0',   '100000',  NULL),
  ('max_queued_per_user', 'integer', '1000',                         NULL, '0',   '1000000', NULL),
  ('creates_per_minute',  'integer', '600',                          NULL, '0',   '1000000', NULL),
  ('requests_per_minute', 'integer', '3000',                         NULL, '0',   '1000000', NULL),
  ('max_attempts',        'integer', '3',                            NULL, '1',   '10',      NULL),
  ('max_prompt_chars',    'integer', '20000',                        NULL, '1',   '10000000', NULL),
  ('max_text_chars',      'integer', '10000',                        NULL, '1',   '10000000', NULL),
  ('max_url_chars',       'integer', '2048',                         NULL, '1',   '10000000', NULL),
  ('max_json_size',       'integer', '256',                          'kB', '1',   '262144',  NULL),
  ('max_flow_node_size',  'integer', '8192',                         'kB', '1',   '262144',  NULL),
  ('max_json_depth',      'integer', '64',                           NULL, '1',   '64',      NULL),
  ('image_deadline',      'integer', '300',                          's',  '5',   '86400',   NULL),
  ('video_deadline',      'integer', '1800',                         's',  '5',   '86400',   NULL),
  ('refresh_schedule',    'string',  '*/5 * * * *',                  NULL, NULL,  NULL,      NULL),
  ('cleanup_schedule',    'string',  '0 3 * * 0',                    NULL, NULL,  NULL,      NULL),
  ('timezone',            'string',  'UTC',                          NULL, NULL,  NULL,      NULL),
  ('generations_retention', 'integer', '129600',                     'min', '0',  '52560000', NULL),
  ('api_logs_retention',  'integer', '43200',                        'min', '0',  '52560000', NULL),
  ('attempts_retention',  'integer', '129600',                       'min', '0',  '52560000', NULL),
  ('models_only',         'bool',    'off',                          NULL, NULL,  NULL,      NULL),
  ('enforce_credits',     'bool',    'off',                          NULL, NULL,  NULL,      NULL),
  ('daily_budget_usd',    'real',    '0',                            NULL, '0',   '1e+09',   NULL),
  ('download_hosts',      'string',  '',                             NULL, NULL,  NULL,      NULL),
  ('training_deadline',   'integer', '7200',                         's',  '5',   '604800',  NULL),
  ('max_trainings_per_user', 'integer', '1',                         NULL, '0',   '1000',    NULL),
  ('log_calls',           'enum',    'creates',                      NULL, NULL,  NULL,      '{off,failures,creates,all}'),
  ('notify',              'enum',    'off',                          NULL, NULL,  NULL,      '{off,failed,all}'),
  ('safety_poll',         'integer', '5000',                         'ms', '100', '300000',  NULL);
SELECT set_eq($$SELECT name FROM pg_settings WHERE name LIKE 'atelier.%'$$, $$SELECT 'atelier.' || name FROM stated$$,
  'these are all settings');
SELECT is(row(p.vartype, p.boot_val, p.unit, p.min_val, p.max_val, p.enumvals)::text,
          row(s.type, s.standard, s.unit, s.least, s.most, s.choices)::text, s.name || ' has its type, default, unit and range')
  FROM stated s LEFT JOIN pg_settings p ON p.name = 'atelier.' || s.name ORDER BY s.name;
SELECT is(p.context, 'superuser', s.name || ' is for superusers')
  FROM stated s LEFT JOIN pg_settings p ON p.name = 'atelier.' || s.name ORDER BY s.name;
SELECT ok(p.short_desc ~ '^\S.*\.$' AND p.extra_desc ~ '^\S.*\.$', s.name || ' is described, and what it means')
  FROM stated s LEFT JOIN pg_settings p ON p.name = 'atelier.' || s.name ORDER BY s.name;

-- Users neither set nor read them; the app neither.
SELECT is(pg_temp.outcome(c.caller, format('SET LOCAL atelier.%I = DEFAULT', s.name)), '42501', c.caller
  || ' does not set ' || s.name)
  FROM stated s CROSS JOIN (VALUES ('ann'), ('service_role')) c (caller) ORDER BY s.name, c.caller;
SELECT is(pg_temp.outcome('ann', format('SHOW atelier.%I', s.name)), '42501', 'users do not read ' || s.name)
  FROM stated s WHERE s.type = 'string' ORDER BY s.name;
SELECT is(pg_temp.outcome('ann', 'ALTER ROLE authenticated SET atelier.api_base_url = ''https://tap.test'''), '42501',
  'nor for later');

-- URLs carry tokens: https, or http on this machine.
SELECT is(pg_temp.outcome('superuser', format('SET LOCAL atelier.api_base_url = %L', url)), result,
  format('API at %s: %s', quote_literal(translate(url, E'\r\n', '  ')), result))
  FROM (VALUES ('https://api.replicate.com/v1', '0'), ('https://proxy.tap.test:8443/v1/', '0'), ('http://127.0.0.1:9/v1', '0'),
               ('http://localhost/v1', '0'), ('http://[::1]:9/v1', '0'), ('', '22023'),
                 ('http://api.replicate.com/v1', '22023'),
               ('http://127.0.0.1.tap.test/v1', '22023'), ('http://localhost.tap.test/v1', '22023'),
                 ('http://127.0.0.1@tap.test/', '22023'),
               ('ftp://127.0.0.1/', '22023'), ('file:///etc/passwd', '22023'), ('https://', '22023'),
                 ('api.replicate.com', '22023'),
               (E'https://tap.test/\r\nX: 1', '22023'), ('https://tap.test/a b', '22023')) v (url, result);
SELECT is(pg_temp.outcome('superuser', format('SET LOCAL atelier.webhook_url = %L', url)), result,
  format('webhook at %s, %s bytes: %s', left(url, 50), length(url), result))
  FROM (VALUES ('', '0'), ('https://tap.test/rpc/replicate_webhook', '0'), ('http://tap.test/', '22023'),
               ('https://tap.test/' || repeat('x', 1983), '0'), ('https://tap.test/' || repeat('x', 1984), '22023'), ('https://tap.test/' || repeat('x', 3000), '22023')) v (url, result);
SELECT is(pg_temp.outcome('superuser', 'SET LOCAL atelier.max_transfers = 0'), '22023', 'a number out of its range is refused');
SELECT is(pg_temp.outcome('superuser', 'SET LOCAL atelier.image_deadline = ''2 d'''), '22023', 'so is a time');
SELECT is(pg_temp.outcome('superuser', 'SET LOCAL atelier.notify = ''maybe'''), '22023', 'so is a choice that is none');
SELECT is(pg_temp.outcome('superuser', 'SET LOCAL atelier.max_transfer = 1'), '42602', 'and a misspelled name');
SELECT is(pg_temp.answer('superuser', 'SELECT set_config(''atelier.request_timeout'', ''2 s'', true)'), '2s',
  'units are understood');
SELECT * FROM finish();
ROLLBACK;
