// SPDX-License-Identifier: PostgreSQL
// The six client patterns, by the very code that the README shows.
import { execFileSync } from 'node:child_process';
import { serveRequest } from './lib/react';
import { is, ok, run, test } from './lib/tap';
import { clientWith, closeWorld, done, draft, gateway, given, openWorld, person, refused, visitor, type Person } from './lib/world';

// The README's code reads the gateway's address when it is loaded.
let createBrowserSupabaseClient: typeof import('../lib/supabase/client').createBrowserSupabaseClient;
let { createServerSupabaseClient, createServiceRoleClient } = {} as typeof import('../lib/supabase/server');
let { getRole, getServiceClient, mayEnterAdmin } = {} as typeof import('../middleware');
let { getProfile, getUser } = {} as typeof import('../lib/supabase/auth-helpers');

let ann: Person;
let bob: Person;
let root: Person;
let off: Person;

async function before(): Promise<void> {
  await openWorld();
  ({ createBrowserSupabaseClient } = await import('../lib/supabase/client'));
  ({ createServerSupabaseClient, createServiceRoleClient } = await import('../lib/supabase/server'));
  ({ getRole, getServiceClient, mayEnterAdmin } = await import('../middleware'));
  ({ getProfile, getUser } = await import('../lib/supabase/auth-helpers'));
  [ann, bob] = [await person('ann'), await person('bob')];
  [root, off] = [await person('root', 'super_admin'), await person('off', 'admin', { is_active: false })];
}

function psql(file: string, user: string): string[] {
  const folder = process.env.README_FOLDER!;
  const flags = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-v', `user=${user}`, '-f', `${folder}/${file}`];
  return execFileSync('psql', flags, { encoding: 'utf8' }).trim().split('\n');
}

test('server, anon key: a user queues and sees his own rows only', async () => {
  const client = createServerSupabaseClient(ann.token);
  const row = given(await client.from('generations').insert(draft(ann)).select().single());
  is(row.status, 'pending', 'status');
  const { status, ...rest } = draft(ann);
  is(given(await client.from('generations').insert(rest).select('status').single()).status, 'queued', 'status by default');
  is(given(await createServerSupabaseClient(bob.token).from('generations').select('id').eq('id', row.id)), [], 'seen by another');
});

test('server, anon key: without a token it is a visitor', async () => {
  refused(await createServerSupabaseClient().from('generations').select('id'), '42501');
  refused(await createServerSupabaseClient().from('generations').insert(draft(ann)), '42501');
  given(await createServerSupabaseClient().from('ideas').select('id, title').limit(1));
});

test('server, anon key: a token that is forged or has expired is refused', async () => {
  const [head, , sign] = ann.token.split('.');
  const claims = Buffer.from(JSON.stringify({ sub: root.id, role: 'service_role' })).toString('base64url');
  refused(await createServerSupabaseClient(`${head}.${claims}.${sign}`).from('users').select('id'), 'PGRST301');
  const old = gateway.token({ sub: ann.id, role: 'authenticated' }, -60);
  refused(await createServerSupabaseClient(old).from('users').select('id'), 'PGRST303');
});

test('a role that no client may have is refused', async () => {
  ok((await createServerSupabaseClient(gateway.token({ sub: ann.id, role: 'postgres' })).from('users').select('id')).error, 'refused');
  ok((await createServerSupabaseClient(gateway.token({ sub: ann.id, role: 'atelier_owner' })).from('users').select('id')).error, 'refused');
});

test('service role: admin work past row level security', async () => {
  const service = createServiceRoleClient();
  const { count } = await service.from('users').select('*', { count: 'exact', head: true }).in('id', [ann.id, bob.id, root.id]);
  is(count, 3, 'users counted');
  const { total_generations } = given(await service.rpc('get_dashboard_totals_v2', { p_user_id: ann.id }).single());
  is(total_generations, 2, 'generations of ann');
});

test('service role: its claim alone, without the role, is nothing', async () => {
  const forged = clientWith(process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY!, gateway.token({ role: 'anon', sub: ann.id, user_role: 'service_role' }));
  refused(await forged.from('replicate_tokens').select('id, token'), '42501');
  refused(await ann.client.rpc('get_next_replicate_token'), '42501');
});

test('browser: one client, which is a visitor, then the one who signs in, then a visitor again', async () => {
  const client = createBrowserSupabaseClient();
  ok(client === createBrowserSupabaseClient(), 'one client for the page');
  refused(await client.from('notifications').select('id'), '42501');
  const { error } = await client.auth.signInWithPassword({ email: ann.email, password: 'any' });
  is(error, null, 'sign-in');
  is(given(await client.from('users').select('id')).map((row) => row.id), [ann.id], 'profiles seen');
  is(given(await client.from('generations').select('user_id')).map((row) => row.user_id), [ann.id, ann.id], 'generations seen');
  done(await client.auth.signOut());
  refused(await client.from('notifications').select('id'), '42501');
});

test('middleware: one service client answers for roles', async () => {
  ok(getServiceClient() === getServiceClient(), 'a singleton');
  is([await getRole(ann.id), await getRole(root.id)], ['user', 'super_admin'], 'roles');
  is([await mayEnterAdmin(ann.id), await mayEnterAdmin(root.id), await mayEnterAdmin(off.id)], [false, true, false], 'admin area');
  is(await getRole('00000000-0000-4000-8000-00000000dead'), null, 'role of nobody');
});

test('cached auth: one question to the auth service and one to the profile per request', async () => {
  const asked = () => gateway.requests.filter((line) => /auth\/v1\/user$|rest\/v1\/users$/.test(line)).length;
  const first = asked();
  const [user, profile, again] = await serveRequest(() => Promise.all([getUser(ann.token), getProfile(ann.token), getProfile(ann.token)]));
  is(user?.id, ann.id, 'user');
  is([profile?.role, profile?.credits, again === profile], ['user', 100, true], 'profile');
  is(asked() - first, 2, 'questions of one request');
  await serveRequest(() => getProfile(ann.token));
  is(asked() - first, 4, 'the next request asks again');
  is(await serveRequest(() => getProfile('nonsense')), null, 'profile of nobody');
});

test('psql: the same as a user, with the service role, and the role check', async () => {
  const lines = psql('user.sql', bob.id);
  is(lines.slice(-2), ['queued', '1|1'], 'queued and counted');
  ok(/^\d+\|[\d.]+\|\d+$/.test(psql('service.sql', '').join()), 'totals');
  is(psql('role.sql', root.id), ['super_admin'], 'role');
});

test('a visitor is told so by 401, a user without the right by 403', async () => {
  is((await visitor.from('api_logs').select('id')).status, 401, 'status of a visitor');
  is((await ann.client.from('api_logs').select('id')).status, 403, 'status of a user');
});

void run(before, closeWorld);
