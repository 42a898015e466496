-- SPDX-License-Identifier: PostgreSQL
-- poll_generations(): what it tells, to whom, in pages. All in one transaction, whose own changes are told again and again;
-- what commits in whatever order is in test/specs/poll_order.spec.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.w(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-00000000f00' || n)::uuid $$;
CREATE FUNCTION pg_temp.g(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
DELETE FROM generations;
DELETE FROM atelier.deleted_generations;
INSERT INTO workspaces (id, name, slug) SELECT pg_temp.w(n), 'w', 'tap-poll-' || n FROM generate_series(1, 2) n;
INSERT INTO workspace_members (workspace_id, user_id) VALUES (pg_temp.w(1), pg_temp.ann()), (pg_temp.w(1), pg_temp.bob()), (pg_temp.w(2), pg_temp.bob());

-- A poll as somebody: what it answers, and its parts.
CREATE FUNCTION pg_temp.poll(caller text, cursor text, context text DEFAULT 'foreground', workspace uuid DEFAULT NULL) RETURNS json LANGUAGE sql AS
$$ SELECT pg_temp.answer(caller, format('SELECT poll_generations(%L, %L, %L)', cursor, context, workspace))::json $$;
CREATE FUNCTION pg_temp.ids(answer json) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(ltrim(right(c ->> 'id', 12), '0'), ',' ORDER BY c ->> 'id'), '') FROM json_array_elements(answer -> 'changed') c $$;
CREATE FUNCTION pg_temp.gone(answer json) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(ltrim(right(d, 12), '0'), ',' ORDER BY d), '') FROM json_array_elements_text(answer -> 'deleted') d $$;

-- Without a cursor: the first page of the list.
SELECT pg_temp.poll('ann', NULL) AS start \gset
SELECT is((SELECT string_agg(k, ' ') FROM json_object_keys(:'start') k), 'cursor next_poll_ms counts changed deleted more reset', 'the parts of an answer');
SELECT is(:'start'::jsonb - 'cursor', '{"next_poll_ms": 60000, "counts": {"all_count": 0, "processing_count": 0, "favorites_count": 0, "failed_count": 0},
  "changed": [], "deleted": [], "more": false, "reset": true}'::jsonb, 'of a user who has nothing');
SELECT :'start'::json ->> 'cursor' AS zero \gset

INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, workspace_id, is_favorite, replicate_output)
VALUES (pg_temp.g(1), pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'completed', false, NULL, true, '{"secret": 1}'),
       (pg_temp.g(2), pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'failed', false, pg_temp.w(1), false, NULL),
       (pg_temp.g(3), pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'pending', true, pg_temp.w(1), false, NULL),
       (pg_temp.g(4), pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'completed', false, pg_temp.w(1), false, NULL),
       (pg_temp.g(5), pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'completed', false, pg_temp.w(2), false, NULL);
SELECT pg_temp.poll('ann', :'zero') AS one \gset
SELECT is(pg_temp.ids(:'one'), '1,2', 'what is new of his own, without parts of films');
SELECT is(:'one'::jsonb -> 'counts', '{"all_count": 2, "processing_count": 0, "favorites_count": 1, "failed_count": 1}'::jsonb, 'and the counts');
SELECT is((:'one'::json ->> 'next_poll_ms') || ' ' || (:'one'::json ->> 'reset'), '60000 false', 'nothing is under way: a minute');
SELECT is((SELECT string_agg(k, ' ' ORDER BY k) FROM json_object_keys(:'one'::json -> 'changed' -> 0) k),
          'action completed_at cost_credits cost_usd created_at error_message id input_image_url input_video_url is_favorite model_id model_name output_text '
          'output_thumbs output_urls processing_time_ms prompt replicate_model settings started_at status user_id viewed viewed_at workspace_id',
          'the columns of the list: no input and output of the provider, no token');
SELECT is(pg_temp.ids(pg_temp.poll('ann', NULL)), '1,2', 'a start shows what there is');
SELECT is(pg_temp.ids(pg_temp.poll('ann', :'one'::json ->> 'cursor')), '1,2', 'told in the middle of the transaction that made it, it is told again');

-- How long to wait.
UPDATE generations SET status = 'queued' WHERE id = pg_temp.g(2);
SELECT is(pg_temp.poll(caller, :'zero', context) ->> 'next_poll_ms', ms, format('%s in the %s', caller, context))
  FROM (VALUES ('ann', 'foreground', '5000'), ('ann', 'background', '120000')) v (caller, context, ms);
SELECT is(pg_temp.poll('ann', NULL, NULL) ->> 'next_poll_ms', '5000', 'no context is the foreground');
SELECT is(pg_temp.poll('bob', NULL) ->> 'next_poll_ms', '60000', 'what others do is no reason to hurry');
SELECT is(pg_temp.poll('bob', NULL, 'foreground', pg_temp.w(1)) ->> 'next_poll_ms', '60000', 'nor in a workspace');
SELECT is(pg_temp.outcome('ann', 'SELECT poll_generations(p_context => ''tab'')'), '22023', 'another context is refused');

-- Workspaces.
SELECT is(pg_temp.ids(pg_temp.poll('ann', NULL, 'foreground', pg_temp.w(1))), '2,4', 'a member starts with all of a workspace');
SELECT pg_temp.poll('bob', NULL, 'foreground', pg_temp.w(1)) ->> 'cursor' AS ours \gset
SELECT is(pg_temp.ids(pg_temp.poll('bob', :'ours', 'foreground', pg_temp.w(1))), '2,4', 'and goes on with what changes there');
SELECT is((pg_temp.poll('bob', :'ours', 'foreground', pg_temp.w(1)) -> 'counts')::jsonb,
          '{"all_count": 2, "processing_count": 1, "favorites_count": 0, "failed_count": 0}'::jsonb, 'with its counts');
SELECT is(pg_temp.outcome(caller, format('SELECT poll_generations(p_workspace_id => %L)', pg_temp.w(2))), '42501', format('H31 %s does not poll there', caller))
  FROM unnest('{anon,nobody,impostor,ann,dan}'::text[]) caller;
SELECT is(pg_temp.outcome(caller, 'SELECT poll_generations()'), '42501', format('%s polls nothing', caller)) FROM unnest('{anon,nobody,impostor,dan,service_role}'::text[]) caller;
SELECT is(pg_temp.poll('ann', pg_temp.poll('bob', NULL) ->> 'cursor') ->> 'reset', 'true', 'another user''s cursor is worth nothing');
SELECT is(pg_temp.ids(pg_temp.poll('ann', pg_temp.poll('bob', NULL) ->> 'cursor')), '1,2', 'and shows nothing of his');
SELECT is(pg_temp.poll('bob', :'ours') ->> 'reset', 'true', 'nor is that of a workspace for one''s own');

-- What goes. A row that moves is gone from where it was, and changed where it is.
DELETE FROM generations WHERE id IN (pg_temp.g(1), pg_temp.g(3));
UPDATE generations SET workspace_id = pg_temp.w(2) WHERE id = pg_temp.g(4);
UPDATE generations SET workspace_id = NULL WHERE id = pg_temp.g(2);
SELECT is(pg_temp.gone(pg_temp.poll('ann', :'zero')), '1', 'a deleted one is told by its id, a part of a film is not');
SELECT is(pg_temp.ids(pg_temp.poll('ann', :'zero')), '2', 'one that left its workspace is still his');
SELECT is(pg_temp.gone(pg_temp.poll('bob', :'ours', 'foreground', pg_temp.w(1))), '2,4', 'and gone from the workspace');
SELECT is(pg_temp.ids(pg_temp.poll('bob', NULL, 'foreground', pg_temp.w(2))), '4,5', 'the other has them');
UPDATE generations SET workspace_id = pg_temp.w(1) WHERE id = pg_temp.g(4);
SELECT is(pg_temp.gone(pg_temp.poll('bob', :'ours', 'foreground', pg_temp.w(1))) || ' ' || pg_temp.ids(pg_temp.poll('bob', :'ours', 'foreground', pg_temp.w(1))),
          '2 4', 'one that came back is not gone');
UPDATE generations SET user_id = pg_temp.bob() WHERE id = pg_temp.g(2);
SELECT is(pg_temp.gone(pg_temp.poll('ann', :'zero')) || ' ' || pg_temp.ids(pg_temp.poll('bob', :'zero')), '1,2 2,4,5', 'nor is one that somebody else has now his');

-- Pages: every change once, deletions among them.
DELETE FROM generations;
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status)
SELECT pg_temp.g(n), pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'completed' FROM generate_series(1001, 1250) n;
DELETE FROM generations WHERE id > pg_temp.g(1220);
CREATE TEMP TABLE pages (n integer, answer json);
DO $$
DECLARE
  place text := pg_temp.poll('bob', NULL) ->> 'cursor';
  answer json;
BEGIN
  place := pg_temp.poll('ann', NULL) ->> 'cursor';
  FOR n IN 1 .. 10 LOOP
    answer := pg_temp.poll('ann', place);
    INSERT INTO pages VALUES (n, answer);
    place := answer ->> 'cursor';
    EXIT WHEN answer ->> 'more' = 'false';
  END LOOP;
END $$;
SELECT is((SELECT string_agg(json_array_length(p.answer -> 'changed') + json_array_length(p.answer -> 'deleted') || ' ' || (p.answer ->> 'more'), ', ' ORDER BY p.n) FROM pages p),
          '100 true, 100 true, 52 false', 'a page has at most 100 changes');
SELECT is((SELECT count(DISTINCT c ->> 'id') || ' ' || count(*) FROM pages p CROSS JOIN json_array_elements(p.answer -> 'changed') c), '220 220', 'every row is told once');
SELECT is((SELECT count(DISTINCT d) || ' ' || count(*) FROM pages p CROSS JOIN json_array_elements_text(p.answer -> 'deleted') d), '32 32', 'and every deletion');
SELECT is(json_array_length(pg_temp.poll('ann', NULL) -> 'changed'), 100, 'a start has one page');
SELECT is(pg_temp.poll('ann', NULL) ->> 'more', 'false', 'the rest of the list is the list''s matter');

-- A row that its film claims as a part is in no list any more.
DELETE FROM atelier.deleted_generations;
SELECT pg_temp.poll('ann', NULL) ->> 'cursor' AS claimed \gset
UPDATE generations SET is_keyframe_segment = true WHERE id = pg_temp.g(1001);
SELECT is(pg_temp.gone(pg_temp.poll('ann', :'claimed')), '1001', 'a row that becomes a part of a film is gone');
SELECT is((SELECT d.user_id = pg_temp.ann() AND d.workspace_id IS NULL FROM atelier.deleted_generations d), true, 'from its user''s list, and from no workspace');
UPDATE generations SET is_keyframe_segment = false WHERE id = pg_temp.g(1001);

-- Cursors that are none.
SELECT is(pg_temp.outcome('ann', format('SELECT poll_generations(%L)', bad)), '22023', 'no cursor: ' || left(bad, 40))
  FROM unnest(ARRAY['', '1', 'x', :'zero' || '.', replace(:'zero', '.u', '.'), '2' || substr(:'zero', 2), :'zero' || '.1:1:.1.x.1', repeat('1.', 100000),
                    regexp_replace(:'zero', '\d+:\d+:$', '99999999999999999999:1:'), regexp_replace(:'zero', '\d+:\d+:$', '2:1:'),
                    regexp_replace(:'zero', '\d+:\d+:$', '1:2:-1'), E'1.''; DROP TABLE users; --']) bad;
SELECT is(pg_temp.poll('ann', regexp_replace(:'zero', '^1\.[0-9a-f]+', '1.abc')) ->> 'reset', 'true', 'the cursor of another server or a copy starts anew');
SELECT is(pg_temp.poll('ann', replace(:'zero', '.' || split_part(:'zero', '.', 4) || '.', '.1.')) ->> 'reset', 'true', 'and so does one that is a week old');
SELECT is_empty(format($$SELECT FROM json_array_elements(pg_temp.poll('ann', %L) -> 'changed') c WHERE c ->> 'user_id' <> pg_temp.ann()::text$$,
                       replace(:'zero', split_part(:'zero', '.', 6), '1:1:')), 'a forged one shows no more than one''s own');

-- Nobody says when a row was changed but the trigger.
SELECT is(pg_temp.outcome('ann', 'UPDATE generations SET changed_in = 1'), '42501', 'a user does not write the mark');
UPDATE generations SET changed_in = 1 WHERE id = pg_temp.g(1001);
SELECT is((SELECT changed_in::text FROM generations WHERE id = pg_temp.g(1001)), pg_current_xact_id()::text, 'and what others write is not kept');
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, changed_in) VALUES (pg_temp.g(9), pg_temp.ann(), 'create', 'm', 'M', 'o/n', 'pending', 7);
SELECT is((SELECT changed_in::text FROM generations WHERE id = pg_temp.g(9)), pg_current_xact_id()::text, 'not in a new row either');
-- Numbers that came with a dump from a server that was further on are no changes.
ALTER TABLE generations DISABLE TRIGGER USER;
UPDATE generations SET changed_in = 9000000000000 WHERE id = pg_temp.g(9);
ALTER TABLE generations ENABLE TRIGGER USER;
SELECT unalike(pg_temp.ids(pg_temp.poll('ann', :'zero')), '9,%', 'a number from another server is no change');
SELECT is(pg_temp.outcome(caller, 'SELECT * FROM atelier.deleted_generations'), '42501', 'what is gone is told by the function only')
  FROM unnest('{anon,ann,service_role}'::text[]) caller;
SELECT * FROM finish();
ROLLBACK;
