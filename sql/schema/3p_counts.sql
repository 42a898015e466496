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
  -- In the order of core/counts.hpp, which says why.
  numbers CONSTANT text := (
    SELECT string_agg(format('%I bigint NOT NULL DEFAULT 0', n.name), ', ' ORDER BY n.place)
      FROM unnest(ARRAY['credits', 'generations', 'completed', 'time_ms', 'completed_cost_micros', 'failed', 'cancelled', 'other_cost_micros',
                        'untimed', 'parts', 'parts_under_way', 'parts_failed', 'favorites']) WITH ORDINALITY n (name, place));
  columns CONSTANT text[] := ARRAY[
    'scope', '1: of a user in a workspace, 2: of a workspace, 3: of an hour',
    'user_id', 'the user; 00000000-0000-0000-0000-000000000000 but for scope 1',
    'workspace_id', 'the workspace; 00000000-0000-0000-0000-000000000000 for all that is in none, and for scope 3',
    'hour', 'with scope 3, in which the generations were created, since 1970; 0 else. Hours of the last days only, and of those the number of generations only',
    'credits', 'sum of cost_credits',
    'generations', 'all of them; those that are neither completed, failed nor cancelled are under way',
    'completed', 'completed',
    'time_ms', 'sum of processing_time_ms of the completed ones',
    'completed_cost_micros', 'sum of cost_usd of the completed ones in millionths',
    'failed', 'failed',
    'cancelled', 'cancelled',
    'other_cost_micros', 'sum of cost_usd of those that are not completed in millionths',
    'untimed', 'completed ones that have no processing_time_ms',
    'parts', 'parts of films, which lists do not show',
    'parts_under_way', 'of the parts',
    'parts_failed', 'of the parts',
    'favorites', 'of those that are no parts'];
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
