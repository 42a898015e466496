-- SPDX-License-Identifier: PostgreSQL
-- Install step: what the periodic jobs write down.

CREATE FUNCTION atelier.step_jobs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('atelier.job_state', $table$
    name text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    rows bigint,
    result text CONSTRAINT job_state_result_check CHECK (result IN ('running', 'succeeded', 'failed', 'interrupted')),
    error text,
    -- Rows that are restored into a fresh install find their places free.
    CONSTRAINT job_state_pkey PRIMARY KEY (name, since)
  $table$);
  ALTER TABLE atelier.job_state SET (fillfactor = 50);
  PERFORM atelier.describe('atelier.job_state', 'the last run of each periodic job; atelier.jobs shows it beside the schedule', ARRAY[
    'name', 'the job',
    'since', 'from when on its schedule counts, before its first run',
    'started_at', 'when the last run began',
    'ended_at', 'when it ended; null while it runs',
    'rows', 'how many rows it has dealt with',
    'result', 'running, succeeded, failed, or interrupted by a restart',
    'error', 'why it failed']);

  PERFORM atelier.make_table('atelier.cleaned_files', $table$
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT cleaned_files_pkey PRIMARY KEY,
    cleaned_at timestamptz NOT NULL DEFAULT now(),
    generation_id uuid NOT NULL,
    user_id uuid,
    kind text NOT NULL CONSTRAINT cleaned_files_kind_check CHECK (kind IN ('output', 'thumbnail')),
    url text NOT NULL
  $table$);
  PERFORM atelier.make_index('atelier.cleaned_files_cleaned_at_idx', $ddl$
    CREATE INDEX cleaned_files_cleaned_at_idx ON atelier.cleaned_files USING brin (cleaned_at)
      WITH (pages_per_range = 32, autosummarize = on)$ddl$);
  PERFORM atelier.describe('atelier.cleaned_files', 'files of generations that the cleanup has deleted, for 90 days', ARRAY[
    'id', 'id of the entry',
    'cleaned_at', 'when the generation was deleted',
    'generation_id', 'the generation',
    'user_id', 'whose it was',
    'kind', 'output or thumbnail',
    'url', 'where the file is']);

  INSERT INTO atelier.job_state (name) SELECT j.name FROM atelier.known_jobs() j
   WHERE NOT EXISTS (SELECT FROM atelier.job_state s WHERE s.name = j.name);
END
$step$;
COMMENT ON FUNCTION atelier.step_jobs() IS 'install step: job_state and cleaned_files';
