-- SPDX-License-Identifier: PostgreSQL
-- admin_stats and mv_admin_stats: one definition, for the app alone, refreshed only when something has changed.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

DELETE FROM generations;
DELETE FROM users WHERE id NOT IN (pg_temp.ann(), pg_temp.bob(), pg_temp.dan());
SET LOCAL session_replication_role = replica;
UPDATE users SET last_login = now() - interval '25 hours' WHERE id = pg_temp.bob();
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, cost_credits, processing_time_ms, created_at, is_keyframe_segment)
VALUES (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'pending', 1, NULL, now(), false),
       (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'queued', 2, NULL, now(), true),
       (pg_temp.ann(), 'create', 'm', 'M', 'owner/name', 'processing', 4, NULL, now(), false),
       (pg_temp.dan(), 'create', 'm', 'M', 'owner/name', 'completed', 8, 1000, now() - interval '25 hours', false),
       (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'completed', 16, 2001, now() - interval '23 hours', false),
       (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'failed', 32, 90000, now() - interval '25 hours', false),
       (pg_temp.bob(), 'create', 'm', 'M', 'owner/name', 'cancelled', 64, 90000, now() - interval '25 hours', false);
SET LOCAL session_replication_role = origin;
SELECT ok(atelier.recount() > 0, 'rows that came without triggers are counted when asked for');

CREATE TEMP VIEW shape AS
SELECT c.relname, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod) AS type FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = to_regnamespace('public') AND c.relname::text IN ('admin_stats', 'mv_admin_stats') AND a.attnum > 0;
SELECT is((SELECT string_agg(s.attname || ' ' || s.type, ', ' ORDER BY s.attnum) FROM shape s WHERE s.relname = r.name),
          'total_users bigint, active_today bigint, total_generations bigint, generations_today bigint, completed_generations bigint, '
          'failed_generations bigint, processing_generations bigint, total_credits_spent bigint, avg_processing_time_ms numeric', r.name || ' has the nine columns')
  FROM unnest('{admin_stats,mv_admin_stats}'::text[]) r (name);

-- The definition: active users, generations of all, everything that is not over is under way, the average of what succeeded.
SELECT is(pg_temp.answer('service_role', 'SELECT s::text FROM admin_stats s'), '(2,1,7,4,2,1,3,127,1500.5000000000000000)',
          'H20 the view counts, queued ones among those under way');
SELECT is(pg_temp.answer('service_role', 'SELECT count(*) FROM mv_admin_stats'), '1', 'the other one has its one row from the beginning');
SELECT isnt(pg_temp.answer('service_role', 'SELECT m::text FROM mv_admin_stats m'), pg_temp.answer('service_role', 'SELECT s::text FROM admin_stats s'),
            'and is not up to date yet');

SET LOCAL quote_all_identifiers = on;
SELECT is(pg_temp.outcome('service_role', 'SELECT refresh_admin_stats()'), '1', 'H21 the app refreshes, though it does not own the view');
RESET quote_all_identifiers;
SELECT lives_ok('SELECT refresh_admin_stats()', 'H21 and so does a superuser');
SELECT is(pg_temp.answer('service_role', 'SELECT m::text FROM mv_admin_stats m'), '(2,1,7,4,2,1,3,127,1500.5000000000000000)', 'now it is');
SET LOCAL ROLE atelier_owner;
SELECT tap.lives_ok('SELECT atelier.refresh_admin_stats()', 'H21 and so does the owner');
RESET ROLE;

-- Nothing changed, nothing is written: the row stays the very same version.
CREATE TEMP TABLE before AS SELECT m.ctid AS place, m.xmin::text AS writer, pg_relation_filenode('mv_admin_stats') AS file FROM mv_admin_stats m;
SELECT refresh_admin_stats();
SELECT is((SELECT (m.ctid, m.xmin::text, pg_relation_filenode('mv_admin_stats'))::text FROM mv_admin_stats m), (SELECT (place, writer, file)::text FROM before),
          'a refresh without a change writes nothing');
INSERT INTO users (id) VALUES (gen_random_uuid());
SELECT refresh_admin_stats();
SELECT isnt((SELECT m.ctid FROM mv_admin_stats m), (SELECT place FROM before), 'with a change it writes');
SELECT is(pg_relation_filenode('mv_admin_stats'), (SELECT file FROM before), 'in place, which locks out no reader');
SELECT is((SELECT count(*) FROM pg_index i WHERE i.indrelid = 'mv_admin_stats'::regclass AND i.indisunique AND i.indpred IS NULL), 1::bigint, 'by its unique index');

-- After a restore of the schema alone there is no row to compare with.
REFRESH MATERIALIZED VIEW mv_admin_stats WITH NO DATA;
SELECT lives_ok('SELECT refresh_admin_stats()', 'an empty one is filled');
SELECT is((SELECT m::text FROM mv_admin_stats m), (SELECT s::text FROM admin_stats s), 'and says what the view says');

-- Who reads.
SELECT is(pg_temp.outcome(caller, 'SELECT * FROM ' || name), '42501', format('H9 %s does not read %s', caller, name))
  FROM unnest('{anon,nobody,impostor,ann,dan}'::text[]) caller CROSS JOIN unnest('{admin_stats,mv_admin_stats}'::text[]) name;
SELECT is(pg_temp.outcome(caller, 'SELECT refresh_admin_stats()'), '42501', format('H9 %s does not refresh', caller))
  FROM unnest('{anon,nobody,impostor,ann}'::text[]) caller;
SELECT is(pg_temp.outcome('ann', 'SELECT atelier.refresh_admin_stats()'), '42501', 'H9 nor behind the wrapper');
UPDATE users SET role = 'super_admin' WHERE id = pg_temp.bob();
SELECT is(pg_temp.outcome('bob', 'SELECT * FROM ' || name), '42501', 'H9 not even a super_admin reads ' || name || ' with a user''s session')
  FROM unnest('{admin_stats,mv_admin_stats}'::text[]) name;
SELECT is_empty($$
  SELECT c.relname, x.grantee::regrole, x.privilege_type FROM pg_class c CROSS JOIN aclexplode(c.relacl) x
   WHERE c.oid IN ('admin_stats'::regclass, 'mv_admin_stats'::regclass) AND x.grantee <> c.relowner
     AND (x.grantee <> 'service_role'::regrole OR x.privilege_type <> 'SELECT')$$, 'H9 nothing else is granted on them');
SELECT is((SELECT c.reloptions::text FROM pg_class c WHERE c.oid = 'admin_stats'::regclass), '{security_invoker=true}', 'H9 the view lends nobody the rights of its owner');

-- Ordinary objects of the owner; an older pair is replaced.
SELECT is((SELECT c.relowner::regrole::text FROM pg_class c WHERE c.oid = name::regclass), 'atelier_owner', name || ' belongs to the owner')
  FROM unnest('{admin_stats,mv_admin_stats}'::text[]) name;
DROP MATERIALIZED VIEW mv_admin_stats;
DROP VIEW admin_stats;
CREATE VIEW admin_stats AS SELECT 1 AS total_users;
CREATE MATERIALIZED VIEW mv_admin_stats AS SELECT s.total_users FROM admin_stats s;
GRANT SELECT ON admin_stats, mv_admin_stats TO anon;
SELECT lives_ok('SELECT atelier.install()', 'H9 install() meets views of these names');
SELECT is((SELECT count(*) FROM shape), 18::bigint, 'H9 and puts its own in their place');
SELECT is(pg_temp.outcome('anon', 'SELECT * FROM ' || name), '42501', 'H9 ' || name || ' is closed again') FROM unnest('{admin_stats,mv_admin_stats}'::text[]) name;
DROP EXTENSION atelier CASCADE;
SELECT is(to_regclass('public.' || name), NULL, name || ' goes with the code that it asks') FROM unnest('{admin_stats,mv_admin_stats}'::text[]) name;
SELECT * FROM finish();
ROLLBACK;
