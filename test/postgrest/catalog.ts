// SPDX-License-Identifier: PostgreSQL
// The schema cache: tables, views, foreign keys and functions of the exposed schema, read once at the start.
import type { Pool } from 'pg';
import { Refusal } from './failures';

export interface Table {
  name: string;
  columns: Map<string, string>;
  primaryKey: string[];
}

export interface ForeignKey {
  name: string;
  table: string;
  columns: string[];
  target: string;
  targetColumns: string[];
  unique: boolean;
}

export interface Argument {
  name: string;
  type: string;
  optional: boolean;
}

export interface Routine {
  name: string;
  arguments: Argument[];
  rows: boolean;
  composite: boolean;
  nothing: boolean;
}

export interface Relation {
  key: ForeignKey;
  // From the row that holds the key to the one it names; otherwise the other way round.
  forward: boolean;
  table: Table;
}

const tablesSql = `
SELECT c.relname AS name,
  (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  coalesce((SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
   WHERE i.indrelid = c.oid AND i.indisprimary), '[]') AS "primaryKey"
FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

const keysSql = `
SELECT k.conname AS name, c.relname AS "table", t.relname AS target,
  (SELECT json_agg(a.attname ORDER BY n.place) FROM unnest(k.conkey) WITH ORDINALITY n (number, place)
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.number) AS columns,
  (SELECT json_agg(a.attname ORDER BY n.place) FROM unnest(k.confkey) WITH ORDINALITY n (number, place)
   JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = n.number) AS "targetColumns",
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL
    AND i.indkey::int2[] @> k.conkey AND k.conkey @> i.indkey::int2[]) AS "unique"
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND c.relnamespace = $1::regnamespace AND t.relnamespace = $1::regnamespace`;

const routinesSql = `
SELECT p.proname AS name,
  coalesce((SELECT json_agg(json_build_object('name', coalesce(p.proargnames[i], ''), 'type', format_type(p.proargtypes[i - 1], NULL),
    'optional', i > p.pronargs - p.pronargdefaults) ORDER BY i) FROM generate_series(1, p.pronargs) i), '[]') AS arguments,
  p.proretset AS rows, p.prorettype = 'void'::regtype AS nothing,
  (p.prorettype = 'record'::regtype OR EXISTS (SELECT FROM pg_type t WHERE t.oid = p.prorettype AND t.typtype = 'c')) AS composite
FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype`;

export class Catalog {
  private constructor(
    readonly schema: string,
    private readonly tables: Map<string, Table>,
    private readonly keys: ForeignKey[],
    private readonly routines: Routine[],
  ) {}

  static async load(pool: Pool, schema: string): Promise<Catalog> {
    type Raw = { name: string; columns: [string, string][]; primaryKey: string[] };
    const tables = (await pool.query<Raw>(tablesSql, [schema])).rows.map(
      (row): [string, Table] => [row.name, { ...row, columns: new Map(row.columns) }],
    );
    const keys = (await pool.query<ForeignKey>(keysSql, [schema])).rows;
    const routines = (await pool.query<Routine>(routinesSql, [schema])).rows;
    return new Catalog(schema, new Map(tables), keys, routines);
  }

  table(name: string): Table {
    const found = this.tables.get(name);
    if (found) return found;
    throw new Refusal(404, 'PGRST205', `Could not find the table '${this.schema}.${name}' in the schema cache`);
  }

  // The one way from a table to what is embedded in it under this name: a table, a key's column or a key.
  relation(from: Table, name: string, hint: string | undefined): Relation {
    const hinted = (key: ForeignKey) =>
      hint === undefined || key.name === hint || (key.columns.length === 1 && key.columns[0] === hint);
    const found: Relation[] = [];
    for (const key of this.keys.filter(hinted)) {
      const column = key.columns.length === 1 ? key.columns[0] : undefined;
      if (key.table === from.name && [key.target, key.name, column].includes(name)) {
        found.push({ key, forward: true, table: this.table(key.target) });
      }
      if (key.target === from.name && [key.table, key.name].includes(name)) {
        found.push({ key, forward: false, table: this.table(key.table) });
      }
    }
    if (found.length === 1) return found[0]!;
    if (found.length === 0) {
      throw new Refusal(400, 'PGRST200', `Could not find a relationship between '${from.name}' and '${name}' in the schema cache`);
    }
    throw new Refusal(
      300, 'PGRST201', `Could not embed because more than one relationship was found for '${from.name}' and '${name}'`,
      found.map((one) => one.key.name).join(', '),
    );
  }

  // By name and the names of the arguments; a function of one unnamed json argument takes any body.
  routine(name: string, given: string[]): { routine: Routine; wholeBody: boolean } {
    const named = this.routines.filter((one) => one.name === name);
    const fits = named.filter(
      (one) =>
        given.every((key) => one.arguments.some((argument) => argument.name === key)) &&
        one.arguments.every((argument) => argument.name !== '' && (argument.optional || given.includes(argument.name))),
    );
    if (fits.length === 1) return { routine: fits[0]!, wholeBody: false };
    if (fits.length > 1) throw new Refusal(300, 'PGRST203', `Could not choose the best candidate function ${name}`);
    const open = named.find(
      ({ arguments: list }) => list.length === 1 && list[0]!.name === '' && ['json', 'jsonb'].includes(list[0]!.type),
    );
    if (open) return { routine: open, wholeBody: true };
    throw new Refusal(
      404, 'PGRST202', `Could not find the function ${this.schema}.${name}(${given.sort().join(', ')}) in the schema cache`,
    );
  }

  // Whether any function of this name has an argument of that name; a GET call tells arguments from filters by it.
  hasArgument(name: string, argument: string): boolean {
    return this.routines.some((one) => one.name === name && one.arguments.some((each) => each.name === argument));
  }
}
