// SPDX-License-Identifier: PostgreSQL
// The app's calls on generations as its code makes them: create, worker, webhook, lists, upkeep, films; with the service key where
// the app has it, as the signed-in user where it acts for him.
import { is, ok, run, test } from './lib/tap';
import {
  closeWorld, done, draft, flow, generation, given, openWorld, person, refused, service, uuid, workspace,
  type Generation, type Person,
} from './lib/world';

const active = ['pending', 'queued', 'processing'];
const now = () => new Date().toISOString();
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const listed = `id, user_id, action, model_id, model_name, prompt, status, output_urls, output_thumbs, output_text, error_message,
  settings, cost_credits, cost_usd, is_favorite, viewed, created_at, started_at, completed_at, processing_time_ms` as const;

let ann: Person;
let bob: Person;
let team: { id: string };
let row: Generation;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob] = [await person('ann'), await person('bob')];
  team = await workspace(ann, [[bob, 'member']]);
}

const look = async (id: string) => given(await service.from('generations').select('*').eq('id', id).single());

test('create: the profile by e-mail, the workspace of the request, else the first one', async () => {
  is(given(await service.from('users').select('id, role, is_active').eq('email', bob.email).single()).id, bob.id, 'id');
  const asked = await service.from('workspace_members').select('workspace_id').eq('user_id', bob.id).eq('workspace_id', team.id).maybeSingle();
  is(given(asked).workspace_id, team.id, 'asked');
  is(given(await service.from('workspace_members').select('workspace_id').eq('user_id', bob.id).order('joined_at').limit(1).maybeSingle()).workspace_id, team.id, 'first');
  const nobody = await person('nobody');
  const none = await service.from('workspace_members').select('workspace_id').eq('user_id', nobody.id).limit(1).maybeSingle();
  is([none.data, none.error], [null, null], 'no membership');
});

test('create: own stale image jobs fail first', async () => {
  const old = await generation(ann, { created_at: ago(6) });
  const film = await generation(ann, { action: 'video_create', created_at: ago(6) });
  done(await service.from('generations').update({ status: 'failed', error_message: 'Generation timed out', completed_at: now() })
    .eq('user_id', ann.id).in('status', active).in('action', ['create', 'edit', 'upscale', 'remove_bg', 'inpaint', 'expand'])
    .lt('created_at', ago(5)));
  is([(await look(old.id)).status, (await look(film.id)).status], ['failed', 'pending'], 'status');
  done(await service.from('generations').delete().eq('id', film.id));
});

test('create: active rows are counted, the row is written, then handed over', async () => {
  const { count } = await service.from('generations').select('id', { count: 'exact', head: true }).eq('user_id', ann.id).in('status', active);
  is(count, 0, 'active before');
  row = given(await service.from('generations').insert(draft(ann, {
    workspace_id: team.id, input_image_url: 'https://o.test/in.png', settings: { aspect_ratio: '1:1' },
  })).select().single());
  is([row.status, row.cost_credits, row.viewed, row.is_favorite, row.is_keyframe_segment], ['pending', 1, false, false, false], 'defaults');
  is(given(await service.from('generations').update({ status: 'queued' }).eq('id', row.id).select('status').single()).status, 'queued', 'handed over');
  const again = await service.from('generations').select('*', { count: 'exact', head: true }).eq('user_id', ann.id).in('status', active);
  is(again.count, 1, 'active after');
});

test('create: a queue that cannot be reached fails the row', async () => {
  const made = await generation(ann);
  done(await service.from('generations').update({ status: 'failed', error_message: 'Failed to enqueue generation' }).eq('id', made.id));
  const failed = await look(made.id);
  is([failed.status, failed.error_message], ['failed', 'Failed to enqueue generation'], 'row');
  ok(failed.completed_at, 'it has an end');
});

test('worker: sent to the provider, and a late hand-over does not move it back', async () => {
  const id = `p${uuid()}`;
  done(await service.from('generations').update({ replicate_prediction_id: id, status: 'processing', replicate_token_index: 3 }).eq('id', row.id));
  done(await service.from('generations').update({ status: 'queued' }).eq('id', row.id));
  row = await look(row.id);
  is([row.status, row.replicate_prediction_id], ['processing', id], 'row');
  ok(row.started_at, 'it has a start');
});

test('worker: a synchronous provider, and one that refuses', async () => {
  const [one, two] = [await generation(ann), await generation(ann)];
  done(await service.from('generations').update({
    replicate_prediction_id: `google-${uuid()}`, status: 'completed', output_urls: ['https://o.test/g.png'], completed_at: now(),
  }).eq('id', one.id));
  done(await service.from('generations').update({ status: 'failed', error_message: 'a; b', completed_at: now() }).eq('id', two.id));
  is([(await look(one.id)).status, (await look(two.id)).status], ['completed', 'failed'], 'status');
});

test('webhook: looked up by prediction id; an unknown one is none', async () => {
  is(given(await service.from('generations').select('*').eq('replicate_prediction_id', row.replicate_prediction_id!).single()).id, row.id, 'id');
  refused(await service.from('generations').select('*').eq('replicate_prediction_id', 'unknown').single(), 'PGRST116');
});

test('webhook: an automatic retry, then the result, cost and credits', async () => {
  const id = `p${uuid()}`;
  done(await service.from('generations').update({ replicate_output: { id: row.replicate_prediction_id, status: 'failed' } }).eq('id', row.id));
  done(await service.from('generations').update({
    replicate_prediction_id: id, replicate_token_index: 4, status: 'processing', error_message: null,
    settings: { ...(row.settings as object), auto_retry_count: 1 },
  }).eq('id', row.id));
  done(await service.from('generations').update({
    status: 'completed', output_urls: ['https://o.test/1.png', 'https://o.test/2.png'], output_thumbs: null, cost_usd: 0.003456,
    completed_at: now(), replicate_output: { id, status: 'succeeded', metrics: { predict_time: 2.4 } },
  }).eq('id', row.id));
  done(await service.rpc('decrement_credits', { user_id_param: ann.id, credits_param: row.cost_credits }));
  const end = await look(row.id);
  is([end.status, end.output_urls?.length, end.cost_usd, (end.settings as Record<string, unknown>)['auto_retry_count']],
    ['completed', 2, 0.003456, 1], 'row');
  ok(end.processing_time_ms !== null && end.completed_at, 'it has a duration and an end');
  is(given(await service.from('users').select('credits').eq('id', ann.id).single()).credits, 99, 'credits');
});

test('webhook: text of an analysis', async () => {
  const made = await generation(ann, { action: 'analyze_ocr', status: 'processing' });
  const text = { status: 'completed', output_text: 'Hello', output_urls: ['Hello'] };
  is(given(await service.from('generations').update(text).eq('id', made.id).select('status, output_text, output_urls').single()), text, 'row');
});

test('webhook: the flow node of a generation follows', async () => {
  const film = await flow(ann);
  const node = { id: uuid(), flow_id: film.id, block_type: 'image' as const, generation_id: row.id, status: 'processing' };
  done(await service.from('flow_nodes').insert(node));
  const changed = { status: 'completed', output_url: 'https://o.test/1.png', output_type: 'image', error_message: null };
  is(given(await service.from('flow_nodes').update(changed).eq('generation_id', row.id).select('id').single()).id, node.id, 'node');
});

test('list: personal, page by page, with a total', async () => {
  for (let i = 0; i < 3; i++) await generation(ann, { prompt: `page ${i}`, model_id: 'paged', status: 'completed' });
  await generation(ann, { model_id: 'paged', is_keyframe_segment: true });
  await generation(ann, { model_id: 'paged', action: 'video_keyframes', status: 'processing' });
  const query = (from: number, to: number) => service.from('generations').select(listed, { count: 'exact' }).eq('user_id', ann.id)
    .is('is_keyframe_segment', false).neq('action', 'video_keyframes').eq('model_id', 'paged')
    .order('created_at', { ascending: false }).range(from, to);
  const first = await query(0, 1);
  is([given(first).length, first.count, first.status], [2, 3, 206], 'first page');
  const second = await query(2, 3);
  is([given(second).map((one) => one.prompt), second.count], [['page 0'], 3], 'second page');
  refused(await query(50, 51), 'PGRST103');
});

test('list: each filter of the page', async () => {
  const base = () => service.from('generations').select('id', { count: 'exact' }).eq('user_id', ann.id).is('is_keyframe_segment', false);
  is((await base().eq('status', 'failed')).count, 3, 'failed');
  is((await base().in('status', active)).count, 1, 'active');
  is((await base().eq('is_favorite', true)).count, 0, 'favourites');
  is((await base().in('action', ['analyze_ocr', 'analyze_describe'])).count, 1, 'actions');
  is((await base().like('action', 'analyze_%')).count, 1, 'actions by pattern');
  is((await base().eq('model_name', 'FLUX schnell').eq('model_id', 'paged')).count, 4, 'model');
  is((await base().gte('created_at', ago(60)).lte('created_at', now()).ilike('prompt', '%PAGE%')).count, 3, 'dates and text');
  is((await base().or('status.eq.failed,and(status.eq.completed,output_text.not.is.null)')).count, 4, 'either');
});

test('list: of a workspace with the people in it, everybody and only mine', async () => {
  await generation(bob, { workspace_id: team.id, status: 'completed' });
  const query = () => service.from('generations').select('*, users!inner(email, telegram_first_name, telegram_username, id)', { count: 'exact' })
    .eq('workspace_id', team.id).is('is_keyframe_segment', false).neq('action', 'video_keyframes').order('created_at', { ascending: false });
  const all = await query().range(0, 19);
  is([all.count, given(all).map((one) => one.users.email).sort()], [2, [ann.email, bob.email].sort()], 'everybody');
  is((await query().eq('user_id', bob.id)).count, 1, 'only mine');
  is((await query().eq('users.email', ann.email)).count, 1, 'by a column of the person');
});

test('list: as the user himself, row level security does the filtering', async () => {
  const seen = await bob.client.from('generations').select('id, workspace_id', { count: 'exact' });
  is([seen.count, given(seen).every((one) => one.workspace_id === team.id)], [2, true], 'what a member sees');
});

test('one row, and the state that a waiting client asks for', async () => {
  is((await look(row.id)).id, row.id, 'id');
  const state = given(await service.from('generations').select('status, output_urls, error_message, replicate_output').eq('id', row.id).single());
  is(Object.keys(state), ['status', 'output_urls', 'error_message', 'replicate_output'], 'columns');
});

test('sync: own active rows with a prediction id; stale rows of everybody', async () => {
  const made = await generation(ann, { status: 'processing', replicate_prediction_id: `s${uuid()}`, created_at: ago(31) });
  const own = given(await service.from('generations').select('id, replicate_prediction_id, action, settings').eq('user_id', ann.id)
    .in('status', ['pending', 'processing']).not('replicate_prediction_id', 'is', null));
  is(own.map((one) => one.id), [made.id], 'own');
  const stale = given(await service.from('generations').select('id, user_id, replicate_prediction_id, created_at').in('status', active)
    .lt('created_at', ago(30)).order('created_at').limit(100));
  ok(stale.some((one) => one.id === made.id), 'stale');
  done(await service.from('generations').update({ status: 'cancelled', completed_at: now() }).eq('id', made.id).in('status', active));
  is((await look(made.id)).status, 'cancelled', 'status');
});

test('unseen: the badge, one seen, all seen', async () => {
  const unseen = () => service.from('generations').select('id', { count: 'exact', head: true }).eq('user_id', ann.id).eq('viewed', false).eq('status', 'completed');
  const { count } = await unseen();
  ok(count! > 2, 'some are unseen');
  done(await service.from('generations').update({ viewed: true, viewed_at: now() }).eq('id', row.id).eq('user_id', ann.id));
  is((await unseen()).count, count! - 1, 'one less');
  done(await service.from('generations').update({ viewed: true }).eq('user_id', ann.id).eq('viewed', false));
  is((await unseen()).count, 0, 'none');
});

test('favourite, retry and deletion of an own row', async () => {
  done(await service.from('generations').update({ is_favorite: true }).eq('id', row.id));
  is((await look(row.id)).is_favorite, true, 'favourite');
  const failed = await generation(ann, { status: 'failed' });
  done(await service.from('generations').update({
    status: 'processing', error_message: null, started_at: now(), replicate_prediction_id: `r${uuid()}`, replicate_token_index: 1,
  }).eq('id', failed.id));
  const again = await look(failed.id);
  is([again.status, again.completed_at, again.error_message], ['processing', null, null], 'retried');
  is(given(await service.from('generations').delete().eq('id', failed.id).eq('user_id', ann.id).select('id')).length, 1, 'deleted');
});

test('film: parent and segments in one insert, the group found by its id', async () => {
  const group = uuid();
  const part = (i: number) => ({
    ...draft(ann), action: 'video_i2v', is_keyframe_segment: true,
    settings: { keyframe_group_id: group, keyframe_index: i, keyframe_total: 2, keyframe_mode: 'i2v' },
  });
  const parent = { ...draft(ann), action: 'video_keyframes', status: 'processing', settings: { keyframe_group_id: group, keyframe_parent: true } };
  const made = given(await service.from('generations').insert(parent).select().single());
  is(given(await service.from('generations').insert([part(0), part(1)]).select('id, status')).map((one) => one.status), ['pending', 'pending'], 'segments');
  const found = given(await service.from('generations').select('id, action, settings, status').eq('user_id', ann.id)
    .contains('settings', { keyframe_group_id: group }).order('created_at'));
  is(found.length, 3, 'rows of the group');
  const next = given(await service.from('generations').select('id').contains('settings', { keyframe_group_id: group, keyframe_index: 1 }).eq('status', 'pending').single());
  is(given(await service.from('generations').select('id').eq('settings->>keyframe_group_id', group).eq('settings->keyframe_index', 1).single()).id, next.id, 'by path');
  const merge = { ...draft(ann), action: 'video_edit', replicate_model: 'lucataco/video-merge', settings: { keyframe_group_id: group, keyframe_merge: true } };
  done(await service.from('generations').insert(merge));
  done(await service.from('generations').update({ status: 'completed', output_urls: ['https://o.test/f.mp4'] }).eq('id', made.id));
  is((await look(made.id)).status, 'completed', 'film');
});

test('admin: failures, costs, options of the filters, previews, clean-up', async () => {
  const failures = given(await service.from('generations').select('id, error_message, model_name, action, created_at, users!inner(email)')
    .eq('status', 'failed').order('created_at', { ascending: false }).limit(200));
  ok(failures.some((one) => one.users.email === ann.email), 'failures');
  const costs = given(await service.from('generations').select('cost_usd').eq('status', 'completed').not('cost_usd', 'is', null).gte('created_at', ago(60)).eq('user_id', ann.id));
  is(costs, [{ cost_usd: 0.003456 }], 'costs');
  const options = given(await service.from('generations').select('model_name, action').eq('user_id', ann.id));
  ok(options.length > 5, 'options');
  const previews = given(await service.from('generations').select('user_id, output_urls, output_thumbs, created_at').in('user_id', [ann.id, bob.id])
    .eq('status', 'completed').not('output_urls', 'is', null).order('created_at', { ascending: false }).limit(1000));
  ok(previews.length >= 2, 'previews');
  const oldest = given(await service.from('generations').select('id, output_urls').eq('user_id', ann.id).order('created_at', { ascending: true }).limit(2));
  is(given(await service.from('generations').delete().in('id', oldest.map((one) => one.id)).select('id')).length, 2, 'deleted');
});

test('workspace removal: the rows of a member go elsewhere', async () => {
  done(await service.from('generations').update({ workspace_id: null }).eq('user_id', bob.id).eq('workspace_id', team.id));
  const moved = given(await service.from('generations').update({ workspace_id: team.id }).eq('user_id', bob.id).is('workspace_id', null).select('id'));
  is(moved.length, 1, 'rows');
});

test('flow route, as the user: writes the row, sends it itself, and notes the end', async () => {
  const made = given(await ann.client.from('generations').insert(draft(ann)).select().single());
  done(await ann.client.from('generations').update({ replicate_prediction_id: `u${uuid()}`, status: 'processing' }).eq('id', made.id));
  done(await ann.client.from('generations').update({ status: 'failed', error_message: 'no luck', completed_at: now() }).eq('id', made.id));
  is((await look(made.id)).status, 'failed', 'status');
  done(await ann.client.from('generations').update({ viewed: true, viewed_at: now(), is_favorite: true }).eq('id', made.id).eq('user_id', ann.id));
  const early = given(await ann.client.from('generations').insert(draft(ann)).select().single());
  done(await ann.client.from('generations').update({ status: 'failed', error_message: 'not sent' }).eq('id', early.id));
});

void run(before, closeWorld);
