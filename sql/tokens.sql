-- SPDX-License-Identifier: PostgreSQL
-- The token pool as the app sees it: which token is next, who may ask, and which texts are tokens.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

-- Nothing is committed: a worker of this server must not meet these tokens.
BEGIN;
\set ON_ERROR_ROLLBACK on
DELETE FROM replicate_tokens;
CREATE FUNCTION pg_temp.next_token() RETURNS TABLE (token text) LANGUAGE sql
AS $$ SELECT token FROM get_next_replicate_token() $$;

-- No token at all.
SELECT * FROM get_next_replicate_token();

-- Never used first, then the one that was used longest ago. What is null gets its default.
INSERT INTO replicate_tokens (token, is_active, last_used_at, request_count)
VALUES ('r8_second', true, '2020-01-02', 5), ('r8_first', NULL, NULL, NULL), ('r8_third', true, '2020-01-03', 0),
       ('r8_off', false, NULL, 0);
SELECT token, is_active, request_count FROM replicate_tokens ORDER BY token;
SELECT token FROM pg_temp.next_token();
SELECT token FROM pg_temp.next_token();
SELECT token FROM pg_temp.next_token();
SELECT token FROM pg_temp.next_token();
SELECT token, request_count, last_used_at > now() - interval '1 day' AS used_now FROM replicate_tokens ORDER BY token;

-- Among equals the one with the fewest requests.
UPDATE replicate_tokens SET last_used_at = NULL, request_count = CASE token WHEN 'r8_third' THEN 1 ELSE 2 END;
SELECT token FROM pg_temp.next_token();

-- A count at its end does not stop the pool.
UPDATE replicate_tokens SET last_used_at = now(), request_count = 2147483647 WHERE is_active;
SELECT token IS NOT NULL AS given FROM pg_temp.next_token();
SELECT max(request_count) FROM replicate_tokens;

-- Tokens that cool down are passed over until their time has come.
INSERT INTO atelier.token_state (token_id, cooling_until)
SELECT id, CASE token WHEN 'r8_second' THEN now() - interval '1 second' ELSE now() + interval '1 hour' END
  FROM replicate_tokens;
SELECT token FROM pg_temp.next_token();
SELECT token FROM pg_temp.next_token();
UPDATE atelier.token_state SET cooling_until = now() + interval '1 hour';
SELECT * FROM get_next_replicate_token();
DELETE FROM atelier.token_state;

-- Who may ask: the app itself, nobody else.
SET LOCAL ROLE service_role;
SELECT count(*) FROM get_next_replicate_token();
SET LOCAL ROLE authenticated;
SELECT count(*) FROM get_next_replicate_token();
SELECT count(*) FROM atelier.get_next_replicate_token();
SET LOCAL ROLE anon;
SELECT count(*) FROM atelier.get_next_replicate_token();
RESET ROLE;

-- A token is printable ASCII without spaces. The message never repeats it.
\set SHOW_CONTEXT never
INSERT INTO replicate_tokens (token) VALUES ('');
INSERT INTO replicate_tokens (token) VALUES (' r8_secret');
INSERT INTO replicate_tokens (token) VALUES ('r8_secret ');
INSERT INTO replicate_tokens (token) VALUES (E'r8_secret\tr8_secret');
INSERT INTO replicate_tokens (token) VALUES (E'r8_secret\x7f');
INSERT INTO replicate_tokens (token) VALUES (repeat('x', 201));
UPDATE replicate_tokens SET token = token || ' ' WHERE token = 'r8_off';
INSERT INTO replicate_tokens (token) VALUES (repeat('x', 200)) RETURNING length(token);
ROLLBACK;
\set ON_ERROR_ROLLBACK off

-- The trigger functions are for their own tables.
BEGIN;
CREATE TEMP TABLE replicate_tokens (id integer, token text);
CREATE TRIGGER foreign_guard BEFORE INSERT ON pg_temp.replicate_tokens FOR EACH ROW EXECUTE FUNCTION atelier.guard_token();
INSERT INTO pg_temp.replicate_tokens VALUES (1, 'r8_mine');
ROLLBACK;
BEGIN;
CREATE TEMP TABLE other (id integer, token text);
CREATE TRIGGER foreign_guard BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION atelier.guard_token();
INSERT INTO other VALUES (1, 'r8_mine');
ROLLBACK;
SELECT atelier.guard_token();
