-- SPDX-License-Identifier: PostgreSQL
-- LoRA models: a user describes his own; status, weights and training are not his to write (H16). Trigger words are kept in one form
-- and once per user (H23). Pictures are reached through the LoRA alone.
BEGIN;
SELECT plan(73);
\ir lib/callers.sql

CREATE FUNCTION pg_temp.insert_lora(more text, given text) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO user_loras (user_id, name, trigger_word%s) VALUES (pg_temp.ann(), ''n'', ''WORD''%s)', ', ' || nullif(more, ''), ', ' || nullif(given, '')) $$;

-- H16: what a user sends of the result becomes the default, whatever it was.
SELECT is(pg_temp.answer('ann', pg_temp.insert_lora('status', quote_literal(sent)) || ' RETURNING status'), kept, 'H16: status ' || sent || ' becomes ' || kept)
  FROM (VALUES ('pending', 'pending'), ('uploading', 'uploading'), ('training', 'pending'), ('completed', 'pending'), ('failed', 'pending'),
               ('nonsense', 'pending')) v (sent, kept);
SELECT is(pg_temp.answer('ann', pg_temp.insert_lora('status', 'NULL') || ' RETURNING status'), 'pending', 'H16: no status is pending');
SELECT is(pg_temp.answer('ann', pg_temp.insert_lora(name, quote_literal(sent)) || format(' RETURNING coalesce(%I::text, ''none'')', name)), 'none',
          'H16: ' || name || ' does not come from the user')
  FROM (VALUES ('lora_url', 'https://tap.test/w'), ('replicate_training_id', 't1'), ('replicate_model_url', 'o/m:v'), ('training_started_at', '2001-01-01'),
               ('training_completed_at', '2001-01-01'), ('error_message', 'x'), ('deleted_at', '2001-01-01')) v (name, sent);
SELECT is(pg_temp.answer('ann', pg_temp.insert_lora('created_at, updated_at', '''2001-01-01'', ''2001-01-01''') || ' RETURNING created_at = now() AND updated_at = now()'),
          'true', 'H16: nor do the times');
SELECT is(pg_temp.answer('service_role', pg_temp.insert_lora('status, lora_url, replicate_training_id', '''completed'', ''https://tap.test/w'', ''t1''')
            || ' RETURNING concat_ws('' '', status, lora_url, replicate_training_id)'), 'completed https://tap.test/w t1', 'the app writes all of it');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO user_loras (id, user_id, name, trigger_word, type, status, created_at, updated_at)
            VALUES (NULL, pg_temp.ann(), 'n', 'W', NULL, NULL, NULL, NULL) RETURNING concat_ws(' ', type, status, created_at = now(), updated_at = now())$$),
          'style pending t t', 'null becomes the default');
SELECT is(pg_temp.outcome(caller, pg_temp.insert_lora('', '')), '42501', caller || ' inserts none for ann')
  FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'bob', 'dan']) caller;

-- H23 and the form of trigger words.
SELECT is(pg_temp.answer(caller, format('INSERT INTO user_loras (user_id, name, trigger_word) VALUES (pg_temp.ann(), ''n'', %L) RETURNING trigger_word', sent)), kept,
          format('H23: %s sends the word %s', caller, to_json(left(sent, 20))))
  FROM unnest(ARRAY['ann', 'service_role']) caller
 CROSS JOIN (VALUES ('my word', 'MY_WORD'), (E' \tTok_1\n', 'TOK_1'), (repeat('x', 50), repeat('X', 50)), (repeat('x', 51), '23514'), ('', '23514'),
                    ('A-B', '23514'), ('слово', '23514')) v (sent, kept);

INSERT INTO user_loras (id, user_id, name, trigger_word, status)
VALUES ('00000000-0000-4000-8000-0000000001aa', pg_temp.ann(), 'of ann', 'tok', 'training'),
       ('00000000-0000-4000-8000-0000000001bb', pg_temp.bob(), 'of bob', 'tok', 'training'),
       ('00000000-0000-4000-8000-0000000001dd', pg_temp.dan(), 'of dan', 'tok', 'training');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO user_loras (user_id, name, trigger_word) VALUES (pg_temp.ann(), 'again', ' Tok ')$$), '23505',
          'H23: a word is there once per user, in whatever form it is sent');
SELECT is(pg_temp.outcome('ann', $$UPDATE user_loras SET deleted_at = now() WHERE user_id = pg_temp.ann();
            INSERT INTO user_loras (user_id, name, trigger_word) VALUES (pg_temp.ann(), 'again', 'tok')$$), '1', 'H23: a deleted LoRA gives its word back');
SELECT is(pg_temp.outcome('service_role', $$UPDATE user_loras SET trigger_word = 'a b' WHERE user_id = pg_temp.ann()$$), '1', 'a word may change');
SELECT is(pg_temp.outcome('service_role', $$UPDATE user_loras SET trigger_word = 'a/b' WHERE user_id = pg_temp.ann()$$), '23514', 'into another word');

-- H16: updates, by the column privileges and, where these are wider, by the guard.
CREATE TEMP TABLE stated (name text, sent text, free boolean);
INSERT INTO stated VALUES
  ('name', 'new', true), ('description', 'new', true), ('deleted_at', '2030-01-01', true), ('status', 'completed', false), ('lora_url', 'https://tap.test/w', false),
  ('replicate_training_id', 't1', false), ('replicate_model_url', 'o/m:v', false), ('error_message', 'x', false), ('trigger_word', 'OTHER', false),
  ('type', 'product', false), ('training_started_at', '2001-01-01', false), ('training_completed_at', '2001-01-01', false), ('created_at', '2001-01-01', false),
  ('user_id', '00000000-0000-4000-8000-00000000000b', false), ('id', '00000000-0000-4000-8000-0000000001ff', false);
CREATE FUNCTION pg_temp.change(name text, sent text) RETURNS text LANGUAGE sql AS $$ SELECT format('UPDATE user_loras SET %I = %L', name, sent) $$;
SELECT is((SELECT string_agg(s.name, ' ' ORDER BY s.name) FROM stated s
            WHERE pg_temp.outcome('ann', pg_temp.change(s.name, s.sent)) <> CASE WHEN s.free THEN '1' ELSE '42501' END), NULL,
          'H16: by the column privileges a user changes name, description and deleted_at of his own');
GRANT UPDATE ON user_loras TO authenticated;
SELECT is(pg_temp.outcome('ann', pg_temp.change(s.name, s.sent)), CASE WHEN s.free THEN '1' ELSE '42501' END, 'H16: guard of ' || s.name)
  FROM stated s ORDER BY s.name;
SELECT is(pg_temp.outcome('dan', $$UPDATE user_loras SET name = 'x'$$), '0', 'a deactivated user changes nothing');
SELECT is(pg_temp.answer('ann', $$UPDATE user_loras SET name = 'x', updated_at = '2001-01-01' RETURNING updated_at = now()$$), 'true', 'updated_at is kept by trigger');
SELECT is(pg_temp.answer('service_role', $$UPDATE user_loras SET status = 'failed' WHERE user_id = pg_temp.ann() RETURNING updated_at = now()$$), 'true',
          'also when the app writes');
SELECT is(pg_temp.outcome('ann', $$UPDATE user_loras SET description = repeat('x', 10001)$$), '22001', 'texts have a limit');

SELECT is(pg_temp.outcome(caller, 'DELETE FROM user_loras'), rows, format('%s deletes %s', caller, rows)) FROM (VALUES ('ann', '1'), ('dan', '0'), ('service_role', '3')) v (caller, rows);

-- Pictures.
INSERT INTO lora_training_images (lora_id, image_url) SELECT id, 'https://tap.test/1' FROM user_loras;
SELECT is(pg_temp.outcome(caller, 'SELECT FROM lora_training_images'), rows, caller || ' reads pictures: ' || rows)
  FROM (VALUES ('anon', '42501'), ('nobody', '0'), ('ann', '1'), ('dan', '0'), ('service_role', '3')) v (caller, rows);
SELECT is(pg_temp.outcome('ann', format('INSERT INTO lora_training_images (lora_id, image_url) VALUES (''00000000-0000-4000-8000-0000000001%s'', ''u'')', whose)), result,
          'ann adds a picture to ' || whose)
  FROM (VALUES ('aa', '1'), ('bb', '42501'), ('ff', '42501')) v (whose, result);
SELECT is(pg_temp.outcome('ann', 'DELETE FROM lora_training_images'), '1', 'and deletes her own');
SELECT is(pg_temp.answer('ann', 'INSERT INTO lora_training_images (id, lora_id, image_url, created_at) SELECT NULL, id, ''u'', ''2001-01-01'' FROM user_loras
                                 RETURNING id IS NOT NULL AND created_at = now() AND storage_path = image_url'), 'true', 'defaults, times and the second name');
SELECT * FROM finish();
ROLLBACK;
