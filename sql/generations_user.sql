-- SPDX-License-Identifier: PostgreSQL
-- Generations as their user writes them: what an INSERT may say, what an UPDATE may change, and what the queue makes of it.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

-- Nothing is committed: a worker of this server must not meet these rows.
BEGIN;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
\set ann '''00000000-0000-4000-8000-00000000000a'''
\set bob '''00000000-0000-4000-8000-00000000000b'''
INSERT INTO users (id, email) VALUES (:ann, ' Ann@Users.Test '), (:bob, NULL);
SELECT email, is_active, credits, role FROM users WHERE id IN (:ann, :bob) ORDER BY email;
CREATE FUNCTION pg_temp.g(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE VIEW pg_temp.queue AS
SELECT right(generation_id::text, 3) AS g, priority FROM atelier.queue
 WHERE user_id IN (SELECT id FROM users WHERE email LIKE '%users.test') ORDER BY seq;
CREATE VIEW pg_temp.attempts AS
SELECT right(generation_id::text, 3) AS g, state, cancel_requested FROM atelier.attempts
 WHERE user_id IN (SELECT id FROM users WHERE email LIKE '%users.test') ORDER BY id;
GRANT SELECT ON pg_temp.queue, pg_temp.attempts TO service_role;

-- Column privileges are the first wall. The trigger has to hold without it.
GRANT INSERT, UPDATE ON generations, users TO authenticated;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
SET LOCAL ROLE authenticated;

-- The least a user says; the status is queued, the input is built.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, prompt, settings)
VALUES (pg_temp.g(1), :ann, 'create', 'flux', 'Flux', 'black-forest-labs/flux-schnell', 'a cat',
        '{"num_outputs": "2", "priority": 5, "keyframe_index": 3}')
RETURNING status, replicate_input, cost_credits;

-- Everything else gets its default, whatever was sent; null counts as not sent.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, settings, replicate_prediction_id,
                         replicate_token_index, processing_time_ms, error_message, cost_credits, created_at, started_at,
                         completed_at, viewed, viewed_at, replicate_output, is_favorite, output_text, cost_usd, output_urls,
                         output_url, output_thumbs, is_keyframe_segment, workspace_id)
VALUES (pg_temp.g(2), :ann, 'create', 'm', 'M', 'nano-banana-pro', 'pending', NULL, 'p', 7, 7, 'e', 0, '2001-01-01',
  now(), now(),
        true, now(), '{}', true, 'text', 0, '{u}', 'u', '{t}', true, NULL)
RETURNING status, settings, replicate_prediction_id, replicate_token_index, processing_time_ms, error_message, cost_credits,
          created_at = now() AS created_now, started_at, completed_at, viewed, viewed_at, replicate_output;
SELECT is_favorite, output_text, cost_usd, output_urls, output_url, output_thumbs, is_keyframe_segment, replicate_input
  FROM generations WHERE id = pg_temp.g(2);
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, cost_credits, is_favorite)
VALUES (pg_temp.g(3), :ann, 'create', 'm', 'M', 'owner/name', NULL, NULL, NULL) RETURNING status, cost_credits, is_favorite;

-- Not for others, not into a workspace, not with another status.
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
  VALUES (:bob, 'create', 'm', 'M', 'owner/name');
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, workspace_id)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', :bob);
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', 'completed');
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', 'succeeded');
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', E'anything\nelse');

-- The priority is an integer or its text; anything else is 0.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, settings)
SELECT pg_temp.g(10 + n::integer), :ann, 'create', 'm', 'M', 'owner/name', jsonb_build_object('priority', priority)
  FROM jsonb_array_elements('["-4", 32767, 32768, 1.5, "high", null, [1], true]') WITH ORDINALITY AS sent (priority, n);
RESET ROLE;
SELECT * FROM pg_temp.queue;
SET LOCAL ROLE authenticated;

-- A pending row is handed over by its user. One that names another provider's model stays.
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(2) RETURNING status, replicate_input;
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, prompt, status)
VALUES (pg_temp.g(4), :ann, 'create', 'm', 'M', 'owner/name', 'late', 'pending') RETURNING replicate_input;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(4) RETURNING status, replicate_input;

-- The app's own dispatch of a pending row.
UPDATE generations SET replicate_prediction_id = 'own', status = 'processing' WHERE id = pg_temp.g(2)
RETURNING status, replicate_prediction_id, started_at = now() AS started_now;
UPDATE generations SET replicate_prediction_id = 'other' WHERE id = pg_temp.g(2);
UPDATE generations SET status = 'completed' WHERE id = pg_temp.g(2);
UPDATE generations SET output_url = 'https://users.test/a.png', status = 'succeeded' WHERE id = pg_temp.g(2);
UPDATE generations SET output_url = 'https://users.test/a.png' WHERE id = pg_temp.g(2);
UPDATE generations SET status = 'pending' WHERE id = pg_temp.g(2);
UPDATE generations SET completed_at = '2001-01-01' WHERE id = pg_temp.g(2) RETURNING completed_at;
UPDATE generations SET status = 'failed', error_message = 'broken', completed_at = '2001-01-01' WHERE id = pg_temp.g(2)
RETURNING status, error_message, completed_at = now() AS completed_now, processing_time_ms;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(2);
UPDATE generations SET error_message = 'changed' WHERE id = pg_temp.g(2);

-- What is free, and what is not.
UPDATE generations SET viewed = true, viewed_at = now(), is_favorite = true WHERE id = pg_temp.g(2)
RETURNING viewed, viewed_at = now() AS viewed_now, is_favorite;
UPDATE generations SET cost_credits = 0 WHERE id = pg_temp.g(1);
UPDATE generations SET user_id = :bob WHERE id = pg_temp.g(1);
UPDATE generations SET prompt = 'a dog' WHERE id = pg_temp.g(1);
UPDATE generations SET settings = settings || '{"priority": 9}' WHERE id = pg_temp.g(1);
UPDATE generations SET error_message = 'mine' WHERE id = pg_temp.g(1);
UPDATE generations SET created_at = now() - interval '1 year' WHERE id = pg_temp.g(1);

-- Cancelling what waits takes effect at once.
UPDATE generations SET status = 'cancelled' WHERE id = pg_temp.g(3)
RETURNING status, started_at, completed_at = now() AS completed_now, processing_time_ms;
UPDATE generations SET status = 'cancelled' WHERE id BETWEEN pg_temp.g(11) AND pg_temp.g(17) RETURNING status;
RESET ROLE;
SELECT * FROM pg_temp.queue;

-- What runs is cancelled by the provider: the wish is noted and the status stays.
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
SELECT generation_id, user_id, 1, 'running', now(), now() FROM atelier.queue
  WHERE generation_id IN (pg_temp.g(1), pg_temp.g(4));
DELETE FROM atelier.queue WHERE generation_id IN (pg_temp.g(1), pg_temp.g(4));
UPDATE generations SET status = 'processing', replicate_prediction_id = 'p' || id WHERE id = pg_temp.g(1);
SET LOCAL ROLE authenticated;
UPDATE generations SET status = 'cancelled' WHERE id = pg_temp.g(1) RETURNING status, completed_at;
UPDATE generations SET status = 'cancelled' WHERE id = pg_temp.g(4) RETURNING status, completed_at;
UPDATE generations SET status = 'failed' WHERE id = pg_temp.g(1);
UPDATE generations SET error_message = 'mine' WHERE id = pg_temp.g(1);
-- A hand-over that comes late changes nothing.
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(1) RETURNING status;
RESET ROLE;
SELECT * FROM pg_temp.attempts;

-- The end of an attempt, as a worker writes it: the attempt first.
UPDATE atelier.attempts SET state = 'succeeded' WHERE generation_id = pg_temp.g(1);
UPDATE generations SET status = 'succeeded', output_url = 'https://users.test/a.png' WHERE id = pg_temp.g(1)
RETURNING status, output_urls, completed_at = now() AS completed_now, processing_time_ms;
SET LOCAL ROLE authenticated;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(1) RETURNING status;
UPDATE generations SET status = 'pending' WHERE id = pg_temp.g(1);
UPDATE generations SET status = 'cancelled' WHERE id = pg_temp.g(1);
RESET ROLE;

-- The app itself: a cancellation stands, a retry waits for the end of the last attempt and begins anew.
SET LOCAL ROLE service_role;
UPDATE generations SET status = 'pending' WHERE id = pg_temp.g(1) RETURNING status;
UPDATE generations SET status = 'cancelled', error_message = 'enough' WHERE id = pg_temp.g(4)
RETURNING status, completed_at = now() AS completed_now;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(4) RETURNING status;
RESET ROLE;
UPDATE atelier.attempts SET state = 'canceled' WHERE generation_id = pg_temp.g(4);
SET LOCAL ROLE service_role;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(4)
RETURNING status, started_at, completed_at, processing_time_ms, error_message;
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(2) RETURNING status;
-- Rows that are born further on have their times.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
VALUES (pg_temp.g(5), :ann, 'video_keyframes', 'm', 'M', 'film', 'processing')
RETURNING status, started_at = now() AS started_now, completed_at;
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, replicate_prediction_id)
VALUES (pg_temp.g(6), :ann, 'create', 'm', 'M', 'owner/name', 'queued', 'elsewhere');
RESET ROLE;
SELECT * FROM pg_temp.queue;

-- Deleting takes a row out of the queue and cancels what runs.
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
VALUES (pg_temp.g(5), :ann, 1, 'running', now(), now());
DELETE FROM generations WHERE id IN (pg_temp.g(4), pg_temp.g(5));
SELECT * FROM pg_temp.queue;
SELECT * FROM pg_temp.attempts;

-- A profile.
SET LOCAL ROLE authenticated;
UPDATE users SET display_name = 'Ann', avatar_url = 'https://users.test/a', cover_url = NULL WHERE id = :ann
  RETURNING display_name;
UPDATE users SET credits = 1000000 WHERE id = :ann;
UPDATE users SET role = 'super_admin' WHERE id = :ann;
UPDATE users SET email = 'bob@users.test' WHERE id = :ann;
UPDATE users SET last_login = now() - interval '1 day' WHERE id = :ann;
RESET ROLE;
UPDATE users SET email = E'\tANN.B@Users.Test\n' WHERE id = :ann RETURNING email;

-- A deactivated user writes nothing.
UPDATE users SET is_active = false WHERE id = :ann;
SET LOCAL ROLE authenticated;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
  VALUES (:ann, 'create', 'm', 'M', 'owner/name');
UPDATE generations SET viewed = false RETURNING id;
RESET ROLE;
ROLLBACK;
