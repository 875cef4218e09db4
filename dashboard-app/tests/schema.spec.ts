// @vitest-environment node
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { format } from 'prettier';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

it('the types in src/api/schema.d.ts are those of docs/openapi.json; when stale: npm run schema', async () => {
  const made = execFileSync(
    process.execPath,
    [resolve(root, 'node_modules/openapi-typescript/bin/cli.js'), '../docs/openapi.json'],
    { cwd: root, encoding: 'utf8' },
  );
  const written = readFileSync(resolve(root, 'src/api/schema.d.ts'), 'utf8');
  expect(await format(made, { parser: 'typescript', singleQuote: true, printWidth: 110 })).toBe(written);
});
