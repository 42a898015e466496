-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests after BEGIN: three people with a row of everything, who try commands as try.sql says. ann and bob are
-- users, dan is a deactivated one.
\ir try.sql

INSERT INTO users (id, email, is_active)
VALUES ('00000000-0000-4000-8000-00000000000a', 'ann@tap.test', true),
  ('00000000-0000-4000-8000-00000000000b', 'bob@tap.test', true),
       ('00000000-0000-4000-8000-00000000000d', 'dan@tap.test', false);

CREATE FUNCTION pg_temp.ann() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000a'::uuid $$;
CREATE FUNCTION pg_temp.bob() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000b'::uuid $$;
CREATE FUNCTION pg_temp.dan() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-4000-8000-00000000000d'::uuid $$;

CREATE FUNCTION pg_temp.id_of(caller text) RETURNS uuid LANGUAGE sql
AS $$ SELECT CASE caller WHEN 'ann' THEN pg_temp.ann() WHEN 'bob' THEN pg_temp.bob() WHEN 'dan' THEN pg_temp.dan() END $$;

-- The rows of the people: a generation, a notification, a log entry. Their ids are those of their users.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
SELECT u.id, u.id, 'create', 'm', 'M', 'owner/name', 'pending' FROM users u WHERE u.email LIKE '%@tap.test';
INSERT INTO notifications (id, user_id, type, title) SELECT u.id, u.id, 'update', 't' FROM users u
  WHERE u.email LIKE '%@tap.test';
INSERT INTO api_logs (id, user_id, method, path, status_code) SELECT u.id, u.id, 'GET', '/', 200 FROM users u
  WHERE u.email LIKE '%@tap.test';
INSERT INTO replicate_tokens (id, token) VALUES (1000000, 'r8_tap');
INSERT INTO atelier.token_state (token_id) VALUES (1000000);
INSERT INTO atelier.queue (generation_id, user_id) SELECT u.id, u.id FROM users u WHERE u.email LIKE '%@tap.test';
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
SELECT u.id, u.id, 1, 'failed', now(), now() FROM users u WHERE u.email LIKE '%@tap.test';
