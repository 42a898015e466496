-- SPDX-License-Identifier: PostgreSQL
-- Who may execute what in schema atelier: nobody, but for what is named here and in the functions grant_<topic>_functions()
-- beside each topic's functions.

CREATE FUNCTION atelier.grant_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  routine regprocedure;
  topic name;
BEGIN
  FOR routine IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'atelier'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC, anon, authenticated, service_role', routine);
  END LOOP;
  GRANT EXECUTE ON FUNCTION atelier.uid(), atelier.role() TO anon, authenticated, service_role;
  GRANT EXECUTE ON FUNCTION
    atelier.is_active_user(), atelier.is_admin(), atelier.is_super_admin(), atelier.is_workspace_member(uuid),
    atelier.manages_workspace(uuid), atelier.owns_workspace(uuid), atelier.can_see_flow(uuid), atelier.can_edit_flow(uuid),
    atelier.owns_flow(uuid), atelier.is_flow_member(uuid), atelier.owns_lora(uuid), atelier.owns_conversation(uuid)
    TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION atelier.get_next_replicate_token(), atelier.next_replicate_token(), atelier.health() TO service_role;
  FOR topic IN SELECT p.proname FROM pg_proc p
                WHERE p.pronamespace = 'atelier'::regnamespace AND p.proname LIKE 'grant\_%\_functions' ORDER BY 1 LOOP
    EXECUTE format('SELECT atelier.%I()', topic);
  END LOOP;
  -- Definer functions run as the owner and call others; what only a superuser may do fails for the owner all the same.
  GRANT EXECUTE ON ALL ROUTINES IN SCHEMA atelier TO atelier_owner;
END
$function$;
COMMENT ON FUNCTION atelier.grant_functions() IS 'revokes every right to execute in schema atelier, then grants what is meant';
