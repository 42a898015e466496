-- SPDX-License-Identifier: PostgreSQL
-- Starting the training of a LoRA. All that follows is done by the dispatcher.

CREATE FUNCTION atelier.start_lora_training(lora_id uuid) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_start_lora_training';
COMMENT ON FUNCTION atelier.start_lora_training(uuid) IS 'hands the training of a LoRA over to the dispatcher and returns its status; its user and service_role';

CREATE FUNCTION atelier.require_free_trainer(user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  most CONSTANT integer := current_setting('atelier.max_trainings_per_user')::integer;
BEGIN
  IF most = 0 THEN
    RETURN;
  END IF;
  -- Two starts of one user must see each other.
  PERFORM atelier.take_turn('training of ' || user_id);
  IF most <= (SELECT count(*) FROM atelier.trainings t
               WHERE t.user_id = require_free_trainer.user_id AND t.state IN ('queued', 'sending', 'unknown', 'running')) THEN
    RAISE EXCEPTION 'too many trainings at once'
      USING ERRCODE = 'configuration_limit_exceeded',
            DETAIL = format('A user may have %s under way.', most),
            HINT = 'Start this one when another one has ended.';
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.require_free_trainer(uuid) IS 'part of start_lora_training(): raises 53400 when the user has atelier.max_trainings_per_user under way';

CREATE FUNCTION atelier.begin_lora_training(lora_id uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  lora record;
  trainer record;
  images bigint;
BEGIN
  EXECUTE atelier.in_app_schema('SELECT l.user_id FROM @app@.user_loras l WHERE l.id = $1') INTO lora USING lora_id;
  IF lora.user_id IS NULL THEN
    RAISE EXCEPTION 'LoRA does not exist' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM atelier.require_free_trainer(lora.user_id);
  EXECUTE atelier.in_app_schema($sql$
    SELECT l.user_id, l.status, l.deleted_at FROM @app@.user_loras l WHERE l.id = $1 FOR NO KEY UPDATE$sql$) INTO lora USING lora_id;
  IF lora.deleted_at IS NOT NULL OR lora.status NOT IN ('pending', 'failed') THEN
    RAISE EXCEPTION 'a training starts from a LoRA that is pending or has failed'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = CASE WHEN lora.deleted_at IS NOT NULL THEN 'The LoRA is deleted.' ELSE format('Its status is %s.', lora.status) END;
  END IF;
  IF EXISTS (SELECT FROM atelier.trainings t
              WHERE t.lora_id = begin_lora_training.lora_id AND t.state IN ('queued', 'sending', 'unknown', 'running')) THEN
    RAISE EXCEPTION 'the former training of this LoRA has not ended yet'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'It is being cancelled at the provider; try again soon.';
  END IF;
  SELECT t.trainer, t.version, t.least_images, t.most_images INTO trainer
    FROM atelier.trainers t WHERE t.enabled ORDER BY t.rank, t.seeded_at LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no trainer is enabled'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Set enabled in a row of atelier.trainers.';
  END IF;
  EXECUTE atelier.in_app_schema('SELECT count(*) FROM @app@.lora_training_images i WHERE i.lora_id = $1') INTO images USING lora_id;
  IF images NOT BETWEEN trainer.least_images AND trainer.most_images THEN
    RAISE EXCEPTION 'a training with % needs % to % pictures', trainer.trainer, trainer.least_images, trainer.most_images
      USING ERRCODE = 'check_violation', DETAIL = format('The LoRA has %s.', images);
  END IF;
  INSERT INTO atelier.trainings (lora_id, user_id, trainer, version) VALUES (lora_id, lora.user_id, trainer.trainer, trainer.version);
  EXECUTE atelier.in_app_schema($sql$
    UPDATE @app@.user_loras l
       SET status = 'uploading', error_message = NULL, replicate_training_id = NULL, training_started_at = NULL,
           training_completed_at = NULL
     WHERE l.id = $1$sql$) USING lora_id;
  PERFORM atelier.wake();
  RETURN 'uploading';
END
$function$;
COMMENT ON FUNCTION atelier.begin_lora_training(uuid) IS 'part of start_lora_training(), which has looked at the caller. Owner';

CREATE FUNCTION atelier.training_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('start_lora_training(uuid)', $ddl$
    CREATE FUNCTION @app@.start_lora_training(p_lora_id uuid) RETURNS text
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.start_lora_training(p_lora_id);
    END$ddl$, 'authenticated, service_role',
     'trains a LoRA of the user that is pending or has failed, with the pictures that it has. Returns its status, uploading; then it goes to training and to completed or failed. Deleting the row cancels the training');
END
$function$;
COMMENT ON FUNCTION atelier.training_functions() IS 'part of wanted_functions(): training of LoRAs';

CREATE FUNCTION atelier.grant_training_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.start_lora_training(uuid) TO authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_training_functions() IS 'part of grant_functions()';

CREATE FUNCTION atelier.health_trainings(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  trainings record;
  active bigint;
  refused bigint;
  waits interval;
BEGIN
  EXECUTE atelier.in_app_schema('SELECT count(*) FROM @app@.replicate_tokens t WHERE t.is_active') INTO active;
  EXECUTE atelier.in_app_schema($sql$
    SELECT date_trunc('second', clock_timestamp() - min(t.created_at))
      FROM atelier.trainings t JOIN @app@.users u ON u.id = t.user_id AND u.is_active
     WHERE t.state = 'queued' AND atelier.reached_budget(t.user_id) IS NULL$sql$) INTO waits;
  SELECT count(*) FILTER (WHERE t.state = 'queued') AS queued,
         count(*) FILTER (WHERE t.deadline < clock_timestamp() - interval '10 minutes' AND t.state <> 'queued') AS overdue
    INTO trainings FROM atelier.trainings t WHERE t.state IN ('queued', 'sending', 'unknown', 'running');
  refused := (SELECT count(*) FROM atelier.trainings t
               WHERE t.state = 'failed' AND t.ended_at > now() - interval '1 day' AND t.error = 'The host is not in atelier.download_hosts.');
  check_name := 'trainings'; status := 'ok'; detail := format('%s are queued, and can be started', trainings.queued); hint := NULL;
  IF trainings.queued + refused > 0 AND current_setting('atelier.download_hosts') = '' THEN
    status := 'warn';
    detail := CASE WHEN trainings.queued > 0 THEN format('%s are queued, and their pictures may be downloaded from nowhere', trainings.queued)
                   ELSE format('%s have failed since yesterday, as their pictures may be downloaded from nowhere', refused) END;
    hint := 'ALTER SYSTEM SET atelier.download_hosts = ''public''; SELECT pg_reload_conf(); -- or the hosts of your pictures';
  ELSIF trainings.queued > 0 AND active = 0 THEN
    status := 'warn'; detail := format('%s are queued, and no token is active', trainings.queued);
    hint := atelier.in_app_schema('INSERT INTO @app@.replicate_tokens (token) VALUES (''r8_...'');');
  ELSIF waits > interval '1 hour' THEN
    status := 'warn'; detail := format('one that could be started waits for %s', waits);
    hint := 'SELECT atelier.wake(); -- if that does not help, look at atelier.tokens, and whether dispatch runs';
  ELSIF trainings.overdue > 0 THEN
    status := 'warn'; detail := format('%s are open beyond their deadline', trainings.overdue); hint := 'SELECT atelier.wake();';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_trainings() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_trainings() IS 'part of health(): whether queued trainings of LoRAs can be started, and whether any is overdue';
