import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { expect, it } from 'vitest';

import en from '../src/words/en.json';

const source = resolve(import.meta.dirname, '../src');
const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(vue|ts)$/.test(name))
  .map((name) => readFileSync(join(source, name), 'utf8'))
  .join('\n');

function keysOf(words: object, path = ''): string[] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === 'string' ? [path + key] : keysOf(value as object, `${path}${key}.`),
  );
}
const keys = keysOf(en);

it('every word that is asked for is there', () => {
  const asked = [...code.matchAll(/\bt\('([\w.]+)'/g)].map((found) => found[1]);
  expect(asked.filter((key) => !keys.includes(key ?? ''))).toEqual([]);
});

it('every word that is there is asked for', () => {
  // `t(`phone.states.${…}`)` asks for every key that begins so.
  const beginnings = [...code.matchAll(/\bt\(`([\w.]+)\$\{/g)].map((found) => found[1] ?? '');
  const idle = keys.filter(
    (key) => !code.includes(`'${key}'`) && !beginnings.some((beginning) => key.startsWith(beginning)),
  );
  expect(idle).toEqual([]);
});
