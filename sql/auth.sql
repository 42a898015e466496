-- SPDX-License-Identifier: PostgreSQL
-- Schema auth: uid(), role(), jwt() and email() as policies and queries of an app call them. What is malformed is nobody and
-- never an error, for every role.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

BEGIN;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.claim(claims text) RETURNS boolean LANGUAGE sql
AS $$ SELECT set_config('request.jwt.claims', claims, true) IS NOT NULL $$;
CREATE VIEW pg_temp.caller AS SELECT auth.uid(), auth.role(), auth.jwt(), auth.email();
GRANT SELECT ON pg_temp.caller TO PUBLIC;

-- No request at all.
SELECT * FROM pg_temp.caller;

-- A signed-in user, one without a session, the app itself.
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated", "email": "Ann@auth.test", "app": {"x": 1}}');
SET LOCAL ROLE authenticated;
SELECT * FROM pg_temp.caller;
SELECT auth.jwt() -> 'app' ->> 'x' AS x;
RESET ROLE;
SELECT pg_temp.claim('{"role": "anon"}');
SET LOCAL ROLE anon;
SELECT * FROM pg_temp.caller;
RESET ROLE;
SELECT pg_temp.claim('{"role": "service_role"}');
SET LOCAL ROLE service_role;
SELECT * FROM pg_temp.caller;
RESET ROLE;

-- Malformed claims. What is JSON but no object has no uid, no role and no e-mail address either.
CREATE FUNCTION pg_temp.caller_with(claims text, OUT uid uuid, OUT role text, OUT jwt jsonb, OUT email text) LANGUAGE plpgsql
AS $$ BEGIN PERFORM set_config('request.jwt.claims', claims, true);
      uid := auth.uid(); role := auth.role(); jwt := auth.jwt(); email := auth.email(); END $$;
SET LOCAL ROLE authenticated;
SELECT claims, caller.*
  FROM unnest(ARRAY['', ' ', 'x', '{', '{"sub": }', '{"sub": "someone"}', '{"email": null}', '{"email": ["a@auth.test"]}',
    '{"email": 7}',
                    'null', '7', '"text"', '[]', '["email"]', '{"role": "\u0000"}', '{"role": "\ud800"}',
                    '{"email": "a@auth.test"}']) claims
 CROSS JOIN LATERAL pg_temp.caller_with(claims) caller;
SELECT length(claims), caller.*
  FROM unnest(ARRAY[repeat('[', 1000000), repeat('{"a":', 1000000), '{"sub": "' || repeat('a', 1000000) || '"'])
       WITH ORDINALITY AS sent (claims, n)
 CROSS JOIN LATERAL pg_temp.caller_with(claims) caller ORDER BY n;
RESET ROLE;

-- An existing schema of the name is not touched: neither its functions nor what it lacks.
SET LOCAL client_min_messages = error;
DROP SCHEMA auth CASCADE;
CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql AS $$ SELECT '00000000-0000-4000-8000-0000000000ff'::uuid $$;
SELECT atelier.install();
SELECT p.oid::regprocedure AS function, p.proowner = 'atelier_owner'::regrole AS ours FROM pg_proc p
 WHERE p.pronamespace = 'auth'::regnamespace;
ROLLBACK;
