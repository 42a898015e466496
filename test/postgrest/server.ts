// SPDX-License-Identifier: PostgreSQL
// A stand-in of the REST gateway (PostgREST) in front of a database, for tests, on 127.0.0.1 only. It takes what
// @supabase/postgrest-js sends: select lists with embedded resources, filters, order and page, exact counts, insert, update,
// upsert, delete, calls of functions; each request is a transaction of its own, as the role and with the claims of its token.
//
// What it does not do: spread and aggregates in select lists, embedding through a table of pairs or of a view, full text and range
// operators, `missing=default`, CSV, plans, bulk calls, OpenAPI, schemas beside the one exposed, reloading of its schema cache.
//
// Beside the gateway it plays as much of the auth service as a client needs to have a session: signing in by e-mail with any
// password, and the question who a token belongs to. It asks the database for nothing but the profile's id.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type PoolClient } from 'pg';
import { Catalog } from './catalog';
import { answerOf, Refusal } from './failures';
import { parseQuery } from './query';
import { Builder, type Statement, type Wishes } from './statement';
import { readToken, signToken, type Claims } from './token';

export interface Options {
  database: string;
  // The role that may become anon, authenticated and service_role; and one that may read users, for the auth service.
  user: string;
  authUser: string;
  schema: string;
  secret: string;
  maxRows?: number;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Result {
  body: string;
  rows: string | number;
  total: string | number | null;
}

export class Gateway {
  // Requests by path, so that a test can count them.
  readonly requests: string[] = [];

  private constructor(
    private readonly options: Options,
    private readonly pool: Pool,
    private readonly authPool: Pool,
    private readonly catalog: Catalog,
    private readonly server: Server,
  ) {}

  static async start(options: Options): Promise<Gateway> {
    const common = { database: options.database, max: 8 };
    const pool = new Pool({ ...common, user: options.user });
    const authPool = new Pool({ ...common, user: options.authUser });
    const catalog = await Catalog.load(authPool, options.schema);
    const server = createServer();
    const gateway = new Gateway(options, pool, authPool, catalog, server);
    server.on('request', (request, response) => void gateway.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  token(claims: Claims, seconds = 3600): string {
    return signToken({ exp: Math.floor(Date.now() / 1000) + seconds, ...claims }, this.options.secret);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.pool.end();
    await this.authPool.end();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let anonymous = true;
    let answer: Answer;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const url = new URL(request.url!, this.url);
      this.requests.push(`${request.method} ${url.pathname}`);
      const claims = this.claims(request);
      anonymous = (claims.role ?? 'anon') === 'anon';
      const rest = /^\/rest\/v1\/(.*)$/.exec(url.pathname)?.[1];
      answer = rest === undefined
        ? await this.auth(url, body, claims)
        : await this.rest(request, decodeURIComponent(rest), url.searchParams, body, claims);
    } catch (error) {
      const failure = answerOf(error, anonymous);
      answer = { status: failure.status, headers: {}, body: JSON.stringify(failure.body) };
    }
    response.writeHead(answer.status, { 'Content-Type': 'application/json; charset=utf-8', ...answer.headers });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  private claims(request: IncomingMessage): Claims {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    return token === undefined ? {} : readToken(token, this.options.secret, Date.now() / 1000);
  }

  private async rest(
    request: IncomingMessage, path: string, search: URLSearchParams, body: string, claims: Claims,
  ): Promise<Answer> {
    const method = request.method!;
    const prefer = String(request.headers.prefer ?? '');
    const wishes: Wishes = {
      count: /count=(exact|planned|estimated)/.test(prefer),
      representation: prefer.includes('return=representation'),
      resolution: /resolution=(merge|ignore)-duplicates/.exec(prefer)?.[1],
    };
    const reads = method === 'GET' || method === 'HEAD';
    const builder = new Builder(this.catalog, this.options.maxRows ?? 1000);
    const routine = /^rpc\/(.+)$/.exec(path)?.[1];
    const { statement, kind } = routine === undefined
      ? this.tableStatement(builder, method, path, search, body, wishes)
      : this.callStatement(builder, reads, routine, search, body, wishes);
    const single = (request.headers.accept ?? '').includes('vnd.pgrst.object');
    return this.transaction(reads, claims, request, async (client) => {
      const result = (await client.query<Result>(statement)).rows[0]!;
      const answer = this.shape(result, kind, wishes, single, Number(search.get('offset') ?? 0));
      return this.overridden(client, answer);
    });
  }

  private tableStatement(
    builder: Builder, method: string, path: string, search: URLSearchParams, body: string, wishes: Wishes,
  ): { statement: Statement; kind: string } {
    const table = this.catalog.table(path);
    const node = parseQuery(search);
    switch (method) {
      case 'GET':
      case 'HEAD':
        return { statement: builder.read(table, node, wishes), kind: 'read' };
      case 'POST':
        return { statement: builder.insert(table, parseBody(body), search, node, wishes), kind: 'insert' };
      case 'PATCH':
        return { statement: builder.update(table, parseBody(body), node, wishes), kind: 'change' };
      case 'DELETE':
        return { statement: builder.remove(table, node, wishes), kind: 'change' };
      default:
        throw new Refusal(405, 'PGRST117', `Unsupported HTTP method: ${method}`);
    }
  }

  private callStatement(
    builder: Builder, reads: boolean, name: string, search: URLSearchParams, body: string, wishes: Wishes,
  ): { statement: Statement; kind: string } {
    const isArgument = (key: string) => reads && this.catalog.hasArgument(name, key);
    const named = reads ? Object.fromEntries([...search].filter(([key]) => isArgument(key))) : bodyObject(body);
    const { routine, wholeBody } = this.catalog.routine(name, Object.keys(named));
    const node = parseQuery(search, isArgument);
    const kind = routine.nothing ? 'nothing' : routine.composite || routine.rows ? 'read' : 'value';
    return { statement: builder.call(routine, wholeBody ? body : named, node, wishes), kind };
  }

  private shape(result: Result, kind: string, wishes: Wishes, single: boolean, offset: number): Answer {
    const rows = Number(result.rows);
    if (kind === 'nothing') return { status: 204, headers: {}, body: '' };
    if (kind === 'value') return { status: 200, headers: {}, body: result.body };
    const total = wishes.count ? Number(result.total) : undefined;
    const range = rows > 0 && (kind === 'read' || wishes.representation) ? `${offset}-${offset + rows - 1}` : '*';
    const headers = { 'Content-Range': `${range}/${total ?? '*'}` };
    if (kind === 'read' && total !== undefined && offset > 0 && offset >= total) {
      throw new Refusal(416, 'PGRST103', 'Requested range not satisfiable', `An offset of ${offset} was requested, but there are only ${total} rows.`);
    }
    if (kind !== 'read' && !wishes.representation) return { status: kind === 'insert' ? 201 : 204, headers, body: '' };
    let body = result.body;
    if (single) {
      if (rows !== 1) {
        throw new Refusal(406, 'PGRST116', 'Cannot coerce the result to a single JSON object', `The result contains ${rows} rows`);
      }
      body = body.trim().slice(1, -1);
    }
    const status = kind === 'insert' ? 201 : kind === 'read' && total !== undefined && rows < total ? 206 : 200;
    return { status, headers, body };
  }

  // A function may set the status and headers of its answer.
  private async overridden(client: PoolClient, answer: Answer): Promise<Answer> {
    const sql = `SELECT current_setting('response.status', true) AS status, current_setting('response.headers', true) AS headers`;
    const { status, headers } = (await client.query<{ status: string | null; headers: string | null }>(sql)).rows[0]!;
    if (headers) for (const one of JSON.parse(headers) as Record<string, string>[]) Object.assign(answer.headers, one);
    return status ? { ...answer, status: Number(status), body: status === '204' ? '' : answer.body } : answer;
  }

  private async transaction(
    readOnly: boolean, claims: Claims, request: IncomingMessage, work: (client: PoolClient) => Promise<Answer>,
  ): Promise<Answer> {
    const settings: [string, string][] = [
      ['search_path', `"${this.options.schema}", "extensions"`],
      ['role', String(claims.role ?? 'anon')],
      ['request.jwt.claims', JSON.stringify({ role: 'anon', ...claims })],
      ['request.method', request.method!],
      ['request.path', request.url!.split('?')[0]!],
      ['request.headers', JSON.stringify(request.headers)],
      ['request.cookies', '{}'],
    ];
    const client = await this.pool.connect();
    try {
      await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED READ ${readOnly ? 'ONLY' : 'WRITE'}`);
      const list = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
      await client.query(`SELECT ${list.join(', ')}`, settings.flat());
      const answer = await work(client);
      await client.query('COMMIT');
      client.release();
      return answer;
    } catch (error) {
      await client.query('ROLLBACK').then(() => client.release(), (broken: Error) => client.release(broken));
      throw error;
    }
  }

  private async auth(url: URL, body: string, claims: Claims): Promise<Answer> {
    const user = (id: unknown, email: unknown) => ({
      id, email, aud: 'authenticated', role: 'authenticated', app_metadata: {}, user_metadata: {}, created_at: new Date(0).toISOString(),
    });
    if (url.pathname === '/auth/v1/user') {
      if (typeof claims.sub !== 'string') throw new Refusal(401, 'no_authorization', 'This endpoint requires a Bearer token');
      return { status: 200, headers: {}, body: JSON.stringify(user(claims.sub, claims.email)) };
    }
    if (url.pathname === '/auth/v1/token') {
      const { email } = bodyObject(body);
      const sql = `SELECT id FROM "${this.options.schema}".users WHERE email = lower($1)`;
      const id = (await this.authPool.query<{ id: string }>(sql, [email])).rows[0]?.id;
      if (id === undefined) throw new Refusal(400, 'invalid_credentials', 'Invalid login credentials');
      const access = this.token({ sub: id, role: 'authenticated', email });
      const session = { access_token: access, token_type: 'bearer', expires_in: 3600, refresh_token: 'none', user: user(id, email) };
      return { status: 200, headers: {}, body: JSON.stringify(session) };
    }
    if (url.pathname === '/auth/v1/logout') return { status: 204, headers: {}, body: '' };
    throw new Refusal(404, 'STANDIN', `Nothing is played at ${url.pathname}`);
  }
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body || '{}');
  } catch {
    throw new Refusal(400, 'PGRST102', 'Empty or invalid json');
  }
}

function bodyObject(body: string): Record<string, unknown> {
  const value = parseBody(body);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
