-- SPDX-License-Identifier: PostgreSQL
-- Foreign keys. The gateway embeds one relation in another through the only key between them: a second one, or none, and the
-- call fails. And what a deletion takes along: rows of a person or a flow go with it, a name in the margin becomes null (H22).
BEGIN;
SELECT * FROM no_plan();

-- Every key: column, where it points, what happens when that goes.
CREATE TEMP TABLE stated (relation text, columns text, target text, on_delete text, why text);
INSERT INTO stated VALUES
  ('generations',             'user_id',         'users',                   'CASCADE',  'his rows go with him'),
  ('generations',             'workspace_id',    'workspaces',              'SET NULL', 'H22: a workspace can be deleted'),
  ('workspaces',              'created_by',      'users',                   'SET NULL', 'H22: its maker can be deleted'),
  ('workspace_members',       'workspace_id',    'workspaces',              'CASCADE',  'members go with it'),
  ('workspace_members',       'user_id',         'users',                   'CASCADE',  'memberships go with the member'),
  ('workspace_members',       'invited_by',      'users',                   'SET NULL', 'H22: who invited can be deleted'),
  ('flows',                   'user_id',         'users',                   'CASCADE',  'flows go with their owner'),
  ('flows',                   'workspace_id',    'workspaces',              'SET NULL', 'the flow stays its owner''s'),
  ('flow_nodes',              'flow_id',         'flows',                   'CASCADE',  'what is in a flow'),
  ('flow_nodes',              'generation_id',   'generations',             'SET NULL', 'a node outlives its generation'),
  ('flow_nodes',              'created_by',      'users',                   'SET NULL', 'a node outlives its author'),
  ('flow_edges',              'flow_id',         'flows',                   'CASCADE',  'what is in a flow'),
  ('flow_edges',              'source_node_id',  'flow_nodes',              'CASCADE',  'an edge has two ends'),
  ('flow_edges',              'target_node_id',  'flow_nodes',              'CASCADE',  'an edge has two ends'),
  ('flow_members',            'flow_id',         'flows',                   'CASCADE',  'what belongs to a flow'),
  ('flow_members',            'user_id',         'users',                   'CASCADE',  'memberships go with the member'),
  ('flow_members',            'invited_by',      'users',                   'SET NULL', 'who invited can be deleted'),
  ('flow_invites',            'flow_id',         'flows',                   'CASCADE',  'what belongs to a flow'),
  ('flow_invites',            'invited_by',      'users',                   'CASCADE',  'nobody''s invitation is worth nothing'),
  ('flow_comments',           'flow_id',         'flows',                   'CASCADE',  'what is in a flow'),
  ('flow_comments',           'parent_id',       'flow_comments',           'CASCADE',  'answers go with the question'),
  ('flow_comments',           'user_id',         'users',                   'CASCADE',  'words go with their author'),
  ('user_loras',              'user_id',         'users',                   'CASCADE',  'his rows go with him'),
  ('lora_training_images',    'lora_id',         'user_loras',              'CASCADE',  'pictures go with the LoRA'),
  ('notifications',           'user_id',         'users',                   'CASCADE',  'H36: profiles, not auth users'),
  ('ideas',                   'user_id',         'users',                   'SET NULL', 'an idea outlives its author'),
  ('idea_votes',              'idea_id',         'ideas',                   'CASCADE',  'votes go with the idea'),
  ('idea_votes',              'user_id',         'users',                   'CASCADE',  'votes go with the voter'),
  ('assistant_conversations', 'user_id',         'users',                   'CASCADE',  'his rows go with him'),
  ('assistant_messages',      'conversation_id', 'assistant_conversations', 'CASCADE',  'messages go with the chat'),
  ('support_tickets',         'user_id',         'users',                   'CASCADE',  'his rows go with him'),
  ('support_tickets',         'answered_by',     'users',                   'SET NULL', 'an answer outlives who gave it'),
  ('atelier.user_limits',     'user_id',         'users',                   'CASCADE',  'his limits go with him'),
  ('atelier.token_state',     'token_id',        'replicate_tokens',        'CASCADE',  'what is known of a token');

CREATE TEMP VIEW keys AS
SELECT c.oid, c.conrelid::regclass::text AS relation, c.confrelid::regclass::text AS target, c.convalidated, c.condeferrable,
       (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (number, n)
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) AS columns,
       CASE c.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END AS on_delete
  FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
 WHERE c.contype = 'f' AND n.nspname IN ('public', 'atelier');
SELECT bag_eq('SELECT relation, columns, target, on_delete FROM keys', 'SELECT relation, columns, target, on_delete FROM stated', 'these are all keys');
SELECT is((SELECT k.on_delete FROM keys k WHERE (k.relation, k.columns, k.target) = (s.relation, s.columns, s.target)), s.on_delete,
          format('%s.%s -> %s: %s (%s)', s.relation, s.columns, s.target, s.on_delete, s.why)) FROM stated s ORDER BY s.relation, s.columns;
SELECT is_empty('SELECT relation, columns FROM keys WHERE NOT convalidated OR condeferrable', 'each is checked, and at once');
SELECT is_empty($$SELECT relation FROM keys WHERE target NOT IN (SELECT stated.target FROM stated)$$, 'none points into schema auth');

-- The embeddings of the app: exactly one key between the two, through this column.
CREATE TEMP TABLE embedded (relation text, other text, through text);
INSERT INTO embedded VALUES
  ('user_loras',        'lora_training_images', 'lora_training_images.lora_id'),
  ('workspaces',        'workspace_members',    'workspace_members.workspace_id'),
  ('workspace_members', 'workspaces',           'workspace_members.workspace_id'),
  ('flow_invites',      'flows',                'flow_invites.flow_id'),
  ('generations',       'users',                'generations.user_id');
SELECT is((SELECT string_agg(k.relation || '.' || k.columns, ', ') FROM keys k
            WHERE (k.relation, k.target) IN ((e.relation, e.other), (e.other, e.relation))), e.through,
          format('%s embeds %s through one key', e.relation, e.other))
  FROM embedded e;
-- A gateway may also find its way through a third table whose primary key consists of keys to both; there must be none.
SELECT is_empty($$
  SELECT a.relation, a.target, b.target FROM keys a JOIN keys b ON b.relation = a.relation AND b.oid <> a.oid
    JOIN pg_constraint p ON p.conrelid = a.relation::regclass AND p.contype = 'p'
    JOIN pg_constraint ca ON ca.oid = a.oid JOIN pg_constraint cb ON cb.oid = b.oid
   WHERE ca.conkey <@ p.conkey AND cb.conkey <@ p.conkey$$, 'no table is a way between two others');
-- Columns that look like a key and are none, with the reason.
SELECT set_eq($$
  SELECT r.oid::regclass || '.' || a.attname
    FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace JOIN pg_attribute a ON a.attrelid = r.oid
   WHERE n.nspname = 'public' AND r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     AND a.atttypid = 'uuid'::regtype AND a.attname <> 'id'
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = r.oid AND c.contype = 'f' AND a.attnum = ANY (c.conkey))$$,
  ARRAY['api_logs.user_id', 'api_logs.generation_id'], 'only logs name people and generations that may be gone, so that none is lost (H26)');
SELECT * FROM finish();
ROLLBACK;
