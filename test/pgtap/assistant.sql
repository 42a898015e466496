-- SPDX-License-Identifier: PostgreSQL
-- Chats with the assistant are their user's alone (H8): the tables have row level security, the functions act for the caller only, and
-- a new message keeps its chat.
BEGIN;
SELECT plan(55);
\ir lib/callers.sql

INSERT INTO assistant_conversations (id, user_id, title, updated_at)
SELECT u.id, u.id, 'of ' || u.email, '2001-01-01' FROM users u WHERE u.email LIKE '%@tap.test';
INSERT INTO assistant_messages (conversation_id, role, content) SELECT c.id, 'assistant', 'hello' FROM assistant_conversations c;
UPDATE assistant_conversations SET updated_at = '2001-01-01';

-- H8: the tables.
SELECT is(pg_temp.outcome(caller, 'SELECT FROM ' || relation), rows, format('H8: %s reads %s of %s', caller, rows, relation))
  FROM (VALUES ('anon', '42501'), ('nobody', '0'), ('impostor', '0'), ('ann', '1'), ('dan', '0'), ('service_role', '3')) v (caller, rows)
 CROSS JOIN unnest(ARRAY['assistant_conversations', 'assistant_messages']) relation;
SELECT is(pg_temp.outcome(caller, $$INSERT INTO assistant_messages (conversation_id, role, content) VALUES (pg_temp.ann(), 'user', 'x')$$), result,
          format('H8: %s writes into a chat of ann: %s', caller, result))
  FROM (VALUES ('anon', '42501'), ('nobody', '42501'), ('ann', '1'), ('bob', '42501'), ('dan', '42501'), ('service_role', '1')) v (caller, result);
SELECT is(pg_temp.outcome('ann', 'INSERT INTO assistant_conversations (user_id) VALUES (pg_temp.bob())'), '42501', 'H8: nobody begins a chat of somebody else');
SELECT is(pg_temp.outcome('ann', $$UPDATE assistant_conversations SET title = 'new', is_favorite = true, deleted_at = now()$$), '1', 'a user names, marks and deletes his chat');
SELECT is(pg_temp.outcome('ann', format('UPDATE assistant_conversations SET %s', change)), '42501', 'but does not change: ' || change)
  FROM unnest(ARRAY['user_id = pg_temp.bob()', 'updated_at = now()', 'preview_text = ''x''', 'created_at = now()']) change;
GRANT UPDATE ON assistant_conversations, assistant_messages TO authenticated;
SELECT is(pg_temp.outcome('ann', 'UPDATE assistant_conversations SET updated_at = now()'), '42501', 'nor with wider privileges');
SELECT is(pg_temp.answer('ann', $$INSERT INTO assistant_conversations (user_id, title, created_at, updated_at, deleted_at)
            VALUES (pg_temp.ann(), 't', '2050-01-01', '2050-01-01', '2050-01-01') RETURNING created_at = now() AND updated_at = now() AND deleted_at IS NULL$$), 'true',
          'the times of a chat are not the user''s');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO assistant_messages (conversation_id, role, content) VALUES (pg_temp.ann(), 'user', repeat('x', 10001))$$), '22001',
          'texts have a limit');

-- What a message does to its chat.
CREATE FUNCTION pg_temp.after(messages text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO assistant_messages (conversation_id, role, content, images) VALUES %s;', messages) $$;
CREATE FUNCTION pg_temp.chat(caller text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  shown text;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  SELECT concat_ws(' | ', c.title, c.preview_text, c.preview_image_url, c.updated_at = now()) INTO shown FROM assistant_conversations c WHERE c.id = pg_temp.ann();
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = shown;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm;
END $$;
SELECT is(pg_temp.chat('ann', pg_temp.after($$(pg_temp.ann(), 'assistant', 'hi', NULL)$$)), 'of ann@tap.test | t', 'an answer touches the chat and is no preview');
SELECT is(pg_temp.chat('ann', pg_temp.after($$(pg_temp.ann(), 'user', 'hi', '{u1,u2}')$$)), 'of ann@tap.test | hi | u1 | t', 'the first question is the preview; the title stays');
SELECT is(pg_temp.chat('ann', pg_temp.after($$(pg_temp.ann(), 'user', 'one', NULL), (pg_temp.ann(), 'assistant', 'x', '{u1}'), (pg_temp.ann(), 'user', 'two', '{u2}')$$)),
          'of ann@tap.test | one | t', 'in a bulk insert too the first one counts');
SELECT is(pg_temp.chat('service_role', $$UPDATE assistant_conversations SET title = NULL, preview_image_url = 'mine' WHERE id = pg_temp.ann();$$
                       || pg_temp.after($$(pg_temp.ann(), 'user', repeat('ж', 200), '{u1}')$$)),
          repeat('ж', 100) || ' | ' || repeat('ж', 150) || ' | mine | t', 'title 100 and preview 150 characters; a picture that is set stays');
SELECT is(pg_temp.chat('ann', pg_temp.after($$(pg_temp.ann(), 'user', '', NULL)$$) || pg_temp.after($$(pg_temp.ann(), 'user', 'second', NULL)$$)),
          'of ann@tap.test | second | t', 'an empty question leaves the preview to the next one');

-- Messages of one statement follow one another, with null for the time as a bulk insert sends it, and whatever a user sends.
CREATE FUNCTION pg_temp.in_order(caller text, at text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.answer(caller, format($q$
        WITH sent AS (INSERT INTO assistant_messages (conversation_id, role, content, created_at)
                      SELECT pg_temp.ann(), 'user', n::text, %s FROM generate_series(1, 50) n RETURNING content::int AS n, created_at AS at)
        SELECT count(DISTINCT at) || ' ' || bool_and(at > before IS NOT FALSE) FROM (SELECT at, lag(at) OVER (ORDER BY n) AS before FROM sent) s$q$, at)) $$;
SELECT is(pg_temp.in_order('ann', 'NULL::timestamptz'), '50 true', 'null becomes one time after the other');
SELECT is(pg_temp.in_order('service_role', 'NULL::timestamptz'), '50 true', 'also for the app');
SELECT is(pg_temp.in_order('ann', '''2001-01-01''::timestamptz'), '50 true', 'a user does not choose it');
SELECT is(pg_temp.in_order('service_role', '''2001-01-01''::timestamptz'), '1 false', 'the app may');

-- The functions.
SELECT is(pg_temp.answer(caller, 'SELECT count(*) FROM get_assistant_history(p_user_id => pg_temp.ann())'), result, caller || ' asks for the chats of ann: ' || result)
  FROM (VALUES ('anon', '42501'), ('nobody', '42501'), ('impostor', '42501'), ('bob', '42501'), ('ann', '1'), ('service_role', '1')) v (caller, result);
SELECT is(pg_temp.answer('dan', 'SELECT count(*) FROM get_assistant_history(pg_temp.dan())'), '42501', 'a deactivated user gets none of his');
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM get_assistant_history(NULL)'), '42501', 'null is nobody');
INSERT INTO assistant_conversations (user_id, title, is_favorite, updated_at, deleted_at)
VALUES (pg_temp.ann(), 'older', true, '2000-01-01', NULL), (pg_temp.ann(), 'newer', false, '2002-01-01', NULL), (pg_temp.ann(), 'gone', true, '2003-01-01', now());
CREATE FUNCTION pg_temp.titles(call text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.answer('ann', 'SELECT string_agg(left(title, 6) || message_count, '' '' ORDER BY n) FROM get_assistant_history' || call || ' WITH ORDINALITY AS h
        (id, title, preview_text, preview_image_url, is_favorite, created_at, updated_at, message_count, n)') $$;
SELECT is(pg_temp.titles('(pg_temp.ann())'), 'newer0 of ann1 older0', 'last changed first, deleted ones hidden');
SELECT is(pg_temp.titles('(pg_temp.ann(), p_favorites_only => true)'), 'older0', 'favourites only');
SELECT is(pg_temp.titles('(pg_temp.ann(), p_favorites_only => NULL, p_limit => 1, p_offset => 1)'), 'of ann1', 'a page; null stands for the default');
SELECT is(pg_temp.answer(caller, 'SELECT toggle_conversation_favorite(p_conversation_id => pg_temp.ann(), p_user_id => ' || who || ')'), result,
          format('%s toggles a chat of ann for %s: %s', caller, who, result))
  FROM (VALUES ('anon', 'pg_temp.ann()', '42501'), ('bob', 'pg_temp.ann()', '42501'), ('bob', 'pg_temp.bob()', '42501'), ('ann', 'NULL', '42501'), ('ann', 'pg_temp.ann()', 'true'),
               ('service_role', 'pg_temp.ann()', 'true'), ('service_role', 'pg_temp.bob()', '42501')) v (caller, who, result);
SELECT is(pg_temp.answer('ann', 'SELECT toggle_conversation_favorite(pg_temp.ann(), pg_temp.ann())::text || toggle_conversation_favorite(pg_temp.ann(), pg_temp.ann())'), 'truefalse',
          'and back again');
SELECT * FROM finish();
ROLLBACK;
