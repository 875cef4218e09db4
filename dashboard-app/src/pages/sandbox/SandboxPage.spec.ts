// @vitest-environment jsdom
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { cannedState } from '../../../e2e/canned.mjs';
import type { SandboxState } from '../../api/sandbox';
import { createWords } from '../../words/i18n';
import SandboxPage from './SandboxPage.vue';

/** A stream whose events the test makes. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static open: Stream[] = [];
  readyState = 1;
  constructor() {
    super();
    Stream.open.push(this);
  }
  close(): void {
    this.readyState = Stream.CLOSED;
  }
  tell(state: SandboxState): void {
    this.dispatchEvent(new MessageEvent('state', { data: JSON.stringify(state) }));
  }
}

let wrapper: VueWrapper;
let state: SandboxState;
const send = vi.fn<typeof fetch>();

async function tell(): Promise<void> {
  Stream.open.at(-1)?.tell(state);
  await flushPromises();
}
function button(name: string, within: Element = wrapper.element): HTMLButtonElement {
  const found = [...within.querySelectorAll('button')].find(
    (one) => (one.getAttribute('aria-label') ?? one.textContent.trim()) === name,
  );
  if (!found) throw new Error(`no button is named ${name}`);
  return found;
}
function agent(name: string): Element {
  const found = [...wrapper.element.querySelectorAll('[data-part=agent]')].find(
    (one) => one.querySelector('h3')?.textContent === name,
  );
  if (!found) throw new Error(`no agent is named ${name}`);
  return found;
}
const announced = (): string => wrapper.get('[data-part=announcement]').text();

beforeEach(() => {
  vi.useFakeTimers();
  Stream.open = [];
  send.mockReset().mockImplementation(() => Promise.resolve(new Response(null, { status: 204 })));
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('fetch', send);
  vi.stubGlobal('matchMedia', () => Object.assign(new EventTarget(), { matches: false }));
  Element.prototype.scrollTo = () => undefined;
  state = cannedState('http://127.0.0.1:1');
  wrapper = mount(SandboxPage, { global: { plugins: [createWords()] }, attachTo: document.body });
});
afterEach(() => {
  wrapper.unmount();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the demo page', () => {
  it('says that it connects until the first state comes', async () => {
    expect(wrapper.text()).toContain('Connecting to the sandbox');
    await tell();
    expect(wrapper.text()).not.toContain('Connecting');
    expect(wrapper.findAll('[data-part=agent]')).toHaveLength(5);
  });

  it('announces each ringing once', async () => {
    await tell();
    expect(announced()).toBe('Ringing: Sam Carter, Acme Movers; Priya Nair, Acme Movers');
    state.now = '2026-11-24T10:00:01.000Z';
    await tell();
    expect(announced()).toContain('Sam Carter');
    Object.assign(state.phones[4] ?? {}, { state: 'ringing', with: '+15550100002', since: state.now });
    await tell();
    expect(announced()).toBe('Ringing: Ben Okafor, Acme Movers');
  });

  it('posts what a person does with a ringing phone', async () => {
    await tell();
    button('Answer', agent('Priya Nair')).click();
    await flushPromises();
    expect(send).toHaveBeenCalledWith(
      '/sandbox/api/phones/%2B15550100012/answer',
      expect.objectContaining({ method: 'POST', body: '{}' }),
    );
  });

  it('shows a refusal until it is dismissed', async () => {
    send.mockResolvedValue(Response.json({ error: 'nothing rings here' }, { status: 409 }));
    await tell();
    button('Decline', agent('Sam Carter')).click();
    await flushPromises();
    expect(wrapper.text()).toContain('That did not work: nothing rings here');
    button('Dismiss').click();
    await flushPromises();
    expect(wrapper.text()).not.toContain('That did not work');
  });

  it('counts the seconds of a call on between two states', async () => {
    await tell();
    expect(agent('Ana Ruiz').textContent).toContain('0:30');
    await vi.advanceTimersByTimeAsync(5000);
    expect(agent('Ana Ruiz').textContent).toContain('0:35');
  });

  it('says that the connection is lost, and opens an ended stream again', async () => {
    await tell();
    const first = Stream.open[0];
    first?.close();
    first?.dispatchEvent(new Event('error'));
    await flushPromises();
    expect(wrapper.text()).toContain('The connection to the sandbox is lost');
    await vi.advanceTimersByTimeAsync(2000);
    expect(Stream.open).toHaveLength(2);
    await tell();
    expect(wrapper.text()).not.toContain('The connection to the sandbox is lost');
  });

  it('takes a silent stream for dead', async () => {
    await tell();
    await vi.advanceTimersByTimeAsync(39_000);
    Stream.open[0]?.dispatchEvent(new Event('beat'));
    await vi.advanceTimersByTimeAsync(39_000);
    expect(Stream.open).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(Stream.open).toHaveLength(2);
    expect(wrapper.text()).toContain('The connection to the sandbox is lost');
  });

  it('makes the frame when its tab is first shown and destroys it with the conversation', async () => {
    await tell();
    expect(wrapper.find('iframe').exists()).toBe(false);
    await wrapper.get('#view-tab-phone').trigger('click');
    expect(wrapper.get('iframe').attributes('src')).toBe('http://127.0.0.1:1/app/');
    await wrapper.get('#view-tab-messages').trigger('click');
    expect(wrapper.find('iframe').exists()).toBe(true);
    await wrapper.get('[data-id="41"] button').trigger('click');
    expect(wrapper.find('iframe').exists()).toBe(false);
  });

  it('moves between tabs by the arrow keys', async () => {
    await tell();
    await wrapper
      .get('[role=tablist][aria-label="Lists of conversations"]')
      .trigger('keydown', { key: 'ArrowRight' });
    expect(document.activeElement?.textContent).toContain('Mine');
    expect(wrapper.findAll('[data-part=conversation]')).toHaveLength(1);
  });

  it('draws the availability anew when the change is refused', async () => {
    send.mockResolvedValue(Response.json({ error: 'no' }, { status: 409 }));
    await tell();
    const select = (): HTMLSelectElement | null => agent('Ben Okafor').querySelector('select');
    const before = select();
    if (before) before.value = 'online';
    before?.dispatchEvent(new Event('change'));
    await flushPromises();
    expect(select()?.value).toBe('offline');
  });
});
