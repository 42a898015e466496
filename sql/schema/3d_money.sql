-- SPDX-License-Identifier: PostgreSQL
-- Install step 17: what models are, what they cost, what was paid, and the files that die at the provider. The rows of
-- models and prices are the DBA's: they are put in once, into an empty table, and never touched again. What was put in
-- has a time in its key, so that rows that are restored into a fresh install find their places free; see own_seeds().

CREATE FUNCTION atelier.make_models() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.make_table('atelier.models', $table$
    replicate_model text NOT NULL,
    actions text[],
    version text CONSTRAINT models_version_check CHECK (version ~ '^[0-9a-f]{64}$'),
    price_rule text,
    deadline interval CONSTRAINT models_deadline_check CHECK (deadline BETWEEN interval '5 s' AND interval '24 h'),
    enabled boolean NOT NULL DEFAULT true,
    seeded_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT models_pkey PRIMARY KEY (replicate_model, seeded_at)
  $table$);
  PERFORM atelier.describe('atelier.models', 'what is known of models; with atelier.models_only, all that users may queue', ARRAY[
    'replicate_model', 'as in generations.replicate_model, without a version: owner/name or deployment:owner/name',
    'actions', 'the actions that users may queue it for; null for all',
    'version', 'sent when a generation names the model without a version; null for the latest',
    'price_rule', 'atelier.prices.rule by which its predictions are priced; null when that is not known',
    'deadline', 'how long a prediction may take; null for atelier.image_deadline or atelier.video_deadline',
    'enabled', 'whether users may queue it while atelier.models_only is on',
    'seeded_at', 'when install() put it in; -infinity for a row of your own, which counts instead of one that was put in']);

  PERFORM atelier.make_table('atelier.prices', $table$
    rule text NOT NULL,
    metric text NOT NULL DEFAULT 'predict_time',
    tier jsonb NOT NULL DEFAULT '{}' CONSTRAINT prices_tier_check CHECK (jsonb_typeof(tier) = 'object'),
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    usd numeric NOT NULL CONSTRAINT prices_usd_check CHECK (usd >= 0),
    seeded_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT prices_pkey PRIMARY KEY (rule, metric, tier, valid_from, seeded_at)
  $table$);
  PERFORM atelier.describe('atelier.prices', 'what predictions cost: the sum of metric times price over the metrics of a rule', ARRAY[
    'rule', 'a hardware of the provider, or a name of your own; atelier.models.price_rule',
    'metric', 'a number in the metrics of a prediction, such as predict_time (seconds) or image_output_count; run stands for one of each that succeeded',
    'tier', 'what the metrics must contain for this price, such as {"resolution_target": "720p"}; the price that names most counts',
    'valid_from', 'since when; of several the newest that has begun',
    'usd', 'dollars for one',
    'seeded_at', 'when install() put it in; -infinity for a row of your own, which counts instead of one that was put in']);
END
$function$;
COMMENT ON FUNCTION atelier.make_models() IS 'part of an install step: models and prices';

CREATE FUNCTION atelier.seed_models() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM atelier.prices) THEN
    INSERT INTO atelier.prices (seeded_at, rule, usd) SELECT now(), p.rule, p.usd FROM (VALUES
      ('cpu-small', 0.000025), ('cpu', 0.0001), ('gpu-t4', 0.000225), ('gpu-a40-small', 0.000575), ('gpu-a40-large', 0.000725),
      ('gpu-l40s', 0.000975), ('gpu-l40s-2x', 0.00195), ('gpu-a100-large', 0.0014), ('gpu-a100-large-2x', 0.0028),
      ('gpu-a100-large-4x', 0.0056), ('gpu-a100-large-8x', 0.0112), ('gpu-h100', 0.001525), ('gpu-h100-2x', 0.00305),
      ('gpu-h100-4x', 0.0061), ('gpu-h100-8x', 0.0122)) AS p (rule, usd);
  END IF;
  IF EXISTS (SELECT FROM atelier.models) THEN
    RETURN;
  END IF;
  INSERT INTO atelier.models (seeded_at, replicate_model, price_rule, version)
  SELECT now(), coalesce(priced.model, pinned.model), priced.hardware, pinned.version
    FROM (SELECT s.hardware, unnest(s.models) AS model FROM (VALUES
      ('gpu-a100-large', ARRAY[
        'black-forest-labs/flux-1.1-pro', 'black-forest-labs/flux-1.1-pro-ultra', 'black-forest-labs/flux-dev',
        'black-forest-labs/flux-schnell', 'black-forest-labs/flux-pro', 'black-forest-labs/flux-fill-pro',
        'black-forest-labs/flux-canny-pro', 'black-forest-labs/flux-depth-pro', 'black-forest-labs/flux-redux-dev',
        'recraft-ai/recraft-v3', 'recraft-ai/recraft-v3-svg', 'ideogram-ai/ideogram-v2', 'ideogram-ai/ideogram-v2-turbo',
        'ideogram-ai/ideogram-v2-edit', 'fofr/ltx-video']),
      ('gpu-h100', ARRAY[
        'minimax/video-01', 'minimax/video-01-live', 'google/veo-2', 'luma/ray', 'luma/ray-2', 'tencent/hunyuan-video',
        'wan-video/wan-2.1', 'kwaivgi/kling-v1.6-pro', 'kwaivgi/kling-v2-master', 'seedance/seedance-1.0', 'genmo/mochi-1',
        'meta/llama-3.2-90b-vision']),
      ('gpu-l40s', ARRAY['philz1337x/clarity-upscaler']),
      ('gpu-t4', ARRAY['nightmareai/real-esrgan', 'cjwbw/real-esrgan', 'lucataco/remove-bg', 'salesforce/blip']),
      ('gpu-a40-large', ARRAY[
        'lucataco/real-esrgan-video', 'batouresearch/magic-image-refiner', 'stability-ai/stable-diffusion-inpainting',
        'yorickvp/llava-13b']),
      ('cpu', ARRAY['cjwbw/rembg'])) AS s (hardware, models)) priced
    FULL JOIN (VALUES
    ('prunaai/z-image-turbo', '7ea16386290ff5977c7812e66e462d7ec3954d8e007a8cd18ded3e7d41f5d7cf'),
    ('zsxkib/mmaudio', '62871fb59889b2d7c13777f08deb3b36bdff88f7e1d53a50ad7694548a41b484'),
    ('lucataco/moondream2', '72ccb656353c348c1385df54b237eeb7bfa874bf11486cf0b9473e691b662d31'),
    ('yorickvp/llava-13b', '80537f9eead1a5bfa72d5ac6ea6414379be41d4d4f6679fd776e9535d1eb58bb'),
    ('andreasjansson/blip-2', 'f677695e5e89f8b236e52ecd1d3f01beb44c34606419bcc19345e046d8f786f9'),
    ('lucataco/deepseek-ocr', 'cb3b474fbfc56b1664c8c7841550bccecbe7b74c30e45ce938ffca1180b4dff5'),
    ('abiruyt/text-extract-ocr', 'a524caeaa23495bc9edc805ab08ab5fe943afd3febed884a4f3747aa32e9cd61'),
    ('pharmapsychotic/clip-interrogator', '8151e1c9f47e696fa316146a2e35812ccf79cfc9eba05b11c7f450155102af70'),
    ('lucataco/sdxl-clip-interrogator', 'b8dd624ad312d215250b362af0ecff05d7ad4f8270f9beb034c483d70682e7b3'),
    ('methexis-inc/img2prompt', '50adaf2d3ad20a6f911a8a9e3ccf777b263b8596fbd2c8fc26e8888f8a0edbb5'),
    ('lucataco/video-merge', '65c81d0d0689d8608af8c2f59728135925419f4b5e62065c37fc350130fed67a')) AS pinned (model, version) ON pinned.model = priced.model;
END
$function$;
COMMENT ON FUNCTION atelier.seed_models() IS 'part of an install step: the models and prices that the app knows, where the tables are empty';

CREATE FUNCTION atelier.step_money() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_models();
  PERFORM atelier.seed_models();

  PERFORM atelier.make_table('atelier.queue', 'series smallint NOT NULL DEFAULT 1');
  PERFORM atelier.describe('atelier.queue', NULL, ARRAY[
    'series', 'how often somebody has queued the generation and it was sent; atelier.max_attempts counts within']);
  PERFORM atelier.make_table('atelier.attempts', $table$
    series smallint NOT NULL DEFAULT 1,
    cost_usd numeric,
    cost_rule text
  $table$);
  PERFORM atelier.describe('atelier.attempts', NULL, ARRAY[
    'series', 'rises with each explicit retry of the generation; atelier.max_attempts counts within',
    'cost_usd', 'what the provider asks for it, also when it failed; null when unknown',
    'cost_rule', 'atelier.prices.rule that gave the cost']);

  PERFORM atelier.make_table('atelier.credit_entries', $table$
    generation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    amount integer NOT NULL,
    turn smallint NOT NULL,
    kind text NOT NULL CONSTRAINT credit_entries_kind_check CHECK (kind IN ('charge', 'hold', 'release')),
    CONSTRAINT credit_entries_charge_check CHECK ((kind = 'charge') = (turn = 0)),
    CONSTRAINT credit_entries_pkey PRIMARY KEY (generation_id, kind, turn)
  $table$);
  -- Only what atelier.enforce_credits writes is in it; looking for a hold costs nothing where there are none.
  PERFORM atelier.make_index('atelier.credit_entries_hold_idx', $ddl$
    CREATE INDEX credit_entries_hold_idx ON atelier.credit_entries (generation_id) WHERE kind = 'hold'$ddl$);
  PERFORM atelier.describe('atelier.credit_entries', 'every change of users.credits by atelier: their sum is the change of the balance', ARRAY[
    'generation_id', 'the generation that atelier sent; it may have been deleted since',
    'user_id', 'whose credits; the user may be gone',
    'at', 'when: the time of the transaction that changed the balance',
    'amount', 'what was added to the balance: negative for charge and hold; what was really taken, where the balance ended at zero',
    'turn', '0 for the charge, of which a generation has one; else counts its holds from 1: a retry holds anew',
    'kind', 'hold when it is queued with atelier.enforce_credits, release when that ends, charge when it is completed']);

  PERFORM atelier.make_table('atelier.user_limits', $table$
    user_id uuid NOT NULL CONSTRAINT user_limits_pkey PRIMARY KEY
      CONSTRAINT user_limits_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    concurrency integer CONSTRAINT user_limits_concurrency_check CHECK (concurrency >= 0),
    daily_budget_usd numeric CONSTRAINT user_limits_daily_budget_usd_check CHECK (daily_budget_usd >= 0)
  $table$);
  PERFORM atelier.describe('atelier.user_limits', 'limits of single users, in place of the settings', ARRAY[
    'user_id', 'the user',
    'concurrency', 'most predictions of the user at once, 0 for no limit; null for atelier.user_concurrency',
    'daily_budget_usd', 'what may be spent for the user in a day (UTC) before further rows wait; null for no limit']);

  PERFORM atelier.make_table('atelier.spending', $table$
    day date NOT NULL,
    user_id uuid NOT NULL,
    usd numeric NOT NULL,
    CONSTRAINT spending_pkey PRIMARY KEY (day, user_id)
  $table$);
  ALTER TABLE atelier.spending SET (fillfactor = 50);
  PERFORM atelier.describe('atelier.spending', 'what predictions have cost, by day and user, where the cost is known', ARRAY[
    'day', 'the day (UTC) on which the predictions ended',
    'user_id', 'the user; 00000000-0000-0000-0000-000000000000 for all together',
    'usd', 'dollars']);

  PERFORM atelier.make_table('atelier.outputs', $table$
    generation_id uuid NOT NULL,
    expires_at timestamptz,
    ordinal smallint NOT NULL,
    kind text NOT NULL,
    url text NOT NULL,
    CONSTRAINT outputs_pkey PRIMARY KEY (generation_id, ordinal)
  $table$);
  PERFORM atelier.make_index('atelier.outputs_expires_at_idx', $ddl$
    CREATE INDEX outputs_expires_at_idx ON atelier.outputs USING brin (expires_at)
      WITH (pages_per_range = 32, autosummarize = on)$ddl$);
  PERFORM atelier.describe('atelier.outputs', 'the files of completed generations, and when they die', ARRAY[
    'generation_id', 'the generation',
    'expires_at', 'when the provider deletes the file; null when it is in the row itself (data:)',
    'ordinal', 'its place in generations.output_urls, from 1',
    'kind', 'image, video, audio, model or file, by the ending of its name',
    'url', 'where it is; of a data: URI what stands before the data']);
END
$step$;
COMMENT ON FUNCTION atelier.step_money() IS 'install step: models, prices, credits, limits and budgets of users, outputs';
