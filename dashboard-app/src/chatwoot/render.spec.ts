// @vitest-environment jsdom
// dompurify supports jsdom and real browsers only; happy-dom parses too freely to be a judge.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { previewOf, renderActivity, renderMessage } from './render';

/** Without `stored` the real server refused the text (422); without `html` it showed no bubble, all of it being Liquid. */
type Shown = { status?: number; stored?: string; html?: string | null };
type Recording = { text: string; note: Shown; incoming: Shown; escaped: Shown };

const recordings = JSON.parse(
  readFileSync(
    resolve(import.meta.dirname, '../../../tests/fixtures/chatwoot/chatwoot-4.13.0-rendering.json'),
    'utf8',
  ),
) as Recording[];

/** As a browser writes it back: the recordings are read from a live page. */
function asBrowser(html: string): string {
  const holder = document.createElement('template');
  holder.innerHTML = html;
  return holder.innerHTML.trim();
}

/** Where Chatwoot's renderer threw, the recording holds the empty frame around the message, or nothing at all. */
function recorded(html: string | null | undefined): string {
  return !html || html.startsWith('<!---->') ? '' : html;
}

describe('the recordings of Chatwoot 4.13.0', () => {
  it('are all there', () => expect(recordings).toHaveLength(120));

  describe.each(['note', 'incoming', 'escaped'] as const)('%s', (kind) => {
    const kept = recordings.filter((one) => one[kind].status !== 422);
    it.each(kept.map((one) => [one.text, one[kind]] as const))('%j', (_text, shown) => {
      expect(asBrowser(renderMessage(shown.stored ?? ''))).toBe(recorded(shown.html));
    });
  });
});

describe('what a stranger says', () => {
  it('never becomes a script, a handler or a foreign frame', () => {
    const html = renderMessage(
      '<img src=x onerror=alert(1)> <script>alert(1)</script> [a](javascript:alert(1))',
    );
    expect(asBrowser(html)).not.toMatch(/<img|<script|href="javascript/);
  });

  it('keeps harmless HTML of an activity line and drops the rest', () => {
    expect(renderActivity('<b>Sam</b><img src=x onerror=alert(1)><script>1</script>')).toBe(
      '<b>Sam</b><img src="x">',
    );
  });

  it('is one line in the list', () => expect(previewOf('**Nobody**\nanswered')).toBe('Nobody answered'));
});
