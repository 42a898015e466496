-- SPDX-License-Identifier: PostgreSQL
-- The kept numbers of generations equal a real count at every moment: under savepoints, for whatever changes rows, and after a
-- repair. What happens between sessions is in test/t/090_counts.pl.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

-- The comparisons below are large enough for a compilation that takes longer than they do.
SET LOCAL jit = off;
CREATE FUNCTION pg_temp.w(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-00000000f10' || n)::uuid $$;
DELETE FROM generations;
INSERT INTO workspaces (id, name, slug) SELECT pg_temp.w(n), 'w', 'tap-kept-' || n FROM generate_series(1, 2) n;
-- All functions that read kept numbers beside the same from the rows.
CREATE TEMP VIEW kept AS
SELECT 'user ' || u.id AS what, (SELECT c::text FROM get_generation_counts(u.id) c) AS have FROM users u
UNION ALL SELECT 'workspace ' || w.id, (SELECT c::text FROM get_workspace_generation_counts(w.id) c) FROM workspaces w
UNION ALL SELECT format('member %s %s', w.id, u.id), (SELECT c::text FROM get_workspace_generation_counts(w.id, u.id) c) FROM workspaces w CROSS JOIN users u
UNION ALL SELECT 'stats ' || s.user_id, concat_ws(' ', s.generations_count, s.total_cost_usd::numeric(20, 6)) FROM get_user_generation_stats(ARRAY(SELECT id FROM users)) s
UNION ALL SELECT 'filtered ' || s.user_id, concat_ws(' ', s.generations_count, s.total_cost_usd::numeric(20, 6))
  FROM get_user_generation_stats_filtered(ARRAY(SELECT id FROM users), pg_temp.w(1)) s
UNION ALL SELECT 'list ' || w.workspace_id, w.generations_count::text FROM get_workspaces_generation_counts(ARRAY(SELECT id FROM workspaces)) w
UNION ALL SELECT 'totals', concat_ws(' ', t.total_generations, t.total_cost_usd::numeric(20, 6), t.total_failed) FROM get_dashboard_totals() t
UNION ALL SELECT 'totals of ' || w.id, concat_ws(' ', t.total_generations, t.total_cost_usd::numeric(20, 6), t.total_failed)
  FROM workspaces w CROSS JOIN get_dashboard_totals(w.id) t
UNION ALL SELECT 'all', (SELECT s::text FROM admin_stats s);
CREATE TEMP VIEW counted AS
WITH g AS (SELECT g.*, NOT g.is_keyframe_segment AS shown, g.status IN ('pending', 'queued', 'processing') AS under_way FROM generations g),
tabs AS (
  SELECT u.id AS user_id, w.id AS workspace_id, count(g.id) FILTER (WHERE g.shown) AS a, count(*) FILTER (WHERE g.shown AND g.under_way) AS b,
         count(*) FILTER (WHERE g.shown AND g.is_favorite) AS c, count(*) FILTER (WHERE g.shown AND g.status = 'failed') AS d
    FROM (SELECT id FROM users UNION ALL SELECT NULL) u CROSS JOIN (SELECT id FROM workspaces UNION ALL SELECT NULL) w
    LEFT JOIN g ON (u.id IS NULL OR g.user_id = u.id) AND (w.id IS NULL OR g.workspace_id = w.id)
   GROUP BY 1, 2)
SELECT CASE WHEN t.workspace_id IS NULL THEN 'user ' || t.user_id WHEN t.user_id IS NULL THEN 'workspace ' || t.workspace_id
            ELSE format('member %s %s', t.workspace_id, t.user_id) END AS what, (t.a, t.b, t.c, t.d)::text AS have
  FROM tabs t WHERE t.user_id IS NOT NULL OR t.workspace_id IS NOT NULL
UNION ALL SELECT 'stats ' || g.user_id, concat_ws(' ', count(*), coalesce(sum(g.cost_usd), 0)::numeric(20, 6)) FROM g GROUP BY g.user_id
UNION ALL SELECT 'filtered ' || g.user_id, concat_ws(' ', count(*), coalesce(sum(g.cost_usd) FILTER (WHERE g.status = 'completed'), 0)::numeric(20, 6))
  FROM g WHERE g.workspace_id = pg_temp.w(1) GROUP BY g.user_id
UNION ALL SELECT 'list ' || g.workspace_id, count(*)::text FROM g WHERE g.shown AND g.workspace_id IS NOT NULL GROUP BY g.workspace_id
UNION ALL SELECT 'totals', concat_ws(' ', count(*), coalesce(sum(g.cost_usd) FILTER (WHERE g.status = 'completed'), 0)::numeric(20, 6), count(*) FILTER (WHERE g.status = 'failed')) FROM g
UNION ALL SELECT 'totals of ' || w.id, concat_ws(' ', count(g.id), coalesce(sum(g.cost_usd) FILTER (WHERE g.status = 'completed'), 0)::numeric(20, 6), count(*) FILTER (WHERE g.status = 'failed'))
  FROM workspaces w LEFT JOIN g ON g.workspace_id = w.id GROUP BY w.id
UNION ALL SELECT 'all', (SELECT (u.total, u.today, count(*), count(*) FILTER (WHERE g.created_at > now() - interval '24 hours'), count(*) FILTER (WHERE g.status = 'completed'),
         count(*) FILTER (WHERE g.status = 'failed'), count(*) FILTER (WHERE g.under_way), coalesce(sum(g.cost_credits), 0),
         avg(g.processing_time_ms) FILTER (WHERE g.status = 'completed'))::text FROM g)
  FROM (SELECT count(*) AS total, count(*) FILTER (WHERE p.last_login > now() - interval '24 hours') AS today FROM users p WHERE p.is_active) u;
CREATE FUNCTION pg_temp.exact(test text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN NEXT tap.is((SELECT string_agg(concat_ws(E'\n', d.what, d.have), E'\n') FROM ((TABLE kept EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE kept)) d), NULL, test);
END $$;

CREATE FUNCTION pg_temp.add(number integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, is_favorite, workspace_id, cost_usd, cost_credits,
                           processing_time_ms, created_at)
  SELECT CASE i % 3 WHEN 0 THEN pg_temp.ann() WHEN 1 THEN pg_temp.bob() ELSE pg_temp.dan() END, 'create', 'm', 'M', 'owner/name',
         ('{pending,queued,processing,completed,failed,cancelled}'::text[])[1 + i % 6], i % 7 = 0, i % 5 = 0, CASE WHEN i % 4 > 1 THEN pg_temp.w(i % 2 + 1) END,
         CASE WHEN i % 8 > 0 THEN i * 0.000123 END, i % 11, CASE WHEN i % 9 > 0 THEN i * 7 END, now() - make_interval(mins => i * 37)
    FROM generate_series(1, number) i $$;
SELECT pg_temp.exact('nothing');
SELECT pg_temp.add(200);
SELECT pg_temp.exact('inserted');
SELECT is((SELECT count(*) FROM atelier.generation_counts), 0::bigint, 'nothing of it is written before the end');
SELECT ok((SELECT count(*) FROM atelier.unwritten_counts()) > 10, 'it is in memory');

-- Savepoints.
SAVEPOINT one;
UPDATE generations SET is_favorite = NOT is_favorite WHERE status = 'completed';
SAVEPOINT two;
DELETE FROM generations WHERE user_id = pg_temp.bob();
SELECT pg_temp.exact('in two savepoints');
ROLLBACK TO two;
SELECT pg_temp.exact('the inner one rolled back');
DELETE FROM generations WHERE status = 'failed';
RELEASE two;
SELECT pg_temp.exact('kept');
ROLLBACK TO one;
SELECT pg_temp.exact('both rolled back');
DO $$ BEGIN
  FOR i IN 1 .. 20 LOOP
    BEGIN
      PERFORM pg_temp.add(i);
      IF i % 3 = 0 THEN RAISE division_by_zero; END IF;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END $$;
SELECT pg_temp.exact('blocks with exceptions');

-- What changes rows.
UPDATE generations SET status = 'completed' WHERE status = 'processing';
SELECT pg_temp.exact('a change of status, with its times');
UPDATE generations SET user_id = pg_temp.dan() WHERE user_id = pg_temp.ann() AND is_favorite;
UPDATE generations SET workspace_id = CASE WHEN workspace_id IS NULL THEN pg_temp.w(1) END WHERE cost_credits < 5;
SELECT pg_temp.exact('moves between users and workspaces');
UPDATE generations SET cost_usd = 9999.999999, cost_credits = 2147483647, processing_time_ms = 2147483647 WHERE is_favorite;
UPDATE generations SET cost_usd = NULL, processing_time_ms = NULL WHERE cost_credits = 3;
SELECT pg_temp.exact('large and missing values');
UPDATE generations SET created_at = 'infinity' WHERE cost_credits = 4;
UPDATE generations SET created_at = '-infinity' WHERE cost_credits = 6;
SELECT pg_temp.exact('times without an end');
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model)
SELECT g.id, g.user_id, 'create', 'm', 'M', 'owner/name' FROM generations g ON CONFLICT (id) DO NOTHING;
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
SELECT g.id, g.user_id, 'create', 'm', 'M', 'owner/name', 'pending' FROM generations g WHERE g.status = 'failed'
ON CONFLICT (id) DO UPDATE SET is_favorite = true;
SELECT pg_temp.exact('conflicts');
CREATE TEMP TABLE lines AS SELECT * FROM atelier.unwritten_counts();
UPDATE generations SET status = 'processing' WHERE status = 'queued';
SELECT is_empty('SELECT * FROM atelier.unwritten_counts() EXCEPT TABLE lines', 'from queued to processing no number changes');
DELETE FROM users WHERE id = pg_temp.bob();
SELECT pg_temp.exact('a user who goes');
SAVEPOINT three;
TRUNCATE generations CASCADE;
SELECT pg_temp.exact('TRUNCATE');
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name');
SELECT pg_temp.exact('and rows after it');
ROLLBACK TO three;
SELECT pg_temp.exact('TRUNCATE that is undone');

-- Writing earlier, folding and repairing change nothing that is right.
SAVEPOINT four;
SELECT atelier.write_counts();
SELECT is_empty('SELECT FROM atelier.unwritten_counts()', 'what is written is no more in memory');
SELECT isnt_empty('SELECT FROM atelier.generation_count_deltas', 'but in the table');
SELECT pg_temp.exact('written');
ROLLBACK TO four;
SELECT pg_temp.exact('and undone');
SELECT is(atelier.recount(), 0::bigint, 'there is nothing to repair');
SELECT is_empty('SELECT FROM atelier.generation_count_deltas', 'all is folded');
SELECT pg_temp.exact('after a recount');

-- Rows that come, change and go without triggers.
SET LOCAL session_replication_role = replica;
SELECT pg_temp.add(50);
UPDATE generations SET user_id = pg_temp.ann() WHERE user_id = pg_temp.bob();
DELETE FROM generations WHERE status = 'completed' AND is_favorite;
SET LOCAL session_replication_role = origin;
SELECT isnt_empty('TABLE kept EXCEPT TABLE counted', 'without triggers the numbers are wrong');
SAVEPOINT five;
SELECT cmp_ok(atelier.recount(), '>', 5::bigint, 'recount() says how many');
SELECT pg_temp.exact('and repairs them');
ROLLBACK TO five;
SELECT is((SELECT h.status FROM atelier.health() h WHERE h.check_name = 'counts'), 'ok', 'health() says nothing before the keeper has found it');
DO $$
DECLARE step record; at uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  LOOP
    SELECT * INTO step FROM atelier.audit_counts(at, 30);
    EXIT WHEN step.next_user IS NULL;
    at := step.next_user;
  END LOOP;
END $$;
SELECT pg_temp.exact('the keeper''s comparison repairs them too');
SELECT is((SELECT h.status FROM atelier.health() h WHERE h.check_name = 'counts'), 'warn', 'and health() tells');
DELETE FROM atelier.count_repairs;
SELECT is((SELECT a::text FROM atelier.audit_counts('00000000-0000-0000-0000-000000000000', 1000000) a), '(,0)', 'then all is right');
SELECT is_empty('TABLE atelier.count_repairs', 'and nothing is reported');
UPDATE atelier.generation_counts SET generations = generations + 1, parts = parts - 1 WHERE scope > 1;
SELECT cmp_ok((SELECT a.repaired FROM atelier.audit_counts('00000000-0000-0000-0000-000000000000', 1000000) a), '>', 2::bigint, 'sums that somebody changed are found');
SELECT pg_temp.exact('and repaired');

-- Who may.
SELECT is(pg_temp.outcome(caller, call), '42501', format('%s does not call %s', caller, call))
  FROM unnest('{anon,ann,service_role}'::text[]) caller
 CROSS JOIN unnest(ARRAY['SELECT atelier.recount()', 'SELECT atelier.write_counts()', 'SELECT * FROM atelier.unwritten_counts()',
                         'SELECT * FROM atelier.kept_counts(3::smallint, NULL, NULL, 0)', 'SELECT atelier.fold_counts(1)']) call;
SELECT * FROM finish();
ROLLBACK;
