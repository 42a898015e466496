// SPDX-License-Identifier: PostgreSQL
// The smallest thing that speaks TAP: tests run one after the other in the order in which they are stated.
import { isDeepStrictEqual } from 'node:util';

interface Test {
  name: string;
  work: () => Promise<void>;
}

const tests: Test[] = [];

export function test(name: string, work: () => Promise<void>): void {
  tests.push({ name, work });
}

const shown = (value: unknown) => JSON.stringify(value, null, 1)?.replace(/\n\s*/g, ' ');

export function is(have: unknown, want: unknown, what = 'value'): void {
  if (!isDeepStrictEqual(have, want)) throw new Error(`${what}: have ${shown(have)}, want ${shown(want)}`);
}

export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`not true: ${what}`);
}

// Runs what was stated; `before` and `after` stand around the whole file.
export async function run(before: () => Promise<void>, after: () => Promise<void>): Promise<void> {
  let failed = 0;
  console.log(`1..${tests.length}`);
  await before();
  for (const [i, { name, work }] of tests.entries()) {
    try {
      await work();
      console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${i + 1} - ${name}`);
      console.log(String(error instanceof Error ? error.stack : error).replace(/^/gm, '# '));
    }
  }
  await after();
  process.exitCode = failed > 0 ? 1 : 0;
}
