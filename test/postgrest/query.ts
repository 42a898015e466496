// SPDX-License-Identifier: PostgreSQL
// The query string as a tree: what is selected and embedded, the filters, the order, the page.
import { Refusal } from './failures';

// A column, or what `->` and `->>` reach in it.
export interface Path {
  column: string;
  steps: { key: string; text: boolean }[];
}

export type Item =
  | { kind: 'all' }
  | { kind: 'column'; path: Path; alias: string | undefined; cast: string | undefined }
  | { kind: 'embed'; name: string; alias: string | undefined; hint: string | undefined; inner: boolean; node: Node };

export type Filter =
  | { kind: 'test'; path: Path; operator: string; value: string; negated: boolean; quantifier: string | undefined }
  | { kind: 'group'; any: boolean; parts: Filter[]; negated: boolean };

export interface Node {
  items: Item[];
  filters: Filter[];
  order: { path: Path; words: string[] }[];
  limit: number | undefined;
  offset: number | undefined;
}

const refuse = (text: string) => new Refusal(400, 'PGRST100', `"failed to parse ${text}"`);

// Splits at commas outside of parentheses, braces and double quotes.
export function splitList(text: string): string[] {
  const parts: string[] = [];
  let [depth, quoted, start] = [0, false, 0];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if ('({'.includes(c)) depth++;
    else if (')}'.includes(c)) depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  if (depth !== 0 || quoted) throw refuse(text);
  if (start < text.length || parts.length > 0) parts.push(text.slice(start));
  return parts;
}

export function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

export function parsePath(text: string): Path {
  const parts = text.split(/(->>?)/);
  const steps: Path['steps'] = [];
  for (let i = 1; i < parts.length; i += 2) steps.push({ key: parts[i + 1]!, text: parts[i] === '->>' });
  return { column: unquote(parts[0]!), steps };
}

const emptyNode = (): Node => ({ items: [], filters: [], order: [], limit: undefined, offset: undefined });

function parseItem(text: string): Item {
  if (text === '*') return { kind: 'all' };
  const alias = /^([^:(]+):(?!:)/.exec(text)?.[1];
  const rest = alias === undefined ? text : text.slice(alias.length + 1);
  const embed = /^([^(!]+)((?:![^(!]+)*)\((.*)\)$/s.exec(rest);
  if (embed) {
    const marks = embed[2]!.split('!').slice(1);
    const hint = marks.find((mark) => mark !== 'inner' && mark !== 'left');
    return { kind: 'embed', name: embed[1]!, alias, hint, inner: marks.includes('inner'), node: parseSelect(embed[3]!) };
  }
  if (rest.startsWith('...') || rest.includes('(')) throw refuse(`select parameter (${text})`);
  const [path, cast] = rest.split('::');
  return { kind: 'column', path: parsePath(path!), alias, cast };
}

export function parseSelect(text: string): Node {
  return { ...emptyNode(), items: splitList(text).map(parseItem) };
}

const operators = new Set('eq neq gt gte lt lte like ilike match imatch in is isdistinct cs cd ov'.split(' '));

function parseTest(column: string, text: string): Filter {
  const negated = text.startsWith('not.');
  const found = /^([a-z]+)(?:\((any|all)\))?\.(.*)$/s.exec(negated ? text.slice(4) : text);
  if (!found || !operators.has(found[1]!)) throw refuse(`filter (${text})`);
  return { kind: 'test', path: parsePath(column), operator: found[1]!, quantifier: found[2], value: found[3]!, negated };
}

function parseGroup(word: string, text: string): Filter {
  const negated = word.startsWith('not.');
  const any = (negated ? word.slice(4) : word) === 'or';
  if (!text.startsWith('(') || !text.endsWith(')')) throw refuse(`logic tree (${text})`);
  const parts = splitList(text.slice(1, -1)).map((part): Filter => {
    const inner = /^((?:not\.)?(?:and|or))(\(.*\))$/s.exec(part);
    if (inner) return parseGroup(inner[1]!, inner[2]!);
    const test = /^("(?:[^"\\]|\\.)*"|[^.]+)\.(.*)$/s.exec(part);
    if (!test) throw refuse(`logic tree (${part})`);
    const filter = parseTest(test[1]!, test[2]!);
    // Only inside of a group may a value be quoted as a whole.
    if (filter.kind === 'test' && filter.operator !== 'in') filter.value = unquote(filter.value);
    return filter;
  });
  return { kind: 'group', any, parts, negated };
}

function parseOrder(text: string): Node['order'] {
  return splitList(text).map((part) => {
    const words = part.split('.');
    const path = parsePath(words.shift()!);
    if (words.some((word) => !['asc', 'desc', 'nullsfirst', 'nullslast'].includes(word))) throw refuse(`order (${part})`);
    return { path, words };
  });
}

// The embedded node that `users.email` or `users.order` speaks of.
function nodeOf(root: Node, path: string[]): Node {
  return path.reduce((node, name) => {
    const item = node.items.find((one) => one.kind === 'embed' && (one.alias ?? one.name) === name)
      ?? node.items.find((one) => one.kind === 'embed' && one.name === name);
    if (item?.kind === 'embed') return item.node;
    throw new Refusal(400, 'PGRST108', `'${name}' is not an embedded resource in this request`);
  }, root);
}

const reserved = new Set(['select', 'columns', 'on_conflict']);

// `isArgument` tells the arguments of a function from filters on its result.
export function parseQuery(search: URLSearchParams, isArgument: (name: string) => boolean = () => false): Node {
  const root = parseSelect(search.get('select') ?? '*');
  for (const [key, value] of search) {
    if (reserved.has(key) || isArgument(key)) continue;
    const logic = /^(?:(.*)\.)?((?:not\.)?(?:and|or))$/.exec(key);
    const parts = logic ? (logic[1]?.split('.') ?? []) : key.split('->')[0]!.split('.').slice(0, -1);
    const node = nodeOf(root, parts);
    const last = logic ? logic[2]! : key.slice(parts.join('.').length + (parts.length > 0 ? 1 : 0));
    if (logic) node.filters.push(parseGroup(last, value));
    else if (last === 'order') node.order = parseOrder(value);
    else if (last === 'limit') node.limit = Number(value);
    else if (last === 'offset') node.offset = Number(value);
    else node.filters.push(parseTest(last, value));
  }
  return root;
}
