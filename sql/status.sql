-- SPDX-License-Identifier: PostgreSQL
-- update_generation_status(): what each change of status makes of started_at, completed_at, processing_time_ms and
-- error_message, whoever writes it; and what it makes of the words that the app's other routes use.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

-- Nothing is committed: a worker of this server must not meet these rows.
BEGIN;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
\set ann '''00000000-0000-4000-8000-00000000000a'''
INSERT INTO users (id) VALUES (:ann);
CREATE FUNCTION pg_temp.since(at timestamptz) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT CASE WHEN at = now() THEN 'now' WHEN at = now() - interval '10 s' THEN '10 s ago'
                  WHEN at = now() - interval '4 s' THEN '4 s ago' WHEN at IS NOT NULL THEN 'another time' END $$;
-- A row of this status, ten seconds after its start and four after its end as far as it has come, with an old error.
-- It has gone through no attempt of atelier.
CREATE FUNCTION pg_temp.make(status text) RETURNS uuid LANGUAGE sql
AS $$
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, error_message, started_at,
                           completed_at, processing_time_ms)
  SELECT '00000000-0000-4000-8000-00000000000a', 'create', 'm', 'M', 'owner/name', status, 'old error',
         CASE WHEN status NOT IN ('pending', 'queued') THEN now() - interval '10 s' END,
         CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN now() - interval '4 s' END,
         CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN 6000 END
  RETURNING id $$;
CREATE FUNCTION pg_temp.change(INOUT "from" text, INOUT "to" text, OUT status text, OUT started text, OUT completed text,
                               OUT ms integer, OUT error text, OUT waits boolean) LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid := pg_temp.make("from");
BEGIN
  UPDATE generations g SET status = "to" WHERE g.id = row_id
  RETURNING g.status, pg_temp.since(g.started_at), pg_temp.since(g.completed_at), g.processing_time_ms, g.error_message
       INTO status, started, completed, ms, error;
  waits := EXISTS (SELECT FROM atelier.queue q WHERE q.generation_id = row_id);
END $$;
CREATE TEMP TABLE statuses (n integer, status text);
INSERT INTO statuses VALUES (1, 'pending'), (2, 'queued'), (3, 'processing'), (4, 'completed'), (5, 'failed'), (6, 'cancelled');

-- Every change. A start counts from now, whether the row was queued or not; an end has its time, also without a start; a
-- retry begins without times and without the old error; one end after another keeps the times of the first.
SELECT c.* FROM statuses f CROSS JOIN statuses t CROSS JOIN LATERAL pg_temp.change(f.status, t.status) c ORDER BY f.n, t.n;

-- The synonym, from each status; the CHECK of the table never sees it.
SELECT c.* FROM statuses f CROSS JOIN LATERAL pg_temp.change(f.status, 'succeeded') c ORDER BY f.n;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', 'succeeded')
RETURNING status, pg_temp.since(started_at) AS started, pg_temp.since(completed_at) AS completed, processing_time_ms;
\set VERBOSITY terse
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET status = 'Succeeded' WHERE id = :'made';
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET status = 'starting' WHERE id = :'made';
\set VERBOSITY default

-- Other changes leave the times alone, and the times are nobody's to write along with a status.
SELECT pg_temp.make('failed') AS made \gset
UPDATE generations SET viewed = true WHERE id = :'made'
RETURNING status, pg_temp.since(started_at) AS started, pg_temp.since(completed_at) AS completed, processing_time_ms AS ms,
          error_message;
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET status = 'completed', completed_at = '2001-01-01', processing_time_ms = 1, started_at = '2001-01-01',
                       error_message = NULL
 WHERE id = :'made'
RETURNING pg_temp.since(started_at) AS started, pg_temp.since(completed_at) AS completed, processing_time_ms AS ms,
  error_message;
-- An end that brings a reason keeps it; a retry drops what it is sent along.
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET status = 'failed', error_message = 'new error' WHERE id = :'made' RETURNING error_message;
SELECT pg_temp.make('failed') AS made \gset
UPDATE generations SET status = 'processing', error_message = 'new error' WHERE id = :'made' RETURNING error_message;
-- A prediction that ended before it was seen running: its start comes with its end.
SELECT pg_temp.make('queued') AS made \gset
UPDATE generations SET status = 'completed', started_at = now() - interval '4 s' WHERE id = :'made'
RETURNING pg_temp.since(started_at) AS started, pg_temp.since(completed_at) AS completed, processing_time_ms AS ms;

-- Times beyond the reach of the column are cut to its most, starts that lie ahead count as now, and what is no time gives none.
CREATE FUNCTION pg_temp.finish(start timestamptz) RETURNS TABLE (status text, ms integer, completed text) LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid := pg_temp.make('processing');
BEGIN
  UPDATE generations SET started_at = start WHERE id = row_id;
  RETURN QUERY UPDATE generations g SET status = 'completed' WHERE id = row_id
  RETURNING g.status, g.processing_time_ms, pg_temp.since(g.completed_at);
END $$;
SELECT start, f.*
  FROM (VALUES (1, '1.5 s ago', now() - interval '1.5 s'), (2, '999 us ago', now() - interval '999 us'),
               (3, '24 days ago', now() - interval '576 h'), (4, '30 days ago', now() - interval '720 h'),
               (5, '100 years ago', now() - interval '876000 h'), (6, 'ahead', now() + interval '1 h'),
               (7, 'never', NULL), (8, '-infinity', '-infinity'), (9, 'infinity', 'infinity')) s (n, start, at)
 CROSS JOIN LATERAL pg_temp.finish(at) f ORDER BY n;

-- A lone output_url also becomes output_urls; one that is there already stays.
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET status = 'succeeded', output_url = 'https://status.test/a.png' WHERE id = :'made'
RETURNING status, output_url, output_urls;
SELECT pg_temp.make('processing') AS made \gset
UPDATE generations SET output_url = 'https://status.test/{b,"c}.png' WHERE id = :'made'
RETURNING status, output_urls[1], array_length(output_urls, 1);
SELECT pg_temp.make('completed') AS made \gset
UPDATE generations SET output_url = 'https://status.test/a.png', output_urls = '{https://status.test/b.png}'
 WHERE id = :'made' RETURNING output_url, output_urls;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, output_url)
VALUES (:ann, 'create', 'm', 'M', 'owner/name', 'completed', 'https://status.test/d.png') RETURNING output_urls;

-- What atelier has sent: a hand-over that comes late changes nothing, a retry by the app begins anew.
CREATE FUNCTION pg_temp.change_taken("from" text, "to" text, attempt text, OUT status text, OUT waits boolean,
  OUT cancel boolean)
LANGUAGE plpgsql
AS $$
DECLARE
  row_id uuid := pg_temp.make("from");
BEGIN
  DELETE FROM atelier.queue q WHERE q.generation_id = row_id;
  INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
  VALUES (row_id, '00000000-0000-4000-8000-00000000000a', 1, attempt, now(), now());
  UPDATE generations g SET status = "to" WHERE g.id = row_id RETURNING g.status INTO status;
  waits := EXISTS (SELECT FROM atelier.queue q WHERE q.generation_id = row_id);
  cancel := (SELECT a.cancel_requested FROM atelier.attempts a WHERE a.generation_id = row_id);
END $$;
SET LOCAL client_min_messages = error;
SELECT s.attempt, s."from", s."to", c.*
  FROM (VALUES (1, 'sending', 'queued', 'pending'), (2, 'sending', 'queued', 'cancelled'),
    (3, 'running', 'processing', 'pending'),
               (4, 'running', 'processing', 'queued'), (5, 'running', 'processing', 'cancelled'),
               (6, 'unknown', 'processing', 'cancelled'), (7, 'running', 'cancelled', 'queued'),
               (8, 'succeeded', 'completed', 'pending'), (9, 'succeeded', 'completed', 'queued'),
               (10, 'failed', 'failed', 'pending'), (11, 'failed', 'failed', 'queued'),
                 (12, 'canceled', 'cancelled', 'pending'),
               (13, 'canceled', 'cancelled', 'queued')) s (n, attempt, "from", "to")
 CROSS JOIN LATERAL pg_temp.change_taken("from", "to", attempt) c ORDER BY n;

-- A row whose attempt failed and that waits for the next one is processing and in the queue; a cancel takes it out.
SELECT pg_temp.make('processing') AS made \gset
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
VALUES (:'made', :ann, 1, 'failed', now(), now());
INSERT INTO atelier.queue (generation_id, user_id) VALUES (:'made', :ann);
UPDATE generations SET status = 'cancelled' WHERE id = :'made' RETURNING status, processing_time_ms;
SELECT count(*) FROM atelier.queue WHERE generation_id = :'made';
ROLLBACK;
