-- SPDX-License-Identifier: PostgreSQL
-- Who may execute what: every function times every role, compared with what is stated here. A function that is not stated is
-- for its owner and superusers. Another function of the app is another line.
BEGIN;
SELECT * FROM no_plan();
\ir lib/callers.sql

CREATE TEMP TABLE stated (function text, callers text, why text);
INSERT INTO stated VALUES
  -- Who is calling: for policies and queries of everybody.
  ('atelier.uid()',                      'anon authenticated service_role', 'policies'),
  ('atelier.role()',                     'anon authenticated service_role', 'policies'),
  ('auth.uid()',                         'anon authenticated service_role', 'the app''s queries'),
  ('auth.role()',                        'anon authenticated service_role', 'the app''s queries'),
  ('auth.jwt()',                         'anon authenticated service_role', 'the app''s queries'),
  ('auth.email()',                       'anon authenticated service_role', 'the app''s queries'),
  -- What the caller may do: about himself, without an argument that says who he is. No policy for anon calls them.
  ('atelier.is_active_user()',           'authenticated service_role', 'policies'),
  ('atelier.is_admin()',                 'authenticated service_role', 'policies'),
  ('atelier.is_super_admin()',           'authenticated service_role', 'policies'),
  ('atelier.is_workspace_member(uuid)',  'authenticated service_role', 'policies'),
  ('atelier.manages_workspace(uuid)',    'authenticated service_role', 'policies'),
  ('atelier.owns_workspace(uuid)',       'authenticated service_role', 'policies'),
  ('atelier.can_see_flow(uuid)',         'authenticated service_role', 'policies'),
  ('atelier.can_edit_flow(uuid)',        'authenticated service_role', 'policies'),
  ('atelier.owns_flow(uuid)',            'authenticated service_role', 'policies'),
  ('atelier.is_flow_member(uuid)',       'authenticated service_role', 'policies'),
  ('atelier.owns_lora(uuid)',            'authenticated service_role', 'policies'),
  ('atelier.owns_conversation(uuid)',    'authenticated service_role', 'policies'),
  -- Tokens, health.
  ('public.get_next_replicate_token()',  'service_role', 'H17: secrets'),
  ('atelier.get_next_replicate_token()', 'service_role', 'behind it'),
  ('atelier.next_replicate_token()',     'service_role', 'behind it'),
  ('atelier.health()',                   'service_role', 'names hosts, roles and tables'),
  -- Roles and credits.
  ('public.is_admin_or_super(text)',             'authenticated service_role', 'H3: himself, admins, the app'),
  ('public.is_super_admin(text)',                'authenticated service_role', 'H3'),
  ('public.get_user_role(text)',                 'authenticated service_role', 'H3'),
  ('atelier.role_of_email(text)',                'authenticated service_role', 'behind them'),
  ('public.assign_admin_role(text, text)',       'authenticated service_role', 'H2: super_admins by their id'),
  ('public.remove_admin_role(text, text)',       'authenticated service_role', 'H2'),
  ('atelier.set_admin_role(text, text, boolean)', 'authenticated service_role', 'behind them'),
  ('public.decrement_credits(uuid, integer)',    'service_role', 'money'),
  ('atelier.decrement_credits(uuid, integer)',   'service_role', 'behind it'),
  -- One generation.
  ('public.cancel_generation(uuid)',             'authenticated service_role', 'its user, by his id'),
  ('atelier.cancel_generation(uuid)',            'authenticated service_role', 'behind it'),
  ('public.retry_generation(uuid)',              'authenticated service_role', 'its user, by his id'),
  ('atelier.retry_generation(uuid)',             'authenticated service_role', 'behind it'),
  ('public.explain_generation(uuid)',            'authenticated service_role', 'whoever may read the row'),
  ('atelier.explain_generation(uuid)',           'authenticated service_role', 'behind it'),
  ('atelier.retry(uuid)',                        'service_role', 'for whoever runs it'),
  ('public.start_lora_training(uuid)',           'authenticated service_role', 'its user, by his id'),
  ('atelier.start_lora_training(uuid)',          'authenticated service_role', 'behind it'),
  ('public.replicate_webhook(json)',             'anon authenticated service_role', 'the provider, which signs it'),
  ('atelier.replicate_webhook(json)',            'anon authenticated service_role', 'behind it'),
  -- Workspaces.
  ('public.is_workspace_member(uuid, uuid)',     'authenticated service_role', 'H3: about himself'),
  ('atelier.has_workspace(uuid, uuid)',          'authenticated service_role', 'behind it'),
  ('public.get_workspace_role(uuid, uuid)',      'authenticated service_role', 'H3: about himself'),
  ('atelier.get_workspace_role(uuid, uuid)',     'authenticated service_role', 'behind it'),
  ('public.get_user_workspaces(uuid)',           'authenticated service_role', 'H3: about himself'),
  ('atelier.get_user_workspaces(uuid)',          'authenticated service_role', 'behind it'),
  ('public.translit_slug(text)',                 'anon authenticated service_role', 'letters for letters, no data'),
  ('atelier.translit_slug(text)',                'anon authenticated service_role', 'behind it'),
  -- Flows.
  ('public.accept_flow_invite(text)',            'authenticated service_role', 'H12: the invited person'),
  ('atelier.accept_flow_invite(text)',           'authenticated service_role', 'behind it'),
  ('public.get_flow_invite(text)',               'authenticated service_role', 'H12: the invited person'),
  ('atelier.get_flow_invite(text)',              'authenticated service_role', 'behind it'),
  ('public.update_flow_status(uuid, text)',      'authenticated service_role', 'H3: editors of the flow'),
  ('atelier.update_flow_status(uuid, text)',     'authenticated service_role', 'behind it'),
  ('public.get_flow_workspace(uuid)',            'service_role', 'H3: about any flow'),
  ('public.nodes(flows)',                        'authenticated service_role', 'flows.nodes, under the policies'),
  ('public.edges(flows)',                        'authenticated service_role', 'flows.edges, under the policies'),
  -- Counts, dashboards, housekeeping.
  ('public.get_generation_counts(uuid)', 'authenticated service_role', 'H3: about himself'),
  ('atelier.get_generation_counts(uuid)', 'authenticated service_role', 'behind it'),
  ('public.get_workspace_generation_counts(uuid, uuid)', 'authenticated service_role', 'H3: members'),
  ('atelier.get_workspace_generation_counts(uuid, uuid)', 'authenticated service_role', 'behind it'),
  ('public.poll_generations(text, text, uuid)', 'authenticated', 'about himself and his workspaces'),
  ('atelier.poll_generations(text, text, uuid)', 'authenticated', 'behind it'),
  ('public.get_workspaces_generation_counts(uuid[])', 'service_role', 'H3: about anybody'),
  ('public.get_user_generation_stats(uuid[])', 'service_role', 'H3: about anybody'),
  ('public.get_user_generation_stats_filtered(uuid[], uuid, timestamp with time zone, timestamp with time zone)', 'service_role', 'H3: about anybody'),
  ('public.get_dashboard_totals(uuid, uuid)', 'service_role', 'H3: about anybody'),
  ('public.get_dashboard_totals_v2(uuid, uuid, timestamp with time zone, timestamp with time zone)', 'service_role', 'H3: about anybody'),
  ('public.get_dashboard_today_stats(uuid, uuid)', 'service_role', 'H3: about anybody'),
  ('public.get_dashboard_today_stats_v2(uuid, uuid, timestamp with time zone, timestamp with time zone)', 'service_role', 'H3: about anybody'),
  ('public.mark_all_generations_viewed()', 'service_role', 'H30: about everybody'),
  ('atelier.mark_all_generations_viewed()', 'service_role', 'behind it'),
  ('public.refresh_admin_stats()', 'service_role', 'H30: about everybody'),
  ('atelier.refresh_admin_stats()', 'service_role', 'behind it'),
  ('public.cleanup_old_generations(integer)', 'service_role', 'H30: about everybody'),
  ('atelier.cleanup_old_generations(integer)', 'service_role', 'behind it'),
  ('atelier.sum_of_all()', 'service_role', 'behind admin_stats'),
  ('atelier.count_by_workspace(uuid[])', 'service_role', 'behind them'),
  ('atelier.sum_by_user(uuid[], uuid, timestamp with time zone, timestamp with time zone, boolean)', 'service_role', 'behind them'),
  ('atelier.sum_generations(uuid, uuid, timestamp with time zone, timestamp with time zone)', 'service_role', 'behind them'),
  ('atelier.cleanup_batch(timestamp with time zone, integer)', 'service_role', 'behind them'),
  ('atelier.pause()', 'service_role', 'stops spending'),
  ('atelier.drain()', 'service_role', 'stops spending'),
  ('atelier.resume()', 'service_role', 'goes on; a database that holds is released by its owner'),
  ('atelier.measure()', 'service_role', 'H30: about everybody'),
  ('atelier.run_job(text)', 'service_role', 'H30: jobs about everybody'),
  -- Notifications, chats, support.
  ('public.get_unread_notifications_count(uuid)', 'authenticated service_role', 'H3: about himself'),
  ('public.mark_all_notifications_read(uuid)',   'authenticated service_role', 'H3: about himself'),
  ('public.get_user_notifications(uuid, integer, integer)', 'authenticated service_role', 'H3: about himself'),
  ('public.get_assistant_history(uuid, boolean, integer, integer)', 'authenticated service_role', 'about himself'),
  ('public.toggle_conversation_favorite(uuid, uuid)',  'authenticated service_role', 'about himself'),
  ('atelier.toggle_conversation_favorite(uuid, uuid)', 'authenticated service_role', 'behind it'),
  ('atelier.require_self(uuid)',                 'authenticated service_role', 'behind them: raises for others'),
  ('public.answer_support_ticket(uuid, text)',   'authenticated service_role', 'H33: admins, super_admins, the app'),
  ('atelier.answer_support_ticket(uuid, text)',  'authenticated service_role', 'behind it');

\ir lib/functions.sql
DELETE FROM stated WHERE function LIKE 'auth.%' AND NOT pg_temp.auth_is_ours();
CREATE TEMP VIEW grants AS
SELECT f.name, CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END AS role, x.is_grantable
  FROM functions f CROSS JOIN aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x
 WHERE x.grantee <> f.proowner AND x.grantee <> (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'atelier_owner');
CREATE TEMP VIEW stated_grants AS SELECT s.function, r.role, false FROM stated s CROSS JOIN string_to_table(s.callers, ' ') r (role);

SELECT cmp_ok(count(*), '>=', 150::bigint, 'the functions were found') FROM functions;
SELECT is_empty('SELECT function FROM stated EXCEPT SELECT name FROM functions', 'every stated function exists');
SELECT is_empty($$SELECT name FROM functions WHERE schema IN ('public', 'auth') EXCEPT SELECT function FROM stated$$,
                'every function that the app sees is stated');
SELECT is(has_function_privilege(r.role, f.id, 'EXECUTE'), coalesce(r.role = ANY (string_to_array(s.callers, ' ')), false),
          format('%s executes %s (%s)', r.role, f.name, coalesce(s.why, 'not stated')))
  FROM functions f LEFT JOIN stated s ON s.function = f.name
 CROSS JOIN unnest(ARRAY['public', 'anon', 'authenticated', 'service_role']) r (role)
 ORDER BY f.name, r.role;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'no other role was granted a function');
-- What must not exist: the app's maintenance script asks for them, and they would run anything.
SELECT is_empty($$SELECT name FROM functions WHERE proname IN ('exec', 'exec_sql')$$, 'nothing runs a statement that it is sent');
-- The owner is no superuser and not the caller of the installer; what it is granted it can do.
SELECT is_empty($$SELECT name FROM functions WHERE schema = 'atelier' AND NOT has_function_privilege('atelier_owner', id, 'EXECUTE')$$,
                'the owner executes all');

-- Tried, not looked up.
SELECT is(pg_temp.outcome(caller, query), '42501', format('%s: %s', caller, query))
  FROM unnest(ARRAY['anon', 'ann', 'impostor', 'service_role']) caller
 CROSS JOIN unnest(ARRAY['SELECT atelier.install()', 'SELECT atelier.require_owner_for_held()', 'SELECT atelier.wake()',
                         'SELECT atelier.start_workers()', 'SELECT * FROM atelier.worker_state()',
                         'SELECT atelier.run_ddl(''DROP TABLE @app@.users'')', 'SELECT atelier.record_identity(''running'')',
                         'SELECT * FROM atelier.health_dispatch()', 'SELECT atelier.sync_queue()', 'SELECT atelier.setup_storage()',
                         'SELECT atelier.make_profiles()', 'SELECT atelier.write_profile(gen_random_uuid(), ''x@tap.test'')']) query;
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM get_next_replicate_token()'), '1', 'the app gets a token');
SELECT is(pg_temp.outcome('service_role', 'SELECT * FROM atelier.health() WHERE status IN (''ok'', ''warn'', ''fail'')'),
          (SELECT count(*)::text FROM atelier.health()), 'the app reads the health');

-- Hosted databases grant whatever is born to everybody.
\ir lib/remove_all.sql
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE EXTENSION atelier;
SELECT set_eq('SELECT * FROM grants', 'SELECT * FROM stated_grants', 'default privileges add nothing');
SELECT * FROM finish();
ROLLBACK;
