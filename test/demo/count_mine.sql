-- SPDX-License-Identifier: PostgreSQL
-- Adds to the table seen what the user in the variable user can see: row level security leaves nothing but his own rows.
\ir sign_in.sql
INSERT INTO seen
SELECT u.display_name, count(g.id),
       count(g.id) FILTER (WHERE g.status IN ('pending', 'queued', 'processing')),
       count(g.id) FILTER (WHERE g.status = 'completed'),
       count(g.id) FILTER (WHERE g.status = 'failed'),
       count(g.id) FILTER (WHERE g.status = 'cancelled'),
       u.credits
  FROM users u
  LEFT JOIN generations g ON true
 GROUP BY u.id, u.display_name, u.credits;
COMMIT;
