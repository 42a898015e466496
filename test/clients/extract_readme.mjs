// SPDX-License-Identifier: PostgreSQL
// Cuts the code out of the README's section "Clients" into files: each block whose first line is a comment that names a file,
// such as `// lib/supabase/client.ts` or `-- user.sql`. What the README shows is thereby what the tests compile and run.
//
//   node extract_readme.mjs README.md FOLDER
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [, , readme, folder] = process.argv;
const section = /^## Clients\n(.*?)^## /ms.exec(readFileSync(readme, 'utf8'))?.[1] ?? '';
let count = 0;
for (const [, code] of section.matchAll(/^```(?:ts|sql)\n(.*?)^```$/gms)) {
  const file = /^(?:\/\/|--) ([\w./-]+\.(?:ts|sql))\b/.exec(code)?.[1];
  if (file === undefined) continue;
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), code);
  count++;
}
if (count === 0) throw new Error(`${readme} has no section "Clients" with code that names its file`);
