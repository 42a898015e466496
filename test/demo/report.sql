-- SPDX-License-Identifier: PostgreSQL
-- The tables at the end of the demo.
\ir people.sql

\echo
\echo 'Generations'
SELECT u.display_name AS "user", g.action, regexp_replace(g.replicate_model, '^[^:/]*/', '') AS model, g.status,
       round(g.processing_time_ms / 1000.0, 1) AS seconds,
       left(CASE WHEN g.error_message IS NOT NULL THEN g.error_message
                 WHEN g.output_text IS NOT NULL THEN btrim(regexp_replace(g.output_text, '\s+', ' ', 'g'))
                 ELSE cardinality(g.output_urls) || ' x ' || regexp_replace(g.output_urls[1], '^.*/', '') END,
            44) AS "output or error"
  FROM generations g
  JOIN users u ON u.id = g.user_id
 ORDER BY u.display_name, g.completed_at;

\echo 'What each user sees, asked as that user'
CREATE TEMP TABLE seen
  ("user" text, "all" bigint, active bigint, completed bigint, failed bigint, cancelled bigint, "credits left" integer);
GRANT INSERT ON seen TO authenticated;
\set user :ada
\ir count_mine.sql
\set user :ben
\ir count_mine.sql
\set user :cleo
\ir count_mine.sql
TABLE seen;

\echo 'The tokens, without their secrets'
TABLE atelier.tokens;

\echo 'What was logged'
SELECT l.method,
       regexp_replace(regexp_replace(l.path, '(predictions)/[^/]+', '\1/{id}'),
                      '(models|deployments)/[^/]+/[^/]+', '\1/{owner}/{name}') AS path,
       l.status_code AS status, l.error_category AS "error category", count(*) AS calls,
       round(avg(l.duration_ms)) AS "ms, mean"
  FROM api_logs l
 GROUP BY 1, 2, 3, 4
 ORDER BY 1 DESC, 2, 3, 4;
