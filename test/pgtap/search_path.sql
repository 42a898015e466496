-- SPDX-License-Identifier: PostgreSQL
-- Code that runs with the rights of another role must not pick up what its caller has put in front of pg_catalog, nor his temporary
-- tables. A schema full of traps: whoever runs into one of its functions or operators fails with TRAP0.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql

CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
DO $$
DECLARE
  made text;
BEGIN
  FOR made IN
    -- Functions by the signatures that pg_catalog has, in its place.
    SELECT format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION USING ERRCODE = ''''TRAP0''''; END''',
                  p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, NULL))
      FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
       AND p.proname IN ('now', 'clock_timestamp', 'current_setting', 'set_config', 'to_regclass', 'to_regrole',
         'to_regnamespace', 'to_regprocedure',
                         'quote_ident', 'quote_literal', 'format', 'replace', 'lower', 'date_trunc', 'nextval')
       AND p.proallargtypes IS NULL
  LOOP
    EXECUTE made;
  END LOOP;
  FOR made IN
    SELECT format('CREATE FUNCTION trap.%I(%2$s, %3$s) RETURNS %4$s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION USING ERRCODE = ''''TRAP0''''; END'';
                   CREATE OPERATOR trap.%5$s (LEFTARG = %2$s, RIGHTARG = %3$s,
                     FUNCTION = trap.%1$I)', 'op_' || o.oid, format_type(o.oprleft, NULL),
                  format_type(o.oprright, NULL), format_type(o.oprresult, NULL), o.oprname)
      FROM pg_operator o
     WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b'
       AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '||', '->>', '->', '~')
       AND o.oprleft::regtype::text IN ('uuid', 'text', 'integer', 'bigint', 'boolean', 'name', 'oid', 'jsonb', '"char"',
         'timestamp with time zone', 'smallint', 'interval')
       AND o.oprright::regtype::text IN ('uuid', 'text', 'integer', 'bigint', 'boolean', 'name', 'oid', 'jsonb', '"char"',
         'timestamp with time zone', 'smallint', 'interval')
  LOOP
    EXECUTE made;
  END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace), '>', 100::bigint, 'the traps are set');

CREATE FUNCTION pg_temp.trapped(caller text, command text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome(caller, 'SET LOCAL search_path = trap, pg_catalog, public; ' || command) $$;
SELECT is(pg_temp.trapped('owner', 'SELECT 1 = 1'), 'TRAP0', 'a trap works: operator');
SELECT is(pg_temp.trapped('owner', 'SELECT now()'), 'TRAP0', 'a trap works: function');
SELECT is(pg_temp.trapped('owner', 'SELECT ''{}''::jsonb ->> ''x''::text'), 'TRAP0', 'a trap works: jsonb');

-- What users and the app can call, and what triggers and policies do. {name} stands for the id of that name, since an operator
-- in the command itself would run into a trap.
CREATE TEMP TABLE called (n integer GENERATED ALWAYS AS IDENTITY, caller text, command text, rows text);
INSERT INTO called (caller, command, rows) VALUES
  ('owner', 'SELECT atelier.uid(), atelier.role()', '1'),
  -- On a platform they are its own.
  ('owner', CASE WHEN (SELECT n.nspowner = 'atelier_owner'::regrole FROM pg_namespace n WHERE n.nspname = 'auth')
                 THEN 'SELECT auth.uid(), auth.role(), auth.jwt(), auth.email()' ELSE 'SELECT atelier.uid()' END, '1'),
  ('owner', 'SELECT atelier.is_active_user(), atelier.is_admin(), atelier.is_super_admin()', '1'),
  ('owner', $$SELECT atelier.is_workspace_member({space}), atelier.manages_workspace({space}), atelier.owns_workspace({space})$$, '1'),
  ('owner', $$SELECT atelier.can_see_flow({owner}), atelier.can_edit_flow({owner}), atelier.owns_flow({owner}), atelier.is_flow_member({owner})$$, '1'),
  ('owner', $$SELECT atelier.owns_lora({owner}), atelier.owns_conversation({owner})$$, '1'),
  ('owner', 'SELECT FROM generations', '2'), ('owner', 'SELECT FROM users', '1'), ('owner', 'SELECT FROM workspaces', '1'), ('owner', 'SELECT FROM workspace_users', '5'),
  ('owner', 'SELECT FROM flows', '2'), ('owner', 'SELECT FROM flow_nodes', '4'), ('owner', 'SELECT FROM flow_members', '3'), ('owner', 'SELECT FROM flow_comments', '2'),
  ('owner', $$INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, settings, workspace_id)
              VALUES (atelier.uid(), 'create', 'm', 'M', 'owner/name', '{"priority": 3}', {space})$$, '1'),
  ('owner', $$UPDATE generations SET status = 'queued'$$, '2'), ('owner', 'UPDATE generations SET viewed = true', '2'),
  ('owner', $$UPDATE users SET display_name = 'A'$$, '1'),
  ('boss', $$INSERT INTO workspaces (name, slug) VALUES ('Neu', 'tap-neu')$$, '1'), ('chief', $$UPDATE workspaces SET name = 'N', slug = 'TAP-N'$$, '1'),
  ('chief', $$INSERT INTO workspace_members (workspace_id, user_id, role) VALUES ({space}, {stranger}, 'owner')$$, '1'), ('owner', 'DELETE FROM workspace_members', '1'),
  ('owner', $$INSERT INTO flows (user_id, workspace_id) VALUES ({owner}, {space})$$, '1'), ('editor', $$UPDATE flows SET name = 'x'$$, '1'), ('owner', 'DELETE FROM flows', '2'),
  ('owner', $$INSERT INTO flow_nodes (id, flow_id, block_type, generation_id) VALUES ({new}, {owner}, 'text', {owner})$$, '1'), ('owner', 'DELETE FROM flow_nodes', '4'),
  ('owner', $$UPDATE flow_nodes SET generation_id = {owner}$$, '4'),
  ('owner', $$INSERT INTO flow_edges (flow_id, source_node_id, target_node_id) VALUES ({owner}, {owner2}, {owner1})$$, '1'),
  ('owner', $$INSERT INTO flow_members (flow_id, user_id) VALUES ({owner}, {stranger})$$, '1'), ('owner', $$UPDATE flow_members SET role = 'viewer'$$, '3'),
  ('owner', $$INSERT INTO flow_invites (flow_id, email) VALUES ({owner}, 'X@tap.test')$$, '1'),
  ('viewer', $$INSERT INTO flow_comments (flow_id, user_id, content, parent_id) VALUES ({owner}, {viewer}, 'c', {owner})$$, '1'),
  ('viewer', $$UPDATE flow_comments SET read_by = ARRAY[{viewer}]::uuid[]$$, '1'),
  ('owner', $$INSERT INTO user_loras (user_id, name, trigger_word) VALUES ({owner}, 'L', ' new word ')$$, '1'), ('owner', $$UPDATE user_loras SET name = 'x'$$, '1'),
  ('owner', $$INSERT INTO lora_training_images (lora_id, image_url) VALUES ({owner}, 'https://tap.test')$$, '1'),
  ('owner', $$INSERT INTO assistant_conversations (user_id) VALUES ({owner})$$, '1'),
  ('owner', $$INSERT INTO assistant_messages (conversation_id, role, content) VALUES ({owner}, 'user', 'x')$$, '1'),
  ('owner', $$INSERT INTO ideas (title) VALUES ('t')$$, '1'), ('owner', $$INSERT INTO idea_votes (idea_id, user_id) VALUES ({gone}, {owner})$$, '1'), ('owner', 'DELETE FROM idea_votes', '1'),
  ('owner', $$INSERT INTO support_tickets (user_id, message) VALUES ({owner}, 'm')$$, '1'), ('owner', 'DELETE FROM notifications', '1'),
  ('owner', $$SELECT get_user_role('owner@tap.test'), is_super_admin('owner@tap.test'), is_admin_or_super('owner@tap.test')$$, '1'),
  ('root', $$SELECT assign_admin_role('owner@tap.test', ''), remove_admin_role('owner@tap.test', '')$$, '1'),
  ('owner', $$SELECT is_workspace_member({space}, {owner}), get_workspace_role({space}, {owner})$$, '1'), ('owner', 'SELECT FROM get_user_workspaces({owner})', '1'),
  ('owner', $$SELECT start_lora_training({owner})$$, '23514'), ('owner', $$SELECT translit_slug('Студия')$$, '1'), ('stranger', $$SELECT accept_flow_invite('token of owner')$$, '1'), ('stranger', $$SELECT FROM get_flow_invite('token of owner')$$, '0'),
  ('owner', $$SELECT update_flow_status({owner}, 'done')$$, '1'), ('owner', 'SELECT nodes(f), edges(f) FROM flows f', '2'),
  ('owner', 'SELECT get_unread_notifications_count({owner}), mark_all_notifications_read({owner})', '1'), ('owner', 'SELECT FROM get_user_notifications({owner})', '1'),
  ('owner', 'SELECT FROM get_assistant_history({owner})', '1'), ('owner', 'SELECT toggle_conversation_favorite({owner}, {owner})', '1'),
  ('boss', $$SELECT answer_support_ticket({owner}, 'so')$$, '1'),
  ('service_role', 'SELECT decrement_credits({owner}, 1), get_flow_workspace({owner})', '1'),
  ('owner', 'SELECT retry_generation({owner}), cancel_generation({owner})', '1'), ('owner', 'SELECT FROM explain_generation({owner})', '1'),
  ('owner', $$SELECT FROM replicate_webhook('{"id": "x"}')$$, '1'),
  ('owner', 'SELECT FROM get_generation_counts({owner})', '1'), ('owner', 'SELECT FROM get_workspace_generation_counts({space})', '1'),
  ('owner', $$SELECT poll_generations(), poll_generations(NULL, 'background', {space})$$, '1'),
  ('service_role', 'SELECT FROM get_workspaces_generation_counts(ARRAY[{space}]::uuid[])', '1'), ('service_role', 'SELECT FROM get_user_generation_stats(ARRAY[{owner}]::uuid[])', '1'),
  ('service_role', 'SELECT FROM get_user_generation_stats_filtered(ARRAY[{owner}]::uuid[], NULL, NULL, NULL)', '1'),
  ('service_role', 'SELECT FROM get_dashboard_totals(), get_dashboard_today_stats()', '1'),
  ('service_role', 'SELECT FROM get_dashboard_totals_v2(), get_dashboard_today_stats_v2()', '1'),
  ('service_role', 'SELECT mark_all_generations_viewed(), cleanup_old_generations(90), refresh_admin_stats()', '1'),
  ('service_role', 'SELECT public.get_next_replicate_token()', '1'), ('service_role', 'SELECT atelier.get_next_replicate_token()', '1'),
  ('service_role', $$INSERT INTO users (email) VALUES ('X@tap.test')$$, '1'), ('service_role', $$INSERT INTO replicate_tokens (id, token) VALUES (7, 'r8_x')$$, '1'),
  ('service_role', $$INSERT INTO notifications (id, user_id, type, title) VALUES (NULL, {owner}, 'update', 't')$$, '1'),
  ('service_role', $$INSERT INTO api_logs (method, path, status_code) VALUES ('GET', '/', 200)$$, '1'),
  ('service_role', 'DELETE FROM generations', '3'), ('service_role', 'DELETE FROM workspaces', '1');
-- The names of a command, one after the other.
CREATE FUNCTION pg_temp.with_ids(command text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT m[1] FROM regexp_matches(command, '\{([a-z]+\d?)\}', 'g') m LOOP
    command := replace(command, '{' || name || '}', quote_literal(pg_temp.id(name)));
  END LOOP;
  RETURN command;
END $$;
SELECT is(pg_temp.trapped(c.caller, pg_temp.with_ids(c.command)), c.rows, format('%s is not trapped: %s', c.caller, regexp_replace(c.command, '\s+', ' ', 'g')))
  FROM called c ORDER BY c.n;
-- Every function that users can call is among them.
\ir lib/functions.sql
SELECT is_empty($$
  SELECT f.name FROM functions f CROSS JOIN unnest('{authenticated,service_role}'::text[]) r (role)
   WHERE f.schema = 'public' AND has_function_privilege(r.role, f.id, 'EXECUTE')
     AND NOT EXISTS (SELECT FROM called c WHERE c.command ~ ('\m' || f.proname || '\('))$$, 'every function of the app was called');
SELECT isnt(pg_temp.trapped('service_role', 'SELECT * FROM atelier.health()'), 'TRAP0',
  'service_role is not trapped: health()');
-- What a superuser calls would be worst of all.
SELECT is(pg_temp.trapped('superuser', 'DROP TRIGGER generation_guard_trigger ON public.generations; SELECT atelier.install()'), '1', 'a superuser is not trapped: install()');
SELECT is(pg_temp.trapped('superuser', 'SELECT atelier.pause(); SELECT atelier.resume()'), '1', 'nor by resume()');

-- Temporary tables are found before all others unless a function says otherwise.
CREATE FUNCTION pg_temp.shadow() RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  CREATE TEMP TABLE users AS SELECT u.* FROM public.users u;
  UPDATE pg_temp.users SET is_active = true;
  CREATE TEMP TABLE replicate_tokens AS SELECT 1 AS id, 'r8_shadow' AS token, true AS is_active;
  CREATE TEMP TABLE pg_class AS SELECT 1 AS oid;
END $$;
SELECT is(pg_temp.answer('gone', 'SELECT pg_temp.shadow(); SELECT atelier.is_active_user()'), 'false',
  'a temporary table of users activates nobody');
SELECT * FROM finish();
ROLLBACK;
