-- SPDX-License-Identifier: PostgreSQL
-- replicate_webhook() as the gateway calls it: role anon, headers in request.headers, the body as the only argument.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE FUNCTION pg_temp.secret(account text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT 'whsec_' || encode(sha256(account::bytea), 'base64') $$;
CREATE FUNCTION pg_temp.sign(body text, account text, message text, age integer DEFAULT 0) RETURNS text LANGUAGE sql
AS $$ SELECT atelier.webhook_signature(pg_temp.secret(account), message, (floor(extract(epoch FROM now()))::bigint - age)::text, body) $$;
-- The attempt and what was made of it, or the SQLSTATE.
CREATE FUNCTION pg_temp.call(body text, headers json DEFAULT NULL) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  answer text;
BEGIN
  PERFORM set_config('response.status', '', true), set_config('request.headers', coalesce(headers::text, ''), true);
  PERFORM pg_temp.become('anon');
  SELECT concat_ws(' ', w.attempt, w.result, current_setting('response.status')) INTO answer FROM public.replicate_webhook(body::json) w;
  PERFORM pg_temp.become('superuser');
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  PERFORM pg_temp.become('superuser');
  RETURN sqlstate;
END $$;
CREATE FUNCTION pg_temp.signed(body text, message text, account text DEFAULT 'acme', age integer DEFAULT 0) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.call(body, json_build_object('webhook-id', message, 'webhook-signature', pg_temp.sign(body, account, message, age),
                                                 'webhook-timestamp', (floor(extract(epoch FROM now()))::bigint - age)::text)) $$;

-- Attempts of a generation each: one runs, one has ended, one is being sent, of one the answer was lost.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, replicate_prediction_id)
SELECT md5(p)::uuid, pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'processing', CASE WHEN p NOT IN ('sending', 'lost') THEN p END
  FROM unnest('{runs,ended,sending,lost}'::text[]) p;
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline, prediction_id)
SELECT md5(p)::uuid, pg_temp.ann(), 1, s, now(), now(), CASE WHEN p NOT IN ('sending', 'lost') THEN p END
  FROM (VALUES ('runs', 'running'), ('ended', 'succeeded'), ('sending', 'sending'), ('lost', 'unknown')) v (p, s);
CREATE FUNCTION pg_temp.attempt(p text) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT a.id::text FROM atelier.attempts a WHERE a.generation_id = md5(p)::uuid $$;
CREATE FUNCTION pg_temp.body(p text, marker text DEFAULT NULL) RETURNS text LANGUAGE sql
AS $$ SELECT json_build_object('id', p, 'status', 'succeeded', 'webhook', 'https://x.test/rpc/replicate_webhook?attempt=eq.' || marker)::text $$;
-- Bob has written the id of a prediction that runs for ann into a row of his own, as far as that goes.
INSERT INTO generations (id, user_id, action, model_id, model_name, replicate_model, status, replicate_prediction_id)
VALUES (md5('squat')::uuid, pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'pending', 'squatted');
INSERT INTO atelier.attempts (generation_id, user_id, number, state, sent_at, deadline, prediction_id)
VALUES (md5('squat')::uuid, pg_temp.bob(), 1, 'failed', now(), now(), 'another');

-- Without a secret: a hint and no more, at most once in five seconds.
SELECT is(pg_temp.call(pg_temp.body('runs')), pg_temp.attempt('runs') || ' accepted 204', 'no secret: a known prediction');
SELECT is(pg_temp.call(pg_temp.body('runs')), pg_temp.attempt('runs') || ' throttled 204', 'no secret: the same within five seconds');
UPDATE atelier.webhook_events SET received_at = received_at - interval '5 s', noticed = true;
SELECT is(pg_temp.call(pg_temp.body('runs')), pg_temp.attempt('runs') || ' accepted 204', 'no secret: the same five seconds later');
SELECT is((SELECT count(*) || ' ' || bool_and(NOT e.noticed) FROM atelier.webhook_events e), '1 true', 'in one row, which the dispatcher shall see');
SELECT is(pg_temp.call(pg_temp.body('ended')), pg_temp.attempt('ended') || ' ended 204', 'no secret: one that has ended');
SELECT is(pg_temp.call(pg_temp.body('nobody''s')), 'unknown 204', 'no secret: an unknown one');
SELECT is(pg_temp.call(pg_temp.body('new', pg_temp.attempt('lost'))), 'unknown 204', 'no secret: the number of an attempt is no proof');
SELECT is(pg_temp.call(pg_temp.body('squatted')), 'unknown 204', 'a prediction id that a user has written leads nowhere');
SELECT is((SELECT count(*) FROM atelier.webhook_events), 1::bigint, 'strangers fill no table');

-- With secrets.
INSERT INTO atelier.webhook_secrets (account, secret) VALUES ('acme', pg_temp.secret('acme')), ('other', pg_temp.secret('other')), ('broken', 'whsec_?');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'msg_1'), pg_temp.attempt('runs') || ' accepted 204', 'signed');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'msg_1'), pg_temp.attempt('runs') || ' duplicate 204', 'twice with one id');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'msg_2'), pg_temp.attempt('runs') || ' accepted 204', 'another message');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'msg_3', 'other'), pg_temp.attempt('runs') || ' accepted 204', 'signed by another account of ours');
SELECT is(pg_temp.signed(pg_temp.body('ended'), 'msg_4'), pg_temp.attempt('ended') || ' ended 204', 'late');
SELECT is(pg_temp.signed(pg_temp.body('new', pg_temp.attempt('lost')), 'msg_5'), pg_temp.attempt('lost') || ' accepted 204', 'for an attempt whose answer was lost');
SELECT is(pg_temp.signed(pg_temp.body('fresh', pg_temp.attempt('sending')), 'msg_6'), pg_temp.attempt('sending') || ' accepted 204', 'early, with the echo of its URL');
SELECT is(pg_temp.signed(pg_temp.body('early'), 'msg_7'), 'unknown 204', 'early, without');
SELECT is(pg_temp.signed(pg_temp.body('early'), 'msg_7'), 'duplicate 204', 'which is remembered');
SELECT is(pg_temp.signed(pg_temp.body('other', pg_temp.attempt('runs')), 'msg_9'), 'unknown 204', 'the number of an attempt that has another prediction');
SELECT results_eq($$SELECT e.message_id, e.noticed FROM atelier.webhook_events e WHERE e.message_id LIKE 'msg%' ORDER BY 1$$,
  $$VALUES ('msg_1', false), ('msg_2', false), ('msg_3', false), ('msg_4', true), ('msg_5', false), ('msg_6', false), ('msg_7', false), ('msg_9', false)$$,
  'what the dispatcher has to look at');

SELECT is(pg_temp.call(pg_temp.body('runs')), 'PT400', 'no headers');
SELECT is(pg_temp.call(pg_temp.body('runs'), headers::json), 'PT400', 'headers ' || headers)
  FROM unnest(ARRAY['{}', '[]', '{"webhook-id": "x"}', '{"webhook-id": "x", "webhook-timestamp": "1700000000"}',
                    '{"webhook-id": "", "webhook-timestamp": "1700000000", "webhook-signature": "v1,x"}',
                    '{"webhook-id": 7, "webhook-timestamp": "1700000000", "webhook-signature": "v1,x"}',
                    '{"webhook-id": "x", "webhook-timestamp": "now", "webhook-signature": "v1,x"}',
                    '{"webhook-id": "x", "webhook-timestamp": "-1", "webhook-signature": "v1,x"}',
                    '{"webhook-id": "x", "webhook-timestamp": "99999999999999999999", "webhook-signature": "v1,x"}',
                    json_build_object('webhook-id', repeat('x', 201), 'webhook-timestamp', '1', 'webhook-signature', 'v1,x')::text]) headers;
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'old', 'acme', 303), 'PT400', 'signed more than five minutes ago');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'new', 'acme', -400), 'PT400', 'or in the future');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'oldish', 'acme', 200), pg_temp.attempt('runs') || ' accepted 204', 'within five minutes');
SELECT is(pg_temp.signed(pg_temp.body('runs'), 'forged', 'stranger'), 'PT403', 'signed by somebody else');
CREATE FUNCTION pg_temp.with_signature(signature text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.call(pg_temp.body('runs'), json_build_object('Webhook-Id', 'm' || md5(signature), 'WEBHOOK-TIMESTAMP',
        floor(extract(epoch FROM now()))::bigint::text, 'webhook-signature',
        replace(signature, 'RIGHT', substr(pg_temp.sign(pg_temp.body('runs'), 'acme', 'm' || md5(signature)), 4)))) $$;
SELECT is(pg_temp.with_signature('v1,RIGHT'), pg_temp.attempt('runs') || ' accepted 204', 'names of headers in any case');
SELECT is(pg_temp.with_signature('v1,AAAA v1,RIGHT'), pg_temp.attempt('runs') || ' accepted 204', 'several signatures, one of them right');
SELECT is(pg_temp.with_signature(s), 'PT403', 'signature ' || s)
  FROM unnest('{"v9,RIGHT", "RIGHT", "v1,", "v1,RIGHT=", "v1, RIGHT", "v1,AAAA", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}'::text[]) s;
SELECT is(pg_temp.call(pg_temp.body('runs') || ' ', json_build_object('webhook-id', 'bytes', 'webhook-timestamp',
        floor(extract(epoch FROM now()))::bigint::text, 'webhook-signature', pg_temp.sign(pg_temp.body('runs'), 'acme', 'bytes'))),
  'PT403', 'the signature is one of the bytes');

-- Bodies.
SELECT is(pg_temp.signed(body, 'body_' || n), 'PT400', 'body ' || left(body, 30)) FROM unnest(ARRAY['{}', '[]', '7', 'null', '{"id": 7}', '{"id": ""}', '{"id": "a b"}',
  '{"id": "' || repeat('x', 201) || '"}', '{"id": "x", "output": ' || repeat('[', 3000) || repeat(']', 3000) || '}']) WITH ORDINALITY b (body, n);
SELECT is(pg_temp.signed('{"id": "runs", "logs": "' || repeat('x', 10 * 1024 * 1024) || '"}', 'msg_big'), pg_temp.attempt('runs') || ' accepted 204', '10 MB');
SELECT is(pg_temp.signed('{"id": "runs", "logs": "a\u0000b\ud800"}', 'msg_nul'), pg_temp.attempt('runs') || ' accepted 204', 'NUL and a lone surrogate');
SELECT is(pg_temp.outcome('anon', 'SELECT public.replicate_webhook(NULL)'), 'PT400', 'no body');
SELECT is(pg_temp.outcome('anon', 'SELECT public.replicate_webhook((repeat(''['', 100000) || repeat('']'', 100000))::json)'), '54001', 'a body that the server itself does not read');

-- The vector that the provider's own client makes; and who may compute such signatures.
SELECT is(atelier.webhook_signature('whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=', 'msg_test1', '1700000000', '{"id":"p1","status":"succeeded"}'),
          'v1,Bheg2VsE0I2tt+HDvq2tznY8c8wzKn0Jvpn7RGup+Rc=', 'the known signature');
SELECT is(atelier.webhook_signature(s, 'x', '1', ''), NULL, 'no secret: ' || s) FROM unnest('{whsec_, whsec_x, MDEy, "", whsec_MDE}'::text[]) s;
SELECT is(pg_temp.outcome(who, $$SELECT secret FROM atelier.webhook_secrets$$), '42501', who || ' reads no secret') FROM unnest('{anon,ann,service_role}'::text[]) who;

SELECT * FROM finish();
ROLLBACK;
