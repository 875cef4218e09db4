/**
 * The only listener to messages from Chatwoot (contract of Chatwoot, section 8).
 *
 * Whatever arrives is a hint of what is on the agent's screen and proves nothing: any page could send it. It is taken
 * only from the window around us and only from a configured address, and every field is checked.
 */

export const FETCH_INFO = 'chatwoot-dashboard-app:fetch-info';

/** What of the appContext the page uses; everything else in it is ignored. */
export type Hint = { conversation: number; contact: string | null; agent: string | null };

type Heard = Pick<MessageEvent<unknown>, 'data' | 'origin' | 'source'>;

function field(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null && name in from
    ? (from as Record<string, unknown>)[name]
    : undefined;
}

function words(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The hint in a message, or null when it is not from Chatwoot or not an appContext. */
export function parseHint(
  event: Heard,
  parent: MessageEventSource | null,
  origins: readonly string[],
): Hint | null {
  if (event.source !== parent || !origins.includes(event.origin) || typeof event.data !== 'string')
    return null;
  let message: unknown;
  try {
    message = JSON.parse(event.data);
  } catch {
    return null;
  }
  if (field(message, 'event') !== 'appContext') return null;
  const data = field(message, 'data');
  const conversation = field(field(data, 'conversation'), 'id');
  if (typeof conversation !== 'number' || !Number.isSafeInteger(conversation)) return null;
  return {
    conversation,
    contact: words(field(field(data, 'contact'), 'name')),
    agent: words(field(field(data, 'currentAgent'), 'name')),
  };
}

/** Listens for hints and asks for the first one. Does nothing outside a frame. Returns how to stop. */
export function followHints(origins: readonly string[], onHint: (hint: Hint) => void): () => void {
  const listen = (event: MessageEvent<unknown>): void => {
    const hint = parseHint(event, window.parent, origins);
    if (hint) onHint(hint);
  };
  const ask = (): void => {
    if (window.parent === window || document.visibilityState !== 'visible') return;
    for (const origin of origins) window.parent.postMessage(FETCH_INFO, origin);
  };
  window.addEventListener('message', listen);
  document.addEventListener('visibilitychange', ask);
  ask();
  return () => {
    window.removeEventListener('message', listen);
    document.removeEventListener('visibilitychange', ask);
  };
}
