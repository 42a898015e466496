-- SPDX-License-Identifier: PostgreSQL
-- A superuser who installs, resumes or adopts does not run the triggers of the tables with his own rights: their owner, and
-- whoever has his rights, could climb with one. Each trigger here notes who runs it, and tries to become somebody else.
BEGIN;
SELECT * FROM no_plan();
SET LOCAL client_min_messages = error;

INSERT INTO users (id, email) VALUES ('00000000-0000-4000-8000-00000000000a', 'ann@tap.test');
CREATE ROLE tap_mallory;
GRANT atelier_owner TO tap_mallory;
CREATE SCHEMA tap_mallory AUTHORIZATION tap_mallory;
GRANT USAGE ON SCHEMA tap_mallory TO PUBLIC;
CREATE TABLE tap_mallory.seen (relation name, event text, who name);
GRANT ALL ON tap_mallory.seen TO PUBLIC;
SET LOCAL ROLE tap_mallory;
CREATE FUNCTION tap_mallory.climb() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE 'RESET ROLE';
    EXECUTE 'ALTER ROLE tap_mallory SUPERUSER';
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  INSERT INTO tap_mallory.seen VALUES (TG_RELID::regclass, TG_OP, current_user);
  RETURN coalesce(NEW, OLD);
END $$;
CREATE FUNCTION tap_mallory.watch(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER zz_climb BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION tap_mallory.climb()', relation);
END $$;
SELECT tap_mallory.watch(t) FROM unnest('{atelier.identity,atelier.migrations,atelier.backfill,atelier.queue,generations,users}'::regclass[]) t;
RESET ROLE;
CREATE FUNCTION pg_temp.who() RETURNS text LANGUAGE sql
AS $$ WITH seen AS (DELETE FROM tap_mallory.seen RETURNING *) SELECT string_agg(DISTINCT concat_ws(' ', relation, lower(event), who), ', ') FROM seen $$;

SELECT is(current_setting('is_superuser'), 'on', 'a superuser calls');
SELECT atelier.pause();
SELECT is(pg_temp.who(), 'atelier.identity update atelier_owner', 'pause()');
SELECT atelier.resume();
SELECT is(pg_temp.who(), 'atelier.identity delete atelier_owner, atelier.identity insert atelier_owner', 'resume()');
ALTER TABLE generations DISABLE TRIGGER USER;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES ('00000000-0000-4000-8000-00000000000a', 'create', 'm', 'M', 'owner/name', 'queued');
ALTER TABLE generations ENABLE TRIGGER USER;
DELETE FROM tap_mallory.seen;
SELECT atelier.queue_missed();
SELECT is(pg_temp.who(), 'atelier.queue insert atelier_owner, public.generations update atelier_owner', 'queue_missed(), part of install()');
SELECT atelier.queue_adopted();
SELECT ok(coalesce(pg_temp.who(), 'atelier.queue insert atelier_owner') = 'atelier.queue insert atelier_owner', 'queue_adopted(), part of install()');
SELECT atelier.run_step(16, true);
SELECT is(pg_temp.who(), 'atelier.migrations insert atelier_owner', 'a step of install()');
-- The test itself writes without them.
ALTER TABLE atelier.identity DISABLE TRIGGER USER;
DELETE FROM atelier.identity;
ALTER TABLE atelier.identity ENABLE TRIGGER USER;
DELETE FROM tap_mallory.seen;
SELECT atelier.make_identity();
SELECT is(pg_temp.who(), 'atelier.identity insert atelier_owner', 'the first row of the identity');
SELECT lives_ok('SELECT atelier.adoption_report()', 'adoption_report()');
SELECT is(pg_temp.who(), NULL, 'leaves no trace');
-- What is left to fill in an adopted table.
ALTER TABLE generations DISABLE TRIGGER USER;
ALTER TABLE generations ALTER COLUMN viewed DROP NOT NULL;
UPDATE generations SET viewed = NULL;
ALTER TABLE generations ENABLE TRIGGER USER;
ALTER TABLE atelier.backfill DISABLE TRIGGER USER;
INSERT INTO atelier.backfill VALUES ('generations', 'viewed');
ALTER TABLE atelier.backfill ENABLE TRIGGER USER;
DELETE FROM tap_mallory.seen;
-- However much other tests have left in the table.
SELECT atelier.fill_pages('generations', 0, 1000000, '{viewed}');
SELECT is(pg_temp.who(), 'public.generations update atelier_owner', 'adopt_backfill(), batch by batch');
SELECT atelier.end_backfill('generations', '{viewed}');
SELECT is(pg_temp.who(), 'atelier.backfill delete atelier_owner', 'and its end');
SELECT is((SELECT attnotnull FROM pg_attribute WHERE attrelid = 'generations'::regclass AND attname = 'viewed'), true, 'which sets NOT NULL');
SELECT is((SELECT rolsuper FROM pg_roles WHERE rolname = 'tap_mallory'), false, 'nobody has climbed');
SELECT * FROM finish();
ROLLBACK;
