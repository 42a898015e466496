-- SPDX-License-Identifier: PostgreSQL
-- Included by the tests about functions: the view `functions` over those of atelier, auth and the app, with their names as one
-- writes them. Where the platform has a schema auth, that is not ours: pg_temp.auth_is_ours() says so.
CREATE FUNCTION pg_temp.auth_is_ours() RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT n.nspowner = 'atelier_owner'::regrole FROM pg_namespace n WHERE n.nspname = 'auth' $$;
CREATE TEMP VIEW functions AS
SELECT p.*, p.oid AS id, n.nspname AS schema, l.lanname AS language,
       format('%I.%I(%s)', n.nspname, p.proname,
              (SELECT string_agg(format_type(t.type, NULL), ', ' ORDER BY t.n)
                 FROM unnest(p.proargtypes) WITH ORDINALITY t (type, n))) AS name
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname IN ('atelier', 'public') OR (n.nspname = 'auth' AND pg_temp.auth_is_ours());
