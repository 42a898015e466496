-- SPDX-License-Identifier: PostgreSQL
-- A table that was changed under a native trigger makes it refuse, not guess; a column of the DBA's is guarded like any other.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

-- Table, who writes, and an INSERT that he may make.
CREATE TEMP TABLE tried (relation text, who text, insert_columns text, insert_values text);
INSERT INTO tried VALUES
  ('generations', 'owner', 'user_id, action, model_id, model_name, replicate_model', $$pg_temp.me(), 'create', 'm', 'M', 'owner/name'$$),
  ('flows', 'owner', 'user_id', 'pg_temp.me()'),
  ('flow_nodes', 'owner', 'flow_id, block_type', $$pg_temp.id('owner'), 'text'$$),
  ('flow_edges', 'owner', 'flow_id, source_node_id, target_node_id', $$pg_temp.id('owner'), pg_temp.id('owner2'), pg_temp.id('owner1')$$),
  ('flow_members', 'owner', 'flow_id, user_id', $$pg_temp.id('owner'), pg_temp.id('stranger')$$),
  ('flow_invites', 'owner', 'flow_id, email, invited_by', $$pg_temp.id('owner'), 'x@tap.test', pg_temp.me()$$),
  ('flow_comments', 'owner', 'flow_id, user_id, content', $$pg_temp.id('owner'), pg_temp.me(), 'c'$$),
  ('user_loras', 'owner', 'user_id, name, trigger_word', $$pg_temp.me(), 'L', 'NEW'$$),
  ('lora_training_images', 'owner', 'lora_id, image_url', $$pg_temp.id('owner'), 'https://tap.test'$$),
  ('assistant_conversations', 'owner', 'user_id', 'pg_temp.me()'),
  ('assistant_messages', 'owner', 'conversation_id, role, content', $$pg_temp.id('owner'), 'user', 'x'$$),
  ('ideas', 'owner', 'title', $$'t'$$),
  ('support_tickets', 'owner', 'user_id, message', $$pg_temp.me(), 'm'$$),
  ('workspaces', 'boss', 'name, slug', $$'N', 'tap-new'$$),
  ('workspace_members', 'chief', 'workspace_id, user_id, role', $$pg_temp.id('space'), pg_temp.id('stranger'), 'member'$$);
CREATE FUNCTION pg_temp.write_after(ddl text, of text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('superuser', format('%s; SELECT pg_temp.become(%L); INSERT INTO %I (%s) VALUES (%s)', ddl, t.who, t.relation, t.insert_columns, t.insert_values))
        FROM tried t WHERE t.relation = of $$;
SELECT is(pg_temp.write_after('SELECT', t.relation), '1', 'as it is: ' || t.relation) FROM tried t ORDER BY t.relation;
SELECT is(pg_temp.write_after(format('ALTER TABLE %I %s', relation, change), relation), result, format('%s: %s', relation, change))
  FROM (VALUES
    ('generations', 'RENAME status TO state', '39P01'),
    ('generations', 'ALTER settings DROP DEFAULT, ALTER settings TYPE json', '39P01'),
    ('generations', 'DROP COLUMN replicate_prediction_id', '39P01'),
    ('generations', 'DROP COLUMN output_thumbs', '1'),
    ('generations', 'ADD COLUMN remark text DEFAULT ''none''', '1'),
    ('generations', 'ADD COLUMN doubled integer GENERATED ALWAYS AS (cost_credits * 2) STORED', '1'),
    ('generations', 'ALTER replicate_token_index TYPE bigint', '1'),
    ('flows', 'ALTER name TYPE varchar(99)', '39P01'),
    ('flows', 'DROP COLUMN description', '39P01'),
    ('flow_nodes', 'ALTER data DROP DEFAULT, ALTER data TYPE json', '39P01'),
    ('flow_comments', 'ALTER node_id TYPE varchar(99)', '39P01'),
    ('user_loras', 'ALTER trigger_word TYPE varchar(50)', '39P01'),
    ('workspaces', 'RENAME slug TO path', '42703'),
    ('support_tickets', 'RENAME images TO pictures', '39P01')) v (relation, change, result);

-- A column of the DBA's is not the user's to write or to change, in whichever table, whatever is granted.
SELECT is(pg_temp.outcome('superuser', format('ALTER TABLE %1$s ADD COLUMN remark text NOT NULL DEFAULT ''none''; GRANT ALL ON %1$s TO authenticated;
            SELECT pg_temp.become(%2$L); INSERT INTO %1$s (%3$s, remark) VALUES (%4$s, ''mine''); SELECT pg_temp.become(''superuser'');
            SELECT FROM %1$s WHERE remark = ''mine''', t.relation, t.who, t.insert_columns, t.insert_values)), '0',
          'a column of the DBA is not the user''s to write: ' || t.relation) FROM tried t ORDER BY t.relation;
SELECT isnt(pg_temp.outcome('superuser', format('ALTER TABLE %1$s ADD COLUMN remark text NOT NULL DEFAULT ''none''; GRANT ALL ON %1$s TO authenticated;
            ALTER TABLE %1$s DISABLE TRIGGER USER; SELECT pg_temp.become(%2$L); INSERT INTO %1$s (%3$s, remark) VALUES (%4$s, ''mine'');
            SELECT pg_temp.become(''superuser''); SELECT FROM %1$s WHERE remark = ''mine''', t.relation, t.who, t.insert_columns, t.insert_values)), '0',
          'control: without its guard it would be: ' || t.relation) FROM tried t ORDER BY t.relation;
SELECT is(pg_temp.outcome('superuser', format('ALTER TABLE %1$s ADD COLUMN remark text NOT NULL DEFAULT ''none''; GRANT ALL ON %1$s TO authenticated;
            SELECT pg_temp.become(%2$L); UPDATE %1$s SET remark = ''mine''', relation, who)), '42501', 'nor to change: ' || relation)
  FROM (VALUES ('generations', 'owner'), ('flows', 'owner'), ('flow_nodes', 'owner'), ('flow_edges', 'owner'), ('flow_members', 'owner'),
               ('flow_comments', 'owner'), ('user_loras', 'owner'), ('notifications', 'owner'), ('assistant_conversations', 'owner'), ('users', 'owner'),
               ('workspaces', 'chief'), ('workspace_members', 'chief')) v (relation, who);

-- What the error says: the column, and what users may change.
CREATE FUNCTION pg_temp.complaint(who text, command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  message text;
  detail text;
BEGIN
  PERFORM pg_temp.become(who);
  EXECUTE command;
  RETURN 'no complaint';
EXCEPTION WHEN insufficient_privilege THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN message || '. ' || detail;
END $$;
GRANT ALL ON ALL TABLES IN SCHEMA public TO authenticated;
SELECT is(pg_temp.complaint(who, command), complaint, command)
  FROM (VALUES
    ('owner', 'UPDATE users SET credits = 9', $$column "credits" of a profile is not the user's to change. Users change display_name, avatar_url and cover_url.$$),
    ('owner', 'UPDATE notifications SET title = ''x''', $$column "title" of a notification is not the user's to change. Users change is_read.$$),
    ('owner', 'UPDATE user_loras SET status = ''completed''', $$column "status" of a LoRA is not the user's to change. Users change name, description and deleted_at.$$),
    ('chief', 'UPDATE workspaces SET created_by = NULL', $$column "created_by" of a workspace is not the user's to change. Users change name, slug, description and is_active.$$),
    ('owner', 'UPDATE flows SET user_id = pg_temp.id(''stranger'')', 'column "user_id" of a flow cannot be changed. '),
    ('owner', 'UPDATE flow_members SET accepted_at = NULL', $$column "accepted_at" of a member of a flow is not the user's to change. Users change role.$$),
    ('owner', 'UPDATE generations SET cost_usd = 0', $$column "cost_usd" of a generation is not the user's to change. $$)) v (who, command, complaint);
-- updated_at is sent along by the app and is no complaint; the trigger says what it becomes.
SELECT is(pg_temp.answer('owner', format('UPDATE %s SET updated_at = ''2001-01-01'' WHERE id = pg_temp.id(%L) RETURNING updated_at = now()', relation, row_name)), 'true',
          relation || '.updated_at is set by trigger')
  FROM (VALUES ('flows', 'owner'), ('flow_nodes', 'owner1'), ('flow_comments', 'owner'), ('user_loras', 'owner')) v (relation, row_name);
SELECT * FROM finish();
ROLLBACK;
