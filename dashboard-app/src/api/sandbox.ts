/**
 * The JSON API between the demo page and the sandbox, as `src/sandbox/page.rs` serves it on the page's own origin.
 *
 * The sandbox is no part of the service, so it is not in the OpenAPI document and these types are written by hand.
 */

export type Brand = { brand: string; name: string; number: string };

export type HeardKind = 'say' | 'play' | 'ringback' | 'beep' | 'silence' | 'party';
export type Heard = { at: string; kind: HeardKind; text: string };

export type PhoneState = 'idle' | 'dialling' | 'ringing' | 'in_call';

export type Phone = {
  number: string;
  kind: 'agent' | 'customer';
  name: string;
  agent_id?: number | null;
  state: PhoneState;
  with?: string | null;
  since?: string | null;
  wants: 'nothing' | 'keys' | 'speech';
  heard: Heard[];
};

export type Availability = 'online' | 'busy' | 'offline';
export type Agent = { id: number; name: string; availability: Availability };
export type Label = { title: string; color: string };

export type Attachment = { file_type: string; data_url: string; transcribed_text?: string };

/** 0 incoming, 1 outgoing, 2 activity, 3 template. */
export type MessageType = 0 | 1 | 2 | 3;

export type Message = {
  id: number;
  message_type: MessageType;
  private: boolean;
  content: string | null;
  created_at: number;
  sender: { name: string; type: string } | null;
  status: string;
  attachments: Attachment[];
};

export type Conversation = {
  id: number;
  inbox: string;
  status: string;
  assignee: { id: number; name: string } | null;
  contact: { id: number; name: string; phone_number: string | null };
  labels: string[];
  custom_attributes: Record<string, unknown>;
  unread: number;
  priority: string | null;
  last_activity_at: number;
  messages: Message[];
};

export type Inbox = { account_id: number; agents: Agent[]; labels: Label[]; conversations: Conversation[] };

export type TwilioSwitches = {
  dial_stops_at: 'accept' | 'answer';
  calls_per_second: number;
  rest: 'ok' | '401' | '429' | '500' | 'slow' | 'down';
  callbacks: { drop: number; repeat: number; delay_ms: number; reorder: number };
};
export type ChatwootSwitches = { state: 'ok' | 'down' | 'slow' | '429' | '500' };
export type Switches = { twilio: TwilioSwitches; chatwoot: ChatwootSwitches };

/** Only what is to change; the rest stays as it is. */
export type SwitchesChange = {
  twilio?: Partial<Omit<TwilioSwitches, 'callbacks'>> & { callbacks?: Partial<TwilioSwitches['callbacks']> };
  chatwoot?: Partial<ChatwootSwitches>;
};

export type SandboxState = {
  now: string;
  panel_url: string;
  brands: Brand[];
  phones: Phone[];
  inbox: Inbox;
  switches: Switches;
};

export type PhoneAction =
  | { action: 'dial'; to: string }
  | { action: 'answer' | 'decline' | 'voicemail' | 'hang-up' }
  | { action: 'keys'; keys: string }
  | { action: 'speak'; text: string };

/** The sandbox refused: the words are its own, to be shown as they are. */
export class Refused extends Error {}

async function post(path: string, body: object): Promise<void> {
  const answer = await fetch(`/sandbox/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.ok) return;
  const problem: unknown = await answer.json().catch(() => null);
  const words =
    problem && typeof problem === 'object' && 'error' in problem
      ? String(problem.error)
      : `HTTP ${answer.status}`;
  throw new Refused(words);
}

export function actOnPhone(number: string, { action, ...body }: PhoneAction): Promise<void> {
  return post(`phones/${encodeURIComponent(number)}/${action}`, body);
}

export function changeSwitches(change: SwitchesChange): Promise<void> {
  return post('switches', change);
}

export function setAvailability(agent: number, availability: Availability): Promise<void> {
  return post(`agents/${agent}/availability`, { availability });
}

export function reply(
  conversation: number,
  message: { agent_id: number; content: string; private: boolean },
): Promise<void> {
  return post(`conversations/${conversation}/reply`, message);
}

export type Link = 'connecting' | 'live' | 'lost';

/** The server sends something at least every 15 s; after this long without, the line is taken for dead. */
const SILENCE_MAX_MS = 40_000;
/** A stream that ended for good (an error status) is opened again after this pause. */
const REOPEN_AFTER_MS = 2_000;

/** Follows the live state until the returned function is called. */
export function followState(
  onState: (state: SandboxState) => void,
  onLink: (link: Link) => void,
): () => void {
  let source: EventSource;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;

  const alive = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      onLink('lost');
      source.close();
      open();
    }, SILENCE_MAX_MS);
  };

  function open(): void {
    clearTimeout(reopening);
    source = new EventSource('/sandbox/api/live');
    alive();
    source.addEventListener('state', (event: MessageEvent<string>) => {
      alive();
      onState(JSON.parse(event.data) as SandboxState);
      onLink('live');
    });
    source.addEventListener('beat', alive);
    source.addEventListener('error', () => {
      onLink('lost');
      if (source.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_AFTER_MS);
    });
  }

  open();
  return () => {
    clearTimeout(silence);
    clearTimeout(reopening);
    source.close();
  };
}
