// @vitest-environment node
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What a first visit loads before anything is shown, fonts apart. Source: LIBRARIES-WEB, "The pick". */
const FIRST_SCREEN_BYTES_MAX = 150_000;

const root = resolve(import.meta.dirname, '..');
let dist = '';

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'offhook-weight-'));
  execFileSync(
    process.execPath,
    [resolve(root, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', dist, '--logLevel', 'error'],
    { cwd: root, env: { ...process.env, NODE_ENV: 'production' } },
  );
}, 60_000);
afterAll(() => rmSync(dist, { recursive: true, force: true }));

function firstScreen(page: string): string[] {
  const html = readFileSync(join(dist, page), 'utf8');
  return [
    page,
    ...[...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((found) => found[1] ?? ''),
  ];
}

describe.each(['index.html', 'sandbox.html'])('%s', (page) => {
  it('weighs less than 150 kB compressed on its first screen', () => {
    const files = firstScreen(page);
    expect(files.length).toBeGreaterThanOrEqual(3);
    const weight = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
    expect(weight).toBeLessThan(FIRST_SCREEN_BYTES_MAX);
  });

  it('needs nothing its content security policy forbids', () => {
    const html = readFileSync(join(dist, page), 'utf8');
    expect(html).not.toMatch(/<style|<script(?![^>]*src=)|\sstyle=|\son[a-z]+=|https?:/);
  });
});

it('every asset carries a hash of its content in its name, since it is kept for a year', () => {
  const names = readdirSync(join(dist, 'assets'));
  expect(names.filter((name) => !/-[\w-]{8}\.\w+$/.test(name))).toEqual([]);
});
