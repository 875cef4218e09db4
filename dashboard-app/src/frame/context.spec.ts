import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseHint } from './context';

const chatwoot = 'https://chat.example.com';
const parent = {} as Window;
const sample = readFileSync(
  resolve(import.meta.dirname, '../../../tests/fixtures/contracts/chatwoot/dashboard_app.app_context.json'),
  'utf8',
);
const hear = (data: unknown, origin = chatwoot, source: Window = parent) =>
  parseHint({ data, origin, source }, parent, [chatwoot]);

describe('a hint from Chatwoot', () => {
  it('is read from the real message', () => {
    expect(hear(sample)?.conversation).toBeTypeOf('number');
  });

  it('is nothing from another address or another window', () => {
    expect(hear(sample, 'https://evil.example.com')).toBeNull();
    expect(hear(sample, chatwoot, {} as Window)).toBeNull();
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"event":"appContext"}',
    '{"event":"appContext","data":{"conversation":{"id":"1"}}}',
    '{"event":"appContext","data":{"conversation":{"id":1.5}}}',
    { event: 'appContext' },
    7,
    null,
  ])('is nothing in %j', (data) => expect(hear(data)).toBeNull());
});
