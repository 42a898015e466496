-- SPDX-License-Identifier: PostgreSQL
-- The provider's tokens are secrets: no user sees one, by whatever way, and no view, message or notification repeats one.
BEGIN;
SELECT plan(31);
\ir lib/callers.sql

SELECT is(pg_temp.outcome('ann', command), expected, format('%s for %s', expected, command))
  FROM (VALUES ('SELECT token FROM replicate_tokens', '0'), ('SELECT * FROM replicate_tokens WHERE token LIKE ''r8%''', '0'),
               ('SELECT id, token, request_count, error_count FROM replicate_tokens WHERE is_active', '0'),
               ('TABLE atelier.tokens', '42501'), ('TABLE atelier.token_state', '42501'),
               ('SELECT * FROM get_next_replicate_token()', '42501'),
               ('SELECT * FROM atelier.get_next_replicate_token()', '42501'), ('SELECT atelier.next_replicate_token()', '42501'),
               ('SELECT FROM replicate_tokens FOR UPDATE', '42501'), ('DELETE FROM replicate_tokens', '42501'),
               ('INSERT INTO replicate_tokens (token) VALUES (''r8_tap'')', '42501'),
               ('UPDATE replicate_tokens SET token = token RETURNING token', '42501')) v (command, expected);
-- A condition that shouts its argument is not asked before row level security has had its say.
CREATE FUNCTION pg_temp.shout(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'LEAK0', MESSAGE = $1; END $$;
SELECT is(pg_temp.outcome('ann', 'SELECT FROM replicate_tokens WHERE pg_temp.shout(token)'), '0',
  'a cheap function sees no token');
SELECT is(pg_temp.outcome('ann', 'SELECT FROM users WHERE pg_temp.shout(email) AND id <> pg_temp.ann()'), '0',
  'nor another user''s address');
SELECT is(pg_temp.outcome('ann', 'SELECT FROM replicate_tokens WHERE token::integer = 1'), '0',
  'a cast that fails shows no token');
ANALYZE replicate_tokens;
SELECT isnt(pg_temp.outcome('superuser', 'SELECT FROM pg_stats WHERE tablename = ''replicate_tokens'''), '0',
  'there are statistics');
SELECT is(pg_temp.outcome('ann', 'SELECT FROM pg_stats WHERE tablename = ''replicate_tokens'''), '0',
  'they are kept from users');

-- service_role reads and reports, by its policy as much as by its attribute.
SELECT is(pg_temp.outcome('service_role', $$UPDATE replicate_tokens SET error_count = 1, last_error = 'x',
  last_error_at = now(), is_active = false
            WHERE id = 1000000 RETURNING id, token$$), '1', 'the app reads and writes its pool');

-- No view or record has the secret in it.
SELECT ok(NOT EXISTS (SELECT FROM atelier.tokens t WHERE t::text LIKE '%r8\_%'), 'the view shows no secret');
SELECT hasnt_column('atelier', 'tokens', 'token', 'it has no such column');
SELECT ok(EXISTS (SELECT FROM atelier.tokens t WHERE t.id = 1000000), 'but it shows the token''s row');
SELECT ok(NOT EXISTS (SELECT FROM atelier.health() h WHERE h::text LIKE '%r8\_tap%'), 'nor does health()');

-- What the server says when a write fails, which also goes to its log.
CREATE FUNCTION pg_temp.words(command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  message text; detail text; hint text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' ', sqlstate, message, detail, hint);
END $$;
SELECT unalike(pg_temp.words(command), '%r8\_%', 'no secret in the words about ' || what)
  FROM (VALUES ('a space in a token', $$INSERT INTO replicate_tokens (token) VALUES ('r8_tap secret')$$),
               ('a token with a line break', $$INSERT INTO replicate_tokens (token) VALUES (E'r8_secret\nX: 1')$$),
               ('a long token', $$INSERT INTO replicate_tokens (token) VALUES ('r8_' || repeat('x', 300))$$),
               ('a changed token', $$UPDATE replicate_tokens SET token = 'r8_tap ' WHERE id = 1000000$$),
               ('a token that is there already', $$INSERT INTO replicate_tokens (token) VALUES ('r8_tap')$$),
               ('a null that is refused', $$UPDATE replicate_tokens SET is_active = NULL WHERE id = 1000000$$),
               ('no token at all', $$INSERT INTO replicate_tokens (token) VALUES (NULL)$$)) v (what, command);
SELECT isnt(pg_temp.words($$INSERT INTO replicate_tokens (token) VALUES ('r8_tap')$$), 'no error',
  'one token is not there twice');
SELECT is(pg_temp.words($$INSERT INTO replicate_tokens (token) VALUES ('r8_another')$$), 'no error', 'another one is taken');
SELECT * FROM finish();
ROLLBACK;
