-- SPDX-License-Identifier: PostgreSQL
-- How the functions are made: which run with the rights of their owner, what their search_path is, that tables can be dumped
-- without them, and what policies call.
BEGIN;
SELECT * FROM no_plan();
\ir lib/functions.sql

SELECT set_eq('SELECT name FROM functions WHERE prosecdef',

              ARRAY['atelier.health()', 'atelier.follow_auth_user()',
                    -- For service_role alone, by their grants.
                    'atelier.count_by_workspace(uuid[])', 'atelier.sum_of_all()', 'atelier.refresh_admin_stats()', 'atelier.mark_all_generations_viewed()',
                    'atelier.sum_by_user(uuid[], uuid, timestamp with time zone, timestamp with time zone, boolean)',
                    'atelier.sum_generations(uuid, uuid, timestamp with time zone, timestamp with time zone)',
                    'atelier.cleanup_batch(timestamp with time zone, integer)', 'atelier.cleanup_old_generations(integer)',
                    -- For the owner and superusers, who must not run the triggers of the tables with their own rights.
                    'atelier.pause()', 'atelier.drain()', 'atelier.resume()', 'atelier.record_identity(text)', 'atelier.write_as_owner(text)', 'atelier.queue_missed()',
                    'atelier.queue_adopted()', 'atelier.fill_pages(regclass, bigint, bigint, name[])', 'atelier.end_backfill(regclass, name[])',
                    'atelier.run_job(text)', 'atelier.measure()', 'atelier.recount()', 'atelier.repair_counts(uuid, uuid)',
                    'atelier.repair_sums()', 'atelier.audit_counts(uuid, integer)', 'atelier.fold_counts(integer)'],
              'these run with the rights of their owner');
SELECT is_empty($$SELECT name FROM functions WHERE prosecdef AND proowner <> 'atelier_owner'::regrole$$, 'which is atelier_owner');
SELECT is_empty($$SELECT name FROM functions WHERE prosecdef AND schema <> 'atelier'$$,
                'none of them is in a schema that is exposed');
SELECT is_empty($$SELECT name FROM functions WHERE schema IN ('auth', 'public') AND proowner <> 'atelier_owner'::regrole$$,
                'what the app calls belongs to atelier_owner');

-- Tables are dumped and restored without the code, so no function mentions their types and no table needs a function.
SELECT is_empty($$
  SELECT f.name FROM functions f CROSS JOIN unnest(coalesce(f.proallargtypes, f.proargtypes::oid[]) || f.prorettype) t (type)
    JOIN pg_type y ON y.oid IN (t.type, (SELECT e.typelem FROM pg_type e WHERE e.oid = t.type))
    JOIN pg_class c ON c.oid = y.typrelid
   WHERE f.schema = 'atelier' AND c.relkind <> 'c' AND c.relnamespace <> 'pg_catalog'::regnamespace$$,
  'no function of the extension takes or returns rows of a table');
SELECT is_empty($$
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_depend d JOIN functions f ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = f.id AND f.schema = 'atelier'
   WHERE d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass)$$,
  'no default, constraint, index or generated column calls a function of the extension');
SELECT is_empty($$
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM pg_depend d JOIN functions f ON d.classid = 'pg_proc'::regclass AND d.objid = f.id AND f.schema = 'atelier'
    JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid$$,
  'and no function of the extension is bound to a table or view');
SELECT is_empty($$
  SELECT d.classid::regclass, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    LEFT JOIN functions f ON f.id = d.objid AND d.classid = 'pg_proc'::regclass AND f.schema = 'atelier'
   WHERE e.extname = 'atelier' AND d.deptype = 'e' AND f.id IS NULL$$, 'members are functions of schema atelier only');
SELECT is_empty($$
  SELECT f.name FROM functions f
   WHERE f.schema = 'atelier' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
     AND d.objid = f.id AND d.deptype = 'e')$$, 'and every one of them is a member');

-- A parsed body is printed with the names of arguments.
SELECT is_empty($$SELECT name FROM functions WHERE prosqlbody IS NOT NULL AND pronargs > 0
                     AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))$$,
                'what has an argument without a name has a body that is a text');
-- A parsed body that uses the row type of a table forbids to add a column with a default to it.
SELECT is_empty($$SELECT name FROM functions f WHERE f.schema = 'public' AND f.prosqlbody IS NOT NULL
                     AND EXISTS (SELECT FROM unnest(f.proargtypes::oid[]) t (type) JOIN pg_type y ON y.oid = t.type WHERE y.typrelid <> 0)$$,
                'what takes a row has a body that is a text');

-- Arguments are given by name: each has one, and no function has another of the same name beside it, which a gateway could not
-- tell apart.
SELECT set_eq($$SELECT name FROM functions WHERE schema = 'public' AND pronargs > 0
                     AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))$$, ARRAY['public.replicate_webhook(json)'],
                'every argument of the app''s functions has a name, but for the one that is given the whole body');
SELECT is_empty($$SELECT proname FROM functions WHERE schema = 'public' GROUP BY proname HAVING count(*) > 1$$,
                'no function of the app has two forms');

-- What policies call can be an index condition and run in parallel workers.
SELECT is(f.provolatile::text || f.proparallel::text, 'ss', f.name || ' is stable and parallel safe')
  FROM functions f
 WHERE f.name IN ('auth.uid()', 'auth.role()')
    OR f.id IN (SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass)
 ORDER BY f.name;
-- Guards of one row have no business in plans, and the rest may not be called a constant.
SELECT set_eq($$SELECT name FROM functions WHERE provolatile = 'i' AND schema IN ('public', 'auth')$$, ARRAY['public.translit_slug(text)'],
              'the only constant function of the app is the one without data');
SELECT * FROM finish();
ROLLBACK;
