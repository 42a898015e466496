// SPDX-License-Identifier: PostgreSQL
// What people must not get by a client, whatever it sends: a 42501 where the right is missing, no rows where row level security
// hides them, and afterwards nothing has changed.
import { is, ok, run, test } from './lib/tap';
import {
  closeWorld, done, draft, flow, generation, given, openWorld, person, refused, service, superuser, uuid, visitor,
  workspace,
  type Client, type Person,
} from './lib/world';

let ann: Person;
let bob: Person;
let eve: Person;
let off: Person;
let admin: Person;
let root: Person;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob, eve] = [await person('ann'), await person('bob'), await person('eve')];
  [admin, root] = [await person('admin', 'admin'), await person('root', 'super_admin')];
  off = await person('off', 'user', { is_active: false });
}

// Changes or deletions that row level security hides: no error, and no rows either.
function nothing(answer: { data: unknown; error: { code: string; message: string } | null }): void {
  is(given(answer), [], 'rows');
}

const user = (who: Person) => service.from('users').select('role, credits, email, is_active').eq('id', who.id).single();

for (const [column, value] of Object.entries({ role: 'super_admin', credits: 1000000, email: 'x@x.test', is_active: false, last_login: '2020-01-01' })) {
  test(`a user does not set his ${column}`, async () => {
    const was = given(await user(eve));
    refused(await eve.client.from('users').update({ [column]: value } as never).eq('id', eve.id), '42501');
    is(given(await user(eve)), was, 'profile');
  });
}

test('a user does not change or see the profile of another', async () => {
  nothing(await eve.client.from('users').update({ display_name: 'x' }).eq('id', ann.id).select('id'));
  nothing(await eve.client.from('users').select('id').eq('id', ann.id));
  refused(await eve.client.from('users').insert({ email: 'new@x.test' }), '42501');
  refused(await eve.client.from('users').delete().eq('id', ann.id), '42501');
});

test('an e-mail in a token gives no rights', async () => {
  const { clientWith, anonKey, gateway } = await import('./lib/world');
  const forged = clientWith(anonKey, gateway.token({ sub: eve.id, role: 'authenticated', email: root.email }));
  is(given(await forged.from('users').select('id')).length, 1, 'profiles seen');
  refused(await forged.rpc('assign_admin_role', { target_email: eve.email, requesting_email: root.email }), '42501');
});

test('a sign-up with the address of another profile takes nothing of it over', async () => {
  const seeded = given(await service.from('users').insert({ email: `seeded-${uuid()}@clients.test`, role: 'super_admin' }).select('id, email').single());
  const id = uuid();
  const { rows } = await superuser.query(`SELECT to_regclass('auth.users') IS NOT NULL AS hosted`);
  if (rows[0].hosted) await superuser.query('INSERT INTO auth.users (id, email) VALUES ($1, $2)', [id, seeded.email!.toUpperCase()]);
  else done(await service.from('users').insert({ id }));
  const fresh = given(await service.from('users').select('role, email').eq('id', id).single());
  is(fresh, { role: 'user', email: null }, 'profile of the newcomer');
  is(given(await service.from('users').select('role').eq('id', seeded.id).single()).role, 'super_admin', 'the other');
});

test('an admin makes no admins, and nobody touches a super admin', async () => {
  refused(await admin.client.rpc('assign_admin_role', { target_email: eve.email, requesting_email: root.email }), '42501');
  refused(await admin.client.rpc('remove_admin_role', { target_email: root.email, requesting_email: admin.email }), '42501');
  await root.client.rpc('remove_admin_role', { target_email: root.email, requesting_email: root.email });
  is(given(await user(root)).role, 'super_admin', 'role');
  is(given(await user(eve)).role, 'user', 'role');
});

test('a visitor runs none of the functions that know something', async () => {
  refused(await visitor.rpc('get_user_notifications', { p_user_id: ann.id }), '42501');
  refused(await visitor.rpc('get_generation_counts', { p_user_id: ann.id }), '42501');
  refused(await visitor.rpc('get_user_role', { user_email: root.email }), '42501');
  refused(await visitor.rpc('update_flow_status', { flow_uuid: uuid(), new_status: 'done' }), '42501');
  refused(await visitor.rpc('assign_admin_role', { target_email: ann.email, requesting_email: root.email }), '42501');
  refused(await visitor.rpc('mark_all_generations_viewed'), '42501');
  refused(await visitor.rpc('get_next_replicate_token'), '42501');
});

test('a user learns nothing of another by a function', async () => {
  const open = eve.client;
  refused(await open.rpc('get_user_notifications', { p_user_id: ann.id }), '42501');
  refused(await open.rpc('get_unread_notifications_count', { p_user_id: ann.id }), '42501');
  refused(await open.rpc('mark_all_notifications_read', { p_user_id: ann.id }), '42501');
  refused(await open.rpc('get_user_workspaces', { p_user_id: ann.id }), '42501');
  refused(await open.rpc('get_generation_counts', { p_user_id: ann.id }), '42501');
  refused(await open.rpc('get_assistant_history', { p_user_id: ann.id }), '42501');
});

test('a user runs none of the server\'s functions', async () => {
  for (const who of [eve, admin]) {
    refused(await who.client.rpc('get_user_generation_stats', { p_user_ids: [ann.id] }), '42501');
    refused(await who.client.rpc('get_user_generation_stats_filtered', { p_user_ids: [ann.id] }), '42501');
    refused(await who.client.rpc('get_dashboard_totals_v2', {}), '42501');
    refused(await who.client.rpc('get_dashboard_today_stats_v2', {}), '42501');
    refused(await who.client.rpc('get_workspaces_generation_counts', { p_workspace_ids: [] }), '42501');
    refused(await who.client.rpc('decrement_credits', { user_id_param: ann.id, credits_param: 1 }), '42501');
    refused(await who.client.rpc('cleanup_old_generations', {}), '42501');
    refused(await who.client.rpc('mark_all_generations_viewed'), '42501');
  }
});

test('no negative amount makes credits', async () => {
  ok((await service.rpc('decrement_credits', { user_id_param: eve.id, credits_param: -5 })).error, 'refused');
  is(given(await user(eve)).credits, 100, 'credits');
});

test('statistics of everybody are nobody\'s', async () => {
  for (const name of ['admin_stats', 'mv_admin_stats'] as const) {
    refused(await visitor.from(name).select('total_users'), '42501');
    const seen = await eve.client.from(name).select('total_users');
    ok(seen.error?.code === '42501', name);
  }
});

test('tokens are neither seen nor written', async () => {
  done(await service.from('replicate_tokens').insert({ token: `r8_${uuid()}` }));
  nothing(await root.client.from('replicate_tokens').select('id, token'));
  refused(await root.client.from('replicate_tokens').insert({ token: 'x' }), '42501');
  refused(await root.client.from('replicate_tokens').update({ is_active: false }).gt('id', 0), '42501');
  refused(await visitor.from('replicate_tokens').select('id'), '42501');
});

test('no notification is written but by the server', async () => {
  const phishing = { user_id: ann.id, type: 'update', title: 'Win', link: 'https://evil.test' };
  for (const who of [visitor, eve.client, root.client]) refused(await who.from('notifications').insert(phishing), '42501');
  refused(await ann.client.from('notifications').update({ title: 'x' }).eq('user_id', ann.id), '42501');
});

test('chats and logs are closed', async () => {
  const talk = given(await service.from('assistant_conversations').insert({ user_id: ann.id, title: 'Secret' }).select('id').single());
  nothing(await eve.client.from('assistant_conversations').select('id').eq('id', talk.id));
  nothing(await eve.client.from('assistant_messages').select('id').eq('conversation_id', talk.id));
  refused(await eve.client.from('assistant_messages').insert({ conversation_id: talk.id, role: 'user', content: 'x' }), '42501');
  refused(await eve.client.from('assistant_conversations').insert({ user_id: ann.id }), '42501');
  refused(await visitor.from('assistant_messages').select('id'), '42501');
  refused(await eve.client.from('api_logs').insert({ method: 'GET', path: '/', status_code: 200 }), '42501');
  refused(await eve.client.rpc('toggle_conversation_favorite', { p_conversation_id: talk.id, p_user_id: eve.id }), '42501');
});

test('a generation is made for oneself, unpaid and unfinished', async () => {
  refused(await eve.client.from('generations').insert(draft(ann)), '42501');
  refused(await eve.client.from('generations').insert(draft(eve, { status: 'completed' })), '42501');
  refused(await eve.client.from('generations').insert(draft(eve, { status: 'processing' })), '42501');
  const team = await workspace(ann);
  refused(await eve.client.from('generations').insert(draft(eve, { workspace_id: team.id })), '42501');
  const sent = draft(eve, { cost_credits: 0, cost_usd: 0, output_urls: ['https://o.test/x.png'], is_keyframe_segment: true });
  const row = given(await eve.client.from('generations').insert(sent).select().single());
  is([row.cost_credits, row.cost_usd, row.output_urls, row.is_keyframe_segment], [1, null, null, false], 'what became of it');
});

test('a generation is not finished, paid, moved or given away by its owner', async () => {
  const row = await generation(eve);
  const change = (what: object) => eve.client.from('generations').update(what as never).eq('id', row.id);
  for (const what of [
    { status: 'completed' }, { status: 'succeeded' }, { output_urls: ['https://o.test/x.png'] }, { output_url: 'https://o.test/x.png' },
    { cost_usd: 0 }, { cost_credits: 0 }, { user_id: ann.id }, { settings: {} }, { replicate_model: 'a/b' }, { created_at: '2020-01-01' },
    { replicate_output: {} }, { is_keyframe_segment: true },
  ]) refused(await change(what), '42501');
  const team = await workspace(eve);
  refused(await change({ workspace_id: team.id }), '42501');
  refused(await eve.client.from('generations').delete().eq('id', row.id), '42501');
});

test('generations of another are neither seen nor changed', async () => {
  const row = await generation(ann);
  for (const who of [eve, admin, off]) {
    nothing(await who.client.from('generations').select('id').eq('id', row.id));
    nothing(await who.client.from('generations').update({ is_favorite: true }).eq('id', row.id).select('id'));
  }
  const team = await workspace(ann, [[bob, 'member']]);
  const shared = await generation(ann, { workspace_id: team.id });
  nothing(await bob.client.from('generations').update({ viewed: true }).eq('id', shared.id).select('id'));
  nothing(await eve.client.from('generations').select('id').eq('workspace_id', team.id));
  refused(await eve.client.rpc('get_workspace_generation_counts', { p_workspace_id: team.id }), '42501');
  refused(await eve.client.rpc('poll_generations', { p_workspace_id: team.id }), '42501');
});

test('workspaces are made by admins only, and not seen from outside', async () => {
  refused(await eve.client.from('workspaces').insert({ name: 'X', slug: `x-${uuid().slice(0, 8)}`, created_by: eve.id }), '42501');
  const team = await workspace(ann);
  nothing(await eve.client.from('workspaces').select('id').eq('id', team.id));
  nothing(await eve.client.from('workspace_members').select('id').eq('workspace_id', team.id));
  nothing(await eve.client.from('workspace_users').select('id').eq('workspace_id', team.id));
  nothing(await eve.client.from('workspaces').update({ name: 'x' }).eq('id', team.id).select('id'));
  nothing(await eve.client.from('workspaces').delete().eq('id', team.id).select('id'));
  refused(await eve.client.from('workspace_members').insert({ workspace_id: team.id, user_id: eve.id, role: 'member' }), '42501');
});

test('a workspace admin makes no owner, and a member nothing', async () => {
  const team = await workspace(ann, [[bob, 'admin'], [eve, 'member']]);
  const other = await workspace(bob);
  refused(await bob.client.from('workspace_members').insert({ workspace_id: team.id, user_id: root.id, role: 'owner' }), '42501');
  ok((await bob.client.from('workspace_members').update({ role: 'owner' }).eq('workspace_id', team.id).eq('user_id', bob.id).select('id')).data?.length !== 1, 'bob is no owner');
  nothing(await eve.client.from('workspace_members').update({ role: 'owner' }).eq('workspace_id', team.id).eq('user_id', eve.id).select('id'));
  nothing(await eve.client.from('workspace_members').delete().eq('workspace_id', team.id).eq('user_id', bob.id).select('id'));
  refused(await ann.client.from('workspace_members').update({ workspace_id: other.id } as never).eq('user_id', eve.id), '42501');
  is(given(await service.from('workspace_members').select('role').eq('workspace_id', team.id).order('joined_at').order('role')).map((row) => row.role).sort(),
    ['admin', 'member', 'owner'], 'roles');
});

test('the last owner of a workspace stays', async () => {
  const team = await workspace(ann, [[bob, 'admin']]);
  const mine = (client: Client) => client.from('workspace_members');
  ok((await mine(ann.client).delete().eq('workspace_id', team.id).eq('user_id', ann.id).select('id')).error, 'may not leave');
  ok((await mine(ann.client).update({ role: 'member' }).eq('workspace_id', team.id).eq('user_id', ann.id).select('id')).error, 'may not step down');
});

test('a flow is made for oneself, where one belongs, and is not given away', async () => {
  refused(await eve.client.from('flows').insert({ user_id: ann.id, name: 'x' }), '42501');
  const team = await workspace(ann, [[bob, 'member']]);
  refused(await eve.client.from('flows').insert({ user_id: eve.id, name: 'x', workspace_id: team.id }), '42501');
  const film = await flow(ann, { workspace_id: team.id });
  refused(await bob.client.from('flows').update({ user_id: bob.id }).eq('id', film.id), '42501');
  ok((await bob.client.from('flows').update({ workspace_id: null }).eq('id', film.id).select('id')).error, 'not moved out by a member');
  is(given(await service.from('flows').select('user_id, workspace_id').eq('id', film.id).single()), { user_id: ann.id, workspace_id: team.id }, 'flow');
});

test('a flow of another is closed, its nodes, edges, people and comments too', async () => {
  const film = await flow(ann);
  const node = given(await ann.client.from('flow_nodes').insert({ flow_id: film.id, block_type: 'text' }).select('id').single());
  nothing(await eve.client.from('flows').select('id').eq('id', film.id));
  nothing(await eve.client.from('flow_nodes').select('id').eq('flow_id', film.id));
  nothing(await eve.client.from('flow_nodes').update({ status: 'failed' }).eq('id', node.id).select('id'));
  nothing(await eve.client.from('flows').delete().eq('id', film.id).select('id'));
  refused(await eve.client.from('flow_nodes').insert({ flow_id: film.id, block_type: 'text' }), '42501');
  refused(await eve.client.from('flow_edges').insert({ flow_id: film.id, source_node_id: node.id, target_node_id: node.id }), '42501');
  refused(await eve.client.from('flow_members').insert({ flow_id: film.id, user_id: eve.id, role: 'editor' }), '42501');
  refused(await eve.client.from('flow_comments').insert({ flow_id: film.id, user_id: eve.id, content: 'x' }), '42501');
  refused(await eve.client.from('flow_invites').insert({ flow_id: film.id, email: eve.email, invited_by: eve.id }), '42501');
  refused(await eve.client.rpc('update_flow_status', { flow_uuid: film.id, new_status: 'archived' }), '42501');
});

test('an invitation is for whom it names, once, and in time', async () => {
  const film = await flow(ann);
  const invite = async (email: string, more: object = {}) =>
    given(await service.from('flow_invites').insert({ flow_id: film.id, email, role: 'editor', invited_by: ann.id, ...more }).select('token').single()).token;
  const failed = { error: 'Invalid or expired invite' };
  const token = await invite(bob.email);
  is(given(await eve.client.rpc('accept_flow_invite', { invite_token: token })), failed, 'by another');
  is(given(await eve.client.rpc('get_flow_invite', { invite_token: token })), [], 'preview of another');
  refused(await visitor.rpc('accept_flow_invite', { invite_token: token }), '42501');
  is((given(await bob.client.rpc('accept_flow_invite', { invite_token: token })) as Record<string, unknown>)['success'], true, 'by the guest');
  is(given(await bob.client.rpc('accept_flow_invite', { invite_token: token })), failed, 'twice');
  is(given(await eve.client.rpc('accept_flow_invite', { invite_token: await invite(eve.email, { expires_at: '2020-01-01T00:00:00Z' }) })), failed, 'too late');
  refused(await ann.client.from('flow_invites').insert({ flow_id: film.id, email: ann.email, invited_by: ann.id }), '23505');
  is(given(await service.from('flow_members').select('user_id').eq('flow_id', film.id)), [{ user_id: bob.id }], 'members');
});

test('a viewer edits nothing, and a member invites nobody', async () => {
  const film = await flow(ann);
  done(await service.from('flow_members').insert({ flow_id: film.id, user_id: bob.id, role: 'viewer', invited_by: ann.id, accepted_at: new Date().toISOString() }));
  refused(await bob.client.from('flow_nodes').insert({ flow_id: film.id, block_type: 'text' }), '42501');
  nothing(await bob.client.from('flows').update({ name: 'x' }).eq('id', film.id).select('id'));
  refused(await bob.client.rpc('update_flow_status', { flow_uuid: film.id, new_status: 'done' }), '42501');
  refused(await bob.client.from('flow_invites').insert({ flow_id: film.id, email: eve.email, invited_by: bob.id }), '42501');
  nothing(await bob.client.from('flow_members').update({ role: 'editor' }).eq('user_id', bob.id).eq('flow_id', film.id).select('id'));
});

test('a comment stays where it is, with what its author wrote', async () => {
  const [film, other] = [await flow(ann), await flow(ann)];
  done(await service.from('flow_members').insert({ flow_id: film.id, user_id: bob.id, role: 'viewer', invited_by: ann.id, accepted_at: new Date().toISOString() }));
  const top = given(await ann.client.from('flow_comments').insert({ flow_id: film.id, user_id: ann.id, content: 'Mine' }).select('id').single());
  ok((await bob.client.from('flow_comments').update({ content: 'Yours' }).eq('id', top.id).select('id')).data?.length !== 1, 'not edited by another');
  refused(await ann.client.from('flow_comments').update({ flow_id: other.id } as never).eq('id', top.id), '42501');
  ok((await ann.client.from('flow_comments').insert({ flow_id: other.id, user_id: ann.id, content: 'x', parent_id: top.id })).error, 'no answer from another flow');
  refused(await bob.client.from('flow_comments').insert({ flow_id: film.id, user_id: ann.id, content: 'x' }), '42501');
  nothing(await bob.client.from('flow_comments').delete().eq('id', top.id).select('id'));
  is(given(await service.from('flow_comments').select('content').eq('id', top.id).single()).content, 'Mine', 'content');
});

test('an idea starts at no votes, in one\'s own name', async () => {
  refused(await visitor.from('ideas').insert({ title: 'x' }), '42501');
  refused(await eve.client.from('ideas').insert({ title: 'x', user_id: ann.id }), '42501');
  const idea = given(await eve.client.from('ideas').insert({ title: 'x', user_id: eve.id, votes_count: 99 }).select('id, votes_count').single());
  is(idea.votes_count, 0, 'votes');
  refused(await eve.client.from('ideas').update({ votes_count: 99 }).eq('id', idea.id), '42501');
  refused(await eve.client.from('idea_votes').insert({ idea_id: idea.id, user_id: ann.id }), '42501');
  nothing(await bob.client.from('ideas').delete().eq('id', idea.id).select('id'));
  nothing(await bob.client.from('idea_votes').select('id').eq('user_id', ann.id));
});

test('a LoRA is trained by nobody\'s word', async () => {
  const made = await eve.client.from('user_loras').insert({
    user_id: eve.id, name: 'x', trigger_word: `R${process.pid}`, status: 'completed', lora_url: 'https://evil.test/w.tar',
  }).select('id, status, lora_url');
  ok(made.error?.code === '42501' || made.data?.[0]?.lora_url === null, 'not completed');
  const lora = given(await service.from('user_loras').insert({ user_id: eve.id, name: 'y', trigger_word: `S${process.pid}` }).select('id').single());
  for (const what of [{ status: 'completed' }, { lora_url: 'https://evil.test/w.tar' }, { replicate_training_id: 't' }]) {
    refused(await eve.client.from('user_loras').update(what).eq('id', lora.id), '42501');
  }
  nothing(await bob.client.from('user_loras').select('id').eq('id', lora.id));
  refused(await bob.client.from('lora_training_images').insert({ lora_id: lora.id, image_url: 'https://o.test/1.png' }), '42501');
});

test('a ticket is one\'s own, open, and answered by others', async () => {
  refused(await eve.client.from('support_tickets').insert({ user_id: ann.id, message: 'x' }), '42501');
  const ticket = given(await eve.client.from('support_tickets').insert({ user_id: eve.id, message: 'x', status: 'closed' }).select('id, status').single());
  is(ticket.status, 'open', 'status');
  refused(await eve.client.from('support_tickets').update({ status: 'closed' }).eq('id', ticket.id), '42501');
  refused(await eve.client.rpc('answer_support_ticket', { p_ticket_id: ticket.id, p_answer: 'x' }), '42501');
  nothing(await bob.client.from('support_tickets').select('id').eq('id', ticket.id));
});

test('a user who is switched off writes nothing', async () => {
  refused(await off.client.from('generations').insert(draft(off)), '42501');
  refused(await off.client.from('flows').insert({ user_id: off.id, name: 'x' }), '42501');
  refused(await off.client.from('ideas').insert({ title: 'x', user_id: off.id }), '42501');
  nothing(await off.client.from('users').update({ display_name: 'x' }).eq('id', off.id).select('id'));
});

test('nothing of schema atelier is reached by a client', async () => {
  const open = root.client as unknown as { from: (name: string) => any; rpc: (name: string, given?: object) => any };
  for (const name of ['queue', 'attempts', 'identity']) refused(await open.from(name).select('*'), 'PGRST205');
  for (const name of ['resume', 'pause', 'install', 'uid']) refused(await open.rpc(name), 'PGRST202');
});

test('too much and too strange input is refused, and the next request works', async () => {
  refused(await eve.client.from('generations').insert(draft(eve, { prompt: 'x'.repeat(20001) })), '22001');
  ok((await eve.client.from('generations').insert(draft(eve, { settings: { deep: 'x'.repeat(300_000) } }))).error, 'too large');
  ok((await eve.client.from('generations').insert(draft(eve, { prompt: 'a\u0000b' }))).error, 'NUL');
  ok((await eve.client.from('generations').select('id').eq('id', 'no uuid')).error?.code === '22P02', 'no uuid');
  given(await eve.client.from('generations').select('id').limit(1));
});

void run(before, closeWorld);
