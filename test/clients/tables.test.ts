// SPDX-License-Identifier: PostgreSQL
// Every table with the generated types: each is inserted into, read, changed and deleted from, and its rows are what the types
// say. The compiler asks for an entry for each table.
import type { Database, Json, Tables, TablesInsert, TablesUpdate } from '../lib/supabase/types';
import { misfits, shapes, type RelationName } from './lib/shapes';
import { is, ok, run, test } from './lib/tap';
import {
  closeWorld, databaseSchema, done, draft, flow, generation, given, openWorld, person, refused, service, superuser, uuid, workspace,
  type Client, type Person,
} from './lib/world';

type TableName = keyof Database['public']['Tables'];

interface Use<Name extends TableName> {
  row: () => Promise<TablesInsert<Name>>;
  change: TablesUpdate<Name>;
  // What makes the row stay as it is, where not even the service role changes one.
  key?: 'id';
}

let ann: Person;
let bob: Person;
let film: Tables<'flows'>;
let nodes: [string, string];
let team: Tables<'workspaces'>;
let idea: string;
let conversation: string;
let lora: string;

async function before(): Promise<void> {
  await openWorld();
  [ann, bob] = [await person('ann'), await person('bob')];
  film = await flow(ann);
  team = await workspace(ann);
  nodes = [uuid(), uuid()];
  done(await service.from('flow_nodes').insert(nodes.map((id) => ({ id, flow_id: film.id, block_type: 'text' as const }))));
  idea = given(await service.from('ideas').insert({ title: 'Dark mode', user_id: ann.id }).select('id').single()).id;
  conversation = given(await service.from('assistant_conversations').insert({ user_id: ann.id }).select('id').single()).id;
  lora = given(await service.from('user_loras').insert({ user_id: ann.id, name: 'Style', trigger_word: `W${process.pid}` }).select('id').single()).id;
}

const uses: { [Name in TableName]: Use<Name> } = {
  users: {
    row: async () => {
      const id = uuid();
      await superuser.query(`DO $$ BEGIN IF to_regclass('auth.users') IS NOT NULL THEN
        INSERT INTO auth.users (id, email) VALUES ('${id}', 'tables-${id}@clients.test'); DELETE FROM "${databaseSchema}".users WHERE id = '${id}';
        END IF; END $$`);
      return { id, email: `tables-${id}@clients.test`, auth_provider: 'email' };
    },
    change: { role: 'admin', credits: 7, is_active: false },
  },
  generations: {
    row: async () => ({ ...draft(ann), settings: { priority: 1 }, workspace_id: null }),
    change: { status: 'completed', output_urls: ['https://o.test/1.png'], cost_usd: 0.0012, replicate_output: { id: 'p' } },
  },
  replicate_tokens: { row: async () => ({ token: `r8_${uuid()}` }), change: { error_count: 1, last_error: '401', is_active: false } },
  workspaces: { row: async () => ({ name: 'Two', slug: `two-${uuid().slice(0, 8)}`, created_by: ann.id }), change: { is_active: false } },
  workspace_members: {
    row: async () => ({ workspace_id: team.id, user_id: bob.id, role: 'member', invited_by: ann.id }), change: { role: 'admin' },
  },
  flows: { row: async () => ({ user_id: ann.id, name: 'Two', workspace_id: team.id }), change: { status: 'review', viewport_zoom: 1.5 } },
  flow_nodes: {
    row: async () => ({ flow_id: film.id, block_type: 'image', position_x: 1.5, data: { prompt: 'a' } }),
    change: { status: 'completed', output_type: 'image', output_url: 'https://o.test/1.png', block_type: 'video' },
  },
  flow_edges: {
    row: async () => ({ flow_id: film.id, source_node_id: nodes[0], target_node_id: nodes[1] }), change: { edge_type: 'smooth' },
  },
  flow_members: {
    row: async () => ({ flow_id: film.id, user_id: bob.id, role: 'viewer', invited_by: ann.id }), change: { role: 'editor' },
  },
  flow_invites: {
    row: async () => ({ flow_id: film.id, email: bob.email, invited_by: ann.id }), change: { used_at: '2026-01-01T00:00:00Z' },
  },
  flow_comments: {
    row: async () => ({ flow_id: film.id, user_id: ann.id, content: 'Nice', node_id: nodes[0], read_by: [ann.id] }),
    change: { is_resolved: true, position_x: -0.5 },
  },
  user_loras: {
    row: async () => ({ user_id: ann.id, name: 'Two', trigger_word: `X${process.pid}`, status: 'uploading' }),
    change: { status: 'completed', lora_url: 'https://o.test/w.tar', training_completed_at: '2026-01-01T00:00:00Z' },
  },
  lora_training_images: { row: async () => ({ lora_id: lora, image_url: 'https://o.test/1.png' }), change: { caption: 'a cat' } },
  notifications: {
    row: async () => ({ user_id: ann.id, type: 'update', title: 'News', metadata: { a: [1] } }), change: { is_read: true },
  },
  ideas: { row: async () => ({ title: 'Two', user_id: null }), change: { description: 'more' } },
  idea_votes: { row: async () => ({ idea_id: idea, user_id: bob.id }), change: { idea_id: '' }, key: 'id' },
  assistant_conversations: { row: async () => ({ user_id: ann.id, title: 'Chat' }), change: { is_favorite: true } },
  assistant_messages: {
    row: async () => ({ conversation_id: conversation, role: 'user', content: 'Hi', images: ['https://o.test/1.png'] }),
    change: { context: { page: 'home' } },
  },
  api_logs: {
    row: async () => ({ method: 'GET', path: '/api', status_code: 200, request_body: [1, 'a', null] }), change: { error_message: 'late' },
  },
  support_tickets: { row: async () => ({ user_id: ann.id, message: 'Help' }), change: { status: 'in_progress' } },
};

// The table's name is known at run time only, so here the client is one without types.
interface Untyped {
  from(table: string): ReturnType<Client['from']> & { insert(row: unknown): any; update(row: unknown): any; select(list?: string): any };
}
const untyped = () => service as unknown as Untyped;

for (const name of Object.keys(uses) as TableName[]) {
  test(`${name}: insert, read, change, delete`, async () => {
    const { row, change, key } = uses[name];
    const table = () => untyped().from(name) as any;
    const made = given<Record<string, unknown>>(await table().insert(await row()).select().single());
    const shape = Object.fromEntries(Object.entries(shapes[name]).filter(([column]) => column in made || !['nodes', 'edges'].includes(column)));
    is(misfits(shape, made), [], 'inserted row');
    const list = Object.keys(shapes[name]).join(', ');
    is(misfits(shapes[name], given(await table().select(list).eq('id', made['id']).single())), [], 'row by its columns');
    if (key === undefined) {
      const changed = given<Record<string, Json>>(await table().update(change).eq('id', made['id']).select().single());
      for (const [column, value] of Object.entries(change)) {
        if (!/_at$/.test(column)) is(changed[column], value, column);
      }
      is(misfits(shape, changed), [], 'changed row');
    }
    is(given<unknown[]>(await table().delete().eq('id', made['id']).select('id')).length, 1, 'rows deleted');
  });
}

const views: Exclude<RelationName, TableName>[] = ['admin_stats', 'mv_admin_stats', 'workspace_users'];
for (const name of views) {
  test(`${name}: read`, async () => {
    const rows = given<Record<string, unknown>[]>(await (untyped().from(name) as any).select('*').limit(5));
    ok(rows.length > 0, 'it has rows');
    for (const row of rows) is(misfits(shapes[name], row), [], 'row');
  });
}

test('second names are read only', async () => {
  const table = service.from('notifications') as unknown as Untyped;
  refused(await (table as any).insert({ user_id: ann.id, type: 'update', title: 'x', read: true }), '428C9');
  refused(await (service.from('ideas') as any).update({ votes: 7 }).eq('id', idea), '428C9');
});

test('embedded resources have the types of their tables', async () => {
  const row = await generation(ann, { workspace_id: team.id });
  const got = given(await service.from('generations').select('id, status, users!inner(email, telegram_first_name)').eq('id', row.id).single());
  const email: string | null = got.users.email;
  is(email, ann.email, 'e-mail of the owner');
  const spaces = given(await service.from('workspaces').select('id, workspace_members(role, user_id)').eq('id', team.id).single());
  const role: string | undefined = spaces.workspace_members[0]?.role;
  is(role, 'owner', 'role of the first member');
});

test('flows carry their nodes and edges as JSON, when asked', async () => {
  const got = given(await ann.client.from('flows').select('id, nodes, edges').eq('id', film.id).single());
  ok(Array.isArray(got.nodes) && Array.isArray(got.edges), 'lists');
  is((got.nodes as { id: string }[]).map((node) => node.id).sort(), [...nodes].sort(), 'nodes');
});

test('an enum is its words, and another word is refused', async () => {
  const kind: Database['public']['Enums']['flow_block_type'] = 'video';
  done(await service.from('flow_nodes').insert({ flow_id: film.id, block_type: kind }));
  refused(await service.from('flow_nodes').insert({ flow_id: film.id, block_type: 'sound' as 'video' }), '22P02');
});

test('no table of the schema is without an entry here', async () => {
  const sql = `SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'v', 'm') ORDER BY 1`;
  const names = (await superuser.query<{ relname: string }>(sql, [databaseSchema])).rows.map((row) => row.relname);
  is(names, Object.keys(shapes).sort(), 'tables and views');
});

void run(before, closeWorld);
