-- SPDX-License-Identifier: PostgreSQL
-- Step 1, third part: what is written about the work, for admins and for users.

CREATE FUNCTION atelier.make_log_tables_1() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.api_logs', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT api_logs_pkey PRIMARY KEY,
    method text NOT NULL,
    path text NOT NULL,
    status_code integer NOT NULL,
    duration_ms integer,
    user_id uuid,
    provider text,
    external_status text,
    model_name text,
    generation_id uuid,
    query_params jsonb,
    request_body jsonb,
    error_message text,
    error_stack text,
    error_category text,
    response_summary jsonb,
    is_fallback boolean NOT NULL DEFAULT false,
    retry_count integer NOT NULL DEFAULT 0,
    ip_address text,
    created_at timestamptz NOT NULL DEFAULT now()
  $table$);
  PERFORM atelier.make_index('@app@.api_logs_created_at_idx', $ddl$
    CREATE INDEX api_logs_created_at_idx ON @app@.api_logs USING brin (created_at)
      WITH (pages_per_range = 32, autosummarize = on)$ddl$);
  PERFORM atelier.describe('@app@.api_logs', 'requests of the app and calls to the provider', ARRAY[
    'id', 'id of the entry',
    'method', 'HTTP method; WARN for a warning',
    'path', 'path without the query',
    'status_code', 'HTTP status; 0 when no answer came, 299 for a warning',
    'duration_ms', 'how long it took, in milliseconds',
    'user_id', 'for whom',
    'provider', 'replicate, fal, google, higgsfield, telegram, resend, or null',
    'external_status', 'what the provider calls the state of the job',
    'model_name', 'the model',
    'generation_id', 'the generation',
    'query_params', 'query of a request to the app',
    'request_body', 'body of a request to the app; atelier never writes one',
    'error_message', 'what went wrong, without secrets',
    'error_stack', 'where in the app',
    'error_category', 'nsfw, timeout, rate_limit, auth, invalid_input, storage, model_unavailable, memory, network, unknown, warning',
    'response_summary', 'what was answered, in short',
    'is_fallback', 'another provider took over',
    'retry_count', 'how often this was tried before',
    'ip_address', 'where a request to the app came from',
    'created_at', 'when']);

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
COMMENT ON FUNCTION atelier.make_log_tables_1() IS 'install step 1: api_logs and notifications';
