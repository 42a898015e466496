-- SPDX-License-Identifier: PostgreSQL
-- The last install step: the tables of schema atelier. They hold what the workers need and nobody else reads them directly.

CREATE FUNCTION atelier.step_atelier() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('atelier.queue', $table$
    generation_id uuid NOT NULL CONSTRAINT queue_pkey PRIMARY KEY,
    user_id uuid NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY
  $table$);
  PERFORM atelier.make_index('atelier.queue_order_idx',
    'CREATE INDEX queue_order_idx ON atelier.queue (user_id, priority DESC, seq)');
  -- Rows come and go; what they leave behind lies where every claim looks first.
  ALTER TABLE atelier.queue SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
  PERFORM atelier.describe('atelier.queue', 'generations that wait to be sent; the triggers on generations keep it', ARRAY[
    'generation_id', 'the generation',
    'user_id', 'its user, whose turn it is in round robin',
    'priority', 'settings.priority; higher first, among the rows of the same user only',
    'not_before', 'not sent earlier, after a refusal or a failure that passes',
    'seq', 'first in, first out among equals']);

  PERFORM atelier.make_table('atelier.attempts', $table$
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT attempts_pkey PRIMARY KEY,
    generation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    sent_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    lease_until timestamptz,
    ended_at timestamptz,
    token_id integer,
    number smallint NOT NULL,
    http_status smallint,
    cancel_requested boolean NOT NULL DEFAULT false,
    predict_time double precision,
    state text NOT NULL CONSTRAINT attempts_state_check CHECK (state IN
      ('sending', 'running', 'unknown', 'refused', 'absent', 'succeeded', 'failed', 'canceled', 'aborted', 'lost')),
    prediction_id text,
    error text
  $table$);
  PERFORM atelier.make_index('atelier.attempts_generation_id_idx',
    'CREATE INDEX attempts_generation_id_idx ON atelier.attempts (generation_id)');
  PERFORM atelier.make_index('atelier.attempts_open_idx', $ddl$
    CREATE INDEX attempts_open_idx ON atelier.attempts (user_id) WHERE state IN ('sending', 'running', 'unknown')$ddl$);
  PERFORM atelier.make_index('atelier.attempts_sent_at_idx',
    'CREATE INDEX attempts_sent_at_idx ON atelier.attempts USING brin (sent_at) WITH (pages_per_range = 32, autosummarize = on)');
  PERFORM atelier.describe('atelier.attempts', 'creating requests to the provider, and what became of them', ARRAY[
    'id', 'number of the attempt, sent along in the webhook''s URL',
    'generation_id', 'the generation; it may have been deleted since',
    'user_id', 'its user, for the limit per user',
    'sent_at', 'when the request was about to be sent',
    'deadline', 'when the provider stops the prediction by itself (Cancel-After)',
    'lease_until', 'when an attempt in state sending is looked up if nobody has recorded its answer',
    'ended_at', 'when the attempt ended; null while it is open',
    'token_id', 'the row of replicate_tokens whose account it belongs to',
    'number', 'counts the attempts of one generation from 1',
    'http_status', 'HTTP status of the answer to the creating request; null when none came',
    'cancel_requested', 'its user asked for the end',
    'predict_time', 'seconds that the model ran, as the provider counts them',
    'state', 'sending, running or unknown while it is open; refused, absent, succeeded, failed, canceled, aborted or lost',
    'prediction_id', 'id of the prediction at the provider',
    'error', 'the raw error, for admins; users read generations.error_message']);

  PERFORM atelier.make_table('atelier.token_state', $table$
    token_id integer NOT NULL CONSTRAINT token_state_pkey PRIMARY KEY
      CONSTRAINT token_state_token_id_fkey REFERENCES @app@.replicate_tokens (id) ON DELETE CASCADE,
    refusals integer NOT NULL DEFAULT 0,
    cooling_until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    account text,
    reason text
  $table$);
  PERFORM atelier.describe('atelier.token_state', 'what the dispatcher has learned about the tokens', ARRAY[
    'token_id', 'row of replicate_tokens',
    'refusals', 'how often the provider has asked for a pause',
    'cooling_until', 'nothing is sent with the token before this time',
    'changed_at', 'when the row was written last',
    'account', 'the provider''s account that the token belongs to; limits count per account',
    'reason', 'why it cools down']);

  PERFORM atelier.make_flow_node_memory();
END
$step$;
COMMENT ON FUNCTION atelier.step_atelier() IS 'install step: the tables of schema atelier';
