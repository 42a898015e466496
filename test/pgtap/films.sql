-- SPDX-License-Identifier: PostgreSQL
-- Keyframe films: what the hand-over of a film takes, what follows from the end of a part, and what is left alone.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql
DELETE FROM atelier.queue; DELETE FROM atelier.attempts; DELETE FROM generations;
SET LOCAL client_min_messages = error;

INSERT INTO workspaces (id, name, slug, created_by) VALUES ('00000000-0000-4000-8000-0000000000f1', 'W', 'films', pg_temp.ann());

-- A film of ann's (group g, as many parts) and its parts, which show as PART: pending, unless said otherwise.
CREATE FUNCTION pg_temp.film(parts integer, film_status text DEFAULT 'pending', grp text DEFAULT 'g', whose uuid DEFAULT pg_temp.ann(), more jsonb DEFAULT '{}')
RETURNS uuid LANGUAGE plpgsql
AS $$
DECLARE
  film uuid;
BEGIN
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, prompt, settings)
  SELECT whose, 'video_i2v', 'm', 'M', 'owner/name', 'pending', true, 'part ' || n,
         jsonb_build_object('keyframe_group_id', grp, 'keyframe_index', n, 'keyframe_total', parts)
    FROM generate_series(0, parts - 1) n;
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, prompt, settings)
  VALUES (whose, 'video_keyframes', 'm', 'Film', 'film', film_status, 'film',
          jsonb_build_object('keyframe_group_id', grp, 'keyframe_parent', true, 'keyframe_total_parts', parts) || more)
  RETURNING id INTO film;
  RETURN film;
END $$;
CREATE FUNCTION pg_temp.part(film uuid, n integer) RETURNS uuid LANGUAGE sql
AS $$ SELECT g.id FROM generations g JOIN generations f ON f.id = film AND f.user_id = g.user_id
       WHERE g.settings ->> 'keyframe_group_id' = f.settings ->> 'keyframe_group_id' AND (g.settings ->> 'keyframe_index')::integer = n $$;
CREATE FUNCTION pg_temp.merge(film uuid) RETURNS uuid LANGUAGE sql
AS $$ SELECT p.generation_id FROM atelier.film_parts p WHERE p.film_id = film AND p.ordinal IS NULL $$;
-- The film, its parts in order and what joins them; * is in the queue.
CREATE FUNCTION pg_temp.seen(film uuid) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(g.status || CASE WHEN q.generation_id IS NULL THEN '' ELSE '*' END, ' '
                        ORDER BY g.action = 'video_keyframes' DESC, g.action = 'video_edit', (g.settings ->> 'keyframe_index')::integer)
        FROM generations g LEFT JOIN atelier.queue q ON q.generation_id = g.id
        JOIN generations f ON f.id = film AND f.user_id = g.user_id
       WHERE g.settings ->> 'keyframe_group_id' = f.settings ->> 'keyframe_group_id' $$;
CREATE FUNCTION pg_temp.set_status(caller text, row_id uuid, state text) RETURNS void LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_temp.act(caller, format('UPDATE generations SET status = %L WHERE id = %L', state, row_id)); END $$;
-- The end of a part as the app may write it, which is followed like the dispatcher's.
CREATE FUNCTION pg_temp.finish(row_id uuid, state text DEFAULT 'completed') RETURNS void LANGUAGE sql
AS $$ UPDATE generations SET status = state, output_urls = CASE state WHEN 'completed' THEN ARRAY['https://replicate.delivery/' || prompt || '.mp4'] END,
             error_message = CASE state WHEN 'failed' THEN 'no luck' END WHERE id = row_id $$;
CREATE TEMP TABLE f (n integer PRIMARY KEY, id uuid);
CREATE FUNCTION pg_temp.f(which integer) RETURNS uuid LANGUAGE sql AS $$ SELECT f.id FROM f WHERE f.n = which $$;
GRANT ALL ON f TO PUBLIC;

-- Hand-over by its user: one part at a time, in the order of the indexes, whatever the order of insertion.
INSERT INTO f VALUES (1, pg_temp.film(3));
SELECT is(pg_temp.seen(pg_temp.f(1)), 'pending pending pending pending', 'a film that was not handed over waits for the app');
SELECT pg_temp.set_status('ann', pg_temp.f(1), 'queued');
SELECT is(pg_temp.seen(pg_temp.f(1)), 'processing queued* pending pending', 'its user hands it over: the first part is queued, the film runs');
SELECT is((SELECT started_at IS NOT NULL AND replicate_prediction_id IS NULL FROM generations WHERE id = pg_temp.f(1)), true, 'with a start and no prediction of its own');
SELECT is(pg_temp.answer('ann', format('SELECT e.reason || '' '' || e.blocked_by FROM explain_generation(%L) e', pg_temp.f(1))), 'film part 1 of 3', 'explained');
SELECT is(pg_temp.answer('ann', format('SELECT e.reason || '' '' || e.blocked_by FROM explain_generation(%L) e', pg_temp.part(pg_temp.f(1), 2))), 'film part 1 of 3', 'so is a part whose turn has not come');
SELECT isnt(pg_temp.answer('ann', format('SELECT e.reason FROM explain_generation(%L) e', pg_temp.part(pg_temp.f(1), 0))), 'film', 'a part that is in the queue waits as others do');
-- What its user, or the app, does to the parts out of turn.
SELECT pg_temp.set_status(who, pg_temp.part(pg_temp.f(1), 1), 'queued') FROM unnest('{ann,service_role}'::text[]) who;
SELECT is(pg_temp.seen(pg_temp.f(1)), 'processing queued* pending pending', 'nobody starts a part out of turn');
SELECT pg_temp.set_status('service_role', pg_temp.part(pg_temp.f(1), 0), 'pending');
SELECT pg_temp.set_status('service_role', pg_temp.f(1), s) FROM unnest('{pending,queued}'::text[]) s;
SELECT is(pg_temp.seen(pg_temp.f(1)), 'processing queued* pending pending', 'nor takes one or the film back');
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET %s WHERE id = %L', change, pg_temp.part(pg_temp.f(1), 1))), '42501', 'a part in a film: ' || change)
  FROM unnest(ARRAY['status = ''processing''', 'status = ''failed''', 'status = ''completed''', 'replicate_prediction_id = ''x''', 'error_message = ''x''']) change;
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET %s WHERE id = %L', change, pg_temp.f(1))), '42501', 'a film under way: ' || change)
  FROM unnest(ARRAY['status = ''failed''', 'status = ''completed''', 'replicate_prediction_id = ''x''', 'error_message = ''x''']) change;
SELECT is(pg_temp.outcome('bob', format('SELECT %s(%L)', call, row_id)), '42501', 'and nobody else: ' || call)
  FROM unnest('{cancel_generation,retry_generation}'::text[]) call, (VALUES (pg_temp.f(1)), (pg_temp.part(pg_temp.f(1), 1))) v (row_id);
-- The end of each part starts the next one.
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(1), 0));
SELECT is(pg_temp.seen(pg_temp.f(1)), 'processing completed queued* pending', 'the second part follows the first');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(1), 1));
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(1), 2));
SELECT is(pg_temp.seen(pg_temp.f(1)), 'processing completed completed completed queued*', 'all done: they are joined');
SELECT is((SELECT concat_ws(' ', m.action, m.replicate_model, m.is_keyframe_segment, m.user_id = pg_temp.ann(), m.replicate_input, m.settings)
             FROM generations m WHERE m.id = pg_temp.merge(pg_temp.f(1))),
  'video_edit lucataco/video-merge:65c81d0d0689d8608af8c2f59728135925419f4b5e62065c37fc350130fed67a t t '
  '{"keep_audio": true, "video_files": ["https://replicate.delivery/part 0.mp4", "https://replicate.delivery/part 1.mp4", "https://replicate.delivery/part 2.mp4"]} '
  '{"keyframe_merge": true, "keyframe_group_id": "g"}', 'in the order of the parts, by the pinned model, hidden');
SELECT is(pg_temp.answer('ann', format('SELECT e.blocked_by FROM explain_generation(%L) e', pg_temp.f(1))), 'joining the parts', 'explained');
UPDATE generations SET status = 'completed', output_urls = '{https://replicate.delivery/film.mp4}' WHERE id = pg_temp.merge(pg_temp.f(1));
SELECT is((SELECT status || ' ' || output_urls::text || (completed_at IS NOT NULL) FROM generations WHERE id = pg_temp.f(1)), 'completed {https://replicate.delivery/film.mp4}true', 'and its result completes the film');
SELECT is(pg_temp.outcome('ann', format('SELECT retry_generation(%L)', pg_temp.f(1))), '55000', 'which cannot be tried again then');
DELETE FROM generations WHERE id = pg_temp.f(1);
SELECT is((SELECT count(*) FROM atelier.film_parts), 0::bigint, 'nothing is kept of a deleted film');
DELETE FROM generations;

-- Hand-over by the app, also in the statement that inserts everything; a film of one part.
INSERT INTO f VALUES (2, pg_temp.film(1));
SELECT pg_temp.set_status('service_role', pg_temp.f(2), 'queued');
SELECT is(pg_temp.seen(pg_temp.f(2)), 'processing queued*', 'the app hands over a film of one part');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(2), 0));
SELECT is(pg_temp.seen(pg_temp.f(2)), 'completed completed', 'which completes with that part');
SELECT is((SELECT output_urls::text FROM generations WHERE id = pg_temp.f(2)), '{"https://replicate.delivery/part 0.mp4"}', 'and has its file');
DELETE FROM generations;
SELECT pg_temp.act('ann', $$
  INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, settings)
  SELECT pg_temp.ann(), a, 'm', 'M', m, s, settings::jsonb
    FROM (VALUES ('video_keyframes', 'film', 'queued', '{"keyframe_group_id": "u"}'),
                 ('video_create', 'owner/name', 'pending', '{"keyframe_group_id": "u", "keyframe_index": 1}'),
                 ('video_i2v', 'owner/name', 'pending', '{"keyframe_group_id": "u", "keyframe_index": 0}')) v (a, m, s, settings)$$);
SELECT is((SELECT string_agg(g.action || ' ' || g.status || ' ' || g.is_keyframe_segment, ', ' ORDER BY g.action) FROM generations g),
  'video_create pending true, video_i2v queued true, video_keyframes processing false', 'a user inserts all of it at once; the parts are hidden from then on');
DELETE FROM generations;

-- What cannot be handed over: refused when it is inserted as queued, else it stays.
CREATE FUNCTION pg_temp.stays(about text, spoil text, parts integer DEFAULT 2) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  film uuid := pg_temp.film(parts, grp => about);
BEGIN
  EXECUTE spoil USING film;
  PERFORM pg_temp.set_status('ann', film, 'queued');
  RETURN is((SELECT f.status || (SELECT count(*) FROM atelier.film_parts p WHERE p.film_id = film) FROM generations f WHERE f.id = film), 'pending0', 'not handed over: ' || about);
END $$;
SELECT pg_temp.stays('no parts', 'SELECT $1', 0);
SELECT pg_temp.stays('a gap', $$DELETE FROM generations WHERE id = pg_temp.part($1, 0)$$);
SELECT pg_temp.stays('one missing', $$DELETE FROM generations WHERE id = pg_temp.part($1, 1)$$);
SELECT pg_temp.stays('an index twice', $$UPDATE generations SET settings = settings || '{"keyframe_index": 0}' WHERE id = pg_temp.part($1, 1)$$);
SELECT pg_temp.stays('no index', $$UPDATE generations SET settings = settings || '{"keyframe_index": "one"}' WHERE id IN (SELECT id FROM generations WHERE user_id = pg_temp.ann() AND settings @> '{"keyframe_group_id": "no index", "keyframe_index": 1}')$$);
SELECT pg_temp.stays('a part of another user', $$UPDATE generations SET user_id = pg_temp.bob() WHERE id = pg_temp.part($1, 1)$$);
SELECT pg_temp.stays('a part in a workspace', $$UPDATE generations SET workspace_id = '00000000-0000-4000-8000-0000000000f1' WHERE id = pg_temp.part($1, 1)$$);
SELECT pg_temp.stays('a part that the app has sent', $$UPDATE generations SET status = 'processing', replicate_prediction_id = 'app' WHERE id = pg_temp.part($1, 0)$$);
SELECT pg_temp.stays('a part with an open attempt', $$INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline)
                      SELECT pg_temp.part($1, 0), pg_temp.ann(), 1, 'running', now(), now()$$);
DELETE FROM atelier.attempts; DELETE FROM generations;
SELECT is(pg_temp.outcome('ann', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, settings)
  VALUES (pg_temp.ann(), 'video_keyframes', 'm', 'M', 'film', '{"keyframe_group_id": "none"}')$$), '55000', 'inserted as queued without parts: refused');

-- The group of somebody else, and of another film.
INSERT INTO f VALUES (3, pg_temp.film(2)), (4, pg_temp.film(0, whose => pg_temp.bob(), more => '{"keyframe_total_parts": 2}'));
SELECT pg_temp.set_status('bob', pg_temp.f(4), 'queued');
SELECT is((SELECT status FROM generations WHERE id = pg_temp.f(4)), 'pending', 'the parts of others are not there for one''s own film');
SELECT pg_temp.set_status('ann', pg_temp.f(3), 'queued');
INSERT INTO f VALUES (5, pg_temp.film(0, more => '{"keyframe_total_parts": 2}'));
SELECT pg_temp.set_status('ann', pg_temp.f(5), 'queued');
SELECT is((SELECT status FROM generations WHERE id = pg_temp.f(5)), 'pending', 'nor are those that another film of one''s own has');
DELETE FROM generations;

-- A film of the app: nothing follows.
INSERT INTO f VALUES (6, pg_temp.film(2, 'processing'));
SELECT pg_temp.set_status('service_role', pg_temp.part(pg_temp.f(6), 0), 'processing');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(6), 0));
SELECT is(pg_temp.seen(pg_temp.f(6)), 'processing completed pending', 'a film that the app drives is left alone');
SELECT pg_temp.set_status('service_role', pg_temp.part(pg_temp.f(6), 1), 'queued');
SELECT is(pg_temp.seen(pg_temp.f(6)), 'processing completed queued*', 'it may queue a part by itself');
SELECT is(pg_temp.answer('ann', format('SELECT e.reason FROM explain_generation(%L) e', pg_temp.f(6))), 'sent_by_app', 'explained');
DELETE FROM generations;

-- Failures and cancellations; then a retry, which keeps what is done.
INSERT INTO f VALUES (7, pg_temp.film(3));
SELECT pg_temp.set_status('ann', pg_temp.f(7), 'queued');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(7), 0));
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(7), 1), 'failed');
SELECT is(pg_temp.seen(pg_temp.f(7)), 'failed completed failed cancelled', 'a failed part fails the film and cancels what waits');
SELECT is((SELECT error_message FROM generations WHERE id = pg_temp.f(7)), 'Part 2 of 3: no luck', 'which says why');
SELECT pg_temp.set_status('ann', pg_temp.part(pg_temp.f(7), 1), 'queued');
SELECT is(pg_temp.outcome(who, format('SELECT retry_generation(%L)', pg_temp.part(pg_temp.f(7), 1))), '55000', 'a part is not tried again by itself: ' || who)
  FROM unnest('{ann,service_role}'::text[]) who;
SELECT is(pg_temp.seen(pg_temp.f(7)), 'failed completed failed cancelled', 'nor by an update');
SELECT pg_temp.act('ann', format('SELECT retry_generation(%L)', pg_temp.f(7)));
SELECT is(pg_temp.seen(pg_temp.f(7)), 'processing completed queued* pending', 'a retry of the film goes on where it failed');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(7), 1));
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(7), 2));
SELECT pg_temp.finish(pg_temp.merge(pg_temp.f(7)), 'failed');
SELECT is(pg_temp.seen(pg_temp.f(7)), 'failed completed completed completed failed', 'a failed joining fails the film');
SELECT is((SELECT error_message FROM generations WHERE id = pg_temp.f(7)), 'Joining the parts: no luck', 'which says why');
SELECT pg_temp.set_status('service_role', pg_temp.f(7), 'queued');
SELECT is(pg_temp.seen(pg_temp.f(7)), 'processing completed completed completed queued*', 'and is all that a retry does again, here by the app''s update');
SELECT pg_temp.act('ann', format('SELECT cancel_generation(%L)', pg_temp.f(7)));
SELECT is(pg_temp.seen(pg_temp.f(7)), 'cancelled completed completed completed cancelled', 'a cancelled film cancels what waits');
SELECT pg_temp.act('service_role', format('SELECT retry_generation(%L)', pg_temp.f(7)));
SELECT pg_temp.act('ann', format('SELECT cancel_generation(%L)', pg_temp.merge(pg_temp.f(7))));
SELECT is(pg_temp.seen(pg_temp.f(7)), 'cancelled completed completed completed cancelled', 'and a cancelled part cancels the film');
DELETE FROM generations;

-- A part that runs: it is cancelled at the provider, and until then the film is not tried again.
INSERT INTO f VALUES (8, pg_temp.film(2));
SELECT pg_temp.set_status('ann', pg_temp.f(8), 'queued');
DELETE FROM atelier.queue WHERE generation_id = pg_temp.part(pg_temp.f(8), 0);
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline) VALUES (pg_temp.part(pg_temp.f(8), 0), pg_temp.ann(), 1, 'running', now(), now());
UPDATE generations SET status = 'processing' WHERE id = pg_temp.part(pg_temp.f(8), 0);
SAVEPOINT running;
SELECT is(pg_temp.answer('ann', format('UPDATE generations SET status = ''cancelled'' WHERE id = %L RETURNING status', pg_temp.f(8))), 'cancelled', 'a film is cancelled at once');
SELECT pg_temp.set_status('ann', pg_temp.f(8), 'cancelled');
SELECT is(pg_temp.seen(pg_temp.f(8)), 'cancelled processing cancelled', 'what runs ends as the provider says');
SELECT is((SELECT string_agg(a.cancel_requested || ' ' || a.disowned, ',') FROM atelier.attempts a), 'true false', 'which is asked to cancel it');
SELECT is(pg_temp.outcome('ann', format('SELECT retry_generation(%L)', pg_temp.f(8))), '55000', 'no retry before that');
ROLLBACK TO running;
DELETE FROM generations WHERE id = pg_temp.f(8);
SELECT is((SELECT string_agg(g.status, ' ' ORDER BY g.settings ->> 'keyframe_index') FROM generations g) || (SELECT bool_and(a.cancel_requested) FROM atelier.attempts a),
  'processing cancelledtrue', 'a deleted film cancels what waits and what runs');
ROLLBACK TO running;
DELETE FROM generations WHERE id = pg_temp.part(pg_temp.f(8), 1);
SELECT is((SELECT status || ' ' || error_message FROM generations WHERE id = pg_temp.f(8)), 'failed A part of the film was deleted.', 'a film without one of its parts fails');
SELECT is((SELECT bool_and(a.cancel_requested) FROM atelier.attempts a), true, 'and what runs of it is cancelled');
ROLLBACK TO running;
SELECT pg_temp.set_status('service_role', pg_temp.f(8), 'failed');
SELECT is(pg_temp.seen(pg_temp.f(8)), 'failed processing cancelled', 'the app''s last word on a film');
SELECT pg_temp.set_status('service_role', pg_temp.f(8), 'processing');
SELECT is((SELECT count(*) FROM atelier.film_parts), 0::bigint, 'and it may take it over');
ROLLBACK TO running;
SELECT lives_ok($$DELETE FROM users WHERE id = pg_temp.ann()$$, 'a user is deleted with a film under way');
SELECT is((SELECT count(*) FROM atelier.film_parts), 0::bigint, 'and nothing is left of it');
ROLLBACK TO running;
TRUNCATE generations CASCADE;
SELECT is((SELECT count(*) FROM atelier.film_parts), 0::bigint, 'nor after TRUNCATE');
ROLLBACK TO running;
DELETE FROM atelier.attempts; DELETE FROM generations;

-- A first part that cannot be queued.
INSERT INTO f VALUES (11, pg_temp.film(2, grp => 'no model'));
UPDATE generations SET replicate_model = 'no model' WHERE id = pg_temp.part(pg_temp.f(11), 0);
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET status = ''queued'' WHERE id = %L', pg_temp.f(11))), '55000', 'a first part that cannot be queued: its user is told');
SELECT is(pg_temp.outcome('service_role', format('UPDATE generations SET status = ''queued'' WHERE id = %L', pg_temp.f(11))), '1', 'a statement of the app goes on');
SELECT pg_temp.set_status('service_role', pg_temp.f(11), 'queued');
SELECT is((SELECT status || ' ' || error_message FROM generations WHERE id = pg_temp.f(11)), 'failed Part 1 of 2: it cannot be queued', 'and the film says why');
SELECT is(pg_temp.seen(pg_temp.f(11)), 'failed cancelled cancelled', 'with its parts cancelled');
DELETE FROM generations;

-- Limits and money.
SET LOCAL atelier.models_only = on;
INSERT INTO f VALUES (9, pg_temp.film(1));
SELECT is(pg_temp.outcome('ann', format('UPDATE generations SET status = ''queued'' WHERE id = %L', pg_temp.f(9))), '42501', 'models that are not listed: not inside a film either');
SELECT is(pg_temp.outcome('service_role', format('UPDATE generations SET status = ''queued'' WHERE id = %L', pg_temp.f(9))), '1', 'but for the app');
SET LOCAL atelier.models_only = off;
SET LOCAL atelier.enforce_credits = on;
UPDATE users SET credits = 1 WHERE id = pg_temp.ann();
INSERT INTO f VALUES (10, pg_temp.film(2, grp => 'credits'));
SELECT pg_temp.set_status('ann', pg_temp.f(10), 'queued');
SELECT is((SELECT credits FROM users WHERE id = pg_temp.ann()), 0, 'credits are held for the part that is queued, none for the film');
SELECT pg_temp.finish(pg_temp.part(pg_temp.f(10), 0));
SELECT is(pg_temp.seen(pg_temp.f(10)), 'processing completed queued*', 'the app ended it, so the hold is there for the next one');
SELECT pg_temp.act('ann', format('SELECT cancel_generation(%L)', pg_temp.f(10)));
SELECT is((SELECT credits FROM users WHERE id = pg_temp.ann()), 1, 'and given back with the film');
UPDATE users SET credits = 0 WHERE id = pg_temp.ann();
SELECT is(pg_temp.outcome('ann', format('SELECT retry_generation(%L)', pg_temp.f(10))), '53400', 'with none left the film is not queued');
SELECT * FROM finish();
ROLLBACK;
