-- SPDX-License-Identifier: PostgreSQL
-- Notifications: written by the app alone (H7), read by their user alone, also through the functions that take a user's id (H3), and
-- for every profile, with or without an auth user (H36). The publication that browsers listen to.
BEGIN;
SELECT plan(56);
\ir lib/callers.sql

SELECT is(pg_temp.outcome(caller, $$INSERT INTO notifications (user_id, type, title, link) VALUES (pg_temp.ann(), 'update', 't', 'https://evil.test')$$), '42501',
          'H7: ' || caller || ' inserts none')
  FROM unnest(ARRAY['anon', 'nobody', 'impostor', 'ann', 'bob', 'dan']) caller;
SELECT is(pg_temp.outcome('service_role', $$INSERT INTO notifications (user_id, type, title) VALUES (pg_temp.ann(), 'update', 't')$$), '1', 'H7: the app does');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO notifications (id, user_id, type, title, is_read, created_at) VALUES (NULL, pg_temp.ann(), 'update', 't', NULL, NULL)
            RETURNING is_read::text || (created_at = now())$$), 'falsetrue', 'null becomes the default');
SELECT is(pg_temp.outcome('service_role', $$INSERT INTO notifications (user_id, type, title, message, link, metadata) SELECT id, 'announcement', 't', 'm', '/', '{}' FROM users$$),
          (SELECT count(*)::text FROM users), 'H36: one statement notifies every profile');

-- Updates: is_read and nothing else.
SELECT is(pg_temp.outcome('ann', 'UPDATE notifications SET is_read = true'), '1', 'a user marks his own as read');
SELECT is(pg_temp.outcome('ann', 'UPDATE notifications SET ' || change), '42501', 'he does not change: ' || change)
  FROM unnest(ARRAY['title = ''x''', 'link = ''x''', 'message = ''x''', 'user_id = pg_temp.bob()', 'metadata = ''{}''']) change;
GRANT UPDATE, INSERT ON notifications TO authenticated;
SELECT is(pg_temp.outcome('ann', 'UPDATE notifications SET ' || change), result, 'with wider privileges: ' || change)
  FROM (VALUES ('is_read = true', '1'), ('title = ''x''', '42501'), ('link = ''x''', '42501'), ('message = ''x''', '42501'), ('created_at = now() - interval ''1 h''', '42501'),
               ('type = ''announcement''', '42501')) v (change, result);
SELECT is(pg_temp.outcome('ann', $$INSERT INTO notifications (user_id, type, title) VALUES (pg_temp.ann(), 'update', 't')$$), '42501', 'H7: no policy lets him insert');
REVOKE INSERT ON notifications FROM authenticated;

-- H3: the functions.
SELECT is(pg_temp.outcome(caller, call), result, format('H3: %s calls %s', caller, call))
  FROM unnest(ARRAY['SELECT get_unread_notifications_count(p_user_id => pg_temp.ann())', 'SELECT mark_all_notifications_read(p_user_id => pg_temp.ann())',
                    'SELECT FROM get_user_notifications(p_user_id => pg_temp.ann())']) call
 CROSS JOIN (VALUES ('anon', '42501'), ('nobody', '42501'), ('impostor', '42501'), ('bob', '42501'), ('ann', '1'), ('service_role', '1')) v (caller, result);
SELECT is(pg_temp.outcome('dan', 'SELECT get_unread_notifications_count(pg_temp.dan())'), '42501', 'H3: a deactivated user asks nothing');
SELECT is(pg_temp.outcome('ann', 'SELECT get_unread_notifications_count(NULL)'), '42501', 'H3: null is nobody');

INSERT INTO notifications (user_id, type, title, message, link, metadata, created_at) SELECT pg_temp.ann(), 'update', n::text, 'm', '/l', '{"n": 1}', now() + n * interval '1 s' FROM generate_series(1, 60) n;
SELECT is(pg_temp.answer('ann', 'SELECT get_unread_notifications_count(pg_temp.ann())'), '61', 'all are unread');
SELECT is(pg_temp.answer('ann', 'SELECT string_agg(title, '' '') FROM get_user_notifications(pg_temp.ann(), p_limit => 3, p_offset => 1)'), '59 58 57', 'a page, newest first');
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM get_user_notifications(pg_temp.ann())'), '50', 'fifty unless said otherwise');
SELECT is(pg_temp.answer('ann', 'SELECT count(*) FROM get_user_notifications(pg_temp.ann(), NULL, NULL)'), '50', 'null stands for the default');
SELECT is(pg_temp.answer('ann', 'SELECT to_json(n)->>''title'' || concat_ws('' '', n.type, n.message, n.link, n.is_read, n.metadata) FROM get_user_notifications(pg_temp.ann(), 1) n'),
          '60update m /l f {"n": 1}', 'its columns');
SELECT pg_temp.become('ann');
SELECT mark_all_notifications_read(pg_temp.ann());
SELECT is(get_unread_notifications_count(pg_temp.ann()), 0, 'none is unread after all were marked');
RESET ROLE;
SELECT is((SELECT count(*) FROM notifications WHERE NOT is_read), 2::bigint, 'those of others stay');
SELECT is((SELECT string_agg(p.proname || ':' || p.prosecdef, ' ' ORDER BY p.proname) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ 'notification'),
          'get_unread_notifications_count:false get_user_notifications:false mark_all_notifications_read:false', 'none of them runs with other rights than the caller''s');

-- The publication.
DROP PUBLICATION IF EXISTS supabase_realtime;
SELECT is_empty('SELECT * FROM atelier.health_realtime()', 'without a publication there is nothing to say');
SELECT lives_ok('SELECT atelier.set_publication()', 'nor to do');
SET LOCAL client_min_messages = error;
CREATE PUBLICATION supabase_realtime FOR TABLE generations, users;
SET LOCAL client_min_messages = warning;
SELECT is((SELECT status || ' ' || hint FROM atelier.health_realtime()),
          'warn ALTER PUBLICATION supabase_realtime ADD TABLE public.notifications; ALTER PUBLICATION supabase_realtime DROP TABLE public.generations;', 'health names what is missing');
SELECT atelier.set_publication();
SELECT set_eq($$SELECT tablename::text FROM pg_publication_tables WHERE pubname = 'supabase_realtime'$$, ARRAY['notifications', 'users'], 'notifications in, generations out, others stay');
SELECT is((SELECT status FROM atelier.health_realtime()), 'ok', 'then it is well');
SELECT lives_ok('SELECT atelier.set_publication()', 'a second time changes nothing');
SELECT * FROM finish();
ROLLBACK;
