-- SPDX-License-Identifier: PostgreSQL
-- Numbers for admins: per user, per workspace, totals, today. For the app alone.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.w(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-00000000f00' || n)::uuid $$;
DELETE FROM generations;
INSERT INTO workspaces (id, name, slug) SELECT pg_temp.w(n), 'w', 'tap-dash-' || n FROM generate_series(1, 3) n;
SET LOCAL timezone = 'Asia/Tokyo';
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, workspace_id, cost_usd, created_at, is_keyframe_segment)
SELECT v.user_id, 'create', 'm', 'M', 'owner/name', v.status, v.workspace, v.cost, v.at, v.segment
  FROM (VALUES
    (pg_temp.ann(), 'completed', pg_temp.w(1), 1.25, date_trunc('day', now()), false),
    (pg_temp.ann(), 'completed', NULL, 0.000001, date_trunc('day', now()) - interval '1 microsecond', true),
    (pg_temp.ann(), 'failed', pg_temp.w(1), 4, now(), false),
    (pg_temp.ann(), 'queued', NULL, NULL, now(), true),
    (pg_temp.bob(), 'completed', pg_temp.w(1), 8, '2020-01-01T00:00Z', false),
    (pg_temp.bob(), 'cancelled', pg_temp.w(2), 16, '2020-01-02T00:00Z', false),
    (pg_temp.bob(), 'completed', pg_temp.w(2), NULL, '2020-01-03T00:00Z', true)) v (user_id, status, workspace, cost, at, segment);

CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.answer('service_role', format('SELECT coalesce(string_agg(r::text, '' '' ORDER BY r::text), '''') FROM (%s) r', query)) $$;

SELECT is(pg_temp.rows_of('SELECT right(user_id::text, 1), generations_count, total_cost_usd
                             FROM get_user_generation_stats(ARRAY[pg_temp.ann(), pg_temp.bob(), pg_temp.dan(), NULL])'),
          '(a,4,5.250001) (b,3,24.000000)', 'per user: all rows, cost of every status; no row for who has none');
SELECT is(pg_temp.rows_of('SELECT * FROM get_user_generation_stats(NULL)'), '', 'no users, no rows');
SELECT is(pg_temp.rows_of('SELECT right(user_id::text, 1), generations_count, total_cost_usd
                             FROM get_user_generation_stats_filtered(ARRAY[pg_temp.ann(), pg_temp.bob(), pg_temp.dan()], NULL, NULL, NULL)'),
          '(a,4,1.250001) (b,3,8.000000)', 'filtered: cost of completed ones only');
SELECT is(pg_temp.rows_of('SELECT right(user_id::text, 1), generations_count, total_cost_usd
                             FROM get_user_generation_stats_filtered(ARRAY[pg_temp.ann(), pg_temp.bob()], p_workspace_id => pg_temp.w(2))'),
          '(b,2,0)', 'within a workspace; an unknown cost is none');
SELECT is(pg_temp.rows_of($$SELECT right(user_id::text, 1), generations_count
                             FROM get_user_generation_stats_filtered(ARRAY[pg_temp.bob()], p_start_date => '2020-01-01T00:00Z', p_end_date => '2020-01-02T00:00Z')$$),
          '(b,2)', 'within a time, both ends included');
SELECT is(pg_temp.rows_of('SELECT right(workspace_id::text, 1), generations_count
                             FROM get_workspaces_generation_counts(ARRAY[pg_temp.w(1), pg_temp.w(2), pg_temp.w(3)])'),
          '(1,3) (2,1)', 'per workspace, without the parts of films; no row for an empty one');

SELECT is(pg_temp.rows_of('SELECT * FROM get_dashboard_totals()'), '(7,9.250001,1)', 'totals');
SELECT is(pg_temp.rows_of('SELECT * FROM get_dashboard_totals(pg_temp.w(1), pg_temp.ann())'), '(2,1.250000,1)', 'totals of a user in a workspace');
SELECT is(pg_temp.rows_of('SELECT * FROM get_dashboard_totals(p_user_id => pg_temp.dan())'), '(0,0,0)', 'exactly one row when there is nothing');
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_totals_v2(NULL, NULL, '2020-01-01T00:00Z', '2020-01-03T00:00Z')$$), '(3,8.000000,0)',
          'totals within a time, both ends included');
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_totals_v2(p_end_date => '2020-01-02T23:59Z')$$), '(2,8.000000,0)', 'until');
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_totals_v2(p_start_date => '2020-01-02T23:59Z', p_workspace_id => pg_temp.w(2))$$), '(1,0,0)', 'since');
SELECT is(pg_temp.rows_of('SELECT * FROM get_dashboard_today_stats()'), '(3,1.250000,1)', 'today begins at midnight of the session''s time zone');
SELECT is(pg_temp.rows_of('SELECT * FROM get_dashboard_today_stats(pg_temp.w(1), pg_temp.bob())'), '(0,0,0)', 'one row when nothing was today');
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_today_stats_v2(NULL, NULL, '2020-01-01T00:00Z', NULL)$$), '(3,1.250000,1)', 'a range that begins earlier');
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_today_stats_v2(NULL, NULL, date_trunc('day', now()) + interval '1 microsecond', NULL)$$), '(2,0,1)',
          'or later') WHERE now() > date_trunc('day', now()) + interval '1 microsecond';
SELECT is(pg_temp.rows_of($$SELECT * FROM get_dashboard_today_stats_v2(p_end_date => '2020-01-02T00:00Z')$$), '(0,0,0)', 'or ended long ago');

-- Names, arguments, defaults and results are those of the contract.
SELECT is((SELECT pg_get_function_arguments(p.oid) || ' -> ' || pg_get_function_result(p.oid) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname = w.name), w.signature, w.name)
  FROM (VALUES
    ('get_generation_counts', 'p_user_id uuid -> TABLE(all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)'),
    ('get_workspace_generation_counts', 'p_workspace_id uuid, p_user_id uuid DEFAULT NULL::uuid -> TABLE(all_count bigint, processing_count bigint, favorites_count bigint, failed_count bigint)'),
    ('get_workspaces_generation_counts', 'p_workspace_ids uuid[] -> TABLE(workspace_id uuid, generations_count bigint)'),
    ('get_user_generation_stats', 'p_user_ids uuid[] -> TABLE(user_id uuid, generations_count bigint, total_cost_usd numeric)'),
    ('get_user_generation_stats_filtered', 'p_user_ids uuid[], p_workspace_id uuid DEFAULT NULL::uuid, p_start_date timestamp with time zone DEFAULT NULL::timestamp with time zone, p_end_date timestamp with time zone DEFAULT NULL::timestamp with time zone -> TABLE(user_id uuid, generations_count bigint, total_cost_usd numeric)'),
    ('get_dashboard_totals', 'p_workspace_id uuid DEFAULT NULL::uuid, p_user_id uuid DEFAULT NULL::uuid -> TABLE(total_generations bigint, total_cost_usd numeric, total_failed bigint)'),
    ('get_dashboard_totals_v2', 'p_workspace_id uuid DEFAULT NULL::uuid, p_user_id uuid DEFAULT NULL::uuid, p_start_date timestamp with time zone DEFAULT NULL::timestamp with time zone, p_end_date timestamp with time zone DEFAULT NULL::timestamp with time zone -> TABLE(total_generations bigint, total_cost_usd numeric, total_failed bigint)'),
    ('get_dashboard_today_stats', 'p_workspace_id uuid DEFAULT NULL::uuid, p_user_id uuid DEFAULT NULL::uuid -> TABLE(generations_today bigint, cost_today_usd numeric, failed_today bigint)'),
    ('get_dashboard_today_stats_v2', 'p_workspace_id uuid DEFAULT NULL::uuid, p_user_id uuid DEFAULT NULL::uuid, p_start_date timestamp with time zone DEFAULT NULL::timestamp with time zone, p_end_date timestamp with time zone DEFAULT NULL::timestamp with time zone -> TABLE(generations_today bigint, cost_today_usd numeric, failed_today bigint)'),
    ('mark_all_generations_viewed', ' -> integer'),
    ('refresh_admin_stats', ' -> void'),
    ('cleanup_old_generations', 'days_to_keep integer DEFAULT 90 -> integer'),
    ('poll_generations', 'p_cursor text DEFAULT NULL::text, p_context text DEFAULT ''foreground''::text, p_workspace_id uuid DEFAULT NULL::uuid -> json')) w (name, signature);

-- Nobody else calls them, neither in the exposed schema nor behind it.
CREATE TEMP TABLE calls (query text);
INSERT INTO calls VALUES
  ('SELECT * FROM get_user_generation_stats(ARRAY[pg_temp.ann()])'), ('SELECT * FROM get_user_generation_stats_filtered(ARRAY[pg_temp.ann()])'),
  ('SELECT * FROM get_workspaces_generation_counts(ARRAY[pg_temp.w(1)])'), ('SELECT * FROM get_dashboard_totals()'),
  ('SELECT * FROM get_dashboard_totals_v2()'), ('SELECT * FROM get_dashboard_today_stats()'), ('SELECT * FROM get_dashboard_today_stats_v2()'),
  ('SELECT * FROM atelier.sum_generations(NULL, NULL, NULL, NULL)'), ('SELECT * FROM atelier.sum_by_user(ARRAY[pg_temp.ann()], NULL, NULL, NULL, false)'),
  ('SELECT * FROM atelier.count_by_workspace(ARRAY[pg_temp.w(1)])');
SELECT is(pg_temp.outcome(caller, c.query), '42501', format('H3 %s: %s', caller, c.query))
  FROM unnest('{anon,nobody,impostor,ann,dan}'::text[]) caller CROSS JOIN calls c;
-- Not even an admin with a user's session: the app's admin pages use the service key.
UPDATE users SET role = 'super_admin' WHERE id = pg_temp.bob();
SELECT is(pg_temp.outcome('bob', c.query), '42501', format('H3 super_admin: %s', c.query)) FROM calls c;
SELECT * FROM finish();
ROLLBACK;
