/** The page in a real browser against a pretend sandbox: what is shown, what is posted, who can use it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checks, startBrowser, until } from './browser.mjs';
import { startPretend } from './pretend.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.SHOTS ?? (await mkdtemp(join(tmpdir(), 'offhook-page-')));
await mkdir(shots, { recursive: true });

const sandbox = await startPretend();
const browser = await startBrowser();
const { check, finish } = checks();

async function open(options = {}, path = '/') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  await page.goto(sandbox.origin + path);
  return { page, complaints, close: () => context.close() };
}

/** axe is evaluated through the debugging protocol, which the page's policy does not hinder. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { iframes: false }));
  return found.violations.map(
    (one) =>
      `${one.id}: ${one.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join('\n')}`,
  );
}

async function lastPost(act) {
  const before = sandbox.posted.length;
  await act();
  return until('something is posted', () => sandbox.posted[before]);
}

const { page, complaints, close } = await open();
const customer = page.locator('[data-part=customer]');
const agent = (name) => page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) });

await check('the state is shown', async () => {
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await page.locator('[data-part=agent]').count(), 5);
  assert.equal(await agent('Sam Carter').getByText('Ringing', { exact: true }).count(), 1);
  assert.equal(await agent('Ana Ruiz').getByText('In call', { exact: true }).count(), 1);
  assert.equal(await page.locator('[data-part=conversation]').count(), 2);
});
await check('ringing phones are announced once', async () => {
  const words = await page.locator('[data-part=announcement]').textContent();
  assert.match(words, /Sam Carter.*Priya Nair/);
  sandbox.change((state) => (state.phones[4].state = 'ringing'));
  await until('the third is announced', async () =>
    /^Ringing: Ben/.test(await page.locator('[data-part=announcement]').textContent()),
  );
  sandbox.change((state) => (state.phones[4].state = 'idle'));
});
await check('messages look as in Chatwoot', async () => {
  assert.equal(await page.locator('[data-kind=note] strong').first().textContent(), 'Nobody answered');
  assert.equal(await page.locator('[data-kind=activity]').innerText(), 'Assigned to Sam Carter by Offhook');
  assert.equal(await page.getByText('Failed to send').isVisible(), true);
  await until('the recording can be played', () =>
    page.locator('audio').evaluate((audio) => audio.duration > 0.9),
  );
});
await check('calling posts dial', async () => {
  await customer.getByLabel('Brand to call').selectOption({ index: 1 });
  assert.deepEqual(await lastPost(() => customer.getByRole('button', { name: 'Call' }).click()), {
    path: '/sandbox/api/phones/+15550100001/dial',
    body: { to: '+15550100004' },
  });
});
await check("an agent's buttons post answer, decline and voicemail", async () => {
  for (const [name, action] of [
    ['Answer', 'answer'],
    ['Decline', 'decline'],
    ['Voicemail', 'voicemail'],
  ]) {
    assert.deepEqual(await lastPost(() => agent('Sam Carter').getByRole('button', { name }).click()), {
      path: `/sandbox/api/phones/+15550100011/${action}`,
      body: {},
    });
  }
});
await check('press 1 and hang up post keys and hang-up', async () => {
  const one = await lastPost(() => agent('Ana Ruiz').getByRole('button', { name: 'Press 1' }).click());
  assert.deepEqual(one, { path: '/sandbox/api/phones/+15550100013/keys', body: { keys: '1' } });
  const end = await lastPost(() => agent('Ana Ruiz').getByRole('button', { name: 'Hang up' }).click());
  assert.equal(end.path, '/sandbox/api/phones/+15550100013/hang-up');
});
await check('availability is posted', async () => {
  const choose = page.getByLabel('Availability of Ben Okafor');
  assert.deepEqual(await lastPost(() => choose.selectOption('online')), {
    path: '/sandbox/api/agents/15/availability',
    body: { availability: 'online' },
  });
});
await check('a customer in a call has a keypad and may speak', async () => {
  sandbox.change((state) =>
    Object.assign(state.phones[0], {
      state: 'in_call',
      with: '+15550100002',
      since: state.now,
      wants: 'speech',
    }),
  );
  assert.deepEqual(await lastPost(() => customer.getByRole('button', { name: 'Key 5' }).click()), {
    path: '/sandbox/api/phones/+15550100001/keys',
    body: { keys: '5' },
  });
  await customer.getByLabel('What you say').fill('Please call me back.');
  assert.deepEqual(await lastPost(() => customer.getByRole('button', { name: 'Speak' }).click()), {
    path: '/sandbox/api/phones/+15550100001/speak',
    body: { text: 'Please call me back.' },
  });
});
await check('a note is written', async () => {
  await page.getByText('Private note', { exact: true }).last().click();
  await page.getByLabel('Message', { exact: true }).fill('/call back');
  assert.deepEqual(await lastPost(() => page.getByRole('button', { name: 'Send' }).click()), {
    path: '/sandbox/api/conversations/42/reply',
    body: { agent_id: 12, content: '/call back', private: true },
  });
});
await check('a refusal is told in its own words', async () => {
  sandbox.refuse('the phone is engaged');
  await agent('Priya Nair').getByRole('button', { name: 'Answer' }).click();
  await page.getByText('That did not work: the phone is engaged').waitFor();
  sandbox.refuse(null);
  await page.getByRole('button', { name: 'Dismiss' }).click();
});
await check('the weather changes by the drawer, and Escape closes it', async () => {
  await page.getByRole('button', { name: 'Weather' }).click();
  const rest = page.getByRole('dialog').getByLabel('Answers to our requests').last();
  assert.deepEqual(await lastPost(() => rest.selectOption('down')), {
    path: '/sandbox/api/switches',
    body: { chatwoot: { state: 'down' } },
  });
  const drop = page.getByLabel('Callbacks lost (share)');
  await drop.fill('0.5');
  assert.deepEqual((await lastPost(() => drop.blur())).body, {
    twilio: { callbacks: { drop: 0.5, repeat: 0, delay_ms: 0, reorder: 0 } },
  });
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(shots, 'weather.png') });
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('dialog').count(), 0);
});
await check('the tab "Phone" shows the panel, which hears of the conversation', async () => {
  await page.getByRole('tab', { name: 'Messages' }).focus();
  await page.keyboard.press('ArrowRight');
  const panel = page.frameLocator('iframe');
  await panel.getByText('#42').waitFor();
  await panel.getByText('Dana Whitfield').waitFor();
  await page.screenshot({ path: join(shots, 'phone-tab.png') });
  await page.locator('[data-part=conversation]').last().getByRole('button').click();
  assert.equal(await page.locator('iframe').count(), 0);
  await page.locator('[data-part=conversation]').first().getByRole('button').click();
});
await check('a ringing phone is answered by the keyboard alone', async () => {
  await page.getByLabel('Availability of Sam Carter').focus();
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
  const post = await lastPost(() => page.keyboard.press('Enter'));
  assert.equal(post.path, '/sandbox/api/phones/+15550100011/answer');
});
await check('nothing broke the policy or threw', () =>
  assert.deepEqual(
    complaints.filter((line) => !line.includes('409')),
    [],
  ),
);
await check('a lost connection is shown, and goes away', async () => {
  sandbox.cut();
  await page.getByText('The connection to the sandbox is lost').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
});
await close();

for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [
    [360, 740],
    [768, 1024],
    [1280, 800],
    [1920, 1080],
  ]) {
    await check(`axe finds nothing: ${colorScheme}, ${width} px`, async () => {
      const view = await open({ colorScheme, reducedMotion: 'reduce', viewport: { width, height } });
      await view.page.getByText('Live', { exact: true }).waitFor();
      await view.page.evaluate(() => document.fonts.ready);
      await view.page.screenshot({
        path: join(shots, `${colorScheme}-${width}.png`),
        fullPage: width < 1280,
      });
      const wide = await view.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `the page is ${wide} px wide`);
      assert.deepEqual(await violations(view.page), []);
      await view.close();
    });
  }
  await check(`axe finds nothing in the panel: ${colorScheme}, 163 px`, async () => {
    const view = await open({ colorScheme, viewport: { width: 163, height: 564 } }, '/app/');
    await view.page.getByRole('heading', { name: 'Phone' }).waitFor();
    assert.deepEqual(await violations(view.page), []);
    await view.close();
  });
}

await browser.close();
sandbox.stop();
console.log(`screenshots: ${shots}`);
finish();
