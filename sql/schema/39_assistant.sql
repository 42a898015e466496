-- SPDX-License-Identifier: PostgreSQL
-- Install step 13: chats with the assistant.

CREATE FUNCTION atelier.step_add_assistant_chat_history() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.assistant_conversations', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT assistant_conversations_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT assistant_conversations_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    title text,
    is_favorite boolean NOT NULL DEFAULT false,
    preview_text text,
    preview_image_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
  $table$);
  -- Not only for the list, which leaves out what is deleted, but also for the key.
  PERFORM atelier.make_index('@app@.assistant_conversations_user_list_idx',
    'CREATE INDEX assistant_conversations_user_list_idx ON @app@.assistant_conversations (user_id, updated_at DESC)');
  PERFORM atelier.describe('@app@.assistant_conversations', 'chats with the assistant', ARRAY[
    'id', 'id of the chat',
    'user_id', 'whose it is',
    'title', 'first 100 characters of what was asked first, unless set',
    'is_favorite', 'marked by the user',
    'preview_text', 'first 150 characters of what was asked first',
    'preview_image_url', 'first picture of it',
    'created_at', 'when it began',
    'updated_at', 'when the last message was written',
    'deleted_at', 'deleted, but kept']);

  PERFORM atelier.make_table('@app@.assistant_messages', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT assistant_messages_pkey PRIMARY KEY,
    conversation_id uuid NOT NULL
      CONSTRAINT assistant_messages_conversation_id_fkey REFERENCES @app@.assistant_conversations (id) ON DELETE CASCADE,
    role text NOT NULL CONSTRAINT assistant_messages_role_check CHECK (role IN ('user', 'assistant')),
    content text NOT NULL,
    images text[],
    context jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
  $table$);
  PERFORM atelier.make_index('@app@.assistant_messages_conversation_list_idx',
    'CREATE INDEX assistant_messages_conversation_list_idx ON @app@.assistant_messages (conversation_id, created_at)');
  PERFORM atelier.describe('@app@.assistant_messages', 'messages of a chat', ARRAY[
    'id', 'id of the message',
    'conversation_id', 'the chat',
    'role', 'user or assistant',
    'content', 'the text',
    'images', 'URLs of attached pictures',
    'context', 'page and model that the answer was made for',
    'created_at', 'when it was written; messages of one statement follow one another']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_assistant_chat_history() IS 'install step: chats with the assistant';
