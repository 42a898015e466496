// SPDX-License-Identifier: PostgreSQL
// The app's calls on flows, nodes, edges, members, invites and comments: as the signed-in user where the app acts for him.
import type { Tables } from '../lib/supabase/types';
import { is, ok, run, test } from './lib/tap';
import { closeWorld, done, generation, given, openWorld, person, refused, service, uuid, visitor, workspace, type Person } from './lib/world';

const now = () => new Date().toISOString();

let ann: Person;
let bob: Person;
let eve: Person;
let team: Tables<'workspaces'>;
let film: Tables<'flows'>;
let nodes: string[];

async function before(): Promise<void> {
  await openWorld();
  [ann, bob, eve] = [await person('ann'), await person('bob'), await person('eve')];
  team = await workspace(ann, [[bob, 'member']]);
}

test('create, as the user: the flow, its nodes with ids of their own, its edges', async () => {
  film = given(await ann.client.from('flows').insert({ user_id: ann.id, name: 'Film' }).select().single());
  is([film.status, film.viewport_zoom, film.is_template], ['in_progress', 1, false], 'defaults');
  nodes = [uuid(), uuid()];
  const rows = nodes.map((id, i) => ({
    id, flow_id: film.id, block_type: i ? ('image' as const) : ('text' as const), position_x: 100 * i, position_y: 0, data: { prompt: 'a' }, model_id: null,
  }));
  is(given(await ann.client.from('flow_nodes').insert(rows).select()).map((row) => row.status), ['idle', 'idle'], 'nodes');
  const edge = { flow_id: film.id, source_node_id: nodes[0]!, source_handle: 'out', target_node_id: nodes[1]!, target_handle: null, edge_type: 'default' };
  is(given(await ann.client.from('flow_edges').insert(edge).select().single()).source, nodes[0], 'edge');
});

test('list, as the user: own ones by the last change, with a total; one by its id', async () => {
  done(await ann.client.from('flows').insert({ user_id: ann.id, name: 'Second' }));
  const page = await ann.client.from('flows').select('*', { count: 'exact' }).eq('user_id', ann.id).order('updated_at', { ascending: false }).range(0, 19);
  is([page.count, given(page)[0]!.name], [2, 'Second'], 'page');
  is(given(await ann.client.from('flows').select('id, name, user_id, workspace_id').eq('id', film.id).single()).user_id, ann.id, 'one');
  refused(await eve.client.from('flows').select('*').eq('id', film.id).single(), 'PGRST116');
});

test('a node of a generation, as the user: status, generation and error by id', async () => {
  const made = await generation(ann, { status: 'processing' });
  done(await ann.client.from('flow_nodes').update({ status: 'processing', generation_id: made.id, error_message: null }).eq('id', nodes[1]!));
  done(await ann.client.from('flow_nodes').update({ status: 'failed', error_message: 'no luck' }).eq('id', nodes[1]!));
  const states = given(await ann.client.from('flow_nodes').select('id, status, output_url, output_type, error_message, generation_id').in('id', nodes).order('position_x'));
  is(states.map((row) => row.status), ['idle', 'failed'], 'states');
});

test('load: the flow, its nodes and edges in parallel', async () => {
  const [one, two, three] = await Promise.all([
    service.from('flows').select('*').eq('id', film.id).single(),
    service.from('flow_nodes').select('*').eq('flow_id', film.id),
    service.from('flow_edges').select('*').eq('flow_id', film.id),
  ]);
  is([given(one).name, given(two).length, given(three).length], ['Film', 2, 1], 'what came');
});

test('save: name and viewport, nodes and edges deleted and written again', async () => {
  done(await service.from('flows').update({ name: 'Film 2', viewport_x: 1.5, viewport_y: -2, viewport_zoom: 0.5, updated_at: now() }).eq('id', film.id));
  done(await service.from('flow_nodes').delete().eq('flow_id', film.id));
  done(await service.from('flow_nodes').insert(nodes.map((id) => ({ id, flow_id: film.id, block_type: 'image' as const, position_x: 1, position_y: 2, data: {} }))));
  done(await service.from('flow_edges').delete().eq('flow_id', film.id));
  done(await service.from('flow_edges').insert([{ flow_id: film.id, source_node_id: nodes[0]!, target_node_id: nodes[1]!, source_handle: null, target_handle: null }]));
  const kept = given(await service.from('flow_nodes').select('status, error_message, generation_id').eq('id', nodes[1]!).single());
  is([kept.status, kept.error_message, kept.generation_id !== null], ['failed', 'no luck', true], 'what the node knew');
});

test('status of a flow is one of four', async () => {
  for (const status of ['review', 'done', 'archived', 'in_progress']) {
    is(given(await service.from('flows').update({ status, updated_at: now() }).eq('id', film.id).select('status').single()).status, status, 'status');
  }
  refused(await service.from('flows').update({ status: 'lost' }).eq('id', film.id), '23514');
});

test('board of a workspace: made by the server with its members as editors, seen by them', async () => {
  const board = given(await service.from('flows').insert({ user_id: ann.id, name: 'Card', workspace_id: team.id, status: 'in_progress' }).select().single());
  done(await service.from('flow_members').insert([{ flow_id: board.id, user_id: bob.id, role: 'editor', invited_by: ann.id, accepted_at: now() }]));
  const cards = await service.from('flows').select('*', { count: 'exact' }).eq('workspace_id', team.id).order('updated_at', { ascending: false });
  is([cards.count, given(cards)[0]!.id], [1, board.id], 'cards');
  is(given(await bob.client.from('flows').select('id, status').eq('workspace_id', team.id)).length, 1, 'as a member');
  done(await service.from('flows').delete().eq('id', board.id));
});

test('invite, as the owner: nobody twice, the guest\'s profile stays unseen', async () => {
  is((await ann.client.from('users').select('id').eq('email', eve.email).maybeSingle()).data, null, 'profile of the guest');
  const pending = await ann.client.from('flow_invites').select('id').eq('flow_id', film.id).eq('email', eve.email).is('used_at', null).gt('expires_at', now()).maybeSingle();
  is([pending.data, pending.error], [null, null], 'pending');
  const made = given(await ann.client.from('flow_invites').insert({ flow_id: film.id, email: eve.email, role: 'editor', invited_by: ann.id }).select().single());
  ok(/^[0-9a-f]{64}$/.test(made.token), 'token of 64 hexadecimal digits');
  const list = given(await ann.client.from('flow_invites').select('*').eq('flow_id', film.id).is('used_at', null).order('created_at', { ascending: false }));
  is(list.map((row) => row.email), [eve.email], 'list');
});

test('invite: looked up by its token with the flow in it, as the app does', async () => {
  const { token } = given(await ann.client.from('flow_invites').select('token').eq('flow_id', film.id).single());
  const got = given(await ann.client.from('flow_invites').select('*, flows:flow_id(id, name)').eq('token', token).is('used_at', null).single());
  is((got.flows as unknown as { id: string; name: string }), { id: film.id, name: 'Film 2' }, 'flow');
  refused(await visitor.from('flow_invites').select('*, flows:flow_id(id, name)').eq('token', token).single(), '42501');
  is(given(await eve.client.rpc('get_flow_invite', { invite_token: token }).single()).flow_name, 'Film 2', 'preview of the guest');
});

test('accept and leave: one call, then the member is there', async () => {
  const { token, id } = given(await ann.client.from('flow_invites').select('token, id').eq('flow_id', film.id).single());
  is((given(await eve.client.rpc('accept_flow_invite', { invite_token: token })) as { success: boolean }).success, true, 'answer');
  ok(given(await service.from('flow_invites').select('used_at').eq('id', id).single()).used_at, 'used');
  const members = given(await ann.client.from('flow_members').select('*').eq('flow_id', film.id));
  is(members.map((row) => [row.user_id, row.role, row.accepted_at !== null]), [[eve.id, 'editor', true]], 'members');
  const people = given(await service.from('users').select('id, email, display_name, avatar_url').in('id', members.map((row) => row.user_id)));
  is(people.map((row) => row.email), [eve.email], 'people');
  is(given(await eve.client.from('flow_nodes').update({ data: { prompt: 'b' } }).eq('id', nodes[0]!).select('data').single()).data, { prompt: 'b' }, 'an editor edits');
  is(given(await ann.client.from('flow_members').delete().eq('flow_id', film.id).eq('user_id', eve.id).select('id')).length, 1, 'removed by the owner');
  is(given(await eve.client.from('flows').select('id').eq('id', film.id)), [], 'seen after that');
});

test('invite: cancelled by its owner', async () => {
  const made = given(await ann.client.from('flow_invites').insert({ flow_id: film.id, email: bob.email, role: 'viewer', invited_by: ann.id }).select('id').single());
  is(given(await ann.client.from('flow_invites').delete().eq('id', made.id).eq('flow_id', film.id).select('id')).length, 1, 'deleted');
});

test('comments: list, thread, edit, resolve, read, delete', async () => {
  const comment = { flow_id: film.id, user_id: ann.id, content: 'Nice', node_id: nodes[0]!, parent_id: null, position_x: 10, position_y: 20, read_by: [ann.id] };
  const made = given(await service.from('flow_comments').insert(comment).select().single());
  done(await service.from('flow_comments').insert({ ...comment, content: 'Yes', parent_id: made.id, user_id: eve.id }));
  const list = given(await service.from('flow_comments').select('*').eq('flow_id', film.id).order('created_at', { ascending: true }));
  is(list.map((row) => row.content), ['Nice', 'Yes'], 'list');
  done(await service.from('flow_comments').update({ content: 'Very nice', updated_at: now() }).eq('id', made.id));
  done(await service.from('flow_comments').update({ is_resolved: true }).eq('id', made.id));
  is(given(await service.from('flow_comments').update({ read_by: [ann.id, bob.id] }).eq('id', made.id).select('read_by').single()).read_by.sort(), [ann.id, bob.id].sort(), 'read by');
  is(given(await service.from('flow_comments').select('id', { count: 'exact', head: false }).eq('flow_id', film.id).not('read_by', 'cs', `{${bob.id}}`)).length, 1, 'unread of bob');
  done(await service.from('flow_comments').delete().eq('id', made.id));
  is((await service.from('flow_comments').select('id', { count: 'exact', head: true }).eq('flow_id', film.id)).count, 0, 'the thread goes with it');
});

test('delete: the flow and all that is in it', async () => {
  done(await service.from('flows').delete().eq('id', film.id));
  is((await service.from('flow_nodes').select('id', { count: 'exact', head: true }).eq('flow_id', film.id)).count, 0, 'nodes');
});

void run(before, closeWorld);
