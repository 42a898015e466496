-- SPDX-License-Identifier: PostgreSQL
-- LoRA models and their training pictures: triggers, policies, grants.

CREATE FUNCTION atelier.guard_lora() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_lora';
COMMENT ON FUNCTION atelier.guard_lora() IS 'trigger: lets users describe their LoRAs and nothing else, keeps trigger words in one form and updated_at';

CREATE FUNCTION atelier.guard_lora_image() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_lora_image';
COMMENT ON FUNCTION atelier.guard_lora_image() IS 'trigger: fills in defaults and keeps training pictures to what a user may send';

CREATE FUNCTION atelier.loras_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('user_loras', 'lora_guard_trigger', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_lora'),
      ('lora_training_images', 'lora_image_guard_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'guard_lora_image'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.loras_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.loras_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('user_loras', 'user_loras_select_own',
       'FOR SELECT TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('user_loras', 'user_loras_insert_own',
       'FOR INSERT TO authenticated WITH CHECK (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('user_loras', 'user_loras_update_own',
       'FOR UPDATE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'
       ' WITH CHECK (user_id = atelier.uid())'),
      ('user_loras', 'user_loras_delete_own',
       'FOR DELETE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('lora_training_images', 'lora_training_images_select',
       'FOR SELECT TO authenticated USING (atelier.owns_lora(lora_id))'),
      ('lora_training_images', 'lora_training_images_insert',
       'FOR INSERT TO authenticated WITH CHECK (atelier.owns_lora(lora_id))'),
      ('lora_training_images', 'lora_training_images_delete',
       'FOR DELETE TO authenticated USING (atelier.owns_lora(lora_id))'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.loras_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_loras() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT, INSERT, DELETE ON @app@.user_loras, @app@.lora_training_images TO authenticated;
    GRANT UPDATE (name, description, deleted_at) ON @app@.user_loras TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_loras() IS 'part of grant_tables()';
