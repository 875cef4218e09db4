/** Plays `demo.mjs` against a pretend sandbox with a call of the simplest kind, to see that the play itself is right. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { startPretend } from './pretend.mjs';

/** Milliseconds between two steps of the pretend call: long enough for the page to show each. */
const STEP_MS = 300;

const later = (act) => setTimeout(() => sandbox.change(act), STEP_MS);
const free = (phone) => Object.assign(phone, { state: 'idle', with: null, wants: 'nothing' });
const find = (state, number) => state.phones.find((one) => one.number === number);
const agentPhones = (state) => state.phones.filter((one) => one.kind === 'agent');
const isOnline = (state, phone) =>
  state.inbox.agents.find((one) => one.id === phone.agent_id)?.availability === 'online';
/** So long that whoever watches the page sees phones ring, on a slow machine too. */
const RINGS_FOR_MS = 3000;
/** The call that nobody answers. */
const VOICEMAIL_CALL = 2;
let calls = 0;

function onPost(path, body) {
  const [number, action] = path.split('/').slice(-2);
  if (action === 'dial') {
    calls += 1;
    sandbox.change((state) => {
      Object.assign(find(state, number), { state: 'dialling', with: body.to, since: state.now });
    });
    later((state) => {
      find(state, number).state = 'in_call';
      for (const phone of agentPhones(state))
        if (isOnline(state, phone)) Object.assign(phone, { state: 'ringing', with: body.to });
    });
    if (calls === VOICEMAIL_CALL)
      setTimeout(
        () =>
          sandbox.change((state) => {
            agentPhones(state).forEach(free);
            find(state, number).wants = 'speech';
          }),
        RINGS_FOR_MS,
      );
  } else if (action === 'answer') {
    later((state) => Object.assign(find(state, number), { state: 'in_call', wants: 'keys' }));
  } else if (action === 'keys') {
    later((state) => {
      for (const phone of agentPhones(state)) {
        if (phone.number !== number) free(phone);
        else {
          phone.wants = 'nothing';
          state.inbox.conversations = [
            { ...kept[0], assignee: { id: phone.agent_id, name: phone.name }, messages: [] },
          ];
        }
      }
    });
  } else if (action === 'hang-up') {
    later((state) => state.phones.forEach(free));
  } else if (action === 'speak') {
    later((state) => {
      state.phones.forEach(free);
      state.inbox.conversations[0].messages = kept[0].messages;
    });
  } else if (action === 'availability') {
    sandbox.change((state) => {
      const agent = state.inbox.agents.find((one) => one.id === Number(number));
      if (agent) agent.availability = body.availability;
    });
  }
}

const sandbox = await startPretend(onPost);
let kept = [];
sandbox.change((state) => {
  state.phones.forEach(free);
  const [first] = state.phones;
  state.phones.splice(1, 0, { ...first, number: '+15550100002', name: 'Noah Brandt' });
  kept = structuredClone(state.inbox.conversations);
  state.inbox.conversations = [];
});

const demo = spawn(process.execPath, [fileURLToPath(new URL('demo.mjs', import.meta.url))], {
  env: { ...process.env, DEMO_URL: `${sandbox.origin}/` },
  stdio: 'inherit',
});
demo.on('exit', (code) => {
  sandbox.stop();
  process.exitCode = code ?? 1;
});
