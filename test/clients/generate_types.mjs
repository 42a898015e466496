// SPDX-License-Identifier: PostgreSQL
// Writes the TypeScript types of the database of PGDATABASE to the standard output, made by @supabase/postgres-meta: the
// generator behind `supabase gen types typescript`, with the options that this command gives it.
import { register } from 'node:module';

// The generator wants Node 20, and Debian 12 has 18: what it uses of the newer one is added here, and its formatter is left
// out, without which the types are the same, only laid out worse.
if (Number(process.versions.node.split('.')[0]) < 20) {
  Array.prototype.toReversed ??= function () { return [...this].reverse(); };
  Array.prototype.toSorted ??= function (compare) { return [...this].sort(compare); };
  const plain = 'export const format = async (_, code) => ({ code, errors: [] })';
  const hook = `export const resolve = (name, context, next) => name === 'oxfmt'
    ? { url: 'data:text/javascript,' + ${JSON.stringify(encodeURIComponent(plain))}, shortCircuit: true }
    : next(name, context)`;
  register('data:text/javascript,' + encodeURIComponent(hook));
}

const { PGHOST, PGPORT, PGUSER, PGDATABASE } = process.env;
process.env.PG_META_DB_URL = `postgresql://${PGUSER}@localhost:${PGPORT}/${PGDATABASE}?host=${encodeURIComponent(PGHOST)}`;
process.env.PG_META_GENERATE_TYPES = 'typescript';
process.env.PG_META_GENERATE_TYPES_INCLUDED_SCHEMAS = 'public';
process.env.PG_META_GENERATE_TYPES_DETECT_ONE_TO_ONE_RELATIONSHIPS = 'true';
process.removeAllListeners('warning');
await import('@supabase/postgres-meta/dist/server/server.js');
