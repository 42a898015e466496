-- SPDX-License-Identifier: PostgreSQL
-- How large a value may be that somebody sends: every column of a table that a user writes has a limit, at the limit the value
-- is stored, above it the error says how much it is, what is allowed and by which setting, and nothing is changed.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

-- `writes` stores %s in a row of the owner's; `least` is a value at the limit and `most` one above it.
CREATE TEMP TABLE limited (relation text, name text, setting text, writes text);
INSERT INTO limited VALUES
  ('generations', 'prompt', 'max_prompt_chars', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, prompt) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'model_id', 'max_text_chars', 'INSERT INTO generations (user_id, action, model_name, replicate_model, status, model_id) VALUES (pg_temp.me(), ''edit'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'model_name', 'max_text_chars', 'INSERT INTO generations (user_id, action, model_id, replicate_model, status, model_name) VALUES (pg_temp.me(), ''edit'', ''m'', ''x/y'', ''pending'', %s)'),
  ('generations', 'replicate_model', 'max_text_chars', 'INSERT INTO generations (user_id, action, model_id, model_name, status, replicate_model) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''pending'', %s)'),
  ('generations', 'input_image_url', 'max_url_chars', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, input_image_url) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'input_video_url', 'max_url_chars', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, input_video_url) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'settings', 'max_json_size', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, settings) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'replicate_input', 'max_json_size', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, replicate_input) VALUES (pg_temp.me(), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', %s)'),
  ('generations', 'error_message', 'max_text_chars', 'UPDATE generations SET status = ''failed'', error_message = %s WHERE id = pg_temp.id(''owner'')'),
  ('generations', 'replicate_prediction_id', NULL, 'UPDATE generations SET replicate_prediction_id = %s WHERE id = pg_temp.id(''owner'')'),
  ('users', 'display_name', 'max_text_chars', 'UPDATE users SET display_name = %s WHERE id = pg_temp.me()'),
  ('users', 'avatar_url', 'max_url_chars', 'UPDATE users SET avatar_url = %s WHERE id = pg_temp.me()'),
  ('users', 'cover_url', 'max_url_chars', 'UPDATE users SET cover_url = %s WHERE id = pg_temp.me()'),
  ('workspaces', 'name', 'max_text_chars', 'UPDATE workspaces SET name = %s WHERE id = pg_temp.id(''space'')'),
  ('workspaces', 'description', 'max_text_chars', 'UPDATE workspaces SET description = %s WHERE id = pg_temp.id(''space'')'),
  ('flows', 'name', 'max_text_chars', 'INSERT INTO flows (user_id, name) VALUES (pg_temp.me(), %s)'),
  ('flows', 'description', 'max_text_chars', 'UPDATE flows SET description = %s WHERE id = pg_temp.id(''owner'')'),
  ('flow_nodes', 'data', 'max_flow_node_size', 'UPDATE flow_nodes SET data = %s WHERE id = pg_temp.id(''owner1'')'),
  ('flow_nodes', 'model_id', 'max_text_chars', 'UPDATE flow_nodes SET model_id = %s WHERE id = pg_temp.id(''owner1'')'),
  ('flow_nodes', 'output_url', 'max_text_chars', 'UPDATE flow_nodes SET output_url = %s WHERE id = pg_temp.id(''owner1'')'),
  ('flow_nodes', 'error_message', 'max_text_chars', 'UPDATE flow_nodes SET error_message = %s WHERE id = pg_temp.id(''owner1'')'),
  ('flow_edges', 'source_handle', NULL, 'UPDATE flow_edges SET source_handle = %s WHERE id = pg_temp.id(''owner'')'),
  ('flow_edges', 'target_handle', NULL, 'UPDATE flow_edges SET target_handle = %s WHERE id = pg_temp.id(''owner'')'),
  ('flow_edges', 'edge_type', NULL, 'UPDATE flow_edges SET edge_type = %s WHERE id = pg_temp.id(''owner'')'),
  ('flow_comments', 'content', 'max_text_chars', 'INSERT INTO flow_comments (flow_id, user_id, content) VALUES (pg_temp.id(''owner''), pg_temp.me(), %s)'),
  ('flow_comments', 'node_id', NULL, 'INSERT INTO flow_comments (flow_id, user_id, content, node_id) VALUES (pg_temp.id(''owner''), pg_temp.me(), ''c'', %s)'),
  ('user_loras', 'name', 'max_text_chars', 'UPDATE user_loras SET name = %s WHERE id = pg_temp.id(''owner'')'),
  ('user_loras', 'description', 'max_text_chars', 'UPDATE user_loras SET description = %s WHERE id = pg_temp.id(''owner'')'),
  ('lora_training_images', 'image_url', 'max_url_chars', 'INSERT INTO lora_training_images (lora_id, image_url) VALUES (pg_temp.id(''owner''), %s)'),
  ('lora_training_images', 'caption', 'max_text_chars', 'INSERT INTO lora_training_images (lora_id, image_url, caption) VALUES (pg_temp.id(''owner''), ''https://tap.test/i'', %s)'),
  ('ideas', 'description', 'max_text_chars', 'INSERT INTO ideas (title, description) VALUES (''t'', %s)'),
  ('assistant_conversations', 'title', 'max_text_chars', 'UPDATE assistant_conversations SET title = %s WHERE id = pg_temp.id(''owner'')'),
  ('assistant_conversations', 'preview_text', 'max_text_chars', 'INSERT INTO assistant_conversations (user_id, preview_text) VALUES (pg_temp.me(), %s)'),
  ('assistant_conversations', 'preview_image_url', 'max_url_chars', 'INSERT INTO assistant_conversations (user_id, preview_image_url) VALUES (pg_temp.me(), %s)'),
  ('assistant_messages', 'content', 'max_text_chars', 'INSERT INTO assistant_messages (conversation_id, role, content) VALUES (pg_temp.id(''owner''), ''user'', %s)'),
  ('assistant_messages', 'context', 'max_json_size', 'INSERT INTO assistant_messages (conversation_id, role, content, context) VALUES (pg_temp.id(''owner''), ''user'', ''c'', %s)'),
  ('assistant_messages', 'images', 'max_url_chars', 'INSERT INTO assistant_messages (conversation_id, role, content, images) VALUES (pg_temp.id(''owner''), ''user'', ''c'', %s)'),
  ('support_tickets', 'images', 'max_url_chars', 'INSERT INTO support_tickets (user_id, message, images) VALUES (pg_temp.me(), ''m'', %s)'),
  ('support_tickets', 'message', NULL, 'INSERT INTO support_tickets (user_id, message) VALUES (pg_temp.me(), %s)');

-- What has a limit of another kind: a type with a length, a check, a form, an address.
CREATE TEMP TABLE otherwise (relation text, name text, why text);
INSERT INTO otherwise VALUES
  ('generations', 'action', 'a list'), ('generations', 'status', 'a list'), ('flows', 'status', 'a list'), ('flow_nodes', 'status', 'a list'),
  ('flow_nodes', 'output_type', 'a list'), ('flow_members', 'role', 'a list'), ('flow_invites', 'role', 'a list'), ('workspace_members', 'role', 'a list'),
  ('user_loras', 'type', 'a list'), ('user_loras', 'status', 'a list'), ('assistant_messages', 'role', 'a list'),
  ('workspaces', 'slug', '50 characters of a few kinds'), ('user_loras', 'trigger_word', '50 characters of a few kinds'), ('flow_invites', 'email', 'an address'),
  ('ideas', 'title', '255 characters'), ('support_tickets', 'subject', '255 characters');

-- No column is forgotten: what a user may write, less what the guard gives its default whatever he sends.
CREATE TEMP VIEW writable AS
SELECT c.relname::text AS relation, a.attname::text AS name
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'json'::regtype, 'text[]'::regtype)
   AND (has_column_privilege('authenticated', c.oid, a.attnum, 'UPDATE') OR has_column_privilege('authenticated', c.oid, a.attnum, 'INSERT'));
CREATE TEMP TABLE defaulted (relation text, name text);
INSERT INTO defaulted VALUES
  ('generations', 'output_urls'), ('generations', 'output_url'), ('generations', 'output_text'), ('generations', 'output_thumbs'), ('generations', 'replicate_output'),
  ('flow_nodes', 'created_by_email'), ('flow_invites', 'token'), ('user_loras', 'lora_url'), ('user_loras', 'replicate_training_id'),
  ('user_loras', 'replicate_model_url'), ('user_loras', 'error_message'), ('support_tickets', 'status'), ('support_tickets', 'answer');
SELECT set_eq('SELECT relation, name FROM writable',
              'SELECT relation, name FROM limited UNION ALL SELECT relation, name FROM otherwise UNION ALL SELECT relation, name FROM defaulted',
              'every text and document that a user may write has a limit');

-- A value of so many characters or kilobytes, of the type of the column, as an expression.
CREATE FUNCTION pg_temp.sized(relation text, name text, size integer, letter text) RETURNS text LANGUAGE sql STABLE
AS $$
  SELECT CASE (SELECT a.atttypid::regtype::text FROM pg_attribute a WHERE a.attrelid = relation::regclass AND a.attname = name)
         -- 20 bytes are the document's own.
         WHEN 'jsonb' THEN format('jsonb_build_object(''a'', repeat(''x'', %s))', size * 1024 - 20)
         WHEN 'text[]' THEN format('ARRAY[''x'', repeat(%L, %s)]', letter, size)
         ELSE format('repeat(%L, %s)', letter, size) END $$;
CREATE FUNCTION pg_temp.limit_of(relation text, name text, setting text) RETURNS integer LANGUAGE sql STABLE
AS $$ SELECT coalesce((SELECT s.setting::integer FROM pg_settings s WHERE s.name = 'atelier.' || limit_of.setting),
                      CASE WHEN relation = 'support_tickets' THEN 4000 ELSE 255 END) $$;
CREATE FUNCTION pg_temp.refusal(caller text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  message text;
  detail text;
  hint text;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE command;
  PERFORM pg_temp.become('superuser');
  RETURN 'stored';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', sqlstate, message, detail, hint);
END $$;
CREATE FUNCTION pg_temp.writer(relation text) RETURNS text LANGUAGE sql AS $$ SELECT CASE relation WHEN 'workspaces' THEN 'chief' ELSE 'owner' END $$;

SELECT is(pg_temp.outcome(pg_temp.writer(s.relation), format(s.writes, pg_temp.sized(s.relation, s.name, pg_temp.limit_of(s.relation, s.name, s.setting), 'ж'))),
          '1', format('%s.%s holds what is at its limit', s.relation, s.name))
  FROM limited s ORDER BY s.relation, s.name;
SELECT is(pg_temp.outcome(pg_temp.writer(s.relation), format(s.writes, pg_temp.sized(s.relation, s.name, pg_temp.limit_of(s.relation, s.name, s.setting) + 1, 'ж'))),
          '22001', format('%s.%s refuses what is above it', s.relation, s.name))
  FROM limited s ORDER BY s.relation, s.name;
SELECT matches(pg_temp.refusal(pg_temp.writer(s.relation), format(s.writes, pg_temp.sized(s.relation, s.name, pg_temp.limit_of(s.relation, s.name, s.setting) + 1, 'x'))),
               format('^22001 \| value for column "%s" exceeds the limit of [0-9]+ (characters|kB) \| (It|One of its elements) has [0-9]+ (characters|bytes)\. \| Send less%s\.$',
                      s.name, CASE WHEN s.setting IS NULL THEN '' ELSE ', or let an administrator raise atelier\.' || s.setting END),
               format('%s.%s: the error names the column, the size, the limit and the remedy', s.relation, s.name))
  FROM limited s ORDER BY s.relation, s.name;
SELECT is(pg_temp.refusal('owner', 'UPDATE users SET display_name = repeat(''ж'', 10001) WHERE id = pg_temp.me()'),
          '22001 | value for column "display_name" exceeds the limit of 10000 characters | It has 10001 characters. | '
          'Send less, or let an administrator raise atelier.max_text_chars.', 'in these words');

-- The settings decide.
CREATE FUNCTION pg_temp.with_setting(which text, value text, caller text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('atelier.' || which, value, true);
  result := pg_temp.outcome(caller, command);
  PERFORM set_config('atelier.' || which, (SELECT p.reset_val FROM pg_settings p WHERE p.name = 'atelier.' || which), true);
  RETURN result;
END $$;
SELECT is(pg_temp.with_setting(s.setting, '3', pg_temp.writer(s.relation), format(s.writes, pg_temp.sized(s.relation, s.name, 4, 'x'))), '22001',
          format('%s.%s obeys a lower %s', s.relation, s.name, s.setting))
  FROM limited s WHERE s.setting IS NOT NULL ORDER BY s.relation, s.name;
SELECT is(pg_temp.with_setting(s.setting, (x.now * 2)::text, pg_temp.writer(s.relation), format(s.writes, pg_temp.sized(s.relation, s.name, x.now * 2, 'x'))), '1',
          format('%s.%s obeys a higher %s', s.relation, s.name, s.setting))
  FROM limited s CROSS JOIN LATERAL (SELECT pg_temp.limit_of(s.relation, s.name, s.setting) AS now) x
 -- A list has a limit of bytes besides.
 WHERE s.setting IS NOT NULL AND s.name <> 'images' ORDER BY s.relation, s.name;
SELECT is(pg_temp.outcome('owner', format(s.writes, '(repeat(''{"a":'', 65) || 1 || repeat(''}'', 65))::jsonb')), '22001', format('%s.%s has a limit of depth', s.relation, s.name))
  FROM limited s WHERE s.setting IN ('max_json_size', 'max_flow_node_size') ORDER BY s.relation, s.name;
SELECT is(pg_temp.with_setting('max_json_depth', '2', 'owner', format(s.writes, '''{"a": {"b": {}}}''::jsonb')), '22001', format('%s.%s obeys max_json_depth', s.relation, s.name))
  FROM limited s WHERE s.setting IN ('max_json_size', 'max_flow_node_size') ORDER BY s.relation, s.name;
SELECT is(pg_temp.outcome('owner', format(s.writes, '(SELECT array_agg(repeat(''x'', 2000)) FROM generate_series(1, 200))')), '22001', format('%s.%s has a limit of bytes', s.relation, s.name))
  FROM limited s WHERE s.name = 'images' ORDER BY s.relation;
SELECT is(pg_temp.with_setting('max_text_chars', '5', 'boss', 'SELECT answer_support_ticket(pg_temp.id(''owner''), ''sixsix'')'), '22001', 'so does an answer to a ticket');
-- What is there stays: a row that is larger than a limit of today can be changed in other columns.
UPDATE generations SET prompt = repeat('x', 20000) WHERE id = pg_temp.id('owner');
SELECT is(pg_temp.with_setting('max_prompt_chars', '100', 'owner', 'UPDATE generations SET is_favorite = true WHERE id = pg_temp.id(''owner'')'), '1',
          'a row that is there already is not measured again');
SELECT is(pg_temp.with_setting('max_prompt_chars', '100', 'service_role', 'INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, prompt) '
            'VALUES (pg_temp.id(''owner''), ''edit'', ''m'', ''M'', ''x/y'', ''pending'', repeat(''x'', 101))'), '22001', 'a generation is measured whoever writes it');
SELECT * FROM finish();
ROLLBACK;
