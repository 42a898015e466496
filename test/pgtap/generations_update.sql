-- SPDX-License-Identifier: PostgreSQL
-- What an UPDATE by a user may change: every column times every state that a row can be in, once with the column privileges as
-- they are and once without that first wall, so that the guard has to hold alone. Then every change of status.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

-- A row in this state. `app`: its provider is called by the app's own routes; `atelier`: it has gone through an attempt.
CREATE FUNCTION pg_temp.make(state text) RETURNS uuid LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid;
BEGIN
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, prompt)
  VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', split_part(state, ' ', 1), 'p') RETURNING id INTO row_id;
  IF state LIKE '% atelier' THEN
    DELETE FROM atelier.queue q WHERE q.generation_id = row_id;
    INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline, prediction_id)
    VALUES (row_id, pg_temp.ann(), 1,
            CASE split_part(state, ' ', 1) WHEN 'completed' THEN 'succeeded' WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'canceled'
              ELSE 'running' END, now(), now(), 'p' || row_id);
    UPDATE generations SET replicate_prediction_id = 'p' || row_id WHERE id = row_id;
  END IF;
  RETURN row_id;
END $$;
CREATE TEMP TABLE states (n integer, state text);
INSERT INTO states VALUES (1, 'pending'), (2, 'queued'), (3, 'processing app'), (4, 'processing atelier'), (5, 'completed app'),
                          (6, 'completed atelier'), (7, 'failed atelier'), (8, 'cancelled app');

-- The value sent, and in which states the change is let through. Whatever is not named in the last column is 42501.
CREATE TEMP TABLE stated (name text, sent text, free_in text[]);
INSERT INTO stated VALUES
  ('viewed', 'true', '{all}'), ('viewed_at', '2001-01-01', '{all}'), ('is_favorite', 'true', '{all}'),
  -- The app's own dispatch, which calls providers as the signed-in user.
  ('error_message', 'mine', '{pending,processing app}'),
  ('completed_at', '2001-01-01', '{pending,processing app}'),
  ('replicate_prediction_id', 'mine', '{pending,processing app}'),
  ('id', '00000000-0000-4000-8000-000000000111', '{}'), ('user_id', '00000000-0000-4000-8000-00000000000b', '{}'),
  ('action', 'upscale', '{}'), ('model_id', 'x', '{}'), ('model_name', 'x', '{}'), ('replicate_model', 'x/y', '{}'),
    ('prompt', 'x', '{}'),
  ('input_image_url', 'https://tap.test', '{}'), ('input_video_url', 'https://tap.test', '{}'),
    ('settings', '{"priority": 9}', '{}'),
  ('replicate_input', '{"x": 1}', '{}'), ('replicate_output', '{"x": 1}', '{}'), ('output_urls', '{https://tap.test}', '{}'),
  ('output_url', 'https://tap.test', '{}'), ('output_text', 'x', '{}'), ('output_thumbs', '{https://tap.test}', '{}'),
  ('replicate_token_index', '7', '{}'), ('processing_time_ms', '1', '{}'), ('cost_credits', '0', '{}'), ('cost_usd', '0', '{}'),
  ('created_at', '2001-01-01', '{}'), ('started_at', '2001-01-01', '{}'), ('is_keyframe_segment', 'true', '{}'),
  ('workspace_id', '00000000-0000-4000-8000-00000000000b', '{}'), ('changed_in', '7', '{}');
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'generations'::regclass AND attnum > 0
  AND NOT attisdropped$$,
              $$SELECT name FROM stated UNION SELECT 'status'$$, 'every column is stated');
CREATE FUNCTION pg_temp.change(state text, name text, value text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('ann', format('UPDATE generations SET %I = %L WHERE id = %L', name, value,
  pg_temp.make(state))) $$;

SELECT is(pg_temp.change('pending', s.name, s.sent), CASE WHEN s.free_in = '{}' THEN '42501' ELSE '1' END,
  'column privileges: ' || s.name)
  FROM stated s ORDER BY s.name;
GRANT UPDATE ON generations TO authenticated;
SELECT is(pg_temp.change(t.state, s.name, s.sent), CASE WHEN s.free_in && ARRAY['all', t.state] THEN '1' ELSE '42501' END,
          format('guard: %s while %s', s.name, t.state))
  FROM stated s CROSS JOIN states t ORDER BY s.name, t.n;
-- Sending a column along unchanged is no change: clients save whole rows.
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET user_id = user_id, prompt = %L, cost_credits = 1, viewed = true WHERE id = %L', 'p', pg_temp.make('queued'))),
          '1', 'unchanged values are let through');

-- A prediction id is written once, and what the user says about the end of a job is not believed.
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET replicate_prediction_id = NULL WHERE id = %L',
  pg_temp.make('processing atelier'))),
          '42501', 'a prediction id is not taken away');
CREATE FUNCTION pg_temp.later(state text, first text, second text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid := pg_temp.make(state);
BEGIN
  EXECUTE format('UPDATE generations SET %s WHERE id = %L', first, row_id);
  RETURN pg_temp.answer('ann', format('UPDATE generations SET %s WHERE id = %L RETURNING concat_ws('' '', status, completed_at = now())', second, row_id));
END $$;
SELECT is(pg_temp.later('pending', 'replicate_prediction_id = ''first''', 'replicate_prediction_id = ''second'''), '42501',
          'a prediction id is not replaced');
SELECT is(pg_temp.later('processing app', 'viewed = true', 'status = ''failed'', completed_at = ''2001-01-01'''), 'failed t',
          'the end of a job is now, whatever the user says');
SELECT is(pg_temp.later('pending', 'viewed = true', 'error_message = repeat(''x'', 10001)'), '22001',
  'an error message has a limit');

-- Every change of status, by the state that the row is in: what the row has afterwards, or 42501.
CREATE TEMP TABLE moves (state text, pending text, queued text, processing text, completed text, failed text, cancelled text);
INSERT INTO moves VALUES
  ('pending',           'pending', 'queued',     'processing', '42501',     'failed',       '42501'),
  ('queued',            '42501',   'queued',     '42501',      '42501',     '42501',        'cancelled'),
  ('queued atelier',    '42501',   'queued',     '42501',      '42501',     '42501',        'queued'),
  ('processing app',    '42501',   '42501',      'processing', '42501',     'failed',       'cancelled'),
  ('processing atelier', '42501',  'processing', 'processing', '42501',     '42501',        'processing'),
  ('completed app',     '42501',   '42501',      '42501',      'completed', '42501',        '42501'),
  ('completed atelier', '42501',   'completed',  '42501',      'completed', '42501',        '42501'),
  ('failed app',        '42501',   '42501',      '42501',      '42501',     'failed',       '42501'),
  ('failed atelier',    '42501',   'failed',     '42501',      '42501',     'failed',       '42501'),
  ('cancelled app',     '42501',   '42501',      '42501',      '42501',     '42501',        'cancelled'),
  ('cancelled atelier', '42501',   'cancelled',  '42501',      '42501',     '42501',        'cancelled');
SELECT is(pg_temp.answer('ann', format('UPDATE generations SET status = %L WHERE id = %L RETURNING status', c.status,
  pg_temp.make(m.state))),
          c.expected, format('status: %s to %s', m.state, c.status))
  FROM moves m CROSS JOIN LATERAL (VALUES ('pending', m.pending), ('queued', m.queued), ('processing', m.processing),
                                          ('completed', m.completed), ('failed', m.failed),
                                            ('cancelled', m.cancelled)) c (status, expected)
 ORDER BY m.state, c.status;
SELECT is(pg_temp.answer('ann', format('UPDATE generations SET status = %L WHERE id = %L RETURNING status', 'succeeded',
  pg_temp.make(m.state))),
          '42501', format('status: %s to succeeded', m.state))
  FROM moves m ORDER BY m.state;
SELECT is(pg_temp.change('pending', 'status', 'unheard of'), '42501', 'a status that is none is refused to users');
SELECT * FROM finish();
ROLLBACK;
