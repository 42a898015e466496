-- SPDX-License-Identifier: PostgreSQL
-- Install step 12.

CREATE FUNCTION atelier.step_20260128_add_notifications() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.notifications', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT notifications_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT notifications_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    type varchar(50) NOT NULL
      CONSTRAINT notifications_type_check CHECK (type::text IN ('support_reply', 'update', 'announcement')),
    title varchar(255) NOT NULL,
    message text,
    link varchar(500),
    is_read boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb DEFAULT '{}',
    read boolean GENERATED ALWAYS AS (is_read) STORED
  $table$);
  PERFORM atelier.make_index('@app@.notifications_user_list_idx',
    'CREATE INDEX notifications_user_list_idx ON @app@.notifications (user_id, created_at DESC)');
  PERFORM atelier.make_index('@app@.notifications_user_unread_idx',
    'CREATE INDEX notifications_user_unread_idx ON @app@.notifications (user_id) WHERE NOT is_read');
  PERFORM atelier.describe('@app@.notifications', 'messages to users inside the app', ARRAY[
    'id', 'id of the notification',
    'user_id', 'to whom',
    'type', 'support_reply, update or announcement',
    'title', 'one line',
    'message', 'the text',
    'link', 'where it leads',
    'is_read', 'whether the user has read it; the user''s to change',
    'created_at', 'when',
    'metadata', 'further facts, such as telegram_message_id',
    'read', 'the same as is_read, for reading only']);
END
$step$;
COMMENT ON FUNCTION atelier.step_20260128_add_notifications() IS 'install step: notifications';
