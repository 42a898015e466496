-- SPDX-License-Identifier: PostgreSQL
-- Install steps 2, 3 and 6: columns that came later.

CREATE FUNCTION atelier.step_add_video_support() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.generations', 'input_video_url text, output_thumbs text[]');
  PERFORM atelier.describe('@app@.generations', NULL, ARRAY[
    'input_video_url', 'film to work on',
    'output_thumbs', 'URLs of thumbnails']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_video_support() IS 'install step: films as input, thumbnails as output';

CREATE FUNCTION atelier.step_add_cost_tracking() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.generations', 'cost_usd numeric(10,6)');
  PERFORM atelier.describe('@app@.generations', NULL, ARRAY[
    'cost_usd', 'run time times the price of the hardware; null when unknown']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_cost_tracking() IS 'install step: what a generation cost';

CREATE FUNCTION atelier.step_add_admin_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.users', $table$
    role text NOT NULL DEFAULT 'user' CONSTRAINT users_role_check CHECK (role IN ('user', 'admin', 'super_admin'))
  $table$);
  PERFORM atelier.make_index('@app@.users_role_idx',
    $ddl$CREATE INDEX users_role_idx ON @app@.users (role) WHERE role <> 'user'$ddl$);
  PERFORM atelier.describe('@app@.users', NULL, ARRAY[
    'role', 'user, admin or super_admin; rights are looked up here by id, never by e-mail']);
END
$step$;
COMMENT ON FUNCTION atelier.step_add_admin_roles() IS 'install step: global roles of users';
