-- SPDX-License-Identifier: PostgreSQL
-- Functions that the app calls with the id of a user, who may ask for himself only: notifications, chats, support. What is
-- one statement runs with the rights of the caller, under the policies.

CREATE FUNCTION atelier.guard_notification() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_notification';
COMMENT ON FUNCTION atelier.guard_notification() IS 'trigger: fills in defaults; of a notification its user changes is_read and nothing else';

CREATE FUNCTION atelier.require_self(user_id uuid) RETURNS void
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_require_self';
COMMENT ON FUNCTION atelier.require_self(uuid) IS 'raises unless the user is the signed-in, active one or the caller is the app';

CREATE FUNCTION atelier.toggle_conversation_favorite(conversation_id uuid, user_id uuid) RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_toggle_conversation_favorite';
COMMENT ON FUNCTION atelier.toggle_conversation_favorite(uuid, uuid) IS 'marks a chat of the user as a favourite or takes the mark away; the new state. The user himself and service_role';

CREATE FUNCTION atelier.answer_support_ticket(ticket_id uuid, answer text) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_answer_support_ticket';
COMMENT ON FUNCTION atelier.answer_support_ticket(uuid, text) IS 'answers a support ticket and notifies its user the first time. Admins and service_role';

CREATE FUNCTION atelier.notifications_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('get_unread_notifications_count(uuid)', $ddl$
    CREATE FUNCTION @app@.get_unread_notifications_count(p_user_id uuid) RETURNS integer
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.require_self(p_user_id);
      SELECT count(*)::integer FROM @app@.notifications n WHERE n.user_id = p_user_id AND NOT n.is_read;
    END$ddl$, 'authenticated, service_role', 'how many notifications the user has not read; for himself'),
    ('mark_all_notifications_read(uuid)', $ddl$
    CREATE FUNCTION @app@.mark_all_notifications_read(p_user_id uuid) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.require_self(p_user_id);
      UPDATE @app@.notifications SET is_read = true WHERE user_id = p_user_id AND NOT is_read;
    END$ddl$, 'authenticated, service_role', 'marks all notifications of the user as read; for himself'),
    ('get_user_notifications(uuid, integer, integer)', $ddl$
    CREATE FUNCTION @app@.get_user_notifications(p_user_id uuid, p_limit integer DEFAULT 50, p_offset integer DEFAULT 0)
    RETURNS TABLE (id uuid, type varchar, title varchar, message text, link varchar, is_read boolean,
                   created_at timestamptz, metadata jsonb)
    LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.require_self(p_user_id);
      SELECT n.id, n.type, n.title, n.message, n.link, n.is_read, n.created_at, n.metadata
        FROM @app@.notifications n
       WHERE n.user_id = p_user_id
       ORDER BY n.created_at DESC, n.id
       LIMIT coalesce(p_limit, 50) OFFSET coalesce(p_offset, 0);
    END$ddl$, 'authenticated, service_role', 'a page of the notifications of the user, newest first; for himself');
END
$function$;
COMMENT ON FUNCTION atelier.notifications_functions() IS 'part of wanted_functions(): notifications';

CREATE FUNCTION atelier.assistant_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('get_assistant_history(uuid, boolean, integer, integer)', $ddl$
    CREATE FUNCTION @app@.get_assistant_history(p_user_id uuid, p_favorites_only boolean DEFAULT false,
                                                p_limit integer DEFAULT 50, p_offset integer DEFAULT 0)
    RETURNS TABLE (id uuid, title text, preview_text text, preview_image_url text, is_favorite boolean,
                   created_at timestamptz, updated_at timestamptz, message_count bigint)
    LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.require_self(p_user_id);
      SELECT c.id, c.title, c.preview_text, c.preview_image_url, c.is_favorite, c.created_at, c.updated_at,
             (SELECT count(*) FROM @app@.assistant_messages m WHERE m.conversation_id = c.id)
        FROM @app@.assistant_conversations c
       WHERE c.user_id = p_user_id AND c.deleted_at IS NULL AND (c.is_favorite OR p_favorites_only IS NOT TRUE)
       ORDER BY c.updated_at DESC, c.id
       LIMIT coalesce(p_limit, 50) OFFSET coalesce(p_offset, 0);
    END$ddl$, 'authenticated, service_role', 'a page of the chats of the user that are not deleted, last changed first; for himself'),
    ('toggle_conversation_favorite(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.toggle_conversation_favorite(p_conversation_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.toggle_conversation_favorite(p_conversation_id, p_user_id);
    END$ddl$, 'authenticated, service_role',
     'marks a chat of the user as a favourite or takes the mark away, and returns the new state; for himself');
END
$function$;
COMMENT ON FUNCTION atelier.assistant_functions() IS 'part of wanted_functions(): chats with the assistant';

CREATE FUNCTION atelier.support_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('answer_support_ticket(uuid, text)', $ddl$
    CREATE FUNCTION @app@.answer_support_ticket(p_ticket_id uuid, p_answer text) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.answer_support_ticket(p_ticket_id, p_answer);
    END$ddl$, 'authenticated, service_role',
     'answers a support ticket, or changes the answer; its user is notified the first time. For admins and the app');
END
$function$;
COMMENT ON FUNCTION atelier.support_functions() IS 'part of wanted_functions(): support';

CREATE FUNCTION atelier.grant_self_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION
    atelier.require_self(uuid), atelier.toggle_conversation_favorite(uuid, uuid), atelier.answer_support_ticket(uuid, text)
    TO authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_self_functions() IS 'part of grant_functions(): notifications, chats, support';
