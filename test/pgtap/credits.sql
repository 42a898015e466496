-- SPDX-License-Identifier: PostgreSQL
-- The ledger as the triggers write it: holds with atelier.enforce_credits, and their release. Charging is the dispatcher's and in
-- test/t/080_money.pl; two sessions at a time are in test/specs/parallel_credits.spec.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

DELETE FROM generations;
UPDATE users SET credits = 3;
CREATE FUNCTION pg_temp.insert(rows integer, status text DEFAULT 'queued', price integer DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT format('INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, cost_credits)
                  SELECT pg_temp.ann(), ''create'', ''m'', ''M'', ''owner/name'', %L, %s FROM generate_series(1, %s)', status, price, rows) $$;
-- The balance, and the ledger: kinds with their amounts.
CREATE FUNCTION pg_temp.books() RETURNS text LANGUAGE sql AS $$
  SELECT (SELECT u.credits FROM users u WHERE u.id = pg_temp.ann()) || ': '
      || coalesce((SELECT string_agg(e.kind || ' ' || e.turn || ' ' || e.amount, ', ' ORDER BY e.turn, e.kind) FROM atelier.credit_entries e), '') $$;
CREATE FUNCTION pg_temp.even() RETURNS boolean LANGUAGE sql AS $$
  SELECT coalesce((SELECT sum(e.amount) FROM atelier.credit_entries e), 0) = (SELECT u.credits - 3 FROM users u WHERE u.id = pg_temp.ann()) $$;

SELECT is(current_setting('atelier.enforce_credits'), 'off', 'off by default');
SELECT is(pg_temp.outcome('ann', pg_temp.insert(9)), '9', 'off: queueing asks for nothing');
SELECT pg_temp.act('ann', pg_temp.insert(1));
SELECT is(pg_temp.books(), '3: ', 'and writes nothing');
DELETE FROM generations;
SELECT is(pg_temp.books(), '3: ', 'nor does the end of the row');

SET LOCAL atelier.enforce_credits = on;
SELECT is(pg_temp.outcome('ann', pg_temp.insert(3)), '3', 'on: as many as the balance has');
SELECT is(pg_temp.outcome('ann', pg_temp.insert(4)), '53400', 'one more is refused');
SELECT is(pg_temp.outcome('ann', pg_temp.insert(9, 'pending')), '9', 'a pending row costs nothing yet');
SELECT is(pg_temp.outcome(caller, pg_temp.insert(1, price => 4)), '53400', 'also for ' || caller) FROM unnest('{service_role,superuser}'::text[]) caller;
SELECT throws_ok(pg_temp.insert(1, price => 4), '53400', 'not enough credits', 'says why');
SELECT is(pg_temp.outcome('service_role', pg_temp.insert(5, price => 0)), '5', 'what costs nothing is not held');
SELECT is(pg_temp.books(), '3: ', 'a refused row leaves nothing behind');

SELECT pg_temp.act('ann', pg_temp.insert(1, 'pending'));
SELECT pg_temp.act('ann', $$UPDATE generations SET status = 'queued'$$);
SELECT is(pg_temp.books(), '2: hold 1 -1', 'handing over takes the hold');
SELECT pg_temp.act('ann', $$UPDATE generations SET status = 'cancelled'$$);
SELECT is(pg_temp.books(), '3: hold 1 -1, release 1 1', 'cancelling gives it back');
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'cancelled'$$);
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'failed'$$);
SELECT is(pg_temp.books(), '3: hold 1 -1, release 1 1', 'once');
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'queued'$$);
SELECT is(pg_temp.books(), '2: hold 1 -1, release 1 1, hold 2 -1', 'a retry holds anew');
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'failed'$$);
SELECT is(pg_temp.books(), '3: hold 1 -1, release 1 1, hold 2 -1, release 2 1', 'a row that the app fails');
UPDATE users SET credits = 0 WHERE id = pg_temp.ann();
SELECT is(pg_temp.outcome('service_role', $$UPDATE generations SET status = 'queued'$$), '53400', 'a retry needs credits as well');
UPDATE users SET credits = 3 WHERE id = pg_temp.ann();
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'queued'$$);
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'processing'$$);
SELECT ok(pg_temp.books() LIKE '3: %release 3 1', 'a row that the app sends itself is paid by decrement_credits');
SELECT pg_temp.act('service_role', 'DELETE FROM generations');
SELECT ok(pg_temp.even(), 'the ledger''s sum is the change of the balance');

DELETE FROM atelier.credit_entries;
SELECT pg_temp.act('service_role', pg_temp.insert(1, price => 2));
SELECT is(pg_temp.books(), '1: hold 1 -2', 'at its price');
SELECT pg_temp.act('service_role', 'UPDATE generations SET cost_credits = 5');
SELECT pg_temp.act('service_role', 'DELETE FROM generations');
SELECT is(pg_temp.books(), '3: hold 1 -2, release 1 2', 'a row that is deleted; what was held is given back');
DELETE FROM atelier.credit_entries;
SELECT pg_temp.act('service_role', pg_temp.insert(2));
SELECT pg_temp.act('service_role', $$UPDATE generations SET status = 'cancelled' WHERE id = (SELECT id FROM generations LIMIT 1)$$);
INSERT INTO atelier.outputs (generation_id, ordinal, kind, url) SELECT id, 1, 'image', 'https://o.test/1' FROM generations;
TRUNCATE generations CASCADE;
SELECT is(pg_temp.books(), '3: hold 1 -1, hold 1 -1, release 1 1, release 1 1', 'TRUNCATE gives back what is still held');
SELECT is_empty('SELECT FROM atelier.outputs', 'and forgets the files');
TRUNCATE generations CASCADE;
SELECT ok(pg_temp.even(), 'once');
DELETE FROM atelier.credit_entries;
SELECT pg_temp.act('service_role', pg_temp.insert(2));
SELECT lives_ok('DELETE FROM users WHERE id = pg_temp.ann()', 'a user with holds may go');
SELECT is(count(*) || ' ' || sum(amount), '2 -2', 'nobody is left to give them back to') FROM atelier.credit_entries;

-- One charge for a generation, one release for a hold.
SELECT throws_ok(format('INSERT INTO atelier.credit_entries (generation_id, user_id, kind, turn, amount) VALUES (%L, %L, %L, %s, 0)',
                        pg_temp.bob(), pg_temp.bob(), kind, turn), '23514', NULL, format('refused: %s with turn %s', kind, turn))
  FROM (VALUES ('charge', 1), ('hold', 0), ('gift', 1)) v (kind, turn);
INSERT INTO atelier.credit_entries (generation_id, user_id, kind, turn, amount)
VALUES (pg_temp.bob(), pg_temp.bob(), 'charge', 0, -1), (pg_temp.bob(), pg_temp.bob(), 'hold', 1, -1), (pg_temp.bob(), pg_temp.bob(), 'release', 1, 1);
SELECT throws_ok(format('INSERT INTO atelier.credit_entries SELECT * FROM atelier.credit_entries WHERE generation_id = %L AND kind = %L', pg_temp.bob(), kind),
                 '23505', NULL, 'no second ' || kind) FROM unnest('{charge,hold,release}'::text[]) kind;
SELECT is(pg_temp.outcome('ann', 'SET atelier.enforce_credits = off'), '42501', 'it is no user''s to set');
SELECT * FROM finish();
ROLLBACK;
