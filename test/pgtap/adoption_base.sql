-- SPDX-License-Identifier: PostgreSQL
-- The app's own database at its first stage, and half way: what is missing is made, what is there is adopted.
BEGIN;
SELECT plan(14);
\ir lib/adoption.sql
\ir ../adopt/hosted.sql
\ir ../adopt/base.sql
INSERT INTO users (telegram_username) SELECT 'tg' || i FROM generate_series(1, 10) i;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
SELECT u.id, 'create', 'm', 'M', 'owner/name' FROM users u;
SELECT pg_relation_filenode('generations')::text AS node \gset
SAVEPOINT base;

SELECT is((SELECT r.message FROM pg_temp.refusal() r), NULL, 'the base schema is adopted');
SELECT is_empty('SELECT line FROM differences', 'and becomes what a fresh install is');
SELECT is(pg_relation_filenode('generations')::text, :'node', 'generations keeps its relfilenode');
SELECT is((SELECT array_agg(DISTINCT status || cost_credits || is_favorite) FROM generations), ARRAY['pending1false'], 'rows are there, with the new columns');
SELECT is((SELECT dispatch FROM atelier.identity), 'held', 'it holds');
SELECT lives_ok($$INSERT INTO users (email) VALUES ('new@adopt.test')$$, 'the name at Telegram may be null now');
SELECT lives_ok($$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model) SELECT id, 'video_keyframes', 'm', 'M', 'owner/name' FROM users LIMIT 1$$, 'all actions are allowed');
SELECT is((SELECT count(*) FROM atelier.queue), 1::bigint, 'H20: and queued is the default of the status');
ROLLBACK TO base;

-- A later stage without the rules, and without rows.
\ir ../adopt/later.sql
TRUNCATE generations, users CASCADE;
SELECT is((SELECT r.message FROM pg_temp.refusal() r), NULL, 'a stage without policies and indexes is adopted');
SELECT is_empty('SELECT line FROM differences', 'and becomes what a fresh install is');
SELECT is((SELECT dispatch FROM atelier.identity), 'running', 'tables without rows need no resume()');
ROLLBACK TO base;

-- Tables that are somebody else's.
DROP TABLE generations CASCADE;
CREATE VIEW generations AS SELECT u.id, u.id AS user_id FROM users u;
SELECT is((SELECT r.detail || ' | ' || r.hint FROM pg_temp.refusal() r),
  'owner of public.generations: it is no ordinary table | ALTER TABLE public.generations RENAME TO other_generations; -- or set atelier.app_schema to another schema',
  'a view in the place of a table is refused');
ROLLBACK TO base;
DROP TABLE users CASCADE;
CREATE TABLE users (id bigint PRIMARY KEY, email text);
SELECT is((SELECT r.detail FROM pg_temp.refusal() r), 'column public.users.id: it is of type bigint and should be uuid', 'so is a table of another kind');
SELECT hasnt_schema('atelier_fresh', 'and nothing is left');
SELECT * FROM finish();
ROLLBACK;
