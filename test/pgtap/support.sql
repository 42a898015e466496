-- SPDX-License-Identifier: PostgreSQL
-- Support tickets: a user asks and reads his own; admins, super_admins (H33) and the app answer, which notifies once.
BEGIN;
SELECT plan(43);
\ir lib/callers.sql

SELECT is(pg_temp.answer('ann', $$INSERT INTO support_tickets (user_id, subject, message, images, status, answer, answered_by, answered_at, telegram_message_id, created_at)
            VALUES (pg_temp.ann(), 's', 'm', '{u}', 'closed', 'x', pg_temp.bob(), now(), 7, '2001-01-01')
            RETURNING concat_ws(' ', subject, message, images::text, status, answer, answered_by, answered_at, telegram_message_id, created_at = now())$$), 's m {u} open t',
          'what a user sends: subject, message and pictures');
SELECT is(pg_temp.outcome(caller, $$INSERT INTO support_tickets (user_id, message) VALUES (pg_temp.ann(), 'm')$$), '42501', caller || ' asks nothing for ann')
  FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'bob']) caller;
SELECT is(pg_temp.outcome('dan', $$INSERT INTO support_tickets (user_id, message) VALUES (pg_temp.dan(), 'm')$$), '42501', 'a deactivated user asks nothing');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO support_tickets (user_id, message) VALUES (pg_temp.ann(), repeat('x', 4001))$$), '22001', 'a message has at most 4,000 characters');
SELECT is(pg_temp.outcome('ann', $$INSERT INTO support_tickets (user_id, message, images) VALUES (pg_temp.ann(), 'm', '{1,2,3,4,5,6}')$$), '23514', 'and five pictures');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO support_tickets (id, user_id, message, status, created_at, updated_at) VALUES (NULL, pg_temp.ann(), 'm', NULL, NULL, NULL)
            RETURNING status || (updated_at = now())$$), 'opentrue', 'null becomes the default');

DELETE FROM notifications;
INSERT INTO support_tickets (id, user_id, message, updated_at) VALUES (pg_temp.ann(), pg_temp.ann(), 'help', '2001-01-01'), (pg_temp.bob(), pg_temp.bob(), 'help', '2001-01-01');
SELECT is(pg_temp.outcome(caller, 'SELECT FROM support_tickets'), rows, format('%s reads %s', caller, rows))
  FROM (VALUES ('anon', '42501'), ('nobody', '0'), ('ann', '1'), ('dan', '0'), ('service_role', '2')) v (caller, rows);
SELECT is(pg_temp.outcome('ann', change), '42501', 'a user does not: ' || change)
  FROM unnest(ARRAY['UPDATE support_tickets SET message = ''x''', 'UPDATE support_tickets SET status = ''closed''', 'DELETE FROM support_tickets']) change;
GRANT UPDATE ON support_tickets TO authenticated;
CREATE POLICY of_the_dba ON support_tickets FOR UPDATE TO authenticated USING (user_id = atelier.uid());
SELECT is(pg_temp.outcome('ann', format('UPDATE support_tickets SET %s', change)), '42501', 'nor with a policy of the DBA: ' || change)
  FROM unnest(ARRAY['message = ''x''', 'status = ''closed''', 'answer = ''x''', 'answered_by = user_id', 'answered_at = now()']) change;

-- Who may answer.
CREATE FUNCTION pg_temp.reply(caller text, role text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE users SET role = reply.role WHERE id = pg_temp.bob();
  RETURN pg_temp.outcome(caller, 'SELECT answer_support_ticket(p_ticket_id => pg_temp.ann(), p_answer => ''yes'')');
END $$;
SELECT is(pg_temp.reply('bob', 'admin'), '1', 'H33: an admin answers');
SELECT is(pg_temp.reply('bob', 'super_admin'), '1', 'H33: a super_admin answers');
SELECT is(pg_temp.reply('service_role', 'user'), '1', 'the app answers');
SELECT is(pg_temp.reply('superuser', 'user'), '1', 'the owner answers');
SELECT is(pg_temp.reply(caller, 'user'), '42501', caller || ' does not') FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'ann', 'bob', 'dan']) caller;
UPDATE users SET is_active = false WHERE id = pg_temp.bob();
SELECT is(pg_temp.reply('bob', 'super_admin'), '42501', 'a deactivated admin does not');
UPDATE users SET is_active = true, role = 'admin' WHERE id = pg_temp.bob();
SELECT is(pg_temp.outcome('bob', call), result, call)
  FROM (VALUES ('SELECT answer_support_ticket(gen_random_uuid(), ''x'')', '22023'), ('SELECT answer_support_ticket(pg_temp.ann(), '' '')', '22023'),
               ('SELECT answer_support_ticket(pg_temp.ann(), NULL)', '22023'), ('SELECT answer_support_ticket(NULL, ''x'')', '22023'),
               ('SELECT answer_support_ticket(pg_temp.ann(), repeat(''x'', 10001))', '22001')) v (call, result);

-- What it does. The name of a caller in the claims counts, not the one in the connection.
SELECT pg_temp.become('bob');
SELECT answer_support_ticket(pg_temp.ann(), 'first');
RESET ROLE;
SELECT is((SELECT concat_ws(' ', status, answer, answered_by = pg_temp.bob(), answered_at = now(), updated_at = now()) FROM support_tickets WHERE id = pg_temp.ann()),
          'answered first t t t', 'the ticket has the answer');
SELECT is((SELECT string_agg(concat_ws(' ', user_id = pg_temp.ann(), type, message, is_read, metadata->>'ticket_id' = pg_temp.ann()::text, metadata->>'replied_by' = pg_temp.bob()::text), ',') FROM notifications),
          't support_reply first f t t', 'its user is notified');
UPDATE notifications SET is_read = true;
SELECT pg_temp.become('service_role');
SELECT answer_support_ticket(pg_temp.ann(), 'second');
RESET ROLE;
SELECT is((SELECT concat_ws(' ', status, answer, answered_by IS NULL) FROM support_tickets WHERE id = pg_temp.ann()), 'answered second t', 'H33: a second answer replaces the first');
SELECT is((SELECT string_agg(concat_ws(' ', message, is_read), ',') FROM notifications), 'second t', 'H33: the user is notified once');
SELECT is((SELECT status FROM support_tickets WHERE id = pg_temp.bob()), 'open', 'other tickets stay open');
SELECT * FROM finish();
ROLLBACK;
