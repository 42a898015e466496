// SPDX-License-Identifier: PostgreSQL
// Journeys of people through the app, by row level security and functions alone: the service key is used where a journey is the
// server's, and to set the scene. Each is several calls that depend on one another.
import type { Tables } from '../lib/supabase/types';
import { is, ok, run, test } from './lib/tap';
import {
  clientWith, anonKey, closeWorld, done, draft, flow, gateway, generation, given, openWorld, person, refused, service, superuser,
  uuid, visitor, workspace, type Person,
} from './lib/world';

const now = () => new Date().toISOString();

let ann: Person;
let bob: Person;
let cat: Person;
let admin: Person;
let root: Person;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob, cat] = [await person('ann'), await person('bob'), await person('cat')];
  [admin, root] = [await person('admin', 'admin'), await person('root', 'super_admin')];
}

test('a profile: seen by its owner, who writes his name and pictures', async () => {
  const wish = { display_name: 'Ann', avatar_url: 'https://o.test/a.png', cover_url: 'https://o.test/c.png' };
  is(given(await ann.client.from('users').update(wish).eq('id', ann.id).select('display_name, avatar_url, cover_url').single()), wish, 'profile');
  is(given(await ann.client.from('users').select('id')).length, 1, 'profiles seen');
});

test('a sign-up of the auth service makes a profile, and its end takes everything along', async () => {
  const { rows } = await superuser.query(`SELECT to_regclass('auth.users') IS NOT NULL AS hosted`);
  const guest = await person('guest');
  const row = await generation(guest);
  if (rows[0].hosted) await superuser.query('DELETE FROM auth.users WHERE id = $1', [guest.id]);
  else done(await service.from('users').delete().eq('id', guest.id));
  is((await service.from('users').select('id').eq('id', guest.id).maybeSingle()).data, null, 'profile');
  is((await service.from('generations').select('id').eq('id', row.id).maybeSingle()).data, null, 'generation');
});

test('a person who made a workspace and let others in can be deleted', async () => {
  const gone = await person('gone');
  const team = await workspace(gone, [[bob, 'owner']]);
  done(await service.from('users').delete().eq('id', gone.id));
  is(given(await service.from('workspaces').select('created_by').eq('id', team.id).single()).created_by, null, 'who made it');
  is(given(await service.from('workspace_members').select('user_id, invited_by').eq('workspace_id', team.id)), [{ user_id: bob.id, invited_by: null }], 'members');
});

test('a job that was processed for longer than a number of milliseconds can hold is completed', async () => {
  const row = await generation(ann, { status: 'processing' });
  await superuser.query(`UPDATE generations SET started_at = now() - interval '40 days' WHERE id = $1`, [row.id]);
  is(given(await service.from('generations').update({ status: 'completed' }).eq('id', row.id).select('processing_time_ms').single()).processing_time_ms, 2147483647, 'time');
});

test('a user is switched off by a super admin\'s server, reads his profile and nothing else, and comes back', async () => {
  const off = await person('off');
  const row = await generation(off);
  done(await service.from('users').update({ is_active: false }).eq('id', off.id));
  is(given(await off.client.from('users').select('id, is_active')), [{ id: off.id, is_active: false }], 'profile');
  is(given(await off.client.from('generations').select('id')), [], 'generations');
  ok((await off.client.from('generations').insert(draft(off))).error, 'no new one');
  done(await service.from('users').update({ is_active: true }).eq('id', off.id));
  is(given(await off.client.from('generations').select('id')).map((one) => one.id), [row.id], 'generations again');
});

test('a super admin makes an admin and takes it back; the admin sees people', async () => {
  const both = { target_email: cat.email, requesting_email: root.email };
  is(given(await root.client.rpc('assign_admin_role', both)), true, 'made');
  is(given(await cat.client.rpc('is_admin_or_super', { user_email: cat.email })), true, 'an admin');
  ok(given(await cat.client.from('users').select('id')).length > 3, 'sees people');
  is(given(await root.client.rpc('remove_admin_role', both)), true, 'taken back');
  is(given(await cat.client.from('users').select('id')).length, 1, 'sees himself');
});

test('a generation from the wish to the result, seen by polling', async () => {
  const first = given(await ann.client.rpc('poll_generations')) as Record<string, any>;
  const row = given(await ann.client.from('generations').insert({ ...draft(ann), status: 'queued' }).select('id, status').single());
  const second = given(await ann.client.rpc('poll_generations', { p_cursor: first['cursor'] })) as Record<string, any>;
  is([second['changed'].map((one: any) => one.id), second['next_poll_ms']], [[row.id], 5000], 'queued');
  done(await service.from('generations').update({ status: 'processing', replicate_prediction_id: `p${uuid()}` }).eq('id', row.id));
  done(await service.from('generations').update({ status: 'completed', output_urls: ['https://o.test/1.png'] }).eq('id', row.id));
  const third = given(await ann.client.rpc('poll_generations', { p_cursor: second['cursor'] })) as Record<string, any>;
  is([third['changed'][0].status, third['changed'][0].output_urls, third['next_poll_ms']], ['completed', ['https://o.test/1.png'], 60000], 'completed');
  done(await service.from('generations').delete().eq('id', row.id));
  const last = given(await ann.client.rpc('poll_generations', { p_cursor: third['cursor'] })) as Record<string, any>;
  is(last['deleted'], [row.id], 'deleted');
});

test('a draft is handed over, and called off before anybody took it', async () => {
  const row = given(await bob.client.from('generations').insert(draft(bob)).select('id').single());
  is(given(await bob.client.from('generations').update({ status: 'queued' }).eq('id', row.id).select('status').single()).status, 'queued', 'handed over');
  is(given(await bob.client.from('generations').update({ status: 'cancelled' }).eq('id', row.id).select('status, completed_at').single()).status, 'cancelled', 'called off');
});

test('results are seen, liked and counted', async () => {
  const one = await generation(cat, { status: 'completed', output_urls: ['https://o.test/1.png'] });
  await generation(cat, { status: 'failed' });
  done(await cat.client.from('generations').update({ viewed: true, viewed_at: now() }).eq('id', one.id));
  done(await cat.client.from('generations').update({ is_favorite: true }).eq('id', one.id));
  const counts = given(await cat.client.rpc('get_generation_counts', { p_user_id: cat.id }).single());
  is(counts, { all_count: 2, processing_count: 0, favorites_count: 1, failed_count: 1 }, 'counts');
});

test('a workspace: made by an admin, who owns it and lets people in', async () => {
  const made = given(await admin.client.from('workspaces').insert({ name: 'Team', slug: `a-${uuid().slice(0, 8)}`, created_by: admin.id }).select().single());
  is(given(await admin.client.rpc('get_workspace_role', { p_workspace_id: made.id, p_user_id: admin.id })), 'owner', 'role of the creator');
  done(await admin.client.from('workspace_members').insert({ workspace_id: made.id, user_id: bob.id, role: 'admin', invited_by: admin.id }));
  done(await bob.client.from('workspace_members').insert({ workspace_id: made.id, user_id: cat.id, role: 'member', invited_by: bob.id }));
  done(await bob.client.from('workspaces').update({ name: 'Team 2' }).eq('id', made.id));
  const seen = given(await cat.client.from('workspaces').select('name, workspace_members(role, user_id)').eq('id', made.id).single());
  is([seen.name, seen.workspace_members.length], ['Team 2', 3], 'seen by a member');
  is(given(await cat.client.from('workspace_users').select('user_id').eq('workspace_id', made.id)).length, 3, 'by the view');
  done(await cat.client.from('workspace_members').delete().eq('workspace_id', made.id).eq('user_id', cat.id));
  is(given(await cat.client.from('workspaces').select('id').eq('id', made.id)), [], 'after leaving');
});

test('a workspace: its owner passes it on, and may leave then', async () => {
  const team = await workspace(ann, [[bob, 'member']]);
  done(await ann.client.from('workspace_members').update({ role: 'owner' }).eq('workspace_id', team.id).eq('user_id', bob.id));
  done(await ann.client.from('workspace_members').delete().eq('workspace_id', team.id).eq('user_id', ann.id));
  is(given(await bob.client.rpc('get_workspace_role', { p_workspace_id: team.id, p_user_id: bob.id })), 'owner', 'role');
});

test('a workspace: its members see its generations with who made them, and its counts', async () => {
  const team = await workspace(ann, [[bob, 'member']]);
  const row = given(await bob.client.from('generations').insert({ ...draft(bob), workspace_id: team.id }).select('id').single());
  is(given(await ann.client.from('generations').select('id').eq('workspace_id', team.id)).map((one) => one.id), [row.id], 'seen by the owner');
  is(given(await ann.client.rpc('get_workspace_generation_counts', { p_workspace_id: team.id }).single()).all_count, 1, 'counted');
  is(given(await root.client.from('generations').select('id').eq('id', row.id)).length, 1, 'seen by a super admin');
  done(await service.from('workspaces').delete().eq('id', team.id));
  is(given(await bob.client.from('generations').select('workspace_id').eq('id', row.id).single()).workspace_id, null, 'private after the end of the workspace');
});

test('a flow: built, joined, run and changed by its owner alone', async () => {
  const film = await flow(ann);
  const [one, two] = [uuid(), uuid()];
  done(await ann.client.from('flow_nodes').insert([{ id: one, flow_id: film.id, block_type: 'text', data: { prompt: 'a' } }, { id: two, flow_id: film.id, block_type: 'image', data: {} }]));
  done(await ann.client.from('flow_edges').insert({ flow_id: film.id, source_node_id: one, target_node_id: two }));
  const row = given(await ann.client.from('generations').insert(draft(ann)).select('id').single());
  done(await ann.client.from('flow_nodes').update({ generation_id: row.id, status: 'processing' }).eq('id', two));
  done(await ann.client.from('flows').update({ name: 'Better', viewport_x: 3 }).eq('id', film.id));
  const whole = given(await ann.client.from('flows').select('name, nodes, edges, flow_nodes(id), flow_edges(id)').eq('id', film.id).single());
  is([whole.name, whole.flow_nodes.length, whole.flow_edges.length, (whole.nodes as unknown[]).length], ['Better', 2, 1, 2], 'whole flow');
  done(await ann.client.rpc('update_flow_status', { flow_uuid: film.id, new_status: 'done' }));
  done(await ann.client.from('flows').delete().eq('id', film.id));
});

test('a flow saved with the same nodes keeps what its running nodes know', async () => {
  const film = await flow(bob);
  const node = { id: uuid(), flow_id: film.id, block_type: 'image' as const, data: {} };
  const row = await generation(bob, { status: 'processing' });
  done(await bob.client.from('flow_nodes').insert({ ...node, generation_id: row.id, status: 'processing' }));
  done(await bob.client.from('flow_nodes').delete().eq('flow_id', film.id));
  done(await bob.client.from('flow_nodes').insert([node]));
  const kept = given(await bob.client.from('flow_nodes').select('generation_id, status').eq('id', node.id).single());
  is(kept, { generation_id: row.id, status: 'processing' }, 'kept');
});

async function invited(owner: Person, guest: Person, role: string): Promise<Tables<'flows'>> {
  const film = await flow(owner);
  const row = { flow_id: film.id, email: guest.email.toUpperCase(), role, invited_by: owner.id };
  const { token } = given(await owner.client.from('flow_invites').insert(row).select('token').single());
  is(given(await guest.client.rpc('get_flow_invite', { invite_token: token }).single()).role, role, 'preview');
  is((given(await guest.client.rpc('accept_flow_invite', { invite_token: token })) as Record<string, unknown>)['success'], true, 'accepted');
  return film;
}

test('an invited viewer reads and comments, an invited editor edits', async () => {
  const film = await invited(ann, bob, 'viewer');
  is(given(await bob.client.from('flows').select('name').eq('id', film.id).single()).name, 'Film', 'read');
  done(await bob.client.from('flow_comments').insert({ flow_id: film.id, user_id: bob.id, content: 'Nice' }));
  const other = await invited(ann, cat, 'editor');
  done(await cat.client.from('flow_nodes').insert({ flow_id: other.id, block_type: 'text' }));
  is(given(await cat.client.from('flows').update({ name: 'Ours' }).eq('id', other.id).select('name').single()).name, 'Ours', 'edited');
});

test('a member is promoted by the owner, and leaves by himself', async () => {
  const film = await invited(ann, bob, 'viewer');
  done(await ann.client.from('flow_members').update({ role: 'editor' }).eq('flow_id', film.id).eq('user_id', bob.id));
  done(await bob.client.from('flow_nodes').insert({ flow_id: film.id, block_type: 'text' }));
  is(given(await bob.client.from('flow_members').delete().eq('flow_id', film.id).eq('user_id', bob.id).select('id')).length, 1, 'left');
});

test('an invitation accepted by whom the owner has let in meanwhile gives him its role', async () => {
  const film = await flow(ann);
  const row = { flow_id: film.id, email: bob.email, role: 'editor', invited_by: ann.id };
  const { token } = given(await ann.client.from('flow_invites').insert(row).select('token').single());
  refused(await ann.client.from('flow_invites').insert(row), '23505');
  done(await ann.client.from('flow_members').insert({ flow_id: film.id, user_id: bob.id, role: 'viewer', invited_by: ann.id }));
  done(await bob.client.rpc('accept_flow_invite', { invite_token: token }));
  const member = given(await ann.client.from('flow_members').select('role, accepted_at').eq('flow_id', film.id).single());
  is([member.role, member.accepted_at !== null], ['editor', true], 'member');
  refused(await ann.client.from('flow_invites').insert(row), '23505');
});

test('members of a workspace read and edit its flows, nodes and comments', async () => {
  const team = await workspace(ann, [[bob, 'member']]);
  const film = await flow(ann, { workspace_id: team.id });
  done(await bob.client.from('flow_nodes').insert({ flow_id: film.id, block_type: 'video' }));
  done(await bob.client.rpc('update_flow_status', { flow_uuid: film.id, new_status: 'review' }));
  done(await bob.client.from('flow_comments').insert({ flow_id: film.id, user_id: bob.id, content: 'Nice' }));
  is(given(await ann.client.from('flow_nodes').select('block_type').eq('flow_id', film.id)), [{ block_type: 'video' }], 'nodes');
  const own = given(await bob.client.from('flows').insert({ user_id: bob.id, name: 'Card', workspace_id: team.id }).select('id').single());
  is(given(await ann.client.from('flows').delete().eq('id', own.id).select('id')).length, 1, 'deleted by the owner of the workspace');
});

test('a thread of comments: answered, read, resolved, deleted', async () => {
  const film = await invited(ann, bob, 'viewer');
  const top = given(await ann.client.from('flow_comments').insert({ flow_id: film.id, user_id: ann.id, content: 'Why?', read_by: [ann.id] }).select('id').single());
  done(await bob.client.from('flow_comments').insert({ flow_id: film.id, user_id: bob.id, content: 'Because', parent_id: top.id }));
  done(await bob.client.from('flow_comments').update({ read_by: [bob.id] }).eq('id', top.id));
  is(given(await ann.client.from('flow_comments').select('read_by').eq('id', top.id).single()).read_by.sort(), [ann.id, bob.id].sort(), 'read by both');
  done(await ann.client.from('flow_comments').update({ is_resolved: true }).eq('id', top.id));
  done(await ann.client.from('flow_comments').delete().eq('id', top.id));
  is(given(await bob.client.from('flow_comments').select('id').eq('flow_id', film.id)), [], 'comments');
});

test('an idea: proposed, voted for once, taken back, deleted with its votes', async () => {
  const idea = given(await ann.client.from('ideas').insert({ title: 'Night', user_id: ann.id }).select('id').single());
  done(await bob.client.from('idea_votes').insert({ idea_id: idea.id, user_id: bob.id }));
  done(await cat.client.from('idea_votes').insert({ idea_id: idea.id, user_id: cat.id }));
  refused(await cat.client.from('idea_votes').insert({ idea_id: idea.id, user_id: cat.id }), '23505');
  is(given(await visitor.from('ideas').select('votes').eq('id', idea.id).single()).votes, 2, 'votes');
  done(await cat.client.from('idea_votes').delete().eq('idea_id', idea.id).eq('user_id', cat.id));
  is(given(await visitor.from('ideas').select('votes_count').eq('id', idea.id).single()).votes_count, 1, 'votes after');
  done(await ann.client.from('ideas').delete().eq('id', idea.id));
});

test('the assistant: a conversation as the user himself', async () => {
  const talk = given(await ann.client.from('assistant_conversations').insert({ user_id: ann.id }).select('id').single());
  done(await ann.client.from('assistant_messages').insert([
    { conversation_id: talk.id, role: 'user', content: 'How do I draw a cat?', images: ['https://o.test/cat.png'] },
    { conversation_id: talk.id, role: 'assistant', content: 'So.' },
  ]));
  const [entry] = given(await ann.client.rpc('get_assistant_history', { p_user_id: ann.id }));
  is([entry!.title, entry!.preview_image_url, entry!.message_count], ['How do I draw a cat?', 'https://o.test/cat.png', 2], 'history');
  is(given(await ann.client.rpc('toggle_conversation_favorite', { p_conversation_id: talk.id, p_user_id: ann.id })), true, 'favourite');
  is(given(await ann.client.rpc('get_assistant_history', { p_user_id: ann.id, p_favorites_only: true })).length, 1, 'favourites');
  done(await ann.client.from('assistant_conversations').update({ deleted_at: now() }).eq('id', talk.id));
  is(given(await ann.client.rpc('get_assistant_history', { p_user_id: ann.id })), [], 'history after');
});

test('notifications: one to everybody in one statement, counted and read', async () => {
  const people = [ann, bob, cat].map((one) => one.id);
  done(await service.from('notifications').insert(people.map((user_id) => ({ user_id, type: 'announcement', title: 'All', metadata: {} }))));
  is(given(await bob.client.rpc('get_unread_notifications_count', { p_user_id: bob.id })), 1, 'unread');
  done(await bob.client.rpc('mark_all_notifications_read', { p_user_id: bob.id }));
  is(given(await bob.client.from('notifications').select('read')), [{ read: true }], 'read');
  is(given(await cat.client.from('notifications').delete().eq('user_id', cat.id).select('id')).length, 1, 'thrown away');
});

test('support: a ticket, its answer, a better answer, one notification', async () => {
  const ticket = given(await cat.client.from('support_tickets').insert({ user_id: cat.id, message: 'Help' }).select('id').single());
  done(await admin.client.rpc('answer_support_ticket', { p_ticket_id: ticket.id, p_answer: 'Try again' }));
  done(await root.client.rpc('answer_support_ticket', { p_ticket_id: ticket.id, p_answer: 'Try twice' }));
  is(given(await cat.client.from('support_tickets').select('answer').eq('id', ticket.id).single()).answer, 'Try twice', 'answer');
  is(given(await cat.client.from('notifications').select('id').eq('type', 'support_reply')).length, 1, 'notifications');
});

test('a LoRA: made, pictured and deleted by its owner', async () => {
  const lora = given(await bob.client.from('user_loras').insert({ user_id: bob.id, name: 'Style', trigger_word: `J${process.pid}` }).select('id, status').single());
  done(await bob.client.from('lora_training_images').insert([{ lora_id: lora.id, image_url: 'https://o.test/1.png' }]));
  const list = given(await bob.client.from('user_loras').select('name, training_images:lora_training_images(id, image_url, caption)').is('deleted_at', null));
  is(list[0]!.training_images.length, 1, 'pictures');
  done(await bob.client.from('user_loras').update({ name: 'Better' }).eq('id', lora.id));
  is(given(await bob.client.from('user_loras').delete().eq('id', lora.id).select('id')).length, 1, 'deleted');
});

test('an admin\'s server: totals of a workspace and of a person, statistics', async () => {
  const team = await workspace(ann);
  await generation(ann, { workspace_id: team.id, status: 'completed', cost_usd: 1.5 });
  const totals = given(await service.rpc('get_dashboard_totals_v2', { p_workspace_id: team.id, p_user_id: ann.id }).single());
  is(totals, { total_generations: 1, total_cost_usd: 1.5, total_failed: 0 }, 'totals');
  done(await service.rpc('refresh_admin_stats'));
  const stats = given(await service.from('mv_admin_stats').select('*').single());
  ok(stats.total_users! >= 5 && stats.completed_generations! >= 1, 'statistics');
  is(given(await service.from('admin_stats').select('total_users').single()).total_users, stats.total_users, 'the same people');
});

test('upkeep: failed rows that are old enough go', async () => {
  const row = await generation(ann, { status: 'failed', created_at: '2020-01-01T00:00:00Z' });
  ok(given(await service.rpc('cleanup_old_generations', {})) >= 1, 'rows deleted');
  is((await service.from('generations').select('id').eq('id', row.id).maybeSingle()).data, null, 'row');
});

test('at the limit of queued rows a user is told so, and the server is not', async () => {
  const busy = await person('busy');
  await superuser.query(`INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status)
    SELECT $1, 'create', 'm', 'M', 'black-forest-labs/flux-schnell', 'pending' FROM generate_series(1, 1000)`, [busy.id]);
  refused(await busy.client.from('generations').insert(draft(busy)), '53400');
  done(await service.from('generations').insert(draft(busy)));
  const page = await busy.client.from('generations').select('id', { count: 'exact' }).limit(5000);
  is([given(page).length, page.count], [1000, 1001], 'most rows of one answer');
  done(await service.from('generations').delete().eq('user_id', busy.id));
});

test('a token without a role or a subject is a visitor\'s or nobody\'s', async () => {
  refused(await clientWith(anonKey, gateway.token({ sub: ann.id })).from('generations').select('id'), '42501');
  is(given(await clientWith(anonKey, gateway.token({ role: 'authenticated' })).from('generations').select('id')), [], 'nobody');
  is(given(await clientWith(anonKey, gateway.token({ role: 'authenticated', sub: 'no uuid' })).from('generations').select('id')), [], 'no uuid');
  is(given(await clientWith(anonKey, gateway.token({ role: 'authenticated', sub: uuid() })).from('users').select('id')), [], 'a stranger');
});

void run(before, closeWorld);
