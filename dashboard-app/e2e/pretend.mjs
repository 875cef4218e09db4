// @ts-check
/** A pretend sandbox: the built page, a canned state that a check may change, and a list of what was posted. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

import { cannedState } from './canned.mjs';

const DIST = new URL('../dist/', import.meta.url).pathname;
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** As `src/sandbox/page.rs` and `src/dashboard.rs` send them, so that a policy that breaks the page is seen here. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; media-src 'self' http: https:; frame-src http: https:; connect-src 'self'; base-uri 'none'; form-action 'none'";

/** One second of silence, 8 kHz, 16 bit, mono. */
function silence() {
  const samples = 8000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(16000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  return wav;
}

/** @param {(path: string, body: unknown) => void} [onPost] hears of each action before it is answered */
export async function startPretend(onPost = () => undefined) {
  /** @type {{ path: string, body: unknown }[]} */
  const posted = [];
  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set();
  /** @type {import('./canned.mjs').SandboxState} */
  let state;
  /** @type {string | null} */
  let refusal = null;

  /** @param {import('node:http').ServerResponse} stream */
  const tell = (stream) => stream.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);

  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    if (path === '/sandbox/api/live') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      streams.add(response);
      response.on('close', () => streams.delete(response));
      tell(response);
    } else if (request.method === 'POST') {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      posted.push({ path: decodeURIComponent(path), body: JSON.parse(text) });
      onPost(decodeURIComponent(path), JSON.parse(text));
      if (refusal === null) response.writeHead(204).end();
      else
        response
          .writeHead(409, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: refusal }));
    } else if (path === '/voicemail.wav') {
      response.writeHead(200, { 'content-type': 'audio/wav' }).end(silence());
    } else if (path === '/app/settings.json') {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ chatwoot_origins: [origin] }));
    } else {
      const name = { '/': 'sandbox.html', '/app/': 'index.html' }[path] ?? path.replace(/^\/app\//, '/');
      try {
        const file = await readFile(join(DIST, normalize(name)));
        response
          .writeHead(200, {
            'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
            'content-security-policy': POLICY,
          })
          .end(file);
      } catch {
        response.writeHead(404).end();
      }
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the pretend sandbox has no port');
  const origin = `http://127.0.0.1:${address.port}`;
  state = cannedState(origin);

  return {
    origin,
    posted,
    /** @param {(state: import('./canned.mjs').SandboxState) => void} change */
    change(change) {
      change(state);
      for (const stream of streams) tell(stream);
    },
    /** @param {string | null} why */
    refuse(why) {
      refusal = why;
    },
    cut() {
      for (const stream of streams) stream.destroy();
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
