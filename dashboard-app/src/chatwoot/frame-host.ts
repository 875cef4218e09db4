/**
 * Chatwoot's side of the dashboard-app frame (contract of Chatwoot, section 8.1), for the demo page, which plays Chatwoot.
 * Like the real one it sends to any target and looks at neither origin nor source of the question.
 */
import type { Agent, Conversation } from '../api/sandbox';

const FETCH_INFO = 'chatwoot-dashboard-app:fetch-info';

/** The message, in the shape and as the string Chatwoot sends. */
export function appContext(conversation: Conversation, agent: Agent | undefined, accountId: number): string {
  const { id, status, labels, custom_attributes, messages, contact } = conversation;
  return JSON.stringify({
    event: 'appContext',
    data: {
      conversation: {
        id,
        account_id: accountId,
        status,
        labels,
        custom_attributes,
        messages,
        meta: { sender: contact },
      },
      contact,
      currentAgent: agent ? { id: agent.id, name: agent.name, email: null } : {},
    },
  });
}

/** Answers each question of a frame until the returned function is called. */
export function answerFrames(frame: () => HTMLIFrameElement | null, context: () => string): () => void {
  const listen = (event: MessageEvent<unknown>): void => {
    if (event.data === FETCH_INFO) frame()?.contentWindow?.postMessage(context(), '*');
  };
  window.addEventListener('message', listen);
  return () => window.removeEventListener('message', listen);
}
