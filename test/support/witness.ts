import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseTreeHead } from '../../src/core/tlog/checkpoint.ts';
import { cosignText, formatVerifierKey, noteVerifier } from '../../src/core/tlog/note-keys.ts';
import { parseNote } from '../../src/core/tlog/note.ts';
import { verifyConsistency } from '../../src/core/tlog/proofs.ts';
import { testKey } from './evidence-parts.ts';

export interface TestServer {
  readonly url: string;
  /** Answers 500 to everything while true. */
  broken: boolean;
  stop(): Promise<void>;
}

export interface TestWitness extends TestServer {
  /** Its verifier key. */
  readonly key: string;
  /** What it cosigned last, by origin. */
  readonly seen: Map<string, { readonly size: number; readonly root: Uint8Array }>;
}

/** A witness of tlog-witness that accepts any log: old size, consistency proof, conflict, cosignature, as the text says. */
export async function startWitness(): Promise<TestWitness> {
  const secret = testKey(9);
  const verifier = noteVerifier('witness.test/w', secret.publicKey, 'cosignature');
  const seen: TestWitness['seen'] = new Map();
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const [status, said] = witness.broken ? ([500, ''] as const) : add(body);
    response.writeHead(status, status === 409 ? { 'content-type': 'text/x.tlog.size' } : {}).end(said);
  }
  function add(body: string): readonly [number, string] {
    const split = body.indexOf('\n\n');
    const [first = '', ...proof] = body.slice(0, split).split('\n');
    const old = Number(/^old (\d+)$/.exec(first)?.[1] ?? Number.NaN);
    const note = parseNote(body.slice(split + 2));
    const head = parseTreeHead(note?.text ?? '');
    if (!Number.isSafeInteger(old) || note === undefined || head === undefined || old > head.size) return [400, ''];
    const known = seen.get(head.origin) ?? { size: 0, root: new Uint8Array(0) };
    if (known.size !== old) return [409, `${known.size}\n`];
    const hashes = proof.map((line) => Buffer.from(line, 'base64'));
    const grows = old === 0 ? hashes.length === 0 : verifyConsistency(known, head, hashes);
    if (!grows) return [422, ''];
    seen.set(head.origin, { size: head.size, root: head.root });
    const { signature } = cosignText(note.text, Math.floor(Date.now() / 1_000), verifier, secret.sign);
    const encoded = Buffer.concat([Buffer.from(verifier.keyId, 'hex'), signature]).toString('base64');
    return [200, `\u2014 ${verifier.name} ${encoded}\n`];
  }
  const witness: TestWitness = { ...(await listening(server)), key: formatVerifierKey(verifier), seen };
  return witness;
}

export interface TestObjectStore extends TestServer {
  readonly objects: Map<string, string>;
}

/** Objects under PUT and GET, with If-None-Match and a bearer token. */
export async function startObjectStore(token: string): Promise<TestObjectStore> {
  const objects = new Map<string, string>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const path = request.url ?? '';
      const answer = (status: number, content = ''): void => void response.writeHead(status).end(content);
      if (store.broken) return answer(500);
      if (request.headers.authorization !== `Bearer ${token}`) return answer(403);
      if (request.method === 'GET') return objects.has(path) ? answer(200, objects.get(path)) : answer(404);
      if (request.method !== 'PUT') return answer(405);
      if (request.headers['if-none-match'] === '*' && objects.has(path)) return answer(412);
      objects.set(path, body);
      return answer(201);
    });
  });
  const store: TestObjectStore = { ...(await listening(server)), objects };
  return store;
}

async function listening(server: Server): Promise<TestServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    broken: false,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
