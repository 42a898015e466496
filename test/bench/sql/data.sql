-- SPDX-License-Identifier: PostgreSQL
-- The rows of the data cases, the same in the product and in the original: psql -v rows=N -v flows=N on top of setup.sql and original.sql.
-- Nothing is drawn: everything follows from the number of the row and from the hour. 10,000 users share the rows by a zipf law;
-- user 10,001 has a fifth of them, at most 200,000; user 10,002 is in 200 workspaces and 200 flows. One row in two thousand is
-- under way; rows reach 180 days back. No row and no sign-in is 20 to 24 hours old, so that none leaves the last 24 hours
-- while the cases run.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
SET max_parallel_maintenance_workers = 2;
SELECT greatest(5, :rows / 200000) AS heavy_every, date_trunc('hour', now()) AS hour, interval '180 days' / :rows AS step \gset

CREATE FUNCTION bench.workspace_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-4000-8001-' || lpad(n::text, 12, '0'))::uuid;
CREATE FUNCTION bench.flow_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-4000-8002-' || lpad(n::text, 12, '0'))::uuid;
-- A number between 0 and 1 that belongs to a row; which says for what.
CREATE FUNCTION bench.part(n bigint, which bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(n, which) & 2147483647) / 2147483648.0::double precision;
-- The user at this part of all rows: 10 * 1001 ^ part runs through the ranks 10 to 10,010, each in proportion to its inverse.
CREATE FUNCTION bench.zipf(part double precision) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN floor(10 * 1001 ^ part)::bigint - 9;
CREATE FUNCTION bench.off_the_day(at timestamptz, hour timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN CASE WHEN at >= hour - interval '24 hours' AND at < hour - interval '20 hours' THEN at - interval '4 hours' ELSE at END;
CREATE FUNCTION bench.sign_in(n bigint) RETURNS text LANGUAGE sql
RETURN set_config('request.jwt.claims', json_build_object('sub', bench.user_id(n), 'role', 'authenticated',
                                                          'email', format('user%s@example.org', n))::text, false);

GRANT USAGE ON SCHEMA bench TO authenticated, service_role;

BEGIN;
INSERT INTO original.users (id, email, credits, created_at, last_login)
SELECT bench.user_id(n), format('user%s@example.org', n), 1000000, :'hour'::timestamptz - interval '200 days',
       bench.off_the_day(:'hour'::timestamptz - n * interval '20 minutes', :'hour'::timestamptz)
  FROM generate_series(1, 10002) n;
INSERT INTO original.workspaces (id, name, slug, created_by, created_at)
SELECT bench.workspace_id(n), 'Workspace ' || n, 'workspace-' || n, bench.user_id(n), :'hour'::timestamptz - interval '190 days'
  FROM generate_series(1, 500) n;
INSERT INTO original.workspace_members (workspace_id, user_id, role, joined_at)
SELECT bench.workspace_id(1 + n % 500), bench.user_id(n), CASE WHEN n < 500 THEN 'owner' ELSE 'member' END,
       :'hour'::timestamptz - interval '180 days'
  FROM generate_series(1, 10001) n
UNION ALL
SELECT bench.workspace_id(n), bench.user_id(10002), 'member', :'hour'::timestamptz - interval '170 days'
  FROM generate_series(1, 200) n;
INSERT INTO original.flows (id, user_id, name, created_at, updated_at, workspace_id)
SELECT bench.flow_id(n), bench.user_id(u), 'Flow ' || n, :'hour'::timestamptz - n * interval '6 minutes',
       :'hour'::timestamptz - n * interval '5 minutes', CASE WHEN n % 2 = 0 THEN bench.workspace_id(1 + u % 500) END
  FROM generate_series(1, :flows) n CROSS JOIN LATERAL (SELECT bench.zipf(bench.part(n, 11))) AS owner (u);
INSERT INTO original.flow_members (flow_id, user_id, role, accepted_at)
SELECT bench.flow_id(n), bench.user_id(1 + (n * 7919) % 10000), 'editor', :'hour'::timestamptz FROM generate_series(1, :flows) n
UNION ALL
SELECT bench.flow_id(n * :flows / 200), bench.user_id(10002), 'viewer', :'hour'::timestamptz FROM generate_series(1, 200) n;

INSERT INTO original.generations
  (id, user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, settings, status, output_urls,
   replicate_prediction_id, replicate_token_index, processing_time_ms, error_message, created_at, started_at, completed_at, viewed,
   replicate_input, is_favorite, cost_usd, is_keyframe_segment)
SELECT md5('generation ' || n)::uuid, bench.user_id(u), CASE WHEN shared < 0.6 THEN bench.workspace_id(1 + u % 500) END,
       (ARRAY['create', 'create', 'create', 'create', 'create', 'create', 'edit', 'edit', 'upscale', 'upscale', 'remove_bg',
              'inpaint', 'video_create', 'video_create', 'video_i2v', 'video_i2v', 'video_edit', 'analyze_describe', 'analyze_ocr',
              'video_keyframes'])[1 + floor(20 * bench.part(n, 3))::integer],
       'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
       'a red kettle on a wooden table beside a window, evening light, number ' || n,
       '{"aspect_ratio": "1:1", "num_outputs": 1, "output_format": "webp"}', s.status,
       CASE WHEN s.status = 'completed' THEN ARRAY['https://files.example.org/generations/output-' || n || '-0.webp'] END,
       CASE WHEN s.status <> 'pending' THEN 'p' || md5(n::text) END, 1,
       CASE WHEN s.status = 'completed' THEN 4000 + n % 9000 END,
       CASE WHEN s.status = 'failed' THEN 'The model ran out of memory.' END,
       t.at, CASE WHEN s.status <> 'pending' THEN t.at + interval '1 second' END,
       CASE WHEN s.status NOT IN ('pending', 'processing') THEN t.at + interval '9 seconds' END, n % 20 > 0,
       jsonb_build_object('prompt', 'a red kettle, number ' || n, 'aspect_ratio', '1:1', 'num_outputs', 1),
       bench.part(n, 4) < 0.05, CASE WHEN s.status = 'completed' THEN 0.003 + (n % 100) * 0.0001 END, bench.part(n, 5) < 0.03
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT CASE WHEN n % :heavy_every = 0 THEN 10001 ELSE bench.zipf(bench.part(n, 1)) END,
                            bench.part(n, 2),
                            bench.off_the_day(:'hour'::timestamptz - (:rows - n) * :'step'::interval, :'hour'::timestamptz))
       AS t (u, shared, at)
 CROSS JOIN LATERAL (SELECT bench.part(n, 6)) AS d (part)
 CROSS JOIN LATERAL (SELECT CASE WHEN d.part < 0.0003 THEN 'processing' WHEN d.part < 0.0005 THEN 'pending'
                                 WHEN d.part < 0.08 THEN 'failed' WHEN d.part < 0.1 THEN 'cancelled' ELSE 'completed' END)
       AS s (status);
INSERT INTO original.replicate_tokens (token) SELECT format('r8_bench_%s', lpad(n::text, 33, '0')) FROM generate_series(1, 10) n;
COMMIT;

-- The product: emptied and filled in one transaction, its indexes made afterwards, so that all of it is written once.
BEGIN;
TRUNCATE users, replicate_tokens CASCADE;
INSERT INTO users (id, email, credits, created_at, last_login, auth_provider)
SELECT id, email, credits, created_at, last_login, 'email' FROM original.users;
INSERT INTO workspaces (id, name, slug, created_by, created_at)
SELECT id, name, slug, created_by, created_at FROM original.workspaces;
INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
SELECT workspace_id, user_id, role, joined_at FROM original.workspace_members;
INSERT INTO flows (id, user_id, name, created_at, updated_at, workspace_id)
SELECT id, user_id, name, created_at, updated_at, workspace_id FROM original.flows;
INSERT INTO flow_members (flow_id, user_id, role, accepted_at)
SELECT flow_id, user_id, role, accepted_at FROM original.flow_members;
INSERT INTO replicate_tokens (token) SELECT token FROM original.replicate_tokens;

CREATE TEMP TABLE dropped ON COMMIT DROP AS
SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS ddl, obj_description(i.indexrelid, 'pg_class') AS about
  FROM pg_index i
 WHERE i.indrelid = 'generations'::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid);
SELECT format('DROP INDEX %s', name) FROM dropped \gexec
INSERT INTO generations
  (id, user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, settings, status, output_urls,
   replicate_prediction_id, replicate_token_index, processing_time_ms, error_message, created_at, started_at, completed_at, viewed,
   replicate_input, is_favorite, cost_usd, is_keyframe_segment, changed_in)
SELECT id, user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, settings, status, output_urls,
       replicate_prediction_id, replicate_token_index, processing_time_ms, error_message, created_at, started_at, completed_at,
       viewed, replicate_input, is_favorite, cost_usd, is_keyframe_segment, pg_current_xact_id()::text::bigint
  FROM original.generations;
SELECT ddl FROM dropped \gexec
SELECT format('COMMENT ON INDEX %s IS %L', name, about) FROM dropped WHERE about IS NOT NULL \gexec
COMMIT;
RESET session_replication_role;
