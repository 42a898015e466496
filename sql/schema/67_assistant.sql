-- SPDX-License-Identifier: PostgreSQL
-- Chats with the assistant: triggers, policies, grants.

CREATE FUNCTION atelier.guard_conversation() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_conversation';
COMMENT ON FUNCTION atelier.guard_conversation() IS 'trigger: fills in defaults and lets users write only what is theirs to write in chats';

CREATE FUNCTION atelier.guard_message() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_message';
COMMENT ON FUNCTION atelier.guard_message() IS 'trigger: fills in defaults and keeps messages to what a user may send';

CREATE FUNCTION atelier.note_message() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_note_message';
COMMENT ON FUNCTION atelier.note_message() IS 'trigger: a new message sets updated_at of its chat; the first one of its user also preview, title and picture';

CREATE FUNCTION atelier.assistant_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('assistant_conversations', 'conversation_guard_trigger',
       'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW', 'guard_conversation'),
      ('assistant_messages', 'message_guard_trigger', 'BEFORE INSERT ON %s FOR EACH ROW', 'guard_message'),
      ('assistant_messages', 'message_note_trigger', 'AFTER INSERT ON %s FOR EACH ROW', 'note_message'))
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
