/** The browser and the bookkeeping both runs share. */
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

/** Where Linux distributions put a Chromium, in the order of preference. */
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? BROWSERS.find(existsSync) ?? BROWSERS[0],
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
    ],
  });
}

/** Runs checks one after another, prints a line for each, and sums up. */
export function checks() {
  let passed = 0;
  let failed = 0;
  return {
    async check(name, act) {
      try {
        await act();
        passed += 1;
        console.log(`ok      ${name}`);
        return true;
      } catch (cause) {
        failed += 1;
        console.log(
          `FAILED  ${name}\n        ${String(cause?.message ?? cause).replaceAll('\n', '\n        ')}`,
        );
        return false;
      }
    },
    finish() {
      console.log(`${passed} passed, ${failed} failed`);
      process.exitCode = failed === 0 ? 0 : 1;
    },
  };
}

/** Looks again until `probe` gives something true, or says `what` did not come about. */
export async function until(what, probe, limitMs = 10_000) {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > end) throw new Error(`within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
