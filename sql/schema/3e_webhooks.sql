-- SPDX-License-Identifier: PostgreSQL
-- Install step: what attempts know of the wishes of others, and what webhooks need.

CREATE FUNCTION atelier.step_webhooks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('atelier.attempts', $table$
    disowned boolean NOT NULL DEFAULT false,
    percent smallint,
    model text,
    input jsonb
  $table$);
  PERFORM atelier.describe('atelier.attempts', NULL, ARRAY[
    'disowned', 'the app has ended or deleted the generation, or sent it itself: the result is not applied',
    'percent', 'how far the prediction had come when its logs said so last',
    'model', 'what it was sent to, kept while its answer is lost and the generation does not say so any more',
    'input', 'what was sent, kept in the same case; by this the provider''s list is searched']);

  -- Looked for at every wake-up, however many are open.
  PERFORM atelier.make_index('atelier.attempts_cancel_idx', $ddl$
    CREATE INDEX attempts_cancel_idx ON atelier.attempts (id)
     WHERE cancel_requested AND state IN ('sending', 'running', 'unknown')$ddl$);

  PERFORM atelier.make_table('atelier.kept_tokens', $table$
    token_id integer NOT NULL CONSTRAINT kept_tokens_pkey PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    token text NOT NULL,
    account text
  $table$);
  PERFORM atelier.describe('atelier.kept_tokens',
    'tokens that were deleted while predictions or trainings of theirs ran; needed to watch and cancel these, and gone with the last one', ARRAY[
    'token_id', 'the row of replicate_tokens that it was',
    'deleted_at', 'when that was',
    'token', 'the secret',
    'account', 'the provider''s account that it belongs to']);

  PERFORM atelier.make_table('atelier.webhook_secrets', $table$
    account text NOT NULL CONSTRAINT webhook_secrets_pkey PRIMARY KEY,
    secret text NOT NULL,
    fetched_at timestamptz
  $table$);
  PERFORM atelier.describe('atelier.webhook_secrets', 'what the provider signs webhooks with, one secret per account', ARRAY[
    'account', 'the provider''s account',
    'secret', 'whsec_ and the key in base64',
    'fetched_at', 'when the dispatcher asked the provider for it; null: set by hand, and left alone']);

  PERFORM atelier.make_table('atelier.webhook_events', $table$
    message_id text NOT NULL CONSTRAINT webhook_events_pkey PRIMARY KEY,
    received_at timestamptz NOT NULL,
    attempt_id bigint,
    training_id bigint,
    noticed boolean NOT NULL DEFAULT false,
    prediction_id text NOT NULL
  $table$);
  PERFORM atelier.make_index('atelier.webhook_events_received_at_idx',
    'CREATE INDEX webhook_events_received_at_idx ON atelier.webhook_events (received_at)');
  PERFORM atelier.make_index('atelier.webhook_events_waiting_idx',
    'CREATE INDEX webhook_events_waiting_idx ON atelier.webhook_events (received_at) WHERE NOT noticed');
  PERFORM atelier.describe('atelier.webhook_events', 'webhooks of the last minutes: so that each counts once, and for the dispatcher to look', ARRAY[
    'message_id', 'the provider''s id of the message; unsigned: and the attempt where no secret is known',
    'received_at', 'when it came first, or last where it is not signed',
    'attempt_id', 'the attempt that it is about; null when the prediction is not known yet',
    'training_id', 'the training that it is about; null for predictions',
    'noticed', 'the dispatcher has looked at the prediction because of it, or there was nothing to look at',
    'prediction_id', 'id of the prediction at the provider']);
END
$step$;
COMMENT ON FUNCTION atelier.step_webhooks() IS 'install step: wishes of others about attempts, tokens that outlive their row, webhooks';
