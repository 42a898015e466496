// SPDX-License-Identifier: PostgreSQL
// The app's calls on people and what is theirs: profiles, workspaces, notifications, ideas, assistant, LoRAs, support; and on what
// only the server has: tokens and logs.
import type { Tables } from '../lib/supabase/types';
import { is, ok, run, test } from './lib/tap';
import { closeWorld, done, given, openWorld, person, refused, service, uuid, visitor, type Person } from './lib/world';

const now = () => new Date().toISOString();

let ann: Person;
let bob: Person;
let root: Person;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob, root] = [await person('ann'), await person('bob'), await person('root', 'super_admin')];
}

test('profile: by e-mail in any case of letters, with the columns of each route', async () => {
  const profile = 'id, email, display_name, avatar_url, cover_url, role, credits, created_at';
  is(given(await service.from('users').select(profile).eq('email', ann.email).single()).credits, 100, 'credits');
  is(given(await service.from('users').select('role').eq('email', ann.email.toLowerCase()).single()).role, 'user', 'role');
  is(given(await service.from('users').select('id').ilike('email', ann.email.toUpperCase()).single()).id, ann.id, 'id');
  is(given(await ann.client.from('users').select('email, first_name, last_name, role').eq('email', ann.email).single()).first_name, null, 'first name');
  const changed = { display_name: 'Ann', avatar_url: 'https://o.test/a.png', cover_url: null };
  is(given(await service.from('users').update(changed).eq('id', ann.id).select('display_name, avatar_url, cover_url').single()), changed, 'changed');
});

test('profile: an address is stored in lower case and belongs to one', async () => {
  refused(await service.from('users').insert({ email: ann.email.toUpperCase() }), '23505');
});

test('admin: people with search and total, role and state', async () => {
  const page = await service.from('users').select('*', { count: 'exact' })
    .or(`email.ilike.%ann-${process.pid}%,telegram_username.ilike.%ann-${process.pid}%`).order('created_at', { ascending: false }).range(0, 49);
  is([page.count, given(page)[0]!.id], [1, ann.id], 'found');
  is(given(await service.from('users').update({ role: 'admin' }).eq('id', bob.id).select('role').single()).role, 'admin', 'role');
  done(await service.from('users').update({ role: 'user', is_active: false }).eq('id', bob.id).neq('role', 'super_admin'));
  done(await service.from('users').update({ is_active: true }).eq('id', bob.id));
  const { count } = await service.from('users').select('id', { count: 'exact', head: true }).eq('is_active', true).in('role', ['admin', 'super_admin']);
  ok(count! >= 1, 'admins');
});

test('workspaces: made with a free slug, the creator is its owner, and writing that row again changes nothing', async () => {
  const slug = given(await service.rpc('translit_slug', { input: `Студия ${uuid().slice(0, 6)}` }));
  is((await service.from('workspaces').select('id').eq('slug', slug).maybeSingle()).data, null, 'slug is free');
  const made = given(await service.from('workspaces').insert({ name: 'Студия', slug, created_by: ann.id }).select().single());
  done(await service.from('workspace_members').insert({ workspace_id: made.id, user_id: ann.id, role: 'owner' }));
  refused(await service.from('workspaces').insert({ name: 'Студия', slug, created_by: ann.id }), '23505');
  done(await service.from('workspace_members').insert({ workspace_id: made.id, user_id: bob.id, role: 'member', invited_by: ann.id }));
  const shown = given(await service.from('workspaces').select('*, workspace_members(role, user_id)').eq('is_active', true).eq('id', made.id).single());
  is(shown.workspace_members.map((row) => row.role).sort(), ['member', 'owner'], 'members');
  const mine = given(await service.from('workspace_members').select('role, workspaces!inner(id, name, slug, is_active)').eq('user_id', bob.id).eq('workspaces.is_active', true));
  is(mine.map((row) => row.workspaces.slug), [slug], 'memberships');
  const only = given(await service.from('workspaces').select('id, workspace_members!inner(user_id)').eq('workspace_members.user_id', bob.id));
  is(only.map((row) => row.id), [made.id], 'workspaces of a person');
  is((await service.from('workspace_users').select('*', { count: 'exact', head: true }).eq('workspace_id', made.id)).count, 2, 'workspace_users');
  done(await service.from('workspaces').update({ name: 'Studio', description: 'new' }).eq('id', made.id));
  done(await service.from('workspace_members').update({ role: 'admin' }).eq('workspace_id', made.id).eq('user_id', bob.id));
  done(await service.from('workspace_members').delete().eq('workspace_id', made.id).eq('user_id', bob.id));
  done(await service.from('workspaces').update({ is_active: false }).eq('id', made.id));
  is(given(await service.from('workspace_members').select('role, workspaces!inner(id)').eq('user_id', ann.id).eq('workspaces.is_active', true)), [], 'after the soft delete');
});

test('embedding people in memberships is ambiguous, as the app knows', async () => {
  const open = service as unknown as { from: (table: string) => any };
  refused(await open.from('workspace_members').select('role, users(email)'), 'PGRST201');
  given(await open.from('workspace_members').select('role, users!workspace_members_user_id_fkey(email)').limit(1));
});

test('notifications: written by the server, read and marked by the user', async () => {
  const row = (to: Person, title: string) => ({ user_id: to.id, type: 'announcement', title, message: 'All of it', link: '/news', metadata: {} });
  done(await service.from('notifications').insert([row(ann, 'One'), row(bob, 'One')]));
  done(await service.from('notifications').insert({ ...row(ann, 'Two'), type: 'support_reply', is_read: false, metadata: { telegram_message_id: 7, replied_by: 'root' } }));
  const list = given(await ann.client.from('notifications').select('*').eq('user_id', ann.id).order('created_at', { ascending: false }).limit(50));
  is(list.map((one) => one.title), ['Two', 'One'], 'list');
  const unread = () => ann.client.from('notifications').select('*', { count: 'exact', head: true }).eq('user_id', ann.id).eq('is_read', false);
  is((await unread()).count, 2, 'unread');
  done(await ann.client.from('notifications').update({ is_read: true }).eq('id', list[0]!.id).eq('user_id', ann.id));
  is((await unread()).count, 1, 'one less');
  done(await ann.client.from('notifications').update({ is_read: true }).eq('user_id', ann.id).eq('is_read', false));
  is((await unread()).count, 0, 'none');
});

test('ideas: listed for everybody, made with and without an author, voted for, deleted', async () => {
  const made = given(await ann.client.from('ideas').insert({ title: 'Dark mode', description: null, user_id: ann.id }).select().single());
  is([made.votes_count, made.votes, made.author_id], [0, 0, ann.id], 'new idea');
  const list = given(await visitor.from('ideas').select('*').order('votes_count', { ascending: false }).order('created_at', { ascending: false }));
  ok(list.some((one) => one.id === made.id), 'seen by a visitor');
  done(await bob.client.from('idea_votes').insert({ idea_id: made.id, user_id: bob.id }));
  const mine = given(await bob.client.from('idea_votes').select('idea_id').eq('user_id', bob.id).in('idea_id', list.map((one) => one.id)));
  is(mine, [{ idea_id: made.id }], 'own votes');
  is(given(await visitor.from('ideas').select('votes_count').eq('id', made.id).single()).votes_count, 1, 'votes');
  done(await bob.client.from('idea_votes').delete().eq('idea_id', made.id).eq('user_id', bob.id));
  is(given(await visitor.from('ideas').select('votes_count').eq('id', made.id).single()).votes_count, 0, 'votes after');
  is(given(await ann.client.from('ideas').delete().eq('id', made.id).select('id')).length, 1, 'deleted by the author');
  const other = given(await service.from('ideas').insert({ title: 'Nobody\'s', user_id: null }).select('id').single());
  is(given(await root.client.from('ideas').delete().eq('id', other.id).select('id')).length, 1, 'deleted by a super admin');
});

test('assistant: conversation, messages in bulk, list, favourite, soft delete', async () => {
  const talk = given(await service.from('assistant_conversations').insert({
    user_id: ann.id, title: 'A long question', preview_text: 'A long question?', preview_image_url: null,
  }).select().single());
  const message = (role: string, content: string) => ({ conversation_id: talk.id, role, content, images: null, context: role === 'user' ? { page: 'home' } : null });
  done(await service.from('assistant_messages').insert([message('user', 'one'), message('assistant', 'two'), message('user', 'three')]));
  const said = given(await service.from('assistant_messages').select('*').eq('conversation_id', talk.id).order('created_at', { ascending: true }));
  is(said.map((one) => one.content), ['one', 'two', 'three'], 'in the order of the insert');
  const open = () => service.from('assistant_conversations').select('*').eq('user_id', ann.id).is('deleted_at', null).order('updated_at', { ascending: false }).range(0, 49);
  is(given(await open()).map((one) => one.id), [talk.id], 'list');
  done(await service.from('assistant_conversations').update({ is_favorite: true, title: 'Short' }).eq('id', talk.id).eq('user_id', ann.id));
  is(given(await open().eq('is_favorite', true)).length, 1, 'favourites');
  done(await service.from('assistant_conversations').update({ deleted_at: now() }).eq('id', talk.id).eq('user_id', ann.id));
  is(given(await open()), [], 'after the soft delete');
});

test('LoRAs: made, pictured, trained, listed with their pictures, deleted', async () => {
  const word = `W${process.pid}L`;
  const made = given(await service.from('user_loras').insert({
    user_id: ann.id, name: 'Style', description: null, trigger_word: word, type: 'style', status: 'uploading',
  }).select().single());
  refused(await service.from('user_loras').insert({ user_id: ann.id, name: 'Again', trigger_word: word }), '23505');
  done(await service.from('lora_training_images').insert([1, 2].map((i) => ({ lora_id: made.id, image_url: `https://o.test/${i}.png`, caption: `${i}` }))));
  const training = `t${uuid()}`;
  done(await service.from('user_loras').update({ status: 'training', training_started_at: now(), replicate_training_id: training }).eq('id', made.id));
  const list = given(await service.from('user_loras').select('*, training_images:lora_training_images(id, image_url, caption)').eq('user_id', ann.id)
    .is('deleted_at', null).order('created_at', { ascending: false }));
  is(list[0]!.training_images.map((one) => one.caption).sort(), ['1', '2'], 'pictures');
  const found = given(await service.from('user_loras').select('*').eq('replicate_training_id', training).single());
  done(await service.from('user_loras').update({ status: 'completed', training_completed_at: now(), lora_url: 'https://o.test/w.tar', replicate_model_url: 'a/b:c' }).eq('id', found.id));
  is(given(await ann.client.from('user_loras').select('id, status').eq('id', made.id).single()).status, 'completed', 'as the user');
  done(await service.from('lora_training_images').delete().eq('lora_id', made.id));
  done(await service.from('user_loras').delete().eq('id', made.id).eq('user_id', ann.id));
});

test('tokens: the pool reads and marks them; a user gets nothing', async () => {
  const made = given(await service.from('replicate_tokens').insert({ token: `r8_${uuid()}` }).select('id').single());
  const pool = given(await service.from('replicate_tokens').select('id, token, request_count, error_count').eq('is_active', true).order('request_count', { ascending: true }));
  ok(pool.some((one) => one.id === made.id), 'in the pool');
  done(await service.from('replicate_tokens').update({ error_count: 1, last_error: 'Invalid token', last_error_at: now(), is_active: false }).eq('id', made.id));
  is(given(await ann.client.from('replicate_tokens').select('id, token').eq('is_active', true)), [], 'as a user');
  done(await service.from('replicate_tokens').delete().eq('id', made.id));
});

test('logs: one row per request, warnings too', async () => {
  const entry = { method: 'POST', path: '/api/generations', status_code: 200, duration_ms: 12, user_id: ann.id, provider: 'replicate', model_name: 'm', query_params: {}, ip_address: '127.0.0.1' };
  done(await service.from('api_logs').insert(entry));
  done(await service.from('api_logs').insert({ ...entry, method: 'WARN', status_code: 299, error_category: 'warning', is_fallback: true, response_summary: { a: 1 } }));
  is((await service.from('api_logs').select('id', { count: 'exact', head: true }).eq('user_id', ann.id)).count, 2, 'rows');
});

test('support: a ticket of one\'s own, answered', async () => {
  const ticket: Tables<'support_tickets'> = given(await ann.client.from('support_tickets')
    .insert({ user_id: ann.id, subject: 'Help', message: 'It does not work', images: ['https://o.test/1.png'] }).select().single());
  is(ticket.status, 'open', 'status');
  done(await service.rpc('answer_support_ticket', { p_ticket_id: ticket.id, p_answer: 'Now it does' }));
  is(given(await ann.client.from('notifications').select('type').eq('user_id', ann.id).eq('type', 'support_reply').eq('is_read', false)).length, 1, 'told');
});

test('bulk inserts send null for what one of the rows leaves out', async () => {
  const [plain, full] = [{ lora_id: '', image_url: 'https://o.test/1.png' }, { lora_id: '', image_url: 'https://o.test/2.png', caption: 'c' }];
  const lora = given(await service.from('user_loras').insert({ user_id: bob.id, name: 'B', trigger_word: `B${process.pid}` }).select('id').single()).id;
  const made = given(await service.from('lora_training_images').insert([{ ...plain, lora_id: lora }, { ...full, lora_id: lora }]).select('caption'));
  is(made.map((one) => one.caption), [null, 'c'], 'captions');
});

test('upsert, which a client may use: by primary key, and by another key', async () => {
  const row = { workspace_id: given(await service.from('workspaces').insert({ name: 'U', slug: `u-${uuid().slice(0, 8)}`, created_by: ann.id }).select('id').single()).id, user_id: bob.id };
  done(await service.from('workspace_members').upsert({ ...row, role: 'member' }, { onConflict: 'workspace_id,user_id' }));
  is(given(await service.from('workspace_members').upsert({ ...row, role: 'admin' }, { onConflict: 'workspace_id,user_id' }).select('role').single()).role, 'admin', 'role');
});

void run(before, closeWorld);
