// SPDX-License-Identifier: PostgreSQL
// A parsed request as one SQL statement. Its only row has the columns body (text), rows and total.
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Catalog, ForeignKey, Routine, Table } from './catalog';
import { Refusal } from './failures';
import { splitList, unquote, type Filter, type Item, type Node, type Path } from './query';

export interface Statement {
  text: string;
  values: unknown[];
}

export interface Wishes {
  count: boolean;
  representation: boolean;
  // merge or ignore, for an insert that may meet rows which are there already
  resolution: string | undefined;
}

const name = escapeIdentifier;
const symbols: Record<string, string> = {
  eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=', like: 'LIKE', ilike: 'ILIKE', match: '~', imatch: '~*',
  cs: '@>', cd: '<@', ov: '&&', isdistinct: 'IS DISTINCT FROM',
};
const isWords: Record<string, string> = {
  null: 'NULL', not_null: 'NOT NULL', true: 'TRUE', false: 'FALSE', unknown: 'UNKNOWN',
};

export class Builder {
  readonly values: unknown[] = [];
  private aliases = 0;

  constructor(private readonly catalog: Catalog, private readonly maxRows: number) {}

  private parameter(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  private relationName(table: Table): string {
    return `${name(this.catalog.schema)}.${name(table.name)}`;
  }

  private path(alias: string, path: Path): string {
    const steps = path.steps.map(({ key, text }) =>
      (text ? '->>' : '->') + (/^-?\d+$/.test(key) ? key : escapeLiteral(key)));
    const column = `${alias}.${name(path.column)}`;
    return steps.length > 0 ? `(to_jsonb(${column})${steps.join('')})` : column;
  }

  private test(alias: string, filter: Filter): string {
    const text = filter.kind === 'group' ? this.group(alias, filter) : this.comparison(alias, filter);
    return filter.negated ? `NOT (${text})` : text;
  }

  private group(alias: string, filter: Filter & { kind: 'group' }): string {
    return `(${filter.parts.map((part) => this.test(alias, part)).join(filter.any ? ' OR ' : ' AND ')})`;
  }

  private comparison(alias: string, { path, operator, value, quantifier }: Filter & { kind: 'test' }): string {
    const left = this.path(alias, path);
    if (operator === 'is') {
      const word = isWords[value.toLowerCase()];
      if (word === undefined) throw new Refusal(400, 'PGRST100', `"failed to parse filter (is.${value})"`);
      return `${left} IS ${word}`;
    }
    if (operator === 'in') {
      const list = splitList(value.replace(/^\(|\)$/g, '')).map(unquote);
      const array = `{${list.map((one) => `"${one.replace(/(["\\])/g, '\\$1')}"`).join(',')}}`;
      return `${left} = ANY (${this.parameter(array)})`;
    }
    const right = operator.endsWith('like') ? value.replace(/\*/g, '%') : value;
    const parameter = this.parameter(right);
    return `${left} ${symbols[operator]!} ${quantifier === undefined ? parameter : `${quantifier} (${parameter})`}`;
  }

  private conditions(alias: string, filters: Filter[]): string[] {
    return filters.map((filter) => this.test(alias, filter));
  }

  private tail(alias: string, node: Node, most: number | undefined): string {
    const order = node.order.map(({ path, words }) => {
      const nulls = words.find((word) => word.startsWith('nulls'));
      return this.path(alias, path) + (words.includes('desc') ? ' DESC' : ' ASC') + (nulls ? ` NULLS ${nulls.slice(5)}` : '');
    });
    const limit = Math.min(node.limit ?? Infinity, most ?? Infinity);
    return (order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '')
      + (limit < Infinity ? ` LIMIT ${this.parameter(limit)}` : '')
      + (node.offset !== undefined ? ` OFFSET ${this.parameter(node.offset)}` : '');
  }

  // The columns of a node, and the joins that its embedded resources need.
  private selection(table: Table | undefined, alias: string, items: Item[]): { columns: string[]; joins: string[] } {
    const columns: string[] = [];
    const joins: string[] = [];
    for (const item of items) {
      if (item.kind === 'all') columns.push(`${alias}.*`);
      else if (item.kind === 'column') {
        const last = item.path.steps[item.path.steps.length - 1];
        const label = item.alias ?? last?.key ?? item.path.column;
        columns.push(`${this.path(alias, item.path)}${item.cast ? `::${name(item.cast)}` : ''} AS ${name(label)}`);
      } else if (table) this.embed(table, alias, item, columns, joins);
      else throw new Refusal(400, 'PGRST200', `Could not find a relationship of the result with '${item.name}'`);
    }
    return { columns, joins };
  }

  private embed(from: Table, parent: string, item: Item & { kind: 'embed' }, columns: string[], joins: string[]): void {
    const relation = this.catalog.relation(from, item.name, item.hint);
    const { key, forward, table } = relation;
    const [child, joined] = [`t${++this.aliases}`, `j${this.aliases}`];
    const [own, other] = forward ? [key.targetColumns, key.columns] : [key.columns, key.targetColumns];
    const on = own.map((column, i) => `${child}.${name(column)} = ${parent}.${name(other[i]!)}`);
    const inner = this.selection(table, child, item.node.items);
    const where = [...on, ...this.conditions(child, item.node.filters)];
    const rows = `SELECT ${inner.columns.join(', ') || '1 AS one'} FROM ${this.relationName(table)} AS ${child} ${inner.joins.join(' ')}`
      + ` WHERE ${where.join(' AND ')}${this.tail(child, item.node, undefined)}`;
    const label = name(item.alias ?? item.name);
    if (forward || key.unique) {
      joins.push(`${item.inner ? 'INNER' : 'LEFT'} JOIN LATERAL (${rows}) AS ${joined} ON TRUE`);
      if (inner.columns.length > 0) columns.push(`row_to_json(${joined}.*) AS ${label}`);
    } else {
      const list = `SELECT json_agg(${joined}) AS list FROM (${rows}) AS ${joined}`;
      joins.push(`${item.inner ? 'INNER' : 'LEFT'} JOIN LATERAL (${list}) AS ${joined} ON ${item.inner ? `${joined}.list IS NOT NULL` : 'TRUE'}`);
      if (inner.columns.length > 0) columns.push(`coalesce(${joined}.list, '[]') AS ${label}`);
    }
  }

  private answer(before: string, rows: string, total: string): Statement {
    const text = `${before ? `${before}, ` : 'WITH '}answer AS (${rows})
SELECT coalesce(json_agg(answer.*), '[]')::text AS body, count(*) AS rows, ${total} AS total FROM answer`;
    return { text, values: this.values };
  }

  // What a source (a table, or what a statement before has returned) gives for this node.
  private readFrom(before: string, source: string, table: Table | undefined, node: Node, wishes: Wishes): Statement {
    const { columns, joins } = this.selection(table, 't0', node.items);
    const where = this.conditions('t0', node.filters);
    const from = `FROM ${source} AS t0 ${joins.join(' ')}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}`;
    const total = wishes.count ? `(SELECT count(*) ${from})` : 'NULL::bigint';
    return this.answer(before, `SELECT ${columns.join(', ') || '1 AS one'} ${from}${this.tail('t0', node, this.maxRows)}`, total);
  }

  read(table: Table, node: Node, wishes: Wishes): Statement {
    return this.readFrom('', this.relationName(table), table, node, wishes);
  }

  // The columns that a change has to return so that the answer can be made from it.
  private returned(table: Table, items: Item[]): string {
    if (items.some((item) => item.kind === 'all')) return 't0.*';
    const columns = new Set<string>();
    for (const item of items) {
      if (item.kind === 'column') columns.add(item.path.column);
      else if (item.kind === 'embed') {
        const { key, forward } = this.catalog.relation(table, item.name, item.hint) as { key: ForeignKey; forward: boolean };
        for (const column of forward ? key.columns : key.targetColumns) columns.add(column);
      }
    }
    return [...columns].map((column) => `t0.${name(column)}`).join(', ') || '1 AS one';
  }

  private changed(change: string, table: Table, node: Node, wishes: Wishes): Statement {
    if (!wishes.representation) {
      const text = `WITH change AS (${change} RETURNING 1)
SELECT ''::text AS body, (SELECT count(*) FROM change) AS rows, (SELECT count(*) FROM change) AS total`;
      return { text, values: this.values };
    }
    const before = `WITH change AS (${change} RETURNING ${this.returned(table, node.items)})`;
    const shown: Node = { ...node, filters: [], limit: undefined, offset: undefined };
    return this.readFrom(before, 'change', table, shown, wishes);
  }

  private known(table: Table, columns: string[]): { names: string[]; definitions: string } {
    const definitions = columns.map((column) => {
      const type = table.columns.get(column);
      if (type !== undefined) return `${name(column)} ${type}`;
      throw new Refusal(400, 'PGRST204', `Could not find the '${column}' column of '${table.name}' in the schema cache`);
    });
    return { names: columns.map(name), definitions: definitions.join(', ') };
  }

  insert(table: Table, body: unknown, search: URLSearchParams, node: Node, wishes: Wishes): Statement {
    const rows = (Array.isArray(body) ? body : [body]) as Record<string, unknown>[];
    const keys = Object.keys(rows[0] ?? {});
    const named = search.get('columns');
    if (named === null && rows.some((row) => Object.keys(row).sort().join() !== [...keys].sort().join())) {
      throw new Refusal(400, 'PGRST102', 'All object keys must match');
    }
    const { names, definitions } = this.known(table, named === null ? keys : splitList(named).map(unquote));
    let change = `INSERT INTO ${this.relationName(table)} AS t0`;
    if (names.length === 0) change += rows.length === 0 ? ' SELECT WHERE false' : ' DEFAULT VALUES';
    else {
      change += ` (${names.join(', ')}) SELECT ${names.join(', ')}`
        + ` FROM json_to_recordset(${this.parameter(JSON.stringify(rows))}::json) AS body (${definitions})`;
    }
    if (wishes.resolution !== undefined) {
      const target = search.get('on_conflict')?.split(',') ?? table.primaryKey;
      const sets = names.map((column) => `${column} = EXCLUDED.${column}`);
      change += ` ON CONFLICT (${target.map(name).join(', ')}) DO `
        + (wishes.resolution === 'ignore' ? 'NOTHING' : `UPDATE SET ${sets.join(', ')}`);
    }
    return this.changed(change, table, { ...node, order: [] }, wishes);
  }

  update(table: Table, body: unknown, node: Node, wishes: Wishes): Statement {
    const { names, definitions } = this.known(table, Object.keys(body as object));
    if (names.length === 0) return { text: `SELECT '[]' AS body, 0 AS rows, 0 AS total`, values: [] };
    const change = `UPDATE ${this.relationName(table)} AS t0 SET ${names.map((column) => `${column} = body.${column}`).join(', ')}`
      + ` FROM json_to_record(${this.parameter(JSON.stringify(body))}::json) AS body (${definitions})${this.where(node)}`;
    return this.changed(change, table, node, wishes);
  }

  remove(table: Table, node: Node, wishes: Wishes): Statement {
    return this.changed(`DELETE FROM ${this.relationName(table)} AS t0${this.where(node)}`, table, node, wishes);
  }

  private where(node: Node): string {
    const where = this.conditions('t0', node.filters);
    return where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '';
  }

  // `body` is an object of named arguments, the values of a GET call, or text for a function that takes any body.
  call(routine: Routine, body: Record<string, unknown> | string, node: Node, wishes: Wishes): Statement {
    const called = `${name(this.catalog.schema)}.${name(routine.name)}`;
    let values = '';
    let from = '';
    if (typeof body === 'string') values = `${this.parameter(body)}::${routine.arguments[0]!.type}`;
    else {
      const given = routine.arguments.filter((argument) => argument.name in body);
      if (given.length > 0) {
        const definitions = given.map((argument) => `${name(argument.name)} ${argument.type}`).join(', ');
        from = `json_to_record(${this.parameter(JSON.stringify(body))}::json) AS given (${definitions})`;
        values = given.map((argument) => `${name(argument.name)} := given.${name(argument.name)}`).join(', ');
      }
    }
    if (routine.composite) {
      const rows = `SELECT result.* FROM ${from ? `${from}, LATERAL ` : ''}${called}(${values}) AS result`;
      return this.readFrom(`WITH called AS MATERIALIZED (${rows})`, 'called', undefined, node, wishes);
    }
    const rows = `SELECT ${called}(${values}) AS result${from ? ` FROM ${from}` : ''}`;
    const result = routine.rows ? `coalesce(json_agg(result), '[]')` : 'to_json((array_agg(result))[1])';
    const shown = routine.nothing ? `''` : `coalesce(${result}::text, 'null')`;
    const text = `WITH called AS MATERIALIZED (${rows})
SELECT ${shown} AS body, count(*) AS rows, count(*) AS total${routine.nothing ? ', min(result::text) AS done' : ''} FROM called`;
    return { text, values: this.values };
  }
}
