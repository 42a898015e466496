-- SPDX-License-Identifier: PostgreSQL
-- Chats with the assistant: triggers, policies, grants.

CREATE FUNCTION atelier.assistant_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('assistant_conversations', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'),
      ('assistant_messages', 'default_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'fill_defaults'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.assistant_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.assistant_policies(OUT relation text, OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.rule
    FROM (VALUES
      ('assistant_conversations', 'assistant_conversations_select_own',
       'FOR SELECT TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('assistant_conversations', 'assistant_conversations_insert_own',
       'FOR INSERT TO authenticated WITH CHECK (user_id = atelier.uid() AND atelier.is_active_user())'),
      ('assistant_conversations', 'assistant_conversations_update_own',
       'FOR UPDATE TO authenticated USING (user_id = atelier.uid() AND atelier.is_active_user())'
       ' WITH CHECK (user_id = atelier.uid())'),
      ('assistant_messages', 'assistant_messages_select',
       'FOR SELECT TO authenticated USING (atelier.owns_conversation(conversation_id))'),
      ('assistant_messages', 'assistant_messages_insert',
       'FOR INSERT TO authenticated WITH CHECK (atelier.owns_conversation(conversation_id))'))
      AS w (relation, name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.assistant_policies() IS 'part of wanted_policies()';

CREATE FUNCTION atelier.grant_assistant() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM atelier.run_ddl($ddl$
    GRANT SELECT, INSERT ON @app@.assistant_conversations, @app@.assistant_messages TO authenticated;
    GRANT UPDATE (title, is_favorite, deleted_at) ON @app@.assistant_conversations TO authenticated$ddl$);
END
$function$;
COMMENT ON FUNCTION atelier.grant_assistant() IS 'part of grant_tables()';
