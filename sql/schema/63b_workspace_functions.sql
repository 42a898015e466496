-- SPDX-License-Identifier: PostgreSQL
-- Functions about workspaces: the native ones, the app's, and who may call them.

CREATE FUNCTION atelier.guard_workspace() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_workspace';
COMMENT ON FUNCTION atelier.guard_workspace() IS 'trigger: keeps slugs in order and lets users change only what is theirs to change of a workspace';

CREATE FUNCTION atelier.add_workspace_owner() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_add_workspace_owner';
COMMENT ON FUNCTION atelier.add_workspace_owner() IS 'trigger: whoever creates a workspace is its first owner';

CREATE FUNCTION atelier.end_workspace() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_end_workspace';
COMMENT ON FUNCTION atelier.end_workspace() IS 'trigger: cancels what waits or runs in a workspace that is deleted';

CREATE FUNCTION atelier.guard_workspace_member() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_guard_workspace_member';
COMMENT ON FUNCTION atelier.guard_workspace_member() IS 'trigger: a workspace keeps its last owner, owners are made by owners, a membership stays where it is';

CREATE FUNCTION atelier.has_workspace(workspace_id uuid, user_id uuid) RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'atelier_has_workspace';
COMMENT ON FUNCTION atelier.has_workspace(uuid, uuid) IS 'whether the user is a member of the workspace; the user himself and service_role may ask';

CREATE FUNCTION atelier.get_workspace_role(workspace_id uuid, user_id uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'atelier_get_workspace_role';
COMMENT ON FUNCTION atelier.get_workspace_role(uuid, uuid) IS 'the role of the user in the workspace, null for a stranger; the user himself and service_role may ask';

CREATE FUNCTION atelier.get_user_workspaces(
  user_id uuid, OUT workspace_id uuid, OUT workspace_name text, OUT workspace_slug text, OUT member_role text, OUT member_count bigint)
RETURNS SETOF record
LANGUAGE c STABLE ROWS 10 AS 'MODULE_PATHNAME', 'atelier_get_user_workspaces';
COMMENT ON FUNCTION atelier.get_user_workspaces(uuid) IS 'the active workspaces of the user in the order of joining; the user himself and service_role may ask';

CREATE FUNCTION atelier.translit_slug(input text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'atelier_translit_slug';
COMMENT ON FUNCTION atelier.translit_slug(text) IS 'a name for URLs: Cyrillic in Latin letters, only a-z, 0-9 and hyphens, at most 50 characters';

CREATE FUNCTION atelier.workspaces_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('is_workspace_member(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.is_workspace_member(p_workspace_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN atelier.has_workspace(p_workspace_id, p_user_id)$ddl$,
    'authenticated, service_role', 'whether the user is a member of the workspace; the user himself and service_role may ask'),
    ('get_workspace_role(uuid, uuid)', $ddl$
    CREATE FUNCTION @app@.get_workspace_role(p_workspace_id uuid, p_user_id uuid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN atelier.get_workspace_role(p_workspace_id, p_user_id)$ddl$,
    'authenticated, service_role', 'owner, admin or member, null for a stranger; the user himself and service_role may ask'),
    ('get_user_workspaces(uuid)', $ddl$
    CREATE FUNCTION @app@.get_user_workspaces(p_user_id uuid)
    RETURNS TABLE (workspace_id uuid, workspace_name text, workspace_slug text, member_role text, member_count bigint)
    LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT w.workspace_id, w.workspace_name, w.workspace_slug, w.member_role, w.member_count
        FROM atelier.get_user_workspaces(p_user_id) w;
    END$ddl$,
    'authenticated, service_role', 'the active workspaces of the user in the order of joining; the user himself and service_role may ask'),
    ('translit_slug(text)', $ddl$
    CREATE FUNCTION @app@.translit_slug(input text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    RETURN atelier.translit_slug(input)$ddl$,
    'anon, authenticated, service_role', 'a name for URLs: Cyrillic in Latin letters, only a-z, 0-9 and hyphens, at most 50 characters');
END
$function$;
COMMENT ON FUNCTION atelier.workspaces_functions() IS 'part of wanted_functions(): workspaces';

CREATE FUNCTION atelier.grant_workspaces_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION
    atelier.has_workspace(uuid, uuid), atelier.get_workspace_role(uuid, uuid), atelier.get_user_workspaces(uuid)
    TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION atelier.translit_slug(text) TO anon, authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_workspaces_functions() IS 'part of grant_functions()';
