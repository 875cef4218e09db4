/**
 * The demonstration itself, by clicking: run with DEMO_URL set to the page of a running sandbox.
 * First call: answered, accepted by 1, seen in the inbox. Second call: nobody answers, a voicemail is left.
 */
import assert from 'node:assert/strict';

import { checks, startBrowser, until } from './browser.mjs';

const url = process.env.DEMO_URL;
if (!url) {
  console.error('Set DEMO_URL to the address of the demo page, for instance http://127.0.0.1:8090/');
  process.exit(2);
}
const BRAND = process.env.DEMO_BRAND ?? 'Acme Movers';
/** Dialling, a greeting and the first wave. */
const RINGS_WITHIN_MS = 20_000;
/** After press 1: the legs are joined and the inbox is told. */
const SHOWN_WITHIN_MS = 15_000;
/** Ringing lasts up to 25 s a wave, the greeting after it some seconds. */
const VOICEMAIL_WITHIN_MS = 90_000;
/** Some seconds of speech and the silence that ends the recording. */
const SPOKEN_WITHIN_MS = 45_000;
/** The recording is fetched, filed and posted. */
const FILED_WITHIN_MS = 45_000;
/** What an agent chooses in Chatwoot is heard over its websocket, or with the next reading of its agents. */
const OBEYED_WITHIN_MS = 15_000;
/** The five phones of a call begin to ring within so long. */
const ALL_RING_WITHIN_MS = 4_000;

const browser = await startBrowser();
const { check, finish } = checks();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.setDefaultTimeout(10_000);
/** What the browser complains about, such as a frame that may not be shown. */
const complaints = [];
const isLateHangUp = (response) => response.url().endsWith('/hang-up');
page.on('console', (message) => {
  // An action that comes a moment too late, such as hanging up when the other side just did, is refused and told.
  if (message.type() === 'error' && !message.text().includes('409')) complaints.push(message.text());
});
page.on(
  'response',
  (response) => response.status() === 409 && !isLateHangUp(response) && complaints.push(response.url()),
);
page.on('pageerror', (error) => complaints.push(String(error)));

const customer = page.locator('[data-part=customer]');
const customerState = () => customer.locator('[data-part=state-word]').innerText();
const customerWants = () => customer.getAttribute('data-wants');
const agents = (state) => page.locator(`[data-part=agent][data-state=${state}]`);
const conversations = page.locator('[data-part=conversation]');
const pane = page.locator('[data-part=pane]');
const idle = () =>
  until(
    'every phone is idle',
    async () =>
      (await customerState()) === 'Idle' &&
      (await agents('idle').count()) === (await page.locator('[data-part=agent]').count()),
    RINGS_WITHIN_MS,
  );

async function dial() {
  const brand = customer.getByLabel('Brand to call');
  const wanted = brand.locator('option', { hasText: BRAND });
  await brand.selectOption(await wanted.getAttribute('value'));
  await customer.getByRole('button', { name: 'Call', exact: true }).click();
}

/** Nothing is pressed meanwhile: the key that a waiting caller may press asks for the recorder. */
async function untilAgentsRing() {
  await until("agents' phones ring", async () => (await agents('ringing').count()) > 0, RINGS_WITHIN_MS);
}

/** Whatever the sandbox says of the caller, newest first: opens the conversation where something happened last. */
async function openNewest() {
  await conversations.first().getByRole('button').click();
}

await check('the page is live', async () => {
  await page.goto(url);
  await page.getByText('Live', { exact: true }).waitFor();
  assert.ok((await page.locator('[data-part=agent]').count()) > 0, 'there are no agent phones');
  await idle();
});

let answeredBy = '';
await check('a customer dials and agents’ phones ring', async () => {
  await dial();
  await untilAgentsRing();
});
await check('an agent answers and is asked for a key', async () => {
  // By its number: while phones begin to ring, the first one that rings is now this one and now that.
  const number = await agents('ringing').first().getAttribute('data-number');
  const phone = page.locator(`[data-part=agent][data-number="${number}"]`);
  answeredBy = await phone.getByRole('heading').innerText();
  await phone.getByRole('button', { name: 'Answer' }).click();
  await until(
    // Keys pressed before the question may be lost, as on a real telephone.
    'the agent is asked for a key',
    async () => (await phone.getAttribute('data-wants')) === 'keys',
    SHOWN_WITHIN_MS,
  );
  await phone.getByRole('button', { name: 'Press 1' }).click();
});
await check('customer and agent are in call, and nobody else rings', async () => {
  await until(
    'both are in call and the others stop ringing',
    async () =>
      (await customerState()) === 'In call' &&
      (await agents('in_call').count()) === 1 &&
      (await agents('ringing').count()) === 0,
    SHOWN_WITHIN_MS,
  );
  assert.equal(await agents('in_call').getByRole('heading').innerText(), answeredBy);
});
await check('the conversation is in the inbox, assigned to the one who accepted', async () => {
  await until('a conversation appears', async () => (await conversations.count()) > 0, SHOWN_WITHIN_MS);
  await until(
    `it is assigned to ${answeredBy}`,
    async () => {
      await openNewest();
      return (await pane.locator('[data-part=assignee]').innerText()).includes(answeredBy);
    },
    SHOWN_WITHIN_MS,
  );
});
await check('hanging up frees both', async () => {
  await customer.getByRole('button', { name: 'Hang up' }).click();
  await idle();
});

/** The addresses of the recordings in the open conversation, oldest first. */
const recordings = () => pane.locator('audio').evaluateAll((all) => all.map((one) => one.src));
let before = [];
await check('a second call rings and nobody answers', async () => {
  if ((await conversations.count()) > 0) {
    await openNewest();
    before = await recordings();
  }
  await dial();
  await untilAgentsRing();
});
await check('after the greeting the customer is recorded', async () => {
  await until(
    'the customer is recorded',
    async () => (await customerWants()) === 'speech',
    VOICEMAIL_WITHIN_MS,
  );
  assert.equal(await agents('ringing').count(), 0, 'a phone still rings');
  await customer
    .getByLabel('What you say')
    .fill('Hi, this is Dana. Our move is on Friday, please call me back.');
  await customer.getByRole('button', { name: 'Speak' }).click();
  // Hanging up at once would cut the words off; the silence after them ends the recording.
  await until('the recording ends', async () => (await customerWants()) !== 'speech', SPOKEN_WITHIN_MS);
  const hangUp = customer.getByRole('button', { name: 'Hang up' });
  await until('the customer’s phone is idle', async () => {
    if ((await customerState()) === 'Idle') return true;
    if (await hangUp.isVisible()) await hangUp.click({ timeout: 1000 }).catch(() => undefined);
    return false;
  });
});
await check('the voicemail is in the inbox and can be played', async () => {
  const audio = pane.locator('audio').last();
  await until(
    'a new recording appears',
    async () => {
      await openNewest();
      return (await recordings()).some((one) => !before.includes(one));
    },
    FILED_WITHIN_MS,
  );
  await until('its length is known', () => audio.evaluate((one) => one.readyState >= 1 && one.duration > 0));
  await audio.evaluate(async (one) => {
    one.muted = true;
    await one.play();
  });
  await until('it plays', () => audio.evaluate((one) => one.currentTime > 0));
});

await check('the panel is shown in the tab "Phone"', async () => {
  await pane.getByRole('tab', { name: 'Phone' }).click();
  const panel = page.frameLocator('iframe');
  await panel.getByRole('heading', { name: 'Phone' }).first().waitFor();
});
await check('an agent who is busy in Chatwoot is not rung', async () => {
  const first = page.locator('[data-part=agent]').first();
  const availability = first.getByRole('combobox');
  await availability.selectOption('busy');
  // An explicit change is obeyed within 5 s, unless the websocket is just being opened anew.
  await page.waitForTimeout(OBEYED_WITHIN_MS);
  // Somebody else calls: a third call of one number goes to the recorder.
  await customer.getByLabel('Whose phone').selectOption({ index: 1 });
  await dial();
  await untilAgentsRing();
  // Phones begin to ring one after another; the busy one must not be among the later ones.
  const end = performance.now() + ALL_RING_WITHIN_MS;
  while (performance.now() < end) {
    assert.equal(await first.getAttribute('data-state'), 'idle');
    await page.waitForTimeout(100);
  }
  await customer.getByRole('button', { name: 'Hang up' }).click();
  await idle();
  await availability.selectOption('online');
});
await check('the browser has nothing to complain about', async () => {
  assert.deepEqual(complaints, []);
});

await browser.close();
finish();
