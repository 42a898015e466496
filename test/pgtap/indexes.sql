-- SPDX-License-Identifier: PostgreSQL
-- Every index, and the query or rule that it is for. An index that serves nothing costs every write; one that is missing costs
-- every read: a new one is a new line. plans.sql and flows_plans.sql show that the planner uses them, lints.sql that none is
-- there twice and every foreign key has one.
BEGIN;
SELECT * FROM no_plan();

CREATE TEMP TABLE stated (name text, definition text, why text);
INSERT INTO stated VALUES
  -- Generations: each costs a write at every change of status, but the partial ones hold only their tab's rows.
  ('generations_user_list_idx', '(user_id, created_at DESC) WHERE ((is_keyframe_segment IS NOT TRUE) OR (is_keyframe_segment IS FALSE))',
   'the list, for either way to ask for it'),
  ('generations_user_workspace_list_idx', '(user_id, workspace_id, created_at DESC) WHERE (workspace_id IS NOT NULL)', 'one''s own in a workspace'),
  ('generations_workspace_list_idx', '(workspace_id, created_at DESC) WHERE (workspace_id IS NOT NULL)', 'the list of a workspace; its deletion'),
  ('generations_user_status_idx', '(user_id, status)', 'counts by status; films with their parts'),
  ('generations_user_favorites_idx', '(user_id, created_at DESC) WHERE (is_favorite OR (is_favorite IS TRUE))', 'the tab'),
  ('generations_user_failed_idx', '(user_id, created_at DESC) WHERE (status = ''failed''::text)', 'the tab'),
  ('generations_failed_list_idx', '(status, created_at) WHERE (status = ANY (ARRAY[''failed''::text, ''cancelled''::text]))', 'what failed last'),
  ('generations_cleanup_idx', '(created_at) WHERE ((status || ''''::text) = ANY (ARRAY[''failed''::text, ''cancelled''::text]))', 'cleanup, the oldest first'),
  ('generations_created_at_idx', '(created_at)', 'ranges of time on dashboards; the oldest'),
  ('generations_under_way_idx', '(user_id, created_at DESC) WHERE (status = ANY (ARRAY[''pending''::text, ''queued''::text, ''processing''::text]))',
   'the tab of what is under way, in its order'),
  ('atelier.cleaned_files_cleaned_at_idx', 'brin (cleaned_at)', 'forgetting old ones'),
  ('atelier.deleted_generations_user_idx', '(user_id, changed_in) WHERE (user_id IS NOT NULL)', 'polling'),
  ('atelier.deleted_generations_workspace_idx', '(workspace_id, changed_in) WHERE (workspace_id IS NOT NULL)', 'polling'),
  ('mv_admin_stats_idx', '(total_users)', 'a refresh that blocks no readers'),
  ('generations_replicate_prediction_id_key', '(replicate_prediction_id)', 'webhooks; one row per prediction'),
  -- People and tokens.
  ('users_email_key', '(email)', 'by address, as the app asks'),
  ('users_email_lower_idx', '(lower(email))', 'H5: one person per address, however it is written'),
  ('users_telegram_id_key', '(telegram_id)', 'sign-in by Telegram'),
  ('users_telegram_username_key', '(telegram_username)', 'one person per name'),
  ('users_role_idx', '(role) WHERE (role <> ''user''::text)', 'the admins'),
  ('replicate_tokens_token_key', '(token)', 'a token once; none on what changes at every call'),
  ('notifications_user_list_idx', '(user_id, created_at DESC)', 'the list'),
  ('notifications_user_unread_idx', '(user_id) WHERE (NOT is_read)', 'the number of unread ones'),
  ('api_logs_created_at_idx', 'brin (created_at)', 'the newest, and what is too old'),
  -- Workspaces.
  ('workspaces_slug_key', '(slug)', 'by name in the URL'),
  ('workspaces_created_by_idx', '(created_by)', 'foreign key'),
  ('workspace_members_workspace_id_user_id_key', '(workspace_id, user_id)', 'the members; one membership each'),
  ('workspace_members_user_idx', '(user_id, workspace_id)', 'the memberships, for every policy'),
  ('workspace_members_invited_by_idx', '(invited_by) WHERE (invited_by IS NOT NULL)', 'foreign key'),
  -- Flows.
  ('flows_user_list_idx', '(user_id, updated_at DESC)', 'the list'),
  ('flows_workspace_list_idx', '(workspace_id, updated_at DESC)', 'the board of a workspace'),
  ('flow_nodes_flow_id_idx', '(flow_id)', 'what is in a flow'),
  ('flow_nodes_generation_id_idx', '(generation_id) WHERE (generation_id IS NOT NULL)', 'the nodes of a result'),
  ('flow_nodes_created_by_idx', '(created_by) WHERE (created_by IS NOT NULL)', 'foreign key'),
  ('flow_edges_flow_id_idx', '(flow_id)', 'what is in a flow'),
  ('flow_edges_ends_key', '(source_node_id, source_handle, target_node_id, target_handle) NULLS NOT DISTINCT', 'one edge between the same two ends'),
  ('flow_edges_target_node_id_idx', '(target_node_id)', 'foreign key'),
  ('flow_members_flow_id_user_id_key', '(flow_id, user_id)', 'the members; one membership each'),
  ('flow_members_user_idx', '(user_id, flow_id)', 'the memberships, for every policy'),
  ('flow_members_invited_by_idx', '(invited_by) WHERE (invited_by IS NOT NULL)', 'foreign key'),
  ('flow_invites_token_key', '(token)', 'by the link'),
  ('flow_invites_flow_id_idx', '(flow_id, email)', 'the invitations; whether somebody is invited'),
  ('flow_invites_invited_by_idx', '(invited_by)', 'foreign key'),
  ('flow_comments_flow_list_idx', '(flow_id, created_at)', 'the talk'),
  ('flow_comments_parent_id_idx', '(parent_id) WHERE (parent_id IS NOT NULL)', 'the answers'),
  ('flow_comments_user_id_idx', '(user_id)', 'foreign key'),
  -- LoRAs, chats, ideas, support.
  ('user_loras_user_list_idx', '(user_id, created_at DESC)', 'the list; foreign key'),
  ('user_loras_trigger_word_key', '(user_id, trigger_word) WHERE (deleted_at IS NULL)', 'H23: a word once'),
  ('user_loras_replicate_training_id_key', '(replicate_training_id) WHERE (replicate_training_id IS NOT NULL)', 'H16: webhooks'),
  ('lora_training_images_lora_id_idx', '(lora_id)', 'the pictures'),
  ('assistant_conversations_user_list_idx', '(user_id, updated_at DESC)', 'the list; foreign key'),
  ('assistant_messages_conversation_list_idx', '(conversation_id, created_at)', 'the chat'),
  ('ideas_list_idx', '(votes_count DESC, created_at DESC)', 'the list'),
  ('ideas_user_id_idx', '(user_id) WHERE (user_id IS NOT NULL)', 'foreign key'),
  ('idea_votes_idea_id_user_id_key', '(idea_id, user_id)', 'one vote each'),
  ('idea_votes_user_id_idx', '(user_id)', 'one''s own votes'),
  ('support_tickets_user_list_idx', '(user_id, created_at DESC)', 'one''s own tickets'),
  ('support_tickets_open_idx', '(created_at) WHERE (status = ANY (ARRAY[''open''::text, ''in_progress''::text]))', 'what waits for an answer'),
  ('support_tickets_answered_by_idx', '(answered_by) WHERE (answered_by IS NOT NULL)', 'foreign key'),
  -- The workers.
  ('atelier.queue_due_idx', '(user_id, priority DESC, seq) WHERE (not_before = ''-infinity''::timestamp with time zone)', 'who is next'),
  ('atelier.queue_later_idx', '(not_before) WHERE (not_before > ''-infinity''::timestamp with time zone)', 'which rows become due'),
  ('atelier.queue_parked_idx', '(workspace_id, user_id, priority DESC, seq) WHERE (not_before = ''infinity''::timestamp with time zone)', 'who is next when a workspace has room again'),
  ('atelier.attempts_generation_id_idx', '(generation_id)', 'the attempts of a generation'),
  ('atelier.attempts_open_idx', '(user_id) WHERE (state = ANY (ARRAY[''sending''::text, ''running''::text, ''unknown''::text]))', 'what is open, by user'),
  ('atelier.attempts_sent_at_idx', 'brin (sent_at)', 'budgets of a day'),
  ('atelier.attempts_cancel_idx', '(id) WHERE (cancel_requested AND (state = ANY (ARRAY[''sending''::text, ''running''::text, ''unknown''::text])))', 'whose cancel was asked for'),
  ('atelier.trainings_open_key', '(lora_id) WHERE (state = ANY (ARRAY[''queued''::text, ''sending''::text, ''unknown''::text, ''running''::text]))', 'one training of a LoRA at once; what is open'),
  ('atelier.trainings_user_idx', '(user_id) WHERE (state = ANY (ARRAY[''queued''::text, ''sending''::text, ''unknown''::text, ''running''::text]))', 'how many a user has under way'),
  ('atelier.trainings_training_id_key', '(training_id) WHERE (training_id IS NOT NULL)', 'one row per training of the provider'),
  ('atelier.credit_entries_hold_idx', '(generation_id) WHERE (kind = ''hold''::text)', 'the hold of a generation; empty without atelier.enforce_credits'),
  ('atelier.outputs_expires_at_idx', 'brin (expires_at)', 'what dies soon, and what is dead'),
  ('atelier.film_parts_film_id_idx', '(film_id)', 'the parts of a film'),
  ('atelier.webhook_events_received_at_idx', '(received_at)', 'what is forgotten'),
  ('atelier.webhook_events_waiting_idx', '(received_at) WHERE (NOT noticed)', 'what the dispatcher has to look at'),
  ('atelier.flow_node_memory_deleted_at_idx', '(deleted_at)', 'what is forgotten');

CREATE TEMP VIEW indexes AS
SELECT i.indexrelid::regclass::text AS name,
       regexp_replace(regexp_replace(replace(pg_get_indexdef(i.indexrelid), 'USING btree ', 'USING '), '^.* USING ', ''), ' WITH \(.*\)$', '') AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND NOT i.indisprimary;
SELECT set_eq('SELECT name FROM indexes', 'SELECT name FROM stated', 'these are all indexes besides the primary keys');
SELECT is((SELECT i.definition FROM indexes i WHERE i.name = s.name), s.definition, format('%s: %s', s.name, s.why)) FROM stated s ORDER BY s.name;
-- What changes at every call or step has none, so that the update stays on its page.
SELECT is_empty($$
  SELECT i.indexrelid::regclass, a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) k (number) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
   WHERE (i.indrelid::regclass::text, a.attname) IN
         (('replicate_tokens', 'last_used_at'), ('replicate_tokens', 'request_count'), ('atelier.attempts', 'lease_until'), ('atelier.spending', 'usd'))$$,
  'what changes all the time is in no index');
SELECT * FROM finish();
ROLLBACK;
