// SPDX-License-Identifier: PostgreSQL
// Every function of the app schema, called by name with the generated types; the compiler asks for an entry for each. What each
// promises in detail is tested in SQL: here it is the names of arguments and results, and that a client may call it at all.
import type { Database, Tables } from '../lib/supabase/types';
import { is, ok, run, test } from './lib/tap';
import {
  anonKey, clientWith, closeWorld, databaseSchema, done, flow, gateway, generation, given, openWorld, person, refused, service,
  serviceKey, superuser, visitor, workspace, type Client, type Person,
} from './lib/world';

type FunctionName = keyof Database['public']['Functions'];

let ann: Person;
let bob: Person;
let root: Person;
let film: Tables<'flows'>;
let team: Tables<'workspaces'>;
let talk: string;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob, root] = [await person('ann'), await person('bob'), await person('root', 'super_admin')];
  film = await flow(ann);
  team = await workspace(ann, [[bob, 'member']]);
  await generation(ann, { status: 'completed', cost_usd: 0.25 });
  await generation(ann, { workspace_id: team.id, is_favorite: true });
  done(await service.from('notifications').insert({ user_id: ann.id, type: 'update', title: 'News', link: '/news', metadata: { n: 1 } }));
  talk = given(await service.from('assistant_conversations').insert({ user_id: ann.id, title: 'Chat' }).select('id').single()).id;
  done(await service.from('replicate_tokens').insert({ token: `r8_functions_${process.pid}` }));
}

async function rows<Data extends object>(call: PromiseLike<{ data: Data[] | null; error: any }>, columns: string): Promise<Data[]> {
  const list = given(await call);
  ok(list.length > 0, 'there is a row');
  for (const row of list) is(Object.keys(row).join(' '), columns, 'columns');
  return list;
}

const counts = 'all_count processing_count favorites_count failed_count';
const stats = 'user_id generations_count total_cost_usd';
const totals = 'total_generations total_cost_usd total_failed';
const today = 'generations_today cost_today_usd failed_today';

async function invite(guest: Person): Promise<string> {
  const row = { flow_id: film.id, email: guest.email, role: 'editor', invited_by: ann.id };
  return given(await ann.client.from('flow_invites').insert(row).select('token').single()).token;
}

const calls: { [Name in FunctionName]: () => Promise<void> } = {
  get_next_replicate_token: async () => {
    const [row] = await rows(service.rpc('get_next_replicate_token'), 'id token');
    ok(row!.token.startsWith('r8_'), 'a token');
    const single = given(await service.rpc('get_next_replicate_token').single());
    ok(single.id > 0, 'read as a single row');
  },
  get_generation_counts: async () => {
    await rows(ann.client.rpc('get_generation_counts', { p_user_id: ann.id }), counts);
    const row = given(await service.rpc('get_generation_counts', { p_user_id: ann.id }).single());
    is([row.all_count, row.processing_count, row.favorites_count, row.failed_count], [2, 1, 1, 0], 'counts');
  },
  get_workspace_generation_counts: async () => {
    await rows(bob.client.rpc('get_workspace_generation_counts', { p_workspace_id: team.id }), counts);
    // The app passes null for everybody, which the types do not know of.
    const all = { p_workspace_id: team.id, p_user_id: null as unknown as undefined };
    is(given(await service.rpc('get_workspace_generation_counts', all).single()).all_count, 1, 'count of all');
  },
  get_workspaces_generation_counts: async () => {
    const [row] = await rows(
      service.rpc('get_workspaces_generation_counts', { p_workspace_ids: [team.id, film.id] }), 'workspace_id generations_count');
    is(row, { workspace_id: team.id, generations_count: 1 }, 'row');
  },
  get_user_generation_stats: async () => {
    const [row] = await rows(service.rpc('get_user_generation_stats', { p_user_ids: [ann.id, bob.id] }), stats);
    is(row, { user_id: ann.id, generations_count: 2, total_cost_usd: 0.25 }, 'row');
  },
  get_user_generation_stats_filtered: async () => {
    const none = null as unknown as undefined;
    const [row] = await rows(service.rpc('get_user_generation_stats_filtered', {
      p_user_ids: [ann.id], p_workspace_id: none, p_start_date: none, p_end_date: none,
    }), stats);
    is(row!.generations_count, 2, 'count');
  },
  get_dashboard_totals: async () => void (await rows(service.rpc('get_dashboard_totals', { p_user_id: ann.id }), totals)),
  get_dashboard_totals_v2: async () => {
    const [row] = await rows(service.rpc('get_dashboard_totals_v2', { p_user_id: ann.id, p_start_date: '2020-01-01' }), totals);
    is(row, { total_generations: 2, total_cost_usd: 0.25, total_failed: 0 }, 'row');
  },
  get_dashboard_today_stats: async () => void (await rows(service.rpc('get_dashboard_today_stats', {}), today)),
  get_dashboard_today_stats_v2: async () =>
    void (await rows(service.rpc('get_dashboard_today_stats_v2', { p_workspace_id: team.id, p_end_date: '2020-01-01' }), today)),
  decrement_credits: async () => {
    done(await service.rpc('decrement_credits', { user_id_param: bob.id, credits_param: 1 }));
    is(given(await bob.client.from('users').select('credits').single()).credits, 99, 'credits');
  },
  mark_all_generations_viewed: async () => ok(typeof given(await service.rpc('mark_all_generations_viewed')) === 'number', 'a number'),
  refresh_admin_stats: async () => done(await service.rpc('refresh_admin_stats')),
  cleanup_old_generations: async () => {
    is(typeof given(await service.rpc('cleanup_old_generations', { days_to_keep: 3650 })), 'number', 'type');
    refused(await service.rpc('cleanup_old_generations', { days_to_keep: -1 }), '22023');
  },
  poll_generations: async () => {
    const page = given(await ann.client.rpc('poll_generations', { p_context: 'background' })) as Record<string, unknown>;
    is(page['next_poll_ms'], 120000, 'next poll');
    const next = given(await ann.client.rpc('poll_generations', { p_cursor: page['cursor'] as string })) as Record<string, unknown>;
    is(next['changed'], [], 'changed');
  },
  accept_flow_invite: async () => {
    const answer = given(await bob.client.rpc('accept_flow_invite', { invite_token: await invite(bob) })) as Record<string, unknown>;
    is([answer['success'], answer['flow_id'], typeof answer['member_id']], [true, film.id, 'string'], 'answer');
    is(given(await bob.client.rpc('accept_flow_invite', { invite_token: 'no such' })), { error: 'Invalid or expired invite' }, 'error');
  },
  get_flow_invite: async () => {
    const [row] = await rows(
      root.client.rpc('get_flow_invite', { invite_token: await invite(root) }), 'flow_id flow_name role expires_at invited_by_name');
    is([row!.flow_id, row!.role], [film.id, 'editor'], 'row');
  },
  update_flow_status: async () => done(await ann.client.rpc('update_flow_status', { flow_uuid: film.id, new_status: 'review' })),
  get_flow_workspace: async () => is((await service.rpc('get_flow_workspace', { flow_uuid: film.id })).data as unknown, null, 'workspace'),
  nodes: async () => is(given(await ann.client.rpc('nodes', { flow: { ...film, nodes: null, edges: null } })), [], 'nodes'),
  edges: async () => is(given(await ann.client.rpc('edges', { flow: { ...film, nodes: null, edges: null } })), [], 'edges'),
  is_workspace_member: async () =>
    is(given(await bob.client.rpc('is_workspace_member', { p_workspace_id: team.id, p_user_id: bob.id })), true, 'answer'),
  get_workspace_role: async () =>
    is(given(await bob.client.rpc('get_workspace_role', { p_workspace_id: team.id, p_user_id: bob.id })), 'member', 'role'),
  get_user_workspaces: async () => {
    const [row] = await rows(bob.client.rpc('get_user_workspaces', { p_user_id: bob.id }),
      'workspace_id workspace_name workspace_slug member_role member_count');
    is([row!.workspace_id, row!.member_role, row!.member_count], [team.id, 'member', 2], 'row');
  },
  translit_slug: async () => is(given(await visitor.rpc('translit_slug', { input: 'Кинофильм 7' })), 'kinofilm-7', 'slug'),
  is_admin_or_super: async () => is(given(await root.client.rpc('is_admin_or_super', { user_email: root.email })), true, 'answer'),
  is_super_admin: async () => is(given(await ann.client.rpc('is_super_admin', { user_email: ann.email })), false, 'answer'),
  get_user_role: async () => is(given(await ann.client.rpc('get_user_role', { user_email: ann.email.toUpperCase() })), 'user', 'role'),
  assign_admin_role: async () => {
    const both = { target_email: bob.email, requesting_email: root.email };
    is(given(await root.client.rpc('assign_admin_role', both)), true, 'found');
    refused(await ann.client.rpc('assign_admin_role', { ...both, target_email: ann.email }), '42501');
  },
  remove_admin_role: async () => {
    is(given(await root.client.rpc('remove_admin_role', { target_email: bob.email, requesting_email: root.email })), true, 'found');
    is(given(await service.from('users').select('role').eq('id', bob.id).single()).role, 'user', 'role');
  },
  get_unread_notifications_count: async () =>
    is(given(await ann.client.rpc('get_unread_notifications_count', { p_user_id: ann.id })), 1, 'unread'),
  get_user_notifications: async () => {
    const [row] = await rows(ann.client.rpc('get_user_notifications', { p_user_id: ann.id, p_limit: 5 }),
      'id type title message link is_read created_at metadata');
    is([row!.type, row!.metadata], ['update', { n: 1 }], 'row');
  },
  mark_all_notifications_read: async () => {
    done(await ann.client.rpc('mark_all_notifications_read', { p_user_id: ann.id }));
    is(given(await ann.client.rpc('get_unread_notifications_count', { p_user_id: ann.id })), 0, 'unread');
  },
  get_assistant_history: async () =>
    void (await rows(ann.client.rpc('get_assistant_history', { p_user_id: ann.id, p_limit: 10 }),
      'id title preview_text preview_image_url is_favorite created_at updated_at message_count')),
  toggle_conversation_favorite: async () =>
    is(given(await ann.client.rpc('toggle_conversation_favorite', { p_conversation_id: talk, p_user_id: ann.id })), true, 'new value'),
  cancel_generation: async () => {
    const row = await generation(ann, { status: 'queued' });
    is(given(await ann.client.rpc('cancel_generation', { p_generation_id: row.id })), 'cancelled', 'status');
    done(await service.from('generations').delete().eq('id', row.id));
  },
  retry_generation: async () => {
    const row = await generation(ann, { status: 'failed' });
    is(given(await ann.client.rpc('retry_generation', { p_generation_id: row.id })), 'queued', 'status');
    done(await service.from('generations').delete().eq('id', row.id));
  },
  explain_generation: async () => {
    const row = await generation(ann, { status: 'queued' });
    const [why] = await rows(ann.client.rpc('explain_generation', { p_generation_id: row.id }),
      'state reason position ahead_of_you earliest_start blocked_by percent');
    is(typeof why!.reason, 'string', 'reason');
    refused(await bob.client.rpc('explain_generation', { p_generation_id: row.id }), '42501');
    done(await service.from('generations').delete().eq('id', row.id));
  },
  start_lora_training: async () => {
    const { id } = given(await ann.client.from('user_loras').insert({ user_id: ann.id, name: 'Trained', trigger_word: `T${process.pid}` }).select('id').single());
    refused(await ann.client.rpc('start_lora_training', { p_lora_id: id }), '23514');
    const pictures = Array.from({ length: 10 }, (_, n) => ({ lora_id: id, image_url: `https://files.example/${n}.png` }));
    done(await ann.client.from('lora_training_images').insert(pictures));
    is(given(await ann.client.rpc('start_lora_training', { p_lora_id: id })), 'uploading', 'status');
    done(await service.from('user_loras').delete().eq('id', id));
  },
  replicate_webhook: async () => {
    const post = (body: string) => fetch(`${gateway.url}/rest/v1/rpc/replicate_webhook?attempt=eq.7`, { method: 'POST', body, headers: { apikey: anonKey } });
    is((await post('{"id": "unknown", "status": "succeeded"}')).status, 204, 'one of a prediction that is not known');
    is((await post('[1]')).status, 400, 'what is no prediction');
  },
  answer_support_ticket: async () => {
    const { id } = given(await ann.client.from('support_tickets').insert({ user_id: ann.id, message: 'Help' }).select('id').single());
    done(await root.client.rpc('answer_support_ticket', { p_ticket_id: id, p_answer: 'Here you are' }));
    is(given(await ann.client.from('support_tickets').select('status, answer').eq('id', id).single()),
      { status: 'answered', answer: 'Here you are' }, 'ticket');
  },
};

for (const [name, call] of Object.entries(calls)) test(name, call);

test('functions that must not exist do not', async () => {
  const open = service as unknown as { rpc: (name: string, given: object) => PromiseLike<{ data: unknown; error: any }> };
  refused(await open.rpc('exec_sql', { sql_string: 'SELECT 1' }), 'PGRST202');
  refused(await open.rpc('exec', { sql: 'SELECT 1' }), 'PGRST202');
});

test('reading functions can be called by GET', async () => {
  const get: Client = clientWith(serviceKey);
  is(given(await get.rpc('get_generation_counts', { p_user_id: ann.id }, { get: true }).single()).all_count, 2, 'count');
  given(await get.rpc('get_workspaces_generation_counts', { p_workspace_ids: [team.id] }, { get: true }));
  ok(gateway.requests.includes('GET /rest/v1/rpc/get_generation_counts'), 'by GET');
});

test('no function of the schema is without an entry here', async () => {
  const sql = `SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = $1::regnamespace ORDER BY 1`;
  const names = (await superuser.query<{ proname: string }>(sql, [databaseSchema])).rows.map((row) => row.proname);
  is(names, Object.keys(calls).sort(), 'functions');
});

void run(before, closeWorld);
