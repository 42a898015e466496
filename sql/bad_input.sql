-- SPDX-License-Identifier: PostgreSQL
-- What nobody should send: each gives a clear error or "nobody", and changes nothing.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

BEGIN;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
\set ann '''00000000-0000-4000-8000-00000000000a'''
INSERT INTO users (id, email) VALUES (:ann, 'ann@bad.test');
CREATE FUNCTION pg_temp.claim(claims text) RETURNS text LANGUAGE plpgsql
AS $$ BEGIN PERFORM set_config('request.jwt.claims', claims, true);
      RETURN coalesce(atelier.uid()::text, 'nobody') || ', ' || coalesce(atelier.role(), 'no role'); END $$;
-- Inserts a generation with these values in place of harmless ones, and says what became of it.
CREATE FUNCTION pg_temp.put(sent jsonb) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  made record;
BEGIN
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, input_image_url, settings,
                           replicate_input, status)
  SELECT '00000000-0000-4000-8000-00000000000a', coalesce(sent ->> 'action', 'create'), coalesce(sent ->> 'model_id', 'm'),
         coalesce(sent ->> 'model_name', 'M'), coalesce(sent ->> 'replicate_model', 'owner/name'), sent ->> 'prompt',
         sent ->> 'input_image_url', sent -> 'settings', sent -> 'replicate_input', coalesce(sent ->> 'status', 'queued')
  RETURNING status, replicate_input INTO made;
  RETURN made.status;
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END
$$;

-- Claims that are no claims.
SELECT pg_temp.claim(repeat('[', 1000000));
SELECT pg_temp.claim('{"sub": ' || repeat('{"a":', 1000000));
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a' || repeat('a', 1000000) || '"}');
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a\u0000"}');
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a", "role": "\ud800"}');
SELECT pg_temp.claim('{"sub": {"sub": "00000000-0000-4000-8000-00000000000a"}}');
SELECT pg_temp.claim('{"sub": "{00000000-0000-4000-8000-00000000000a}"}');
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}');

-- Texts that are too long, by one character and by very much.
SELECT pg_temp.put(jsonb_build_object('prompt', repeat('x', 20000)));
SELECT pg_temp.put(jsonb_build_object('prompt', repeat('x', 20001)));
SELECT pg_temp.put(jsonb_build_object('prompt', repeat('x', 50000000)));
SELECT pg_temp.put(jsonb_build_object('input_image_url', 'https://bad.test/' || repeat('x', 2032)));
SELECT pg_temp.put(jsonb_build_object('model_id', repeat('x', 10001)));
SELECT pg_temp.put(jsonb_build_object('model_name', repeat('x', 10001)));
SELECT pg_temp.put(jsonb_build_object('replicate_model', repeat('x', 10001)));

-- JSON that is too large, too deep or no object.
SELECT pg_temp.put(jsonb_build_object('settings', jsonb_build_object('x', repeat('x', 262144))));
SELECT pg_temp.put(jsonb_build_object('settings', jsonb_build_object('x', repeat('x', 200000000))));
SELECT pg_temp.put(jsonb_build_object('replicate_input', jsonb_build_object('x', repeat('x', 262144))));
SELECT pg_temp.put(jsonb_build_object('settings', (repeat('{"a":', 64) || '1' || repeat('}', 64))::jsonb));
SELECT pg_temp.put(jsonb_build_object('settings', (repeat('{"a":', 65) || '1' || repeat('}', 65))::jsonb));
SELECT pg_temp.put(jsonb_build_object('replicate_input', (repeat('[', 100) || repeat(']', 100))::jsonb));
\set VERBOSITY sqlstate
SELECT (repeat('[', 1000000) || repeat(']', 1000000))::jsonb IS NULL;
\set VERBOSITY default
SELECT pg_temp.put('{"settings": [1]}');
SELECT pg_temp.put('{"settings": "text"}');
SELECT pg_temp.put('{"replicate_input": [1]}');
SELECT pg_temp.put('{"replicate_input": [1], "status": "pending"}');

-- Inputs that cannot be built.
SELECT pg_temp.put('{"action": "remove_bg"}');
SELECT pg_temp.put('{"action": "inpaint", "input_image_url": "https://bad.test/a.png"}');
SELECT pg_temp.put('{"action": "remove_bg", "status": "pending"}');

-- Models that are none. A pending row may name what it likes.
SELECT model, pg_temp.put(jsonb_build_object('replicate_model', model))
  FROM unnest(ARRAY['', ' ', 'name', 'owner/', '/name', 'owner//name', 'owner/name/more', 'owner/name:', 'owner/name:latest',
                    'owner/name:' || repeat('g', 64), 'owner/name:' || repeat('a', 63), 'deployment:owner', '../predictions',
                    'owner/..', 'owner/name?x=1', 'owner/name#x', 'owner/na me', E'owner/name\r\nX-Header: 1', 'owner/%6eame',
                    'https://api.replicate.com/v1/models/owner/name', 'fal-ai/kling-video/o1/video-to-video/edit',
                    'higgsfield-ai/dop/lite', 'gemini-3-pro-image-preview']) model;
SELECT pg_temp.put('{"replicate_model": "https://bad.test/\r\n", "status": "pending"}');
SELECT model, pg_temp.put(jsonb_build_object('replicate_model', model))
  FROM unnest(ARRAY['owner/name', 'owner/name:' || repeat('a', 64), repeat('0', 64), 'deployment:owner/name']) model;

-- The same by UPDATE: the row stays as it is.
SET LOCAL client_min_messages = warning;
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
VALUES ('00000000-0000-4000-8000-000000000001', :ann, 'remove_bg', 'm', 'M', E'bad\nmodel', 'pending');
UPDATE generations SET status = 'queued' WHERE id = '00000000-0000-4000-8000-000000000001' RETURNING status;
UPDATE generations SET replicate_model = 'owner/name', status = 'queued' WHERE id = '00000000-0000-4000-8000-000000000001'
RETURNING status, replicate_input;
UPDATE generations SET prompt = repeat('x', 20001) WHERE id = '00000000-0000-4000-8000-000000000001';
UPDATE generations SET settings = '[]' WHERE id = '00000000-0000-4000-8000-000000000001';
-- Terse, since the detail shows the time of day.
\set VERBOSITY terse
UPDATE generations SET status = 'unheard of' WHERE id = '00000000-0000-4000-8000-000000000001';
\set VERBOSITY default
SELECT status, prompt, settings FROM generations WHERE id = '00000000-0000-4000-8000-000000000001';

-- Line breaks in a token.
INSERT INTO replicate_tokens (token) VALUES (E'r8_secret\r\nX-Header: 1');
INSERT INTO replicate_tokens (token) VALUES (E'r8_\xc3\xbc');
SELECT count(*) FROM replicate_tokens WHERE token ~ '[^!-~]';

-- Trigger functions called in the wrong place.
SELECT atelier.guard_generation();
CREATE TEMP TABLE generations (id uuid, status text);
CREATE TRIGGER mine AFTER INSERT ON pg_temp.generations FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue();
INSERT INTO pg_temp.generations VALUES (:ann, 'queued');
ALTER TABLE pg_temp.generations OWNER TO atelier_owner;
INSERT INTO pg_temp.generations VALUES (:ann, 'queued');
DROP TABLE pg_temp.generations;
CREATE TEMP TABLE others (id uuid, user_id uuid, status text, settings jsonb);
ALTER TABLE others OWNER TO atelier_owner;
CREATE TRIGGER mine AFTER INSERT ON others FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue();
INSERT INTO others VALUES (:ann, :ann, 'queued', '{}');
CREATE TRIGGER at_the_wrong_time AFTER UPDATE ON generations FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation();
UPDATE generations SET viewed = true WHERE user_id = :ann;
ROLLBACK;
