// SPDX-License-Identifier: PostgreSQL
// The stand-in gateway itself, on a small schema of its own: what the other tests rely on is what the real one does.
import { PostgrestClient } from '@supabase/postgrest-js';
import { Pool } from 'pg';
import { Gateway } from '../postgrest/server';
import { httpStatus } from '../postgrest/failures';
import { is, ok, run, test } from './lib/tap';
import { done, given, refused } from './lib/world';

const schema = `gateway_${process.pid}`;
let pool: Pool;
let gateway: Gateway;
// Nothing is known of this schema's types.
let client: PostgrestClient<any, any, any>;
let url: string;

const objects = `
CREATE SCHEMA ${schema};
CREATE TABLE ${schema}.box (id int PRIMARY KEY, name text UNIQUE, size numeric DEFAULT 7, notes jsonb, words text[]);
CREATE TABLE ${schema}.thing (id int PRIMARY KEY, box_id int REFERENCES ${schema}.box, name text);
CREATE TABLE ${schema}.lid (box_id int PRIMARY KEY REFERENCES ${schema}.box, color text);
INSERT INTO ${schema}.box VALUES (1, 'a', 1, '{"k": {"d": 1}}', '{x,y}'), (2, 'b, (c)', 2, NULL, NULL), (3, 'say "hi"', NULL, '{"k": 2}', '{}');
INSERT INTO ${schema}.thing VALUES (1, 1, 'pen'), (2, 1, 'cup'), (3, 2, 'pen');
INSERT INTO ${schema}.lid VALUES (1, 'red');
CREATE FUNCTION ${schema}.add(a int, b int DEFAULT 10) RETURNS int STABLE LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION ${schema}.write() RETURNS int LANGUAGE sql AS $$ INSERT INTO ${schema}.box (id) VALUES (99) RETURNING id $$;
CREATE FUNCTION ${schema}.list(lowest int) RETURNS TABLE (id int, name text) STABLE LANGUAGE sql AS $$ SELECT id, name FROM ${schema}.box WHERE id >= lowest $$;
CREATE FUNCTION ${schema}.names() RETURNS SETOF text STABLE LANGUAGE sql AS $$ SELECT name FROM ${schema}.box ORDER BY id $$;
CREATE FUNCTION ${schema}.hook(json) RETURNS TABLE (size int, attempt text) LANGUAGE sql AS $$ SELECT length($1::text), 'seven' $$;
CREATE FUNCTION ${schema}.teapot() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'short' USING ERRCODE = 'PT418', DETAIL = 'and stout'; END $$;
CREATE FUNCTION ${schema}.quiet() RETURNS SETOF text LANGUAGE sql AS $$ SELECT set_config('response.status', '204', true) $$;
CREATE FUNCTION ${schema}.header(name text) RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('request.headers')::json ->> name $$;
GRANT USAGE ON SCHEMA ${schema} TO service_role, anon;
GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO service_role;`;

async function before(): Promise<void> {
  pool = new Pool({ max: 1 });
  await pool.query(objects);
  gateway = await Gateway.start({
    database: process.env.PGDATABASE!, user: process.env.GATEWAY_ROLE!, authUser: process.env.PGUSER!, schema, secret: 'for this test', maxRows: 2,
  });
  url = `${gateway.url}/rest/v1`;
  client = new PostgrestClient(url, { headers: { Authorization: `Bearer ${gateway.token({ role: 'service_role' })}` } });
}

async function after(): Promise<void> {
  await gateway.stop();
  await pool.query(`SET client_min_messages = warning; DROP SCHEMA ${schema} CASCADE`);
  await pool.end();
}

const ids = async (query: PromiseLike<{ data: any; error: any }>) => given<any[]>(await query).map((row) => row.id);
const boxes = () => client.from('box').select('id').order('id');

test('filters: lists, quotes, patterns, nulls, containment, paths', async () => {
  is(await ids(boxes().in('name', ['b, (c)', 'say "hi"'])), [2, 3], 'in');
  is(await ids(boxes().eq('name', 'say "hi"')), [3], 'eq');
  is(await ids(boxes().ilike('name', '%HI%')), [3], 'ilike');
  is(await ids(boxes().is('size', null)), [3], 'is');
  is(await ids(boxes().not('size', 'is', null)), [1, 2], 'not is');
  is(await ids(boxes().contains('words', ['x'])), [1], 'contains of an array');
  is(await ids(boxes().contains('notes', { k: { d: 1 } })), [1], 'contains of JSON');
  is(await ids(boxes().eq('notes->>k', '2')), [3], 'path');
  is(await ids(boxes().gt('id', 1).lte('id', 2).neq('id', 3)), [2], 'comparisons');
});

test('filters: and, or, not, nested and quoted', async () => {
  is(await ids(boxes().or('id.eq.1,and(id.gt.1,name.eq."say \\"hi\\"")')), [1, 3], 'or');
  is(await ids(boxes().or('name.in.("b, (c)",a),id.eq.9')), [1, 2], 'in within or');
  is(await ids(boxes().not('id', 'in', '(1,2)')), [3], 'not in');
});

test('order, nulls, pages, the most rows of an answer, and exact counts', async () => {
  is(await ids(client.from('box').select('id').order('size', { ascending: false, nullsFirst: false }).limit(2)), [2, 1], 'order');
  const page = await client.from('box').select('id', { count: 'exact' }).order('id');
  is([given(page).length, page.count, page.status], [2, 3, 206], 'cut');
  is((await client.from('box').select('id', { count: 'exact', head: true })).count, 3, 'head');
});

test('embedding: both directions, one to one, inner, filtered, limited, ambiguous never', async () => {
  const [one] = given(await client.from('box').select('id, lid(color), things:thing(name)').eq('id', 1).order('name', { referencedTable: 'things' })) as any[];
  is(one, { id: 1, lid: { color: 'red' }, things: [{ name: 'cup' }, { name: 'pen' }] }, 'box');
  is(given(await client.from('thing').select('name, box(name)').eq('id', 3).single()), { name: 'pen', box: { name: 'b, (c)' } } as any, 'thing');
  is(given(await client.from('thing').select('b:box_id(name)').eq('id', 3).single()), { b: { name: 'b, (c)' } } as any, 'by the column');
  is(await ids(client.from('box').select('id, thing!inner(name)').eq('thing.name', 'cup')), [1], 'inner');
  is((given(await client.from('box').select('id, thing(name)').eq('id', 1).limit(1, { referencedTable: 'thing' })) as any[])[0].thing.length, 1, 'limit');
  is(await ids(client.from('box').select('id, lid!thing_box_id_fkey(color)')).catch((error: Error) => error.message.slice(0, 8)), 'PGRST200', 'wrong hint');
});

test('single and maybeSingle', async () => {
  refused(await client.from('box').select('id').single(), 'PGRST116');
  is((await client.from('box').select('id').eq('id', 7).maybeSingle()).data, null, 'none');
  const { error, status } = await client.from('box').update({ size: 9 }).gt('id', 0).select('id').single();
  is([error?.code, status], ['PGRST116', 406], 'a change of several as one');
  is(given(await client.from('box').select('size').eq('id', 1).single()), { size: 1 } as any, 'is taken back');
});

test('insert, update, delete: with and without what they did', async () => {
  const none = await client.from('box').insert({ id: 10 });
  is([none.status, none.data], [201, null], 'insert');
  is(given(await client.from('box').insert([{ id: 11, name: 'n' }, { id: 12 }]).select('id, name, size')) as any[], [{ id: 11, name: 'n', size: 7 }, { id: 12, name: null, size: 7 }], 'bulk');
  is(given(await client.from('thing').insert({ id: 9, box_id: 10 }).select('id, box(id)').single()), { id: 9, box: { id: 10 } } as any, 'with what it belongs to');
  is(await ids(client.from('box').update({ words: ['q'] }).gte('id', 11).select('id').order('id')), [11, 12], 'update');
  is((await client.from('box').update({ size: 1 }).eq('id', 777)).status, 204, 'of nothing');
  refused(await client.from('box').delete().eq('id', 10), '23503');
  done(await client.from('thing').delete().eq('id', 9));
  is((await client.from('box').delete({ count: 'exact' }).gte('id', 10)).count, 3, 'delete');
  refused(await client.from('box').insert({ id: 10, nope: 1 }), 'PGRST204');
});

test('upsert: merge and ignore', async () => {
  done(await client.from('lid').upsert({ box_id: 1, color: 'blue' }));
  is(given(await client.from('lid').upsert([{ box_id: 1, color: 'x' }], { ignoreDuplicates: true }).select()), [], 'ignored');
  is(given(await client.from('lid').select('color').single()), { color: 'blue' } as any, 'merged');
});

test('functions: named arguments and defaults, lists, tables with filters, none of that name', async () => {
  is(given(await client.rpc('add', { a: 1 })), 11, 'default');
  is(given(await client.rpc('add', { a: 1, b: 2 }, { get: true })), 3, 'by GET');
  is(given(await client.rpc('names')), ['a', 'b, (c)', 'say "hi"'], 'list');
  is(await ids(client.rpc('list', { lowest: 1 }).select('id').gt('id', 1).order('id', { ascending: false })), [3, 2], 'table');
  is(await ids(client.rpc('list', { lowest: 3 }, { get: true })), [3], 'table by GET');
  refused(await client.rpc('add', { x: 1 }), 'PGRST202');
  const { status, error } = await client.rpc('write', undefined, { get: true });
  is([status, error?.code], [405, '25006'], 'a writing one by GET');
});

test('functions: a body of any shape, filters beside it, statuses of their own', async () => {
  const post = (path: string, body: string) => fetch(`${url}/rpc/${path}`, { method: 'POST', body, headers: { Authorization: `Bearer ${gateway.token({ role: 'anon' })}` } });
  is(await (await post('hook?attempt=eq.seven', '{"id": "x",  "status": 1}')).json(), [{ size: 25, attempt: 'seven' }], 'the bytes as they came');
  is(await (await post('hook?attempt=eq.eight', '{}')).json(), [], 'filtered');
  const pot = await post('teapot', '{}');
  is([pot.status, ((await pot.json()) as any).details], [418, 'and stout'], 'PTxyz');
  const quiet = await post('quiet', '{}');
  is([quiet.status, await quiet.text()], [204, ''], 'response.status');
  is(await (await fetch(`${url}/rpc/header?name=x-test`, { headers: { 'X-Test': 'y' } })).json(), 'y', 'request.headers');
});

test('each request is a transaction of its own, and a failed one leaves nothing', async () => {
  refused(await client.from('box').insert([{ id: 20 }, { id: 1 }]), '23505');
  is(await ids(boxes().eq('id', 20)), [], 'rows');
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => client.rpc('add', { a: i, b: 0 })));
  is(answers.map((one) => one.data), Array.from({ length: 20 }, (_, i) => i), 'twenty at once');
});

test('errors by SQLSTATE', async () => {
  const states = { '23505': 409, '23514': 400, '42501': 403, '42P01': 404, '40001': 500, '53400': 500, '57014': 500, P0001: 400, '22023': 400, PT403: 403 };
  for (const [state, status] of Object.entries(states)) is(httpStatus(state, false), status, state);
  is(httpStatus('42501', true), 401, '42501 of a visitor');
  refused(await client.from('nothing').select(), 'PGRST205');
  ok((await client.from('box').select('nope')).error?.code === '42703', 'no such column');
  const bad = await fetch(`${url}/box?id=what.1`, { headers: { Authorization: `Bearer ${gateway.token({ role: 'service_role' })}` } });
  is([bad.status, ((await bad.json()) as any).code], [400, 'PGRST100'], 'no such operator');
});

void run(before, after);
