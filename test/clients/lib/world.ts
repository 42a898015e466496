// SPDX-License-Identifier: PostgreSQL
// What every client test starts from: the stand-in gateway over the database of PGDATABASE, people, and a client for each.
//
// Each file makes people and rows of its own, so that the files can run on one database in any order.
import { randomUUID } from 'node:crypto';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { Pool } from 'pg';
import type { Database, Tables, TablesInsert } from '../../lib/supabase/types';
import { Gateway } from '../../postgrest/server';

export type Client = SupabaseClient<Database>;
export type Generation = Tables<'generations'>;

export interface Person {
  id: string;
  email: string;
  token: string;
  client: Client;
}

// Realtime needs a WebSocket, which Node before 22 does not have; nothing here uses realtime.
class NoSocket {
  constructor() {
    throw new Error('Realtime is not played here');
  }
}
(globalThis as { WebSocket?: unknown }).WebSocket ??= NoSocket;

const secret = 'only for these tests, 32 characters at least';
export const databaseSchema = 'public';

export let gateway: Gateway;
export let anonKey: string;
export let serviceKey: string;
export let service: Client;
export let visitor: Client;
// The owner of the server, for what no client can see or do.
export let superuser: Pool;
let hosted = false;

export function clientWith(key: string, token?: string): Client {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<Database>(gateway.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { headers },
  });
}

export async function openWorld(): Promise<void> {
  gateway = await Gateway.start({
    database: process.env.PGDATABASE!, user: process.env.GATEWAY_ROLE!, authUser: process.env.PGUSER!,
    schema: databaseSchema, secret,
  });
  anonKey = gateway.token({ role: 'anon' });
  serviceKey = gateway.token({ role: 'service_role' });
  process.env.NEXT_PUBLIC_SUPABASE_URL = gateway.url;
  process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY = anonKey;
  process.env.SUPABASE_SERVICE_ROLE_KEY = serviceKey;
  service = clientWith(serviceKey);
  visitor = clientWith(anonKey);
  superuser = new Pool({ max: 2 });
  hosted = (await superuser.query(`SELECT to_regclass('auth.users') IS NOT NULL AS hosted`)).rows[0].hosted;
}

export async function closeWorld(): Promise<void> {
  await gateway.stop();
  await superuser.end();
}

export const uuid = randomUUID;
let people = 0;

// The answer of a call that must have succeeded.
export function given<Data>(answer: { data: Data; error: { code: string; message: string } | null }): NonNullable<Data> {
  if (answer.error) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  if (answer.data === null || answer.data === undefined) throw new Error('the answer holds no data');
  return answer.data as NonNullable<Data>;
}

export function done(answer: { error: { code?: string; message: string } | null }): void {
  if (answer.error) throw new Error(`${answer.error.code}: ${answer.error.message}`);
}

// A call that must have been refused, with this SQLSTATE or code of the gateway.
export function refused(answer: { data?: unknown; error: { code: string; message: string } | null }, code: string): void {
  if (!answer.error) throw new Error(`nothing refused this; it gave ${JSON.stringify(answer.data)}`);
  if (answer.error.code !== code) throw new Error(`${answer.error.code}: ${answer.error.message}; expected ${code}`);
}

export async function person(name: string, role = 'user', more: Partial<Tables<'users'>> = {}): Promise<Person> {
  const id = uuid();
  const email = `${name}-${process.pid}-${++people}@clients.test`;
  // On a hosted database the sign-up makes the profile, elsewhere the app's server does.
  if (hosted) await superuser.query('INSERT INTO auth.users (id, email) VALUES ($1, $2)', [id, email]);
  else done(await service.from('users').insert({ id, email, auth_provider: 'email' }));
  done(await service.from('users').update({ role, display_name: name, ...more }).eq('id', id));
  const token = gateway.token({ sub: id, role: 'authenticated', email });
  return { id, email, token, client: clientWith(anonKey, token) };
}

// What the app's create route writes, as the user or with the service key.
export function draft(owner: Person, more: Partial<Generation> = {}) {
  return {
    user_id: owner.id, action: 'create', model_id: 'flux-schnell', model_name: 'FLUX schnell',
    replicate_model: 'black-forest-labs/flux-schnell', prompt: 'a red kettle', status: 'pending',
    replicate_input: { prompt: 'a red kettle' }, ...more,
  };
}

export async function generation(owner: Person, more: Partial<Generation> = {}): Promise<Generation> {
  return given(await service.from('generations').insert(draft(owner, more)).select().single());
}

export async function workspace(owner: Person, members: [Person, string][] = []): Promise<Tables<'workspaces'>> {
  const slug = `team-${uuid().slice(0, 18)}`;
  const made = given(await service.from('workspaces').insert({ name: 'Team', slug, created_by: owner.id }).select().single());
  const rows = members.map(([member, role]) => ({ workspace_id: made.id, user_id: member.id, role, invited_by: owner.id }));
  if (rows.length > 0) done(await service.from('workspace_members').insert(rows));
  return made;
}

export async function flow(owner: Person, more: Partial<TablesInsert<'flows'>> = {}): Promise<Tables<'flows'>> {
  return given(await owner.client.from('flows').insert({ user_id: owner.id, name: 'Film', ...more }).select().single());
}
