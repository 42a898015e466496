// SPDX-License-Identifier: PostgreSQL
// A stand-in of the one function that the README's auth helpers take from React: `cache` keeps a result for as long as one
// request is served, and nothing longer. Outside of a request it keeps nothing, as React does.
import { AsyncLocalStorage } from 'node:async_hooks';

type Kept = Map<unknown, Map<string, unknown>>;
const current = new AsyncLocalStorage<Kept>();

export function cache<Arguments extends unknown[], Result>(work: (...given: Arguments) => Result) {
  return (...given: Arguments): Result => {
    const kept = current.getStore();
    if (!kept) return work(...given);
    const results = kept.get(work) ?? new Map<string, unknown>();
    kept.set(work, results);
    const key = JSON.stringify(given);
    if (!results.has(key)) results.set(key, work(...given));
    return results.get(key) as Result;
  };
}

export function serveRequest<Result>(work: () => Result): Result {
  return current.run(new Map(), work);
}
