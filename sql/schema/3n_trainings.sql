-- SPDX-License-Identifier: PostgreSQL
-- Install step: trainers, and the trainings that atelier has taken over. What is put into trainers has a time in its key, as
-- in atelier.models.

CREATE FUNCTION atelier.step_trainings() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('atelier.trainers', $table$
    trainer text NOT NULL CONSTRAINT trainers_trainer_check CHECK (trainer ~ '^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$'),
    version text NOT NULL CONSTRAINT trainers_version_check CHECK (version ~ '^[0-9a-f]{64}$'),
    rank integer NOT NULL DEFAULT 0,
    least_images integer NOT NULL DEFAULT 5,
    most_images integer NOT NULL DEFAULT 100,
    enabled boolean NOT NULL DEFAULT true,
    seeded_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT trainers_pkey PRIMARY KEY (trainer, seeded_at)
  $table$);
  PERFORM atelier.describe('atelier.trainers', 'models of the provider that train LoRAs', ARRAY[
    'trainer', 'owner/name',
    'version', 'the version that is started',
    'rank', 'the enabled trainer with the lowest one trains',
    'least_images', 'how many pictures it needs',
    'most_images', 'how many pictures it takes',
    'enabled', 'whether it may be used',
    'seeded_at', 'when install() put it in; -infinity for a row of your own, which comes first at the same rank']);
  IF NOT EXISTS (SELECT FROM atelier.trainers) THEN
    INSERT INTO atelier.trainers (seeded_at, trainer, version, rank, least_images, most_images) SELECT now(), t.* FROM (VALUES
      ('replicate/fast-flux-trainer', '8b10794665aed907bb98a1a5324cd1d3a8bea0e9b31e65210967fb9c9e2e08ed', 1, 5, 50),
      ('ostris/flux-dev-lora-trainer', 'd995297071a44dcb72244e6c19462111649ec86a9ff7e6b8a60e01e4f14c634c', 2, 10, 100),
      ('lucataco/flux-dev-lora-trainer', '1fc5c5dc8bfa10f3ab04e9e44b7a9a1659b7e4e9c30fe9c5d43a5b9e8ddf2a17', 3, 8, 80)) t;
  END IF;

  PERFORM atelier.make_table('atelier.trainings', $table$
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT trainings_pkey PRIMARY KEY,
    lora_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    lease_until timestamptz,
    deadline timestamptz,
    ended_at timestamptz,
    token_id integer,
    number smallint NOT NULL DEFAULT 0,
    disowned boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'queued' CONSTRAINT trainings_state_check
      CHECK (state IN ('queued', 'sending', 'unknown', 'running', 'succeeded', 'failed', 'cancelled')),
    trainer text NOT NULL,
    version text NOT NULL,
    account text,
    destination text,
    file_id text,
    input jsonb,
    training_id text,
    error text,
    predict_time double precision,
    cost_usd numeric
  $table$);
  PERFORM atelier.make_index('atelier.trainings_open_key', $ddl$
    CREATE UNIQUE INDEX trainings_open_key ON atelier.trainings (lora_id)
      WHERE state IN ('queued', 'sending', 'unknown', 'running')$ddl$);
  PERFORM atelier.make_index('atelier.trainings_user_idx', $ddl$
    CREATE INDEX trainings_user_idx ON atelier.trainings (user_id) WHERE state IN ('queued', 'sending', 'unknown', 'running')$ddl$);
  PERFORM atelier.make_index('atelier.trainings_training_id_key', $ddl$
    CREATE UNIQUE INDEX trainings_training_id_key ON atelier.trainings (training_id) WHERE training_id IS NOT NULL$ddl$);
  PERFORM atelier.describe('atelier.trainings', 'trainings of LoRAs that atelier has taken over; they outlive the row of user_loras', ARRAY[
    'id', 'id of the training here',
    'lora_id', 'the row of user_loras',
    'user_id', 'whose it is',
    'created_at', 'when it was asked for',
    'sent_at', 'when the creating request was about to be sent last',
    'lease_until', 'when it is looked up if nobody has recorded the answer',
    'deadline', 'when it is cancelled at the provider',
    'ended_at', 'when it ended',
    'token_id', 'the token that created it',
    'number', 'how often the creating request was about to be sent',
    'disowned', 'the app has ended the LoRA, or its user has deleted it: it is cancelled, and what it brings is not applied',
    'state', 'queued (pictures are being fetched and uploaded), sending, unknown (the answer was lost), running, succeeded, failed or cancelled',
    'trainer', 'as in atelier.trainers',
    'version', 'the version that is started',
    'account', 'the provider''s account that it belongs to',
    'destination', 'the model that gets the new version',
    'file_id', 'the uploaded set at the provider',
    'input', 'as it was sent',
    'training_id', 'id at the provider',
    'error', 'what went wrong, for admins',
    'predict_time', 'seconds that the provider has worked',
    'cost_usd', 'what the provider asks for it; null when unknown']);
END
$step$;
COMMENT ON FUNCTION atelier.step_trainings() IS 'install step: trainers and trainings';
