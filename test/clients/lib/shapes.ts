// SPDX-License-Identifier: PostgreSQL
// What a row of each table and view looks like to a client, by hand from what the app expects: which columns may be null,
// which are numbers, lists or JSON. The compiler compares this with the generated types, and a test with rows.
// A new table needs its entry here, a new column its word.
import type { Database, Json } from '../../lib/supabase/types';

type Relations = Database['public']['Tables'] & Database['public']['Views'];
export type RelationName = keyof Relations;
export type Row<Name extends RelationName> = Relations[Name]['Row'];

type Word<Value> = Value extends string ? 'string' : Value extends number ? 'number' : Value extends boolean ? 'boolean'
  : Value extends string[] ? 'list' : never;
type Kind<Value> = Json extends Value | null ? 'json'
  : null extends Value ? `${Word<NonNullable<Value>>}?` : Word<Value>;

export type Shape<Name extends RelationName> = { [Column in keyof Row<Name>]-?: Kind<Row<Name>[Column]> };

export const shapes: { [Name in RelationName]: Shape<Name> } = {
  api_logs: {
    created_at: 'string', duration_ms: 'number?', error_category: 'string?', error_message: 'string?',
    error_stack: 'string?', external_status: 'string?', generation_id: 'string?', id: 'string', ip_address: 'string?',
    is_fallback: 'boolean', method: 'string', model_name: 'string?', path: 'string', provider: 'string?',
    query_params: 'json', request_body: 'json', response_summary: 'json', retry_count: 'number', status_code: 'number',
    user_id: 'string?',
  },
  assistant_conversations: {
    created_at: 'string', deleted_at: 'string?', id: 'string', is_favorite: 'boolean', preview_image_url: 'string?',
    preview_text: 'string?', title: 'string?', updated_at: 'string', user_id: 'string',
  },
  assistant_messages: {
    content: 'string', context: 'json', conversation_id: 'string', created_at: 'string', id: 'string', images: 'list?',
    role: 'string',
  },
  flow_comments: {
    content: 'string', created_at: 'string', flow_id: 'string', id: 'string', is_resolved: 'boolean', node_id: 'string?',
    parent_id: 'string?', position_x: 'number?', position_y: 'number?', read_by: 'list', updated_at: 'string',
    user_id: 'string',
  },
  flow_edges: {
    created_at: 'string', edge_type: 'string', flow_id: 'string', id: 'string', source: 'string?',
    source_handle: 'string?', source_node_id: 'string', target: 'string?', target_handle: 'string?',
    target_node_id: 'string',
  },
  flow_invites: {
    created_at: 'string', created_by: 'string?', email: 'string', expires_at: 'string', flow_id: 'string', id: 'string',
    invited_by: 'string', role: 'string', token: 'string', used_at: 'string?',
  },
  flow_members: {
    accepted_at: 'string?', created_at: 'string', flow_id: 'string', id: 'string', invited_at: 'string',
    invited_by: 'string?', role: 'string', user_id: 'string',
  },
  flow_nodes: {
    block_type: 'string', created_at: 'string', created_by: 'string?', created_by_email: 'string?', data: 'json',
    error_message: 'string?', flow_id: 'string', generation_id: 'string?', height: 'number?', id: 'string',
    model_id: 'string?', output_type: 'string?', output_url: 'string?', position_x: 'number', position_y: 'number',
    status: 'string', type: 'string?', updated_at: 'string', width: 'number?',
  },
  flows: {
    created_at: 'string', description: 'string?', id: 'string', is_template: 'boolean', name: 'string', status: 'string',
    updated_at: 'string', user_id: 'string', viewport_x: 'number', viewport_y: 'number', viewport_zoom: 'number',
    workspace_id: 'string?', edges: 'json', nodes: 'json',
  },
  generations: {
    action: 'string', changed_in: 'number?', completed_at: 'string?', cost_credits: 'number', cost_usd: 'number?',
    created_at: 'string', error_message: 'string?', id: 'string', input_image_url: 'string?', input_video_url: 'string?',
    is_favorite: 'boolean', is_keyframe_segment: 'boolean', model_id: 'string', model_name: 'string',
    output_text: 'string?', output_thumbs: 'list?', output_url: 'string?', output_urls: 'list?',
    processing_time_ms: 'number?', prompt: 'string?', replicate_input: 'json', replicate_model: 'string',
    replicate_output: 'json', replicate_prediction_id: 'string?', replicate_token_index: 'number?', settings: 'json',
    started_at: 'string?', status: 'string', user_id: 'string', viewed: 'boolean', viewed_at: 'string?',
    workspace_id: 'string?',
  },
  idea_votes: {
    created_at: 'string', id: 'string', idea_id: 'string', user_id: 'string',
  },
  ideas: {
    author_id: 'string?', created_at: 'string', description: 'string?', id: 'string', title: 'string',
    updated_at: 'string', user_id: 'string?', votes: 'number?', votes_count: 'number',
  },
  lora_training_images: {
    caption: 'string?', created_at: 'string', id: 'string', image_url: 'string', lora_id: 'string',
    storage_path: 'string?',
  },
  notifications: {
    created_at: 'string', id: 'string', is_read: 'boolean', link: 'string?', message: 'string?', metadata: 'json',
    read: 'boolean?', title: 'string', type: 'string', user_id: 'string',
  },
  replicate_tokens: {
    created_at: 'string', error_count: 'number', id: 'number', is_active: 'boolean', last_error: 'string?',
    last_error_at: 'string?', last_used_at: 'string?', request_count: 'number', token: 'string',
  },
  support_tickets: {
    answer: 'string?', answered_at: 'string?', answered_by: 'string?', created_at: 'string', id: 'string', images: 'list?',
    message: 'string', status: 'string', subject: 'string?', telegram_message_id: 'number?', updated_at: 'string',
    user_id: 'string',
  },
  user_loras: {
    created_at: 'string', deleted_at: 'string?', description: 'string?', error_message: 'string?', id: 'string',
    lora_url: 'string?', name: 'string', replicate_model_url: 'string?', replicate_training_id: 'string?',
    status: 'string', training_completed_at: 'string?', training_started_at: 'string?', trigger_word: 'string',
    type: 'string', updated_at: 'string', user_id: 'string',
  },
  users: {
    auth_provider: 'string', avatar_url: 'string?', cover_url: 'string?', created_at: 'string', credits: 'number',
    display_name: 'string?', email: 'string?', first_name: 'string?', id: 'string', is_active: 'boolean',
    last_login: 'string', last_name: 'string?', role: 'string', telegram_first_name: 'string?', telegram_id: 'number?',
    telegram_last_name: 'string?', telegram_photo_url: 'string?', telegram_username: 'string?',
  },
  workspace_members: {
    id: 'string', invited_by: 'string?', joined_at: 'string', role: 'string', user_id: 'string', workspace_id: 'string',
  },
  workspaces: {
    created_at: 'string', created_by: 'string?', description: 'string?', id: 'string', is_active: 'boolean',
    name: 'string', slug: 'string',
  },
  admin_stats: {
    active_today: 'number?', avg_processing_time_ms: 'number?', completed_generations: 'number?',
    failed_generations: 'number?', generations_today: 'number?', processing_generations: 'number?',
    total_credits_spent: 'number?', total_generations: 'number?', total_users: 'number?',
  },
  mv_admin_stats: {
    active_today: 'number?', avg_processing_time_ms: 'number?', completed_generations: 'number?',
    failed_generations: 'number?', generations_today: 'number?', processing_generations: 'number?',
    total_credits_spent: 'number?', total_generations: 'number?', total_users: 'number?',
  },
  workspace_users: {
    id: 'string?', invited_by: 'string?', joined_at: 'string?', role: 'string?', user_id: 'string?',
    workspace_id: 'string?',
  },
};

// What is wrong with a row that came as JSON; nothing when it fits.
export function misfits(shape: Record<string, string>, row: Record<string, unknown>): string[] {
  const wrong = Object.keys(row).filter((column) => !(column in shape)).map((column) => `${column} is not expected`);
  for (const [column, kind] of Object.entries(shape)) {
    const value = row[column];
    const have = value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
    const fits = kind === 'json' ? value !== undefined : have === kind.replace('?', '') || (have === 'null' && kind.endsWith('?'));
    if (!fits) wrong.push(`${column} is ${have}, not ${kind}`);
  }
  return wrong;
}
