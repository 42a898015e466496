-- SPDX-License-Identifier: PostgreSQL
-- Every function that somebody may call, called by everybody: what each gets, stated by hand. A stranger gets an error, not a
-- zero; rights are those of the claims' id (H2, H3). Another function is another line.
BEGIN;
SELECT * FROM no_plan();
\ir lib/people.sql
INSERT INTO flow_invites (flow_id, email, token, invited_by)
VALUES (pg_temp.id('owner'), 'stranger@tap.test', 'for the stranger', pg_temp.id('owner'));

-- anon nobody impostor | owner stranger | member admin chief | viewer editor | gone | boss root | service_role
INSERT INTO stated (command, outcomes, why) VALUES
  ('SELECT atelier.uid()',                         '1 1 1   1 1   1 1 1   1 1   1   1 1   1', 'everybody may ask who he is'),
  ('SELECT atelier.role()',                        '1 1 1   1 1   1 1 1   1 1   1   1 1   1', 'everybody may ask who he is'),
  ('SELECT auth.uid(), auth.role(), auth.jwt(), auth.email()', '1 1 1   1 1   1 1 1   1 1   1   1 1   1', 'everybody may ask who he is'),
  ('SELECT FROM atelier.uid() u WHERE u IS NOT NULL', '0 0 0   1 1   1 1 1   1 1   1   1 1   0', 'and some are somebody'),
  ('SELECT WHERE atelier.is_active_user()',        'no 0 0   1 1   1 1 1   1 1   0   1 1   0', 'a profile that is active'),
  ('SELECT WHERE atelier.is_admin()',              'no 0 0   0 0   0 0 0   0 0   0   1 1   0', 'global roles; a claimed role is none'),
  ('SELECT WHERE atelier.is_super_admin()',        'no 0 0   0 0   0 0 0   0 0   0   0 1   0', 'global roles'),
  ($$SELECT WHERE atelier.is_workspace_member(pg_temp.id('space'))$$, 'no 0 0   1 0   1 1 1   0 0   0   0 0   0', 'members that are active'),
  ($$SELECT WHERE atelier.manages_workspace(pg_temp.id('space'))$$,   'no 0 0   0 0   0 1 1   0 0   0   0 0   0', 'admins and owners'),
  ($$SELECT WHERE atelier.owns_workspace(pg_temp.id('space'))$$,      'no 0 0   0 0   0 0 1   0 0   0   0 0   0', 'owners'),
  ($$SELECT WHERE atelier.can_see_flow(pg_temp.id('owner'))$$,        'no 0 0   1 0   0 0 0   1 1   0   0 0   0', 'owner, accepted members'),
  ($$SELECT WHERE atelier.can_see_flow(pg_temp.id('shared'))$$,       'no 0 0   1 0   1 1 1   0 0   0   0 0   0', 'members of its workspace'),
  ($$SELECT WHERE atelier.can_edit_flow(pg_temp.id('owner'))$$,       'no 0 0   1 0   0 0 0   0 1   0   0 0   0', 'owner, editors'),
  ($$SELECT WHERE atelier.can_edit_flow(pg_temp.id('shared'))$$,      'no 0 0   1 0   1 1 1   0 0   0   0 0   0', 'members of its workspace'),
  ($$SELECT WHERE atelier.owns_flow(pg_temp.id('owner'))$$,           'no 0 0   1 0   0 0 0   0 0   0   0 0   0', 'its owner'),
  ($$SELECT WHERE atelier.owns_flow(pg_temp.id('gone'))$$,            'no 0 0   0 0   0 0 0   0 0   0   0 0   0', 'who is active'),
  ($$SELECT WHERE atelier.is_flow_member(pg_temp.id('owner'))$$,      'no 0 0   0 0   0 0 0   1 1   0   0 0   0', 'accepted members'),
  ($$SELECT WHERE atelier.owns_lora(pg_temp.id('owner'))$$,           'no 0 0   1 0   0 0 0   0 0   0   0 0   0', 'its user'),
  ($$SELECT WHERE atelier.owns_conversation(pg_temp.id('owner'))$$,   'no 0 0   1 0   0 0 0   0 0   0   0 0   0', 'its user'),
  -- Tokens, health.
  ('SELECT FROM get_next_replicate_token()',         'no no no   no no   no no no   no no   no   no no   1', 'H17: the app''s'),
  ('SELECT FROM atelier.get_next_replicate_token()', 'no no no   no no   no no no   no no   no   no no   1', 'behind it'),
  ('SELECT FROM atelier.health() LIMIT 1',           'no no no   no no   no no no   no no   no   no no   1', 'the app''s'),
  -- Roles and credits: about the owner, by everybody.
  ($$SELECT is_admin_or_super(user_email => 'owner@tap.test')$$, 'no no no   1 no   no no no   no no   no   1 1   1', 'H3: himself, admins'),
  ($$SELECT is_super_admin(user_email => 'owner@tap.test')$$,    'no no no   1 no   no no no   no no   no   1 1   1', 'H3: himself, admins'),
  ($$SELECT get_user_role(user_email => 'owner@tap.test')$$,     'no no no   1 no   no no no   no no   no   1 1   1', 'H3: himself, admins'),
  ($$SELECT get_user_role(user_email => 'root@tap.test')$$,      'no no no   no no   no no no   no no   no   1 1   1', 'H3: nobody lists the admins'),
  ($$SELECT atelier.role_of_email('root@tap.test')$$,            'no no no   no no   no no no   no no   no   1 1   1', 'behind them'),
  ($$SELECT assign_admin_role(target_email => 'owner@tap.test', requesting_email => 'root@tap.test')$$,
   'no no no   no no   no no no   no no   no   no 1   1', 'H2: super_admins, and the app in the name of one'),
  ($$SELECT remove_admin_role(target_email => 'boss@tap.test', requesting_email => 'root@tap.test')$$,
   'no no no   no no   no no no   no no   no   no 1   1', 'H2'),
  ($$SELECT assign_admin_role('owner@tap.test', 'boss@tap.test')$$,
   'no no no   no no   no no no   no no   no   no 1   no', 'H2: not in the name of an admin; a super_admin acts in his own'),
  ($$SELECT assign_admin_role('owner@tap.test', 'unknown@tap.test')$$,
   'no no no   no no   no no no   no no   no   no 1   no', 'H2: nor of nobody'),
  ($$SELECT atelier.set_admin_role('owner@tap.test', 'root@tap.test', true)$$,
   'no no no   no no   no no no   no no   no   no 1   1', 'behind them'),
  ($$SELECT decrement_credits(user_id_param => pg_temp.id('owner'), credits_param => 1)$$, 'no no no   no no   no no no   no no   no   no no   1', 'money'),
  ($$SELECT atelier.decrement_credits(pg_temp.id('owner'), 1)$$,      'no no no   no no   no no no   no no   no   no no   1', 'behind it'),
  -- Workspaces.
  ($$SELECT is_workspace_member(p_workspace_id => pg_temp.id('space'), p_user_id => pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'H3: about himself'),
  ($$SELECT atelier.has_workspace(pg_temp.id('space'), pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'behind it'),
  ($$SELECT get_workspace_role(p_workspace_id => pg_temp.id('space'), p_user_id => pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'H3: about himself'),
  ($$SELECT atelier.get_workspace_role(pg_temp.id('space'), pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'behind it'),
  ($$SELECT FROM get_user_workspaces(p_user_id => pg_temp.id('owner'))$$, 'no no no   1 no   no no no   no no   no   no no   1', 'H3: about himself'),
  ($$SELECT FROM atelier.get_user_workspaces(pg_temp.id('owner'))$$,      'no no no   1 no   no no no   no no   no   no no   1', 'behind it'),
  ($$SELECT FROM get_user_workspaces(pg_temp.id('gone'))$$,               'no no no   no no   no no no   no no   no   no no   1', 'a deactivated user reads nothing'),
  ($$SELECT translit_slug(input => 'Студия')$$,    '1 1 1   1 1   1 1 1   1 1   1   1 1   1', 'letters for letters'),
  ($$SELECT atelier.translit_slug('Студия')$$,     '1 1 1   1 1   1 1 1   1 1   1   1 1   1', 'behind it'),
  -- Flows. Accepting gives {error} as a value, as the app expects it.
  ($$SELECT WHERE accept_flow_invite(invite_token => 'for the stranger') ->> 'success' = 'true'$$,
   'no 0 0   0 1   0 0 0   0 0   0   0 0   0', 'H12: the invited person'),
  ($$SELECT WHERE atelier.accept_flow_invite('for the stranger') ->> 'success' = 'true'$$,
   'no 0 0   0 1   0 0 0   0 0   0   0 0   0', 'behind it'),
  ($$SELECT FROM get_flow_invite(invite_token => 'for the stranger')$$, 'no 0 0   0 1   0 0 0   0 0   0   0 0   0', 'H12: the invited person'),
  ($$SELECT FROM atelier.get_flow_invite('for the stranger')$$,         'no 0 0   0 1   0 0 0   0 0   0   0 0   0', 'behind it'),
  ($$SELECT update_flow_status(flow_uuid => pg_temp.id('owner'), new_status => 'done')$$,
   'no no no   1 no   no no no   no 1   no   no no   1', 'H3: who may change the flow'),
  ($$SELECT update_flow_status(pg_temp.id('shared'), 'done')$$,
   'no no no   1 no   1 1 1   no no   no   no no   1', 'H3: who may change the flow'),
  ($$SELECT atelier.update_flow_status(pg_temp.id('owner'), 'done')$$,
   'no no no   1 no   no no no   no 1   no   no no   1', 'behind it'),
  ($$SELECT get_flow_workspace(flow_uuid => pg_temp.id('shared'))$$, 'no no no   no no   no no no   no no   no   no no   1', 'H3: the app''s'),
  ($$SELECT FROM flows f WHERE f.id = pg_temp.id('owner') AND jsonb_array_length(nodes(f)) = 2$$,
   'no 0 0   1 0   0 0 0   1 1   0   0 0   1', 'as the flow'),
  ($$SELECT FROM flows f WHERE f.id = pg_temp.id('owner') AND jsonb_array_length(edges(f)) = 1$$,
   'no 0 0   1 0   0 0 0   1 1   0   0 0   1', 'as the flow'),
  -- Notifications, chats, support.
  ($$SELECT get_unread_notifications_count(p_user_id => pg_temp.id('owner'))$$, 'no no no   1 no   no no no   no no   no   no no   1', 'H3: about himself'),
  ($$SELECT get_unread_notifications_count(pg_temp.id('gone'))$$,               'no no no   no no   no no no   no no   no   no no   1', 'a deactivated user reads nothing'),
  ($$SELECT get_unread_notifications_count(NULL)$$,                             'no no no   no no   no no no   no no   no   no no   1', 'null is nobody'),
  ($$SELECT mark_all_notifications_read(p_user_id => pg_temp.id('owner'))$$,    'no no no   1 no   no no no   no no   no   no no   1', 'H3: his own'),
  ($$SELECT FROM get_user_notifications(p_user_id => pg_temp.id('owner'), p_limit => 50, p_offset => 0)$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'H3: about himself'),
  ($$SELECT FROM get_assistant_history(p_user_id => pg_temp.id('owner'), p_favorites_only => false, p_limit => 50, p_offset => 0)$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'about himself'),
  ($$SELECT toggle_conversation_favorite(p_conversation_id => pg_temp.id('owner'), p_user_id => pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'his own'),
  ($$SELECT atelier.toggle_conversation_favorite(pg_temp.id('owner'), pg_temp.id('owner'))$$,
   'no no no   1 no   no no no   no no   no   no no   1', 'behind it'),
  ($$SELECT atelier.require_self(pg_temp.id('owner'))$$, 'no no no   1 no   no no no   no no   no   no no   1', 'behind them'),
  ($$SELECT answer_support_ticket(p_ticket_id => pg_temp.id('owner'), p_answer => 'so')$$,
   'no no no   no no   no no no   no no   no   1 1   1', 'H33: admins, super_admins, the app'),
  ($$SELECT atelier.answer_support_ticket(pg_temp.id('owner'), 'so')$$,
   'no no no   no no   no no no   no no   no   1 1   1', 'behind it');

SELECT is((SELECT count(*)::integer FROM regexp_split_to_table(s.outcomes, ' +')), cardinality(pg_temp.callers()),
          format('line %s has a word for each caller', s.n)) FROM stated s ORDER BY s.n;
\ir lib/functions.sql
SELECT is_empty($$
  SELECT f.name FROM functions f CROSS JOIN unnest('{anon,authenticated,service_role}'::text[]) r (role)
   WHERE has_function_privilege(r.role, f.id, 'EXECUTE')
     AND NOT EXISTS (SELECT FROM stated s WHERE s.command ~ CASE f.schema WHEN 'public' THEN '[^.a-z_]' || f.proname || '\(' ELSE f.schema || '\.' || f.proname || '\(' END)$$,
  'every function that somebody may call is stated');
SELECT is(replace(pg_temp.outcome(c.caller, s.command), '42501', 'no'), c.want, format('%s: %s (%s)', c.caller, s.command, s.why))
  FROM stated s CROSS JOIN LATERAL ROWS FROM (unnest(pg_temp.callers()), regexp_split_to_table(s.outcomes, ' +')) c (caller, want)
 ORDER BY s.n;
SELECT * FROM finish();
ROLLBACK;
