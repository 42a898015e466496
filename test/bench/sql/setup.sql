-- SPDX-License-Identifier: PostgreSQL
-- What the bench adds to a fresh database with the extension: one token, and functions that empty and fill the tables.

INSERT INTO replicate_tokens (token) VALUES ('r8_bench_000000000000000000000000000000001');

CREATE SCHEMA bench;

CREATE FUNCTION bench.user_id(n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;

CREATE FUNCTION bench.empty_tables(users integer) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
  TRUNCATE users, generations, api_logs, notifications, atelier.queue, atelier.attempts CASCADE;
  INSERT INTO users (id, email, credits)
  SELECT bench.user_id(n), format('user%s@example.org', n), 1000000 FROM generate_series(1, users) AS n;
END
$function$;

CREATE FUNCTION bench.queue_rows(rows bigint, model text, prompt text, status text = 'queued') RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
  user_count bigint := (SELECT count(*) FROM users);
BEGIN
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, status, replicate_input)
  SELECT bench.user_id(1 + n % user_count), 'create', 'bench', 'Bench', model, format('%s %s', prompt, n), status,
         jsonb_build_object('prompt', format('%s %s', prompt, n), 'aspect_ratio', '1:1', 'num_outputs', 1)
    FROM generate_series(0, rows - 1) AS n;
END
$function$;

CREATE SEQUENCE bench.wire;
