-- SPDX-License-Identifier: PostgreSQL
-- Install step 5: LoRA models and the pictures they are trained with.

CREATE FUNCTION atelier.step_add_lora_support() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.user_loras', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT user_loras_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT user_loras_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    name text NOT NULL,
    description text,
    type text NOT NULL DEFAULT 'style'
      CONSTRAINT user_loras_type_check CHECK (type IN ('style', 'character', 'product', 'custom')),
    trigger_word text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
      CONSTRAINT user_loras_status_check CHECK (status IN ('pending', 'uploading', 'training', 'completed', 'failed')),
    lora_url text,
    replicate_training_id text,
    replicate_model_url text,
    training_started_at timestamptz,
    training_completed_at timestamptz,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
  $table$);
  -- Not only for the list, which leaves out what is deleted, but also for the key.
  PERFORM atelier.make_index('@app@.user_loras_user_list_idx',
    'CREATE INDEX user_loras_user_list_idx ON @app@.user_loras (user_id, created_at DESC)');
  PERFORM atelier.make_index('@app@.user_loras_trigger_word_key',
    'CREATE UNIQUE INDEX user_loras_trigger_word_key ON @app@.user_loras (user_id, trigger_word) WHERE deleted_at IS NULL');
  PERFORM atelier.make_index('@app@.user_loras_replicate_training_id_key',
    'CREATE UNIQUE INDEX user_loras_replicate_training_id_key ON @app@.user_loras (replicate_training_id)
      WHERE replicate_training_id IS NOT NULL');
  PERFORM atelier.describe('@app@.user_loras', 'LoRA models that users train', ARRAY[
    'id', 'id of the LoRA',
    'user_id', 'whose it is',
    'name', 'name for people',
    'description', 'what it is for',
    'type', 'style, character, product or custom',
    'trigger_word', 'the word that calls it in a prompt; one LoRA per user and word',
    'status', 'pending, uploading, training, completed or failed',
    'lora_url', 'weights, or the model version',
    'replicate_training_id', 'id of the training at the provider',
    'replicate_model_url', 'model version from the training''s output',
    'training_started_at', 'when the training was accepted',
    'training_completed_at', 'when it ended well',
    'error_message', 'why it failed, in words for users',
    'created_at', 'when the row was inserted',
    'updated_at', 'when the row was changed last, set by trigger',
    'deleted_at', 'deleted, but kept']);

  PERFORM atelier.make_table('@app@.lora_training_images', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT lora_training_images_pkey PRIMARY KEY,
    lora_id uuid NOT NULL CONSTRAINT lora_training_images_lora_id_fkey REFERENCES @app@.user_loras (id) ON DELETE CASCADE,
    image_url text NOT NULL,
    caption text,
    created_at timestamptz NOT NULL DEFAULT now(),
    storage_path text GENERATED ALWAYS AS (image_url) STORED
  $table$);
  PERFORM atelier.make_index('@app@.lora_training_images_lora_id_idx',
    'CREATE INDEX lora_training_images_lora_id_idx ON @app@.lora_training_images (lora_id)');
  PERFORM atelier.describe('@app@.lora_training_images', 'pictures that a LoRA is trained with', ARRAY[
    'id', 'id of the picture',
    'lora_id', 'the LoRA',
    'image_url', 'where the picture is',
    'caption', 'what it shows',
    'created_at', 'when the row was inserted',
    'storage_path', 'the same as image_url, for reading only']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_lora_support() IS 'install step: LoRA models and their training pictures';
