-- SPDX-License-Identifier: PostgreSQL
-- Who is calling: atelier.uid(), atelier.role() and atelier.is_active_user() follow the claims of the request.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

BEGIN;
\set ann '''00000000-0000-4000-8000-00000000000a'''
\set bob '''00000000-0000-4000-8000-00000000000b'''
INSERT INTO users (id, email) VALUES (:ann, 'ann@claims.test'), (:bob, 'bob@claims.test');
CREATE FUNCTION pg_temp.claim(claims text) RETURNS void LANGUAGE sql
AS $$ SELECT set_config('request.jwt.claims', claims, true) $$;
CREATE VIEW pg_temp.caller AS SELECT atelier.uid(), atelier.role(), atelier.is_active_user() AS active;

-- Nobody.
SELECT * FROM pg_temp.caller;

-- The settings of older gateways count where the newer one is missing, and never beside it.
SELECT set_config('request.jwt.claim.sub', :ann, true) AS sub,
  set_config('request.jwt.claim.role', 'authenticated', true) AS role;
SELECT * FROM pg_temp.caller;
SELECT pg_temp.claim('{"role": "anon"}');
SELECT * FROM pg_temp.caller;
SELECT pg_temp.claim('');
SELECT * FROM pg_temp.caller;

-- A change is seen at once.
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000B", "role": "authenticated", "email": "x"}');
SELECT * FROM pg_temp.caller;
SAVEPOINT before_change;
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a", "role": "service_role"}');
SELECT * FROM pg_temp.caller;
ROLLBACK TO before_change;
SELECT * FROM pg_temp.caller;

-- What is no identity is nobody; the last line shows that the question is asked anew for each.
CREATE FUNCTION pg_temp.caller_with(claims text, OUT uid uuid, OUT role text, OUT active boolean) LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_temp.claim(claims);
      uid := atelier.uid(); role := atelier.role(); active := atelier.is_active_user(); END $$;
SELECT claims, claimed.*
  FROM unnest(ARRAY['{"sub": "someone", "role": "authenticated"}', '{"sub": 7, "role": 8}', '{"sub": null, "role": null}',
                    '{"sub": "", "role": ""}', '"00000000-0000-4000-8000-00000000000a"', '[]', '{', 'null', 'claims', ' ',
                    '{"Sub": "00000000-0000-4000-8000-00000000000a"}',
                    '{"a": {"sub": "00000000-0000-4000-8000-00000000000a"}}',
                    '[{"sub": "00000000-0000-4000-8000-00000000000a"}]',
                    '{"sub": "00000000-0000-4000-8000-00000000000a"} {}',
                    '{"sub": "00000000-0000-4000-8000-00000000000a"}']) claims
 CROSS JOIN LATERAL pg_temp.caller_with(claims) claimed;

-- A user who does not exist, and one who was deactivated in this very transaction.
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-0000000000ff"}');
SELECT * FROM pg_temp.caller;
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000b"}');
UPDATE users SET is_active = false WHERE id = :bob;
SELECT * FROM pg_temp.caller;

-- One place of a function's text keeps its memory for the whole transaction: it must not give one caller's answer to
-- another, nor an old answer after a change.
CREATE FUNCTION pg_temp.active() RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RETURN atelier.is_active_user(); END $$;
DO $$
DECLARE
  who text;
BEGIN
  FOREACH who IN ARRAY ARRAY['a', 'b', 'a', 'ff', 'b'] LOOP
    PERFORM pg_temp.claim(format('{"sub": "00000000-0000-4000-8000-0000000000%s"}', lpad(who, 2, '0')));
    RAISE NOTICE '%: %', who, pg_temp.active();
  END LOOP;
  UPDATE users SET is_active = true WHERE email = 'bob@claims.test';
  RAISE NOTICE 'b activated: %', pg_temp.active();
  UPDATE users SET is_active = false WHERE email = 'bob@claims.test';
  RAISE NOTICE 'b deactivated: %', pg_temp.active();
END $$;

-- A search_path in front of pg_catalog does not get into the statements of atelier.
CREATE SCHEMA claims_trap;
CREATE FUNCTION claims_trap.trap(uuid, uuid) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE OPERATOR claims_trap.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = claims_trap.trap);
GRANT USAGE ON SCHEMA claims_trap TO authenticated;
SELECT pg_temp.claim('{"sub": "00000000-0000-4000-8000-00000000000a"}');
SET LOCAL search_path = claims_trap, pg_catalog, public;
SET LOCAL ROLE authenticated;
SELECT atelier.is_active_user();
ROLLBACK;
