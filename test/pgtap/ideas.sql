-- SPDX-License-Identifier: PostgreSQL
-- Ideas start without votes and belong to their author or to nobody (H14); the number of votes follows the rows of idea_votes.
BEGIN;
SELECT plan(43);
\ir lib/callers.sql

SELECT is(pg_temp.answer('ann', $$INSERT INTO ideas (title, votes_count, created_at, updated_at, user_id) VALUES ('t', 999, '2050-01-01', '2050-01-01', pg_temp.ann())
            RETURNING concat_ws(' ', votes_count, votes, created_at = now(), updated_at = now(), author_id = pg_temp.ann())$$), '0 0 t t t',
          'H14: a user brings no votes along, nor a time');
SELECT is(pg_temp.answer('ann', $$INSERT INTO ideas (title) VALUES ('t') RETURNING coalesce(user_id::text, 'nobody')$$), 'nobody', 'H14: an idea may be nobody''s');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO ideas (title, user_id) VALUES ('t', pg_temp.bob())$$), '42501', 'H14: but not somebody else''s');
SELECT is(pg_temp.outcome(caller, $$INSERT INTO ideas (title) VALUES ('t')$$), '42501', 'H14: ' || caller || ' writes none')
  FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'dan']) caller;
SELECT is(pg_temp.answer('service_role', $$INSERT INTO ideas (id, title, votes_count, created_at, updated_at) VALUES (NULL, 't', NULL, NULL, NULL)
            RETURNING concat_ws(' ', votes_count, created_at = now(), updated_at = now())$$), '0 t t', 'null becomes the default');
SELECT is(pg_temp.outcome(caller, format('INSERT INTO ideas (title) VALUES (%L)', title)), '23514', format('%s writes no idea without a title (%L)', caller, title))
  FROM unnest(ARRAY['ann', 'service_role']) caller CROSS JOIN unnest(ARRAY['', E' \t']) title;
SELECT is(pg_temp.outcome('ann', $$INSERT INTO ideas (title, description) VALUES ('t', repeat('x', 10001))$$), '22001', 'texts have a limit');

INSERT INTO ideas (id, title, user_id, updated_at)
VALUES (pg_temp.ann(), 'of ann', pg_temp.ann(), '2001-01-01'), (pg_temp.bob(), 'of bob', pg_temp.bob(), '2001-01-01');
SELECT is(pg_temp.outcome(caller, 'SELECT FROM ideas'), CASE caller WHEN 'dan' THEN '0' ELSE '2' END, caller || ' reads all ideas, but a deactivated user none')
  FROM unnest(ARRAY['anon', 'nobody', 'ann', 'dan', 'service_role']) caller;
SELECT is(pg_temp.outcome('ann', $$UPDATE ideas SET votes_count = 5$$), '42501', 'H14: users update no idea');
SELECT is(pg_temp.outcome(caller, 'DELETE FROM ideas'), rows, format('%s deletes %s of them', caller, rows))
  FROM (VALUES ('anon', '42501'), ('ann', '1'), ('dan', '0'), ('service_role', '2')) v (caller, rows);
UPDATE users SET role = 'super_admin' WHERE id = pg_temp.bob();
SELECT is(pg_temp.outcome('bob', 'DELETE FROM ideas'), '2', 'a super_admin deletes any');
UPDATE users SET role = 'user' WHERE id = pg_temp.bob();
-- A DBA's own policy and privilege open texts, not votes.
GRANT UPDATE ON ideas TO authenticated;
CREATE POLICY of_the_dba ON ideas FOR UPDATE TO authenticated USING (user_id = atelier.uid());
SELECT is(pg_temp.outcome('ann', $$UPDATE ideas SET title = 'new'$$), '1', 'with a policy of the DBA an author changes the title');
SELECT is(pg_temp.outcome('ann', $$UPDATE ideas SET votes_count = 5$$), '42501', 'H14: but never the votes');

DROP POLICY of_the_dba ON ideas;
-- What an earlier version had made: a session of a deactivated user read through it.
CREATE POLICY ideas_select ON ideas FOR SELECT TO anon, authenticated USING (true);
SELECT is(pg_temp.outcome('dan', 'SELECT FROM ideas'), '2', 'with the policy of 0.1.0 a deactivated user reads ideas');
SELECT atelier.note_made('policy', '@app@.ideas', 'ideas_select', 'as 0.1.0 has made it'), atelier.drop_unwanted();
SELECT is(pg_temp.outcome('dan', 'SELECT FROM ideas'), '0', 'install() drops it');

-- Votes.
CREATE FUNCTION pg_temp.vote(idea uuid, voter uuid) RETURNS text LANGUAGE sql
AS $$ SELECT format('INSERT INTO idea_votes (idea_id, user_id) VALUES (%L, %L);', idea, voter) $$;
CREATE FUNCTION pg_temp.votes(caller text, commands text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  counted text;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE commands;
  SELECT string_agg(votes_count || CASE WHEN updated_at = now() THEN '!' ELSE '' END, ' ' ORDER BY title) INTO counted FROM ideas;
  RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = counted;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN RETURN sqlerrm; WHEN OTHERS THEN RETURN sqlstate;
END $$;
SELECT is(pg_temp.votes('ann', pg_temp.vote(pg_temp.bob(), pg_temp.ann())), '0 1!', 'H14: a vote counts, and updated_at follows');
SELECT is(pg_temp.votes('ann', pg_temp.vote(pg_temp.bob(), pg_temp.bob())), '42501', 'H14: nobody votes for somebody else');
SELECT is(pg_temp.votes('dan', pg_temp.vote(pg_temp.bob(), pg_temp.dan())), '42501', 'H14: nor when he is deactivated');
SELECT is(pg_temp.votes('ann', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || pg_temp.vote(pg_temp.bob(), pg_temp.ann())), '23505', 'H14: nor twice');
SELECT is(pg_temp.votes('ann', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || 'INSERT INTO idea_votes (idea_id, user_id) VALUES (pg_temp.bob(), pg_temp.ann()) ON CONFLICT DO NOTHING'),
          '0 1!', 'a conflict counts nothing');
SELECT is(pg_temp.votes('ann', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || 'DELETE FROM idea_votes'), '0 0!', 'a vote that is taken back does not count');
SELECT is(pg_temp.votes('service_role', 'INSERT INTO idea_votes (idea_id, user_id) SELECT i.id, u.id FROM ideas i, users u WHERE u.email LIKE ''%@tap.test'''), '3! 3!',
          'many votes in one statement');
SELECT is(pg_temp.votes('service_role', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || 'UPDATE idea_votes SET idea_id = pg_temp.ann()'), '1! 0!', 'a vote that moves');
SELECT is(pg_temp.votes('service_role', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || 'UPDATE ideas SET votes_count = 0; DELETE FROM idea_votes'), '0 0!',
          'H14: the number never falls below zero');
SELECT is(pg_temp.votes('service_role', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || pg_temp.vote(pg_temp.bob(), pg_temp.dan()) || 'DELETE FROM users WHERE id = pg_temp.dan()'),
          '0 1!', 'a user who goes takes his vote along');
SELECT is(pg_temp.outcome('service_role', pg_temp.vote(pg_temp.bob(), pg_temp.ann()) || 'DELETE FROM ideas'), '2', 'an idea that goes takes its votes along');
SELECT is(pg_temp.outcome('service_role', pg_temp.vote(pg_temp.bob(), gen_random_uuid())), '23503', 'H14: a voter is a user');
SELECT is(pg_temp.answer('service_role', 'INSERT INTO idea_votes (id, idea_id, user_id, created_at) VALUES (NULL, pg_temp.ann(), pg_temp.ann(), NULL) RETURNING created_at = now()'), 'true',
          'null becomes the default');
INSERT INTO idea_votes (idea_id, user_id) SELECT i.id, u.id FROM ideas i, users u WHERE u.email LIKE '%@tap.test';
SELECT is(pg_temp.outcome(caller, 'SELECT FROM idea_votes'), rows, format('%s sees %s votes', caller, rows)) FROM (VALUES ('ann', '2'), ('dan', '0')) v (caller, rows);
SELECT * FROM finish();
ROLLBACK;
