-- SPDX-License-Identifier: PostgreSQL
-- What an INSERT by a user may say: the columns that are his are taken as sent, every other one gets its default, whatever was
-- sent. Both lists are stated here, so that a new column has to be put into one of them.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

-- What a user sends, and what becomes of it: null stands for the default.
CREATE TEMP TABLE stated (name text, sent text, kept text);
INSERT INTO stated VALUES
  ('id', '00000000-0000-4000-8000-000000000111', '00000000-0000-4000-8000-000000000111'),
  ('user_id', '00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000a'),
  ('action', 'upscale', 'upscale'),
  ('model_id', 'mine', 'mine'),
  ('model_name', 'Mine', 'Mine'),
  ('replicate_model', 'my/model', 'my/model'),
  ('prompt', 'a kettle', 'a kettle'),
  ('input_image_url', 'https://tap.test/a.png', 'https://tap.test/a.png'),
  ('input_video_url', 'https://tap.test/a.mp4', 'https://tap.test/a.mp4'),
  ('settings', '{"seed": 7}', '{"seed": 7}'),
  ('replicate_input', '{"steps": 4}', '{"steps": 4}'),
  ('status', 'pending', 'pending'),
  ('output_urls', '{https://tap.test/free.png}', NULL),
  ('replicate_prediction_id', 'somebody-else''s', NULL),
  ('replicate_token_index', '7', NULL),
  ('processing_time_ms', '1', NULL),
  ('error_message', 'e', NULL),
  ('cost_credits', '-1000', NULL),
  ('created_at', '2001-01-01', NULL),
  ('started_at', '2001-01-01', NULL),
  ('completed_at', '2001-01-01', NULL),
  ('viewed', 'true', NULL),
  ('viewed_at', '2001-01-01', NULL),
  ('replicate_output', '{"status": "succeeded"}', NULL),
  ('is_favorite', 'true', NULL),
  ('output_text', 'text', NULL),
  ('cost_usd', '-1', NULL),
  ('output_thumbs', '{https://tap.test/t.png}', NULL),
  ('is_keyframe_segment', 'true', NULL),
  ('output_url', 'https://tap.test/free.png', NULL);
-- A workspace is said by the user too, once he is a member of one; changed_in by a trigger, whoever writes.
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'generations'::regclass AND attnum > 0
  AND NOT attisdropped$$,
              $$SELECT name FROM stated UNION VALUES ('workspace_id'), ('changed_in')$$, 'every column is stated');

-- Inserts a complete and harmless row with one value exchanged, and returns what became of it.
CREATE FUNCTION pg_temp.put(caller text, name text, value text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  columns text[] := '{user_id,action,model_id,model_name,replicate_model,status,prompt}';
  "values" text[] := ARRAY[pg_temp.ann()::text, 'create', 'm', 'M', 'owner/name', 'pending', 'p'];
  place integer := array_position(columns, name);
BEGIN
  columns[coalesce(place, 8)] := name;
  "values"[coalesce(place, 8)] := value;
  RETURN pg_temp.answer(caller, format('INSERT INTO generations (%s) VALUES (%s) RETURNING %I',
    (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY c (name, n)),
    (SELECT string_agg(quote_nullable(v.value), ', ' ORDER BY n) FROM unnest("values") WITH ORDINALITY v (value, n)), name));
END $$;
CREATE TEMP VIEW defaults AS
SELECT a.attname::text AS name, a.attnotnull, d.adbin IS NOT NULL AS has_default,
       coalesce(CASE pg_get_expr(d.adbin, d.adrelid) WHEN 'now()' THEN now()::text
                  ELSE trim(both '''' FROM regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::.*', '')) END, 'null') AS value
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
 WHERE a.attrelid = 'generations'::regclass AND a.attnum > 0;

SELECT is(pg_temp.put('ann', s.name, s.sent),
          coalesce(s.kept, d.value),
          format('%s of a user: %s', s.name, CASE WHEN s.kept IS NULL THEN 'the default' ELSE 'as sent' END))
  FROM stated s JOIN defaults d USING (name) ORDER BY s.name;
SELECT is(pg_temp.put('ann', 'changed_in', '7'), pg_temp.put('service_role', 'changed_in', '8'), 'changed_in is the transaction''s, whoever writes');
-- The app itself says everything.
SELECT isnt(pg_temp.put('service_role', s.name, s.sent), d.value, s.name || ' of the app: as sent')
  FROM stated s JOIN defaults d USING (name) WHERE s.kept IS NULL ORDER BY s.name;
-- Null for what must not be null is as good as nothing, for both.
SELECT is(pg_temp.put(c.caller, d.name, NULL), d.value,
          format('%s of %s: null becomes the default', d.name, c.caller))
  FROM defaults d CROSS JOIN (VALUES ('ann'), ('service_role')) c (caller)
 WHERE d.attnotnull AND d.has_default AND d.name <> 'id' ORDER BY d.name, c.caller;
SELECT is(pg_temp.put('ann', d.name, NULL), '23502', d.name || ': null is refused where there is no default')
  FROM defaults d WHERE d.attnotnull AND NOT d.has_default AND d.name <> 'user_id' ORDER BY d.name;
SELECT is(pg_temp.put('ann', 'user_id', NULL), '42501', 'a row of nobody is not the user''s');

-- Whose, where and how far.
SELECT is(pg_temp.put('ann', 'user_id', pg_temp.bob()::text), '42501', 'a row of another user is refused');
SELECT is(pg_temp.put('ann', 'workspace_id', pg_temp.ann()::text), '42501', 'a workspace of which he is no member is refused');
SELECT is(pg_temp.put('ann', 'status', status), '42501', 'a row that begins as ' || status || ' is refused')
  FROM unnest(ARRAY['processing', 'completed', 'failed', 'cancelled', 'succeeded', 'unknown', '']) status;
SELECT is(pg_temp.put('ann', 'status', 'queued'), 'queued', 'a row may begin as queued');
-- Nothing that costs money or grants a place is read from the settings but the priority.
SELECT is(pg_temp.answer('ann', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, settings)
  VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name',
    '{"cost_credits": 0, "status": "completed", "auto_retry_count": 99, "x": 1}')
  RETURNING concat_ws(' ', status, cost_credits)$$), 'queued 1', 'settings change no column');
SELECT * FROM finish();
ROLLBACK;
