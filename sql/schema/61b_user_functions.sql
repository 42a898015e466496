-- SPDX-License-Identifier: PostgreSQL
-- Functions about global roles and credits: the native ones, the app's, and who may call them.

CREATE FUNCTION atelier.role_of_email(user_email text) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'atelier_role_of_email';
COMMENT ON FUNCTION atelier.role_of_email(text) IS 'the role in effect of the user with this address, null when there is none; the user himself, admins and service_role may ask';

CREATE FUNCTION atelier.set_admin_role(target_email text, requesting_email text, to_admin boolean) RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_set_admin_role';
COMMENT ON FUNCTION atelier.set_admin_role(text, text, boolean) IS 'makes a user an admin or an admin a user; super_admins may, and service_role in the name of one';

CREATE FUNCTION atelier.decrement_credits(user_id uuid, credits integer) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'atelier_decrement_credits';
COMMENT ON FUNCTION atelier.decrement_credits(uuid, integer) IS 'takes credits from the balance of the user, down to zero; service_role may';

CREATE FUNCTION atelier.users_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    ('is_admin_or_super(text)', $ddl$
    CREATE FUNCTION @app@.is_admin_or_super(user_email text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN coalesce(atelier.role_of_email(user_email) IN ('admin', 'super_admin'), false)$ddl$,
    'authenticated, service_role', 'whether the user with this address is an admin or super_admin; the user himself, admins and service_role may ask'),
    ('is_super_admin(text)', $ddl$
    CREATE FUNCTION @app@.is_super_admin(user_email text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN coalesce(atelier.role_of_email(user_email) = 'super_admin', false)$ddl$,
    'authenticated, service_role', 'whether the user with this address is a super_admin; the user himself, admins and service_role may ask'),
    ('get_user_role(text)', $ddl$
    CREATE FUNCTION @app@.get_user_role(user_email text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN coalesce(atelier.role_of_email(user_email), 'user')$ddl$,
    'authenticated, service_role', 'the role of the user with this address, user when there is none; the user himself, admins and service_role may ask'),
    ('assign_admin_role(text, text)', $ddl$
    CREATE FUNCTION @app@.assign_admin_role(target_email text, requesting_email text) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN atelier.set_admin_role(target_email, requesting_email, true)$ddl$,
    'authenticated, service_role', 'makes a user an admin, and returns whether there is one whose role may change; super_admins may'),
    ('remove_admin_role(text, text)', $ddl$
    CREATE FUNCTION @app@.remove_admin_role(target_email text, requesting_email text) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN atelier.set_admin_role(target_email, requesting_email, false)$ddl$,
    'authenticated, service_role', 'makes an admin a user, and returns whether there is one whose role may change; super_admins may'),
    ('decrement_credits(uuid, integer)', $ddl$
    CREATE FUNCTION @app@.decrement_credits(user_id_param uuid, credits_param integer) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN atelier.decrement_credits(user_id_param, credits_param)$ddl$,
    'service_role', 'takes credits from the balance of the user, down to zero');
END
$function$;
COMMENT ON FUNCTION atelier.users_functions() IS 'part of wanted_functions(): global roles and credits';

CREATE FUNCTION atelier.grant_users_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.role_of_email(text), atelier.set_admin_role(text, text, boolean) TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION atelier.decrement_credits(uuid, integer) TO service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_users_functions() IS 'part of grant_functions()';
