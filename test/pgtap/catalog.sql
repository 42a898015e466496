-- SPDX-License-Identifier: PostgreSQL
-- What a DBA finds in the catalog: a comment on everything, names by one pattern, columns without traps. columns.sql has the
-- columns themselves, foreign_keys.sql the keys.
BEGIN;
SELECT * FROM no_plan();
\ir lib/functions.sql

CREATE TEMP VIEW relations AS
SELECT c.oid::regclass::text AS name, c.*
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'atelier')
    AND c.relkind IN ('r', 'v', 'm', 'p');
SELECT cmp_ok((SELECT count(*) FROM relations), '>=', 30::bigint, 'the relations were found');
SELECT cmp_ok((SELECT count(*) FROM functions), '>=', 150::bigint, 'the functions were found');
SELECT is_empty($$SELECT name FROM relations WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''$$,
  'every relation has a comment');
SELECT is_empty($$SELECT r.name, a.attname FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid
                   WHERE r.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
                     AND coalesce(col_description(r.oid, a.attnum), '') = ''$$, 'every column of a table has a comment');
SELECT is_empty($$SELECT name FROM functions WHERE coalesce(obj_description(id, 'pg_proc'), '') = ''$$,
  'every function has a comment');
SELECT is_empty($$SELECT t.oid::regtype FROM pg_type t WHERE t.typnamespace IN ('public'::regnamespace, 'atelier'::regnamespace)
                     AND t.typtype IN ('e', 'd') AND coalesce(obj_description(t.oid, 'pg_type'), '') = ''$$, 'every type has a comment');
SELECT is_empty($$SELECT nspname FROM pg_namespace WHERE (nspname = 'atelier' OR (nspname = 'auth' AND pg_temp.auth_is_ours()))
                    AND coalesce(obj_description(oid, 'pg_namespace'), '') = ''$$, 'every schema has a comment');
SELECT is_empty($$SELECT extname FROM pg_extension WHERE extname = 'atelier'
  AND coalesce(obj_description(oid, 'pg_extension'), '') = ''$$,
                'the extension has a comment');
SELECT is_empty($$SELECT r.name, i.indexrelid::regclass FROM relations r JOIN pg_index i ON i.indrelid = r.oid
  JOIN pg_class x ON x.oid = i.indexrelid
                   WHERE x.relname NOT LIKE r.relname || '\_%'$$, 'indexes are named after their table');
SELECT is_empty($$SELECT c.conname FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
                   WHERE c.contype IN ('c', 'f', 'p', 'u') AND c.conname NOT LIKE r.relname || '\_%'$$, 'so are constraints');

-- A NULL in a flag, a counter or a time makes rows vanish from lists and counts.
SELECT is_empty($$SELECT r.name, a.attname FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid
                    JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
                   WHERE NOT a.attnotnull AND a.attgenerated = '' AND (r.name, a.attname) <> ('notifications', 'metadata')$$,
                'a column with a default is not null');
SELECT is_empty($$SELECT r.name, a.attname FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid
                   WHERE a.atttypid IN ('timestamp'::regtype, 'json'::regtype, 'money'::regtype, 'bpchar'::regtype)$$,
                'no column has a type that loses something');
SELECT col_default_is('generations', 'status', 'queued', 'a generation is queued unless it says otherwise');
SELECT col_type_is('generations', 'processing_time_ms', 'integer', 'a processing time has the type that the app declares');
-- What a check says is read anew by each statement that writes; an array that is put together there costs most of it.
CREATE TEMP VIEW checks AS
SELECT string_agg(pg_get_constraintdef(oid), E'\n' ORDER BY conname) AS definitions
  FROM pg_constraint WHERE conrelid = 'generations'::regclass AND contype = 'c';
SELECT is((SELECT definitions FROM checks),
  'CHECK ((action = ANY (''{create,edit,upscale,remove_bg,inpaint,expand,video_create,video_i2v,video_edit,video_upscale,video_keyframes,'
  || E'analyze_describe,analyze_ocr,analyze_prompt}\'::text[])))\n'
  || 'CHECK ((status = ANY (''{pending,queued,processing,completed,failed,cancelled}''::text[])))',
  'the values of a generation that are checked stand in one constant');
-- Those of a table that was made before, whatever its DBA has added to them.
ALTER TABLE generations DROP CONSTRAINT generations_action_check, DROP CONSTRAINT generations_status_check,
  ADD CONSTRAINT generations_action_check CHECK (action IN ('create', 'sing, it''s "new"')),
  ADD CONSTRAINT generations_status_check CHECK (status IN ('queued', 'pending') OR model_id = 'any');
SELECT lives_ok('SELECT atelier.step_checks()', 'the step is run on checks that are others');
SELECT is((SELECT definitions FROM checks),
  $$CHECK ((action = ANY ('{create,"sing, it''s \"new\""}'::text[])))$$ || E'\n'
  || $$CHECK (((status = ANY (ARRAY['queued'::text, 'pending'::text])) OR (model_id = 'any'::text)))$$,
  'a list keeps its values, and what is more than a list stays');
-- One person, one address, however it is written.
SELECT lives_ok($$INSERT INTO users (email) VALUES (' Mix@Tap.Test')$$, 'an address with capitals is taken');
SELECT throws_ok($$INSERT INTO users (email) VALUES ('mix@tap.TEST ')$$, '23505', NULL,
  'the same address written otherwise is not');
SELECT results_eq($$SELECT email FROM users WHERE lower(email) = 'mix@tap.test'$$, $$VALUES ('mix@tap.test')$$,
  'it is kept in lower case');
SELECT lives_ok($$INSERT INTO users (email) VALUES (NULL), (NULL)$$, 'no address at all may occur twice');
SELECT * FROM finish();
ROLLBACK;
