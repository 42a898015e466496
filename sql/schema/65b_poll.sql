-- SPDX-License-Identifier: PostgreSQL
-- poll_generations(): what the app asks instead of listening to realtime changes.

CREATE FUNCTION atelier.poll_generations(p_cursor text, p_context text, p_workspace_id uuid) RETURNS json
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'atelier_poll_generations';
COMMENT ON FUNCTION atelier.poll_generations(text, text, uuid) IS 'what has changed since the cursor among the signed-in user''s generations, or among those of a workspace of his';

CREATE FUNCTION atelier.note_gone() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_note_gone';
COMMENT ON FUNCTION atelier.note_gone() IS 'trigger: remembers generations that are deleted, leave a user or workspace or become parts of films, for those who poll';

CREATE FUNCTION atelier.poll_triggers(OUT relation text, OUT name name, OUT timing text, OUT call text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT w.relation, w.name::name, w.timing, w.call
    FROM (VALUES
      ('generations', 'generation_gone_trigger',
       'AFTER DELETE ON %s FOR EACH ROW WHEN (NOT OLD.is_keyframe_segment)', 'note_gone'),
      ('generations', 'generation_move_trigger',
       'AFTER UPDATE OF user_id, workspace_id, is_keyframe_segment ON %s FOR EACH ROW WHEN (NOT OLD.is_keyframe_segment)', 'note_gone'))
      AS w (relation, name, timing, call);
END
$function$;
COMMENT ON FUNCTION atelier.poll_triggers() IS 'part of wanted_triggers()';

CREATE FUNCTION atelier.poll_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('poll_generations(text, text, uuid)', $ddl$
    CREATE FUNCTION @app@.poll_generations(
      p_cursor text DEFAULT NULL, p_context text DEFAULT 'foreground', p_workspace_id uuid DEFAULT NULL) RETURNS json
    LANGUAGE sql STABLE PARALLEL RESTRICTED SUPPORT atelier.plain_call SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT atelier.poll_generations(p_cursor, p_context, p_workspace_id);
    END$ddl$, 'authenticated',
    'what has changed since the cursor: {cursor, next_poll_ms, counts, changed, deleted, more, reset}. At most 100 changes; with more, ask again at once. reset: a first page, since there was no cursor or it is of no use any more. A row may be told twice, none is left out');
END
$function$;
COMMENT ON FUNCTION atelier.poll_functions() IS 'part of wanted_functions(): polling';

CREATE FUNCTION atelier.grant_poll_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.poll_generations(text, text, uuid) TO authenticated;
END
$function$;
COMMENT ON FUNCTION atelier.grant_poll_functions() IS 'part of grant_functions()';
