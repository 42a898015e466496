-- SPDX-License-Identifier: PostgreSQL
-- Install step: the tables of the kept numbers. They are filled when the triggers are there; see fill_counts().

CREATE FUNCTION atelier.step_counts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
DECLARE
  -- No foreign keys and no triggers that wait for the commit: the lines are written when those have fired.
  key CONSTANT text := $columns$
    scope smallint NOT NULL,
    user_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    hour bigint NOT NULL$columns$;
  -- What changes together stands together, so that the WAL of a change is short.
  numbers CONSTANT text := (
    SELECT string_agg(format('%I bigint NOT NULL DEFAULT 0', n.name), ', ' ORDER BY n.place)
      FROM unnest(ARRAY['generations', 'shown', 'credits', 'under_way', 'shown_under_way', 'completed', 'timed', 'time_ms',
                        'cost_micros', 'completed_cost_micros', 'failed', 'shown_failed', 'favorites']) WITH ORDINALITY n (name, place));
  columns CONSTANT text[] := ARRAY[
    'scope', '1: of a user in a workspace, 2: of a workspace, 3: of all, 4: of an hour',
    'user_id', 'the user; 00000000-0000-0000-0000-000000000000 but for scope 1',
    'workspace_id', 'the workspace; 00000000-0000-0000-0000-000000000000 for what is in none, and for scopes 3 and 4',
    'hour', 'with scope 4, in which the generations were created, since 1970; 0 else. Hours of the last days only, and of those the number of generations only',
    'generations', 'all of them',
    'shown', 'those that are no parts of films',
    'credits', 'sum of cost_credits',
    'under_way', 'pending, queued or processing',
    'shown_under_way', 'of the shown ones',
    'completed', 'completed',
    'timed', 'completed ones that have a processing_time_ms',
    'time_ms', 'and its sum',
    'cost_micros', 'sum of cost_usd in millionths',
    'completed_cost_micros', 'that of the completed ones',
    'failed', 'failed',
    'shown_failed', 'of the shown ones',
    'favorites', 'of the shown ones'];
BEGIN
  PERFORM atelier.make_table('atelier.generation_counts', format($table$
    %s,
    slot smallint NOT NULL,
    %s,
    CONSTRAINT generation_counts_pkey PRIMARY KEY (scope, user_id, workspace_id, hour, slot)
  $table$, key, numbers));
  ALTER TABLE atelier.generation_counts SET (fillfactor = 50);
  PERFORM atelier.describe('atelier.generation_counts',
    'numbers of generations, kept by triggers: the sum of the lines of a key, with those of generation_count_deltas', columns || ARRAY[
    'slot', 'a key has a line for each that writes at once; -1 for what the keeper has folded']);

  PERFORM atelier.make_table('atelier.generation_count_deltas', format($table$
    %s,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    %s,
    CONSTRAINT generation_count_deltas_pkey PRIMARY KEY (scope, user_id, workspace_id, hour, id)
  $table$, key, numbers));
  ALTER TABLE atelier.generation_count_deltas SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  PERFORM atelier.describe('atelier.generation_count_deltas',
    'differences that could not be added to generation_counts at once; the keeper does', columns || ARRAY[
    'id', 'number of the line']);

  PERFORM atelier.make_table('atelier.count_repairs', $table$
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT count_repairs_pkey PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    lines bigint NOT NULL
  $table$);
  PERFORM atelier.describe('atelier.count_repairs', 'when the keeper found kept numbers that were wrong, and repaired them', ARRAY[
    'id', 'number of the line',
    'at', 'when',
    'lines', 'how many users, workspaces and hours were concerned']);
END
$step$;
COMMENT ON FUNCTION atelier.step_counts() IS 'install step: the kept numbers of generations';
