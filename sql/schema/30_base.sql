-- SPDX-License-Identifier: PostgreSQL
-- Install step 1: the tables that the app began with. Each step makes what is missing and may find it there already.

CREATE FUNCTION atelier.step_schema() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.users', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT users_pkey PRIMARY KEY,
    telegram_username text CONSTRAINT users_telegram_username_key UNIQUE,
    telegram_id bigint CONSTRAINT users_telegram_id_key UNIQUE,
    telegram_first_name text,
    telegram_last_name text,
    telegram_photo_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz NOT NULL DEFAULT now(),
    is_active boolean NOT NULL DEFAULT true,
    credits integer NOT NULL DEFAULT 100,
    email text CONSTRAINT users_email_key UNIQUE,
    auth_provider text NOT NULL DEFAULT 'telegram'
      CONSTRAINT users_auth_provider_check CHECK (auth_provider IN ('email', 'telegram', 'oauth')),
    display_name text,
    avatar_url text,
    cover_url text,
    first_name text,
    last_name text
  $table$);
  PERFORM atelier.make_index('@app@.users_email_lower_idx',
    'CREATE UNIQUE INDEX users_email_lower_idx ON @app@.users (lower(email))');
  PERFORM atelier.run_ddl('ALTER TABLE @app@.users SET (fillfactor = 80)');
  PERFORM atelier.describe('@app@.users', 'user profiles; the id is that of the auth service', ARRAY[
    'id', 'the subject of the user''s claims',
    'telegram_username', 'name at Telegram',
    'telegram_id', 'id at Telegram',
    'telegram_first_name', 'first name at Telegram',
    'telegram_last_name', 'last name at Telegram',
    'telegram_photo_url', 'picture at Telegram',
    'created_at', 'when the profile was made',
    'last_login', 'when the user signed in last',
    'is_active', 'false: the user reads nothing but this row and writes nothing',
    'credits', 'balance; a completed generation takes its cost_credits, never below zero',
    'email', 'kept in lower case, one row per address',
    'auth_provider', 'email, telegram or oauth',
    'display_name', 'shown name; the user''s to change',
    'avatar_url', 'picture; the user''s to change',
    'cover_url', 'cover picture; the user''s to change',
    'first_name', 'first name',
    'last_name', 'last name']);

  PERFORM atelier.make_table('@app@.generations', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT generations_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT generations_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    action text NOT NULL CONSTRAINT generations_action_check CHECK (action IN
      ('create', 'edit', 'upscale', 'remove_bg', 'inpaint', 'expand', 'video_create', 'video_i2v', 'video_edit',
       'video_upscale', 'video_keyframes', 'analyze_describe', 'analyze_ocr', 'analyze_prompt')),
    model_id text NOT NULL,
    model_name text NOT NULL,
    replicate_model text NOT NULL,
    prompt text,
    input_image_url text,
    settings jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'queued' CONSTRAINT generations_status_check CHECK (status IN
      ('pending', 'queued', 'processing', 'completed', 'failed', 'cancelled')),
    output_urls text[],
    replicate_prediction_id text CONSTRAINT generations_replicate_prediction_id_key UNIQUE,
    replicate_token_index integer,
    processing_time_ms integer,
    error_message text,
    cost_credits integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    viewed boolean NOT NULL DEFAULT false,
    viewed_at timestamptz,
    replicate_input jsonb,
    replicate_output jsonb,
    is_favorite boolean NOT NULL DEFAULT false,
    output_text text,
    is_keyframe_segment boolean NOT NULL DEFAULT false,
    output_url text
  $table$);
  PERFORM atelier.run_ddl('ALTER TABLE @app@.generations SET (fillfactor = 70)');
  PERFORM atelier.describe('@app@.generations', 'AI jobs: the request, what the provider says, the result', ARRAY[
    'id', 'id of the generation',
    'user_id', 'whose it is',
    'action', 'what is asked for, such as create, upscale, video_i2v or analyze_ocr',
    'model_id', 'id in the app''s own catalogue of models',
    'model_name', 'name of the model for people',
    'replicate_model', 'owner/name, owner/name:version, a version of 64 hex digits or deployment:owner/name',
    'prompt', 'what the user wrote',
    'input_image_url', 'picture to work on',
    'settings', 'further inputs, and keys of the app and of atelier: priority, auto_retry_count, keyframe_*',
    'status', 'pending (not handed over), queued (handed over to atelier), processing, completed, failed, cancelled',
    'output_urls', 'URLs of the results; the text itself for analyze_*',
    'replicate_prediction_id', 'id of the prediction at the provider',
    'replicate_token_index', 'id of the row of replicate_tokens that created the prediction',
    'processing_time_ms', 'completed_at - started_at in milliseconds, at most 24.8 days, set by trigger',
    'error_message', 'why it failed, in words for users',
    'cost_credits', 'credits that its completion costs',
    'created_at', 'when it was inserted',
    'started_at', 'when the provider took it, set by trigger',
    'completed_at', 'when it ended, set by trigger',
    'viewed', 'whether the user has seen the result',
    'viewed_at', 'when he saw it',
    'replicate_input', 'the exact input for the provider; built from the other columns when it is null at the hand-over',
    'replicate_output', 'the prediction as the provider returned it last, with logs cut to 8 kB',
    'is_favorite', 'marked by the user',
    'output_text', 'the result of analyze_*',
    'is_keyframe_segment', 'a hidden part of a film, left out of lists',
    'output_url', 'a single output written by the app; also becomes output_urls']);

  PERFORM atelier.make_table('@app@.replicate_tokens', $table$
    id integer NOT NULL GENERATED BY DEFAULT AS IDENTITY CONSTRAINT replicate_tokens_pkey PRIMARY KEY,
    token text NOT NULL CONSTRAINT replicate_tokens_token_key UNIQUE,
    is_active boolean NOT NULL DEFAULT true,
    last_used_at timestamptz,
    request_count integer NOT NULL DEFAULT 0,
    error_count integer NOT NULL DEFAULT 0,
    last_error text,
    last_error_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
  $table$);
  -- Ten rows that change all the time: room on the page, and no index on what changes, keeps every update in place.
  PERFORM atelier.run_ddl('ALTER TABLE @app@.replicate_tokens SET (fillfactor = 25, autovacuum_vacuum_threshold = 200)');
  PERFORM atelier.describe('@app@.replicate_tokens', 'API tokens of the provider; secrets, for service_role only', ARRAY[
    'id', 'number of the token, stored as generations.replicate_token_index',
    'token', 'the secret',
    'is_active', 'false: nothing new is sent with it; what it created is still watched',
    'last_used_at', 'when a request was counted last',
    'request_count', 'creating requests so far',
    'error_count', 'refusals so far',
    'last_error', 'the last refusal, without the secret',
    'last_error_at', 'when that was',
    'created_at', 'when the row was inserted']);
END
$step$;
COMMENT ON FUNCTION atelier.step_schema() IS 'install step: users, generations and replicate_tokens';
