-- SPDX-License-Identifier: PostgreSQL
-- The native trigger functions run with the rights of whoever fires them and look at memory, so they serve their own tables only: a
-- user cannot put them on a table of his own to fill the queue or to crash the server, and a table that was changed under them makes
-- them refuse, not guess.
BEGIN;
SELECT plan(63);
\ir lib/callers.sql

CREATE TEMP TABLE native (name text, relation text, timing text);
INSERT INTO native VALUES
  ('guard_generation', 'generations', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW'),
  ('update_generation_status', 'generations', 'BEFORE UPDATE ON %s FOR EACH ROW'),
  ('sync_queue', 'generations', 'AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW'),
  ('guard_user', 'users', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW'),
  ('guard_token', 'replicate_tokens', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW'),
  ('tokens_changed', 'replicate_tokens', 'AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT'),
  ('fill_defaults', 'api_logs', 'BEFORE INSERT ON %s FOR EACH ROW');
SELECT set_eq($$SELECT proname::text FROM pg_proc WHERE pronamespace = 'atelier'::regnamespace
  AND prorettype = 'trigger'::regtype$$,
              'SELECT name FROM native', 'every trigger function is stated');

-- A user with a schema of his own and a table that looks exactly like ours.
CREATE SCHEMA own AUTHORIZATION authenticated;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION pg_temp.attach(n native) RETURNS text LANGUAGE sql
AS $$ SELECT format('CREATE TABLE own.%I (LIKE public.%I INCLUDING ALL); CREATE TRIGGER mine %s EXECUTE FUNCTION atelier.%I();', n.relation, n.relation,
                    format(n.timing, 'own.' || n.relation), n.name) $$;
CREATE FUNCTION pg_temp.fire(n native) RETURNS text LANGUAGE sql
AS $$ SELECT format(CASE n.relation WHEN 'generations' THEN 'INSERT INTO %1$s.generations (user_id, action, model_id, model_name, replicate_model)
                                       VALUES (pg_temp.bob(), ''create'', ''m'', ''M'',
                                         ''owner/name''); UPDATE %1$s.generations SET status = ''failed'''
                      WHEN 'users' THEN 'INSERT INTO %1$s.users (email) VALUES (''MINE@tap.test'')'
                      WHEN 'replicate_tokens' THEN 'INSERT INTO %1$s.replicate_tokens (id, token) VALUES (1, ''mine'')'
                      ELSE 'INSERT INTO %1$s.api_logs (method, path, status_code) VALUES (''GET'', ''/'', 200)' END, 'own') $$;
SELECT is(pg_temp.outcome('ann', pg_temp.attach(n)), '42501', 'a user does not attach ' || n.name) FROM native n
  ORDER BY n.name;
SELECT is(pg_temp.outcome('superuser', 'SELECT atelier.' || n.name || '()'), '39P01', n.name
  || ' is not called but fired') FROM native n ORDER BY n.name;

-- Even where somebody has granted the functions: nothing is fired on a table that is not atelier_owner's.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA atelier TO authenticated;
GRANT ALL ON ALL TABLES IN SCHEMA public TO authenticated;
CREATE FUNCTION pg_temp.attempt(caller text, n native) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome(caller, pg_temp.attach(n) || pg_temp.fire(n)) $$;
SELECT is(pg_temp.attempt('ann', n), '39P01', n.name || ' refuses a look-alike of a user') FROM native n ORDER BY n.name;
SELECT is(pg_temp.attempt('superuser', n), '39P01', n.name || ' refuses a look-alike of a superuser') FROM native n
  ORDER BY n.name;
-- A temporary table is found first, by name.
SELECT is(pg_temp.outcome('ann', replace(replace(replace(pg_temp.attach(n) || pg_temp.fire(n), 'CREATE TABLE own.',
  'CREATE TEMP TABLE '), 'ON own.', 'ON pg_temp.'), 'own.', 'pg_temp.')),
          '39P01', n.name || ' refuses a temporary look-alike') FROM native n ORDER BY n.name;

-- On a table of atelier_owner: the wrong name, time, level, event or columns.
CREATE FUNCTION pg_temp.attempt_as_owner(name text, timing text, definition text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('superuser', format(
  'CREATE SCHEMA elsewhere AUTHORIZATION atelier_owner; CREATE TABLE elsewhere.%1$I %2$s; ALTER TABLE elsewhere.%1$I OWNER TO atelier_owner;
   CREATE TRIGGER mine %3$s; INSERT INTO elsewhere.%1$I DEFAULT VALUES; UPDATE elsewhere.%1$I SET id = id; DELETE
     FROM elsewhere.%1$I', name, definition,
  format(timing, 'elsewhere.' || quote_ident(name)))) $$;
SELECT is(pg_temp.attempt_as_owner(name, timing, definition), '39P01',
  format('%s (%s) does not serve: %s', name, definition, timing))
  FROM (VALUES
    ('others', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation()', '(id uuid, status text)'),
    ('others', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_user()', '(id uuid, email text)'),
    ('others', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_token()', '(id integer, token text)'),
    ('others', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue()',
      '(id uuid, user_id uuid, status text, settings jsonb)'),
    ('generations', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation()', '(id uuid, status text)'),
    ('generations', 'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION atelier.update_generation_status()',
      '(id uuid, status integer)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue()',
      '(id text, user_id uuid, status text DEFAULT ''queued'', settings jsonb)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.sync_queue()',
      '(id integer DEFAULT 7, user_id integer, status text DEFAULT ''queued'', settings integer)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION atelier.sync_queue()',
      '(id uuid, user_id uuid, status text, settings jsonb)'),
    ('generations', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation()', '(id uuid)'),
    ('generations', 'BEFORE DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION atelier.guard_generation()', '(id uuid)'),
    ('users', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_user()', '(id uuid, email integer DEFAULT 7)'),
    ('users', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_user()', '(id uuid)'),
    ('replicate_tokens', 'BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.guard_token()',
      '(id integer, token integer DEFAULT 7)'),
    ('replicate_tokens', 'BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION atelier.tokens_changed()',
      '(id integer, token text)'),
    ('api_logs', 'AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION atelier.fill_defaults()', '(id integer)')) v (name,
      timing, definition);
SELECT is(pg_temp.outcome('superuser', $$CREATE VIEW own.generations AS SELECT * FROM public.generations;
  CREATE TRIGGER mine INSTEAD OF UPDATE ON own.generations FOR EACH ROW EXECUTE FUNCTION atelier.guard_generation();
  UPDATE own.generations SET viewed = true$$), '39P01', 'a view is no table');
SELECT is((SELECT count(*) FROM atelier.queue WHERE user_id = pg_temp.bob()), 1::bigint,
  'after all this the queue is as it was');

-- What a DBA does to the real table.
CREATE FUNCTION pg_temp.after_change(ddl text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('superuser', ddl || '; SELECT pg_temp.become(''ann''); INSERT INTO generations (user_id, action, model_id, model_name, replicate_model)
        VALUES (pg_temp.ann(), ''create'', ''m'', ''M'', ''owner/name'')') $$;
SELECT is(pg_temp.after_change(ddl), result, format('%s after %s', result, ddl))
  FROM (VALUES ('ALTER TABLE generations RENAME status TO state', '39P01'),
               ('ALTER TABLE generations ALTER settings DROP DEFAULT, ALTER settings TYPE json', '39P01'),
               ('ALTER TABLE generations DROP COLUMN replicate_prediction_id', '39P01'),
               ('ALTER TABLE generations DROP COLUMN output_thumbs', '1'),
               ('ALTER TABLE generations ADD COLUMN remark text DEFAULT ''none''', '1'),
               ('ALTER TABLE generations ADD COLUMN doubled integer GENERATED ALWAYS AS (cost_credits * 2) STORED', '1'),
               ('ALTER TABLE generations ALTER cost_credits TYPE bigint', '1')) v (ddl, result);
ALTER TABLE generations ADD COLUMN remark text NOT NULL DEFAULT 'none';
SELECT is(pg_temp.answer('ann', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, remark)
            VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'mine') RETURNING remark$$), 'none',
              'a column of the DBA is not the user''s to write');
SELECT is(pg_temp.outcome('ann', 'UPDATE generations SET remark = ''mine'' WHERE id = pg_temp.ann()'), '42501',
  'nor to change');
SELECT * FROM finish();
ROLLBACK;
