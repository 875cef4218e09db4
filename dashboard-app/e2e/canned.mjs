// @ts-check
/** A state of the sandbox in the middle of everything, held to the page's own types. */

/** @typedef {import('../src/api/sandbox').SandboxState} SandboxState */
/** @typedef {import('../src/api/sandbox').Phone} Phone */

const NOW = '2026-11-24T10:00:00.000Z';
const NOW_S = Date.parse(NOW) / 1000;

/**
 * @param {string} audioUrl
 * @returns {import('../src/api/sandbox').Conversation[]}
 */
const conversations = (audioUrl) => [
  {
    id: 42,
    inbox: 'Acme Movers',
    status: 'open',
    assignee: { id: 12, name: 'Sam Carter' },
    contact: { id: 501, name: 'Dana Whitfield', phone_number: '+15550100001' },
    labels: ['voice', 'brand-acme-movers', 'intent-sales'],
    custom_attributes: { call_outcome: 'Booked', callback_due: 'Mon 23 Nov, 12:00' },
    unread: 2,
    priority: 'high',
    last_activity_at: NOW_S - 60,
    messages: [
      {
        id: 1,
        message_type: 1,
        private: true,
        content:
          '**Nobody answered** after 25 s.\nSam Carter: rang 25 s, no answer · Priya Nair: declined after 6 s',
        created_at: NOW_S - 300,
        sender: { name: 'Offhook', type: 'agent_bot' },
        status: 'sent',
        attachments: [],
      },
      {
        id: 2,
        message_type: 0,
        private: false,
        content: 'Voicemail, 9 s · Acme Movers · Tuesday 24 November, 9:57 AM',
        created_at: NOW_S - 200,
        sender: { name: 'Dana Whitfield', type: 'contact' },
        status: 'sent',
        attachments: [{ file_type: 'audio', data_url: audioUrl, transcribed_text: '' }],
      },
      {
        id: 3,
        message_type: 1,
        private: true,
        content:
          '**Transcript**\n\n> “Hi, this is Dana Whitfield. Our move is on Friday.”\n\nCall back by **Monday**. [Call Dana back](tel:+15550100001) from your phone.',
        created_at: NOW_S - 180,
        sender: { name: 'Offhook', type: 'agent_bot' },
        status: 'sent',
        attachments: [],
      },
      {
        id: 4,
        message_type: 2,
        private: false,
        content: 'Assigned to Sam Carter by Offhook',
        created_at: NOW_S - 170,
        sender: null,
        status: 'sent',
        attachments: [],
      },
      {
        id: 5,
        message_type: 1,
        private: false,
        content: 'Hi Dana, your pick up is now at 9.',
        created_at: NOW_S - 120,
        sender: { name: 'Sam Carter', type: 'user' },
        status: 'sent',
        attachments: [],
      },
      {
        id: 6,
        message_type: 1,
        private: false,
        content: 'Did you get our message?',
        created_at: NOW_S - 60,
        sender: { name: 'Sam Carter', type: 'user' },
        status: 'failed',
        attachments: [],
      },
    ],
  },
  {
    id: 41,
    inbox: 'Birch Realty',
    status: 'resolved',
    assignee: null,
    contact: { id: 502, name: 'Jordan Blake', phone_number: '+441632960001' },
    labels: ['voicemail'],
    custom_attributes: {},
    unread: 0,
    priority: null,
    last_activity_at: NOW_S - 7200,
    messages: [],
  },
];

/**
 * @param {string} origin where the pretend server listens
 * @returns {SandboxState}
 */
export function cannedState(origin) {
  /** @type {(number: string, name: string, agent_id: number, rest: Partial<Phone>) => Phone} */
  const agent = (number, name, agent_id, rest) => ({
    number,
    name,
    agent_id,
    kind: 'agent',
    state: 'idle',
    with: null,
    since: null,
    wants: 'nothing',
    heard: [],
    ...rest,
  });
  const ringing = /** @type {const} */ ({
    state: 'ringing',
    with: '+15550100002',
    since: '2026-11-24T09:59:52.000Z',
  });
  return {
    now: NOW,
    panel_url: `${origin}/app/`,
    brands: [
      { brand: 'acme-movers', name: 'Acme Movers', number: '+15550100002' },
      { brand: 'birch-realty', name: 'Birch Realty', number: '+15550100004' },
    ],
    phones: [
      {
        number: '+15550100001',
        kind: 'customer',
        name: 'Dana Whitfield',
        state: 'idle',
        wants: 'nothing',
        heard: [],
      },
      agent('+15550100011', 'Sam Carter', 12, ringing),
      agent('+15550100012', 'Priya Nair', 13, ringing),
      agent('+15550100013', 'Ana Ruiz', 14, {
        state: 'in_call',
        with: '+15550100002',
        since: '2026-11-24T09:59:30.000Z',
        wants: 'keys',
        heard: [{ at: '2026-11-24T09:59:31.000Z', kind: 'say', text: 'Call for Acme Movers. Press 1.' }],
      }),
      agent('+15550100014', 'Ben Okafor', 15, {}),
      agent('+15550100015', 'Mia Lindqvist', 16, {}),
    ],
    inbox: {
      account_id: 1,
      agents: [
        { id: 12, name: 'Sam Carter', availability: 'online' },
        { id: 13, name: 'Priya Nair', availability: 'online' },
        { id: 14, name: 'Ana Ruiz', availability: 'busy' },
        { id: 15, name: 'Ben Okafor', availability: 'offline' },
        { id: 16, name: 'Mia Lindqvist', availability: 'offline' },
      ],
      labels: [
        { title: 'voice', color: '#1f93ff' },
        { title: 'brand-acme-movers', color: '#6558b5' },
        { title: 'intent-sales', color: '#0da678' },
        { title: 'voicemail', color: '#e5484d' },
      ],
      conversations: conversations(`${origin}/voicemail.wav`),
    },
    switches: {
      twilio: {
        dial_stops_at: 'accept',
        calls_per_second: 1,
        rest: 'ok',
        callbacks: { drop: 0, repeat: 0, delay_ms: 0, reorder: 0 },
      },
      chatwoot: { state: 'ok' },
    },
  };
}
