-- SPDX-License-Identifier: PostgreSQL
-- start_lora_training(): who may, when, and what it leaves behind.
BEGIN;
SELECT * FROM no_plan();
INSERT INTO public.users (id, email) SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, n || '@train.test' FROM generate_series(1, 3) n;
UPDATE public.users SET is_active = false WHERE email = '3@train.test';
CREATE FUNCTION pg_temp.u(n integer) RETURNS uuid LANGUAGE sql AS $$SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid$$;
CREATE FUNCTION pg_temp.l(n integer) RETURNS uuid LANGUAGE sql AS $$SELECT ('00000000-0000-4000-8000-0000000000a' || n)::uuid$$;
INSERT INTO public.user_loras (id, user_id, name, trigger_word, status)
SELECT pg_temp.l(n), pg_temp.u(CASE n WHEN 4 THEN 3 ELSE 1 END), 'L', 'W' || n, CASE n WHEN 3 THEN 'uploading' ELSE 'pending' END
  FROM generate_series(1, 5) n;
INSERT INTO public.lora_training_images (lora_id, image_url)
SELECT pg_temp.l(l), 'https://o.test/' || n FROM generate_series(1, 4) l, generate_series(1, 5) n;

CREATE FUNCTION pg_temp.start_as(caller integer, lora uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub": "%s", "role": "authenticated"}', pg_temp.u(caller)), true);
  SET LOCAL ROLE authenticated;
  BEGIN
    RETURN public.start_lora_training(lora);
  EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
  END;
END$$;
CREATE FUNCTION pg_temp.back(result text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RESET ROLE; RETURN result; END$$;

SELECT is(pg_temp.back(pg_temp.start_as(2, pg_temp.l(1))), '42501', 'a stranger starts nothing');
SELECT is(pg_temp.back(pg_temp.start_as(2, gen_random_uuid())), '42501', 'and does not learn what exists');
SELECT is(pg_temp.back(pg_temp.start_as(3, pg_temp.l(4))), '42501', 'a deactivated user starts nothing');
SELECT is(pg_temp.back(pg_temp.start_as(1, pg_temp.l(3))), '55000', 'what the app uploads stays the app''s');
SELECT is(pg_temp.back(pg_temp.start_as(1, pg_temp.l(5))), '23514', 'a set of no pictures');
SELECT is(pg_temp.back(pg_temp.start_as(1, pg_temp.l(1))), 'uploading', 'its user starts it');
SELECT is(status, 'uploading', 'and the row says so') FROM public.user_loras WHERE id = pg_temp.l(1);
SELECT is(pg_temp.back(pg_temp.start_as(1, pg_temp.l(2))), '53400', 'one at a time');
SELECT results_eq($$SELECT lora_id, state, trainer FROM atelier.trainings WHERE user_id = pg_temp.u(1)$$,
                  $$VALUES (pg_temp.l(1), 'queued', 'replicate/fast-flux-trainer')$$, 'one training is written down');
SET LOCAL atelier.max_trainings_per_user = 0;
SET LOCAL ROLE service_role;
SELECT is(public.start_lora_training(pg_temp.l(2)), 'uploading', 'the app starts it for anybody');
SELECT throws_ok($$SELECT public.start_lora_training(gen_random_uuid())$$, '22023', NULL, 'but nothing that is not there');
RESET ROLE;

-- What others write to a LoRA that is being trained. Each line begins anew.
CREATE FUNCTION pg_temp.disowned_by(command text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  found boolean;
BEGIN
  UPDATE public.user_loras SET status = 'uploading', deleted_at = NULL WHERE id = pg_temp.l(1);
  UPDATE atelier.trainings SET disowned = false;
  EXECUTE format(command, format('WHERE id = %L', pg_temp.l(1)));
  SELECT t.disowned INTO found FROM atelier.trainings t WHERE t.lora_id = pg_temp.l(1);
  RETURN found;
END$$;
SELECT is(pg_temp.disowned_by(command), disowned, command)
  FROM (VALUES ('UPDATE public.user_loras SET status = ''failed'' %s', true), ('UPDATE public.user_loras SET status = ''completed'' %s', true),
               ('UPDATE public.user_loras SET status = ''pending'' %s', true), ('UPDATE public.user_loras SET status = ''training'' %s', true),
               ('UPDATE public.user_loras SET deleted_at = now() %s', true),
               ('UPDATE public.user_loras SET name = ''other'' %s', false), ('UPDATE public.user_loras SET status = ''uploading'' %s', false)) v (command, disowned);
UPDATE public.user_loras SET status = 'failed' WHERE id = pg_temp.l(1);
SELECT throws_ok(format('SELECT public.start_lora_training(%L)', pg_temp.l(1)), '55000', 'the former training of this LoRA has not ended yet', 'while it is open none is started anew');
SELECT is((SELECT count(*) FROM atelier.trainings t WHERE t.lora_id = pg_temp.l(2) AND t.disowned), 0::bigint, 'other LoRAs are left alone');
SELECT is((SELECT count(*) FROM atelier.trainers WHERE version ~ '^[0-9a-f]{64}$'), 3::bigint, 'three trainers are known');
SELECT * FROM finish();
ROLLBACK;
