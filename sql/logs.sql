-- SPDX-License-Identifier: PostgreSQL
-- api_logs and notifications: what the app writes into them, in bulk with null for everything that one of the rows lacks,
-- and what their users make of it.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS atelier;
RESET client_min_messages;

BEGIN;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
\set ann '''00000000-0000-4000-8000-00000000000a'''
\set bob '''00000000-0000-4000-8000-00000000000b'''
INSERT INTO users (id) VALUES (:ann), (:bob);

-- Null sent for a column that has a default and must not be null becomes the default; elsewhere null is null.
SET LOCAL ROLE service_role;
INSERT INTO api_logs (id, method, path, status_code, duration_ms, is_fallback, retry_count, created_at, provider)
VALUES (NULL, 'POST', '/api/one', 200, 12, true, 2, '2020-01-01', 'fal'),
  (NULL, 'WARN', '/api/two', 299, NULL, NULL, NULL, NULL, NULL)
RETURNING id IS NOT NULL AS id, method, path, status_code, duration_ms, is_fallback, retry_count,
  created_at = now() AS now, provider;
INSERT INTO notifications (id, user_id, type, title, is_read, created_at, metadata, link)
VALUES (NULL, :ann, 'update', 'with nulls', NULL, NULL, NULL, NULL)
RETURNING id IS NOT NULL AS id, is_read, read, created_at = now() AS now, metadata, link;
INSERT INTO notifications (user_id, type, title) VALUES (:ann, 'announcement', 'with defaults') RETURNING is_read, read,
  metadata;

-- What has no default stays missing, and every value has its form.
\set VERBOSITY terse
INSERT INTO api_logs (method, path) VALUES ('GET', '/api');
INSERT INTO notifications (user_id, type, title) VALUES (:ann, 'news', 'of an unknown type');
INSERT INTO notifications (user_id, type, title) VALUES (:ann, 'update', NULL);
INSERT INTO notifications (user_id, type, title) VALUES (:ann, 'update', repeat('x', 256));
INSERT INTO notifications (user_id, type, title, link) VALUES (:ann, 'update', 'a long link', repeat('x', 501));
INSERT INTO notifications (user_id, type, title) VALUES ('00000000-0000-4000-8000-0000000000ff', 'update', 'to nobody');
\set VERBOSITY default

-- The second name of is_read follows it and is nobody's to write.
INSERT INTO notifications (user_id, type, title, is_read) VALUES (:ann, 'update', 'read before', true) RETURNING is_read, read;
INSERT INTO notifications (user_id, type, title, read) VALUES (:ann, 'update', 'by the second name', true);
UPDATE notifications SET read = true WHERE title = 'with defaults';
INSERT INTO notifications (user_id, type, title) VALUES (:bob, 'support_reply', 'for bob');

-- The user reads and ticks off what is his, and throws it away. He writes nothing new and changes no text.
SELECT set_config('request.jwt.claim.sub', :ann, true) AS sub;
SET LOCAL ROLE authenticated;
SELECT title, is_read, read FROM notifications ORDER BY title;
SELECT count(*) FROM notifications WHERE NOT read;
UPDATE notifications SET is_read = true WHERE title IN ('with nulls', 'for bob') RETURNING title, is_read, read;
DELETE FROM notifications WHERE title IN ('read before', 'for bob') RETURNING title;
UPDATE notifications SET title = 'changed';
UPDATE notifications SET user_id = :bob;
INSERT INTO notifications (user_id, type, title) VALUES (:ann, 'update', 'from myself');
SELECT count(*) FROM api_logs;
INSERT INTO api_logs (method, path, status_code) VALUES ('GET', '/api', 200);
RESET ROLE;
SELECT title, is_read, read FROM notifications ORDER BY title;

-- They go with their user; the log stays.
UPDATE api_logs SET user_id = :bob WHERE path = '/api/two';
DELETE FROM users WHERE id = :bob;
SELECT count(*) FROM notifications WHERE title = 'for bob';
SELECT path, user_id FROM api_logs WHERE path LIKE '/api/%' ORDER BY path;
ROLLBACK;
