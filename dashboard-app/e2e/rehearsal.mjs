/** Plays `demo.mjs` against a pretend sandbox with a call of the simplest kind, to see that the play itself is right. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { startPretend } from './pretend.mjs';

/** Milliseconds between two steps of the pretend call: long enough for the page to show each. */
const STEP_MS = 300;

const later = (act) => setTimeout(() => sandbox.change(act), STEP_MS);
const free = (phone) => Object.assign(phone, { state: 'idle', with: null, wants: 'nothing' });
let calls = 0;

function onPost(path, body) {
  const [number, action] = path.split('/').slice(-2);
  if (action === 'dial') {
    calls += 1;
    sandbox.change((state) => {
      Object.assign(state.phones[0], { state: 'dialling', with: body.to, since: state.now });
    });
    later((state) => {
      state.phones[0].state = 'in_call';
      for (const phone of state.phones.slice(1)) Object.assign(phone, { state: 'ringing', with: body.to });
    });
    if (calls > 1)
      setTimeout(
        () =>
          sandbox.change((state) => {
            state.phones.slice(1).forEach(free);
            state.phones[0].wants = 'speech';
          }),
        STEP_MS * 3,
      );
  } else if (action === 'answer') {
    later((state) =>
      Object.assign(
        state.phones.find((one) => one.number === number),
        { state: 'in_call', wants: 'keys' },
      ),
    );
  } else if (action === 'keys') {
    later((state) => {
      for (const phone of state.phones.slice(1)) {
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
  }
}

const sandbox = await startPretend(onPost);
let kept = [];
sandbox.change((state) => {
  state.phones.forEach(free);
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
