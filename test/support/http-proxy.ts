import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  /** As sent; empty where there is none. */
  readonly body: string;
}

/** `hang`: never answered. `cut`: the connection breaks. */
export type Reaction =
  | { readonly kind: 'pass' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string };

export const PASS: Reaction = { kind: 'pass' };

export interface HttpProxy {
  readonly url: string;
  /** Decides about each request from now on; waiting holds the request up. */
  react(reaction: (request: ProxiedRequest) => Reaction | Promise<Reaction>): void;
  /** Passes everything on, what hangs included. */
  mend(): void;
  /** How many requests came. */
  requests(): number;
  close(): Promise<void>;
}

/** Stands between the service and an HTTP server, so that a test can make the server fail in any way. `headers` are added. */
export async function httpProxy(target: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpProxy> {
  let reaction: Parameters<HttpProxy['react']>[0] = () => PASS;
  let mended = Promise.withResolvers<void>();
  let requests = 0;
  // Its own connections: a Qdrant that is told to end waits for those that are open.
  const dispatcher = new Agent();

  async function serve(incoming: ProxiedRequest, given: Record<string, string>, response: ServerResponse): Promise<void> {
    const decided = await reaction(incoming);
    if (decided.kind === 'cut') {
      response.destroy();
      return;
    }
    if (decided.kind === 'answer') {
      response.writeHead(decided.status, { 'content-type': 'application/json' }).end(decided.body);
      return;
    }
    if (decided.kind === 'hang') await mended.promise;
    const { method, path, body } = incoming;
    const answer = await request(target + path, {
      dispatcher,
      method: method as 'GET',
      headers: { ...given, ...headers },
      body: body === '' ? null : body,
    });
    const text = await answer.body.text();
    response.writeHead(answer.statusCode, { 'content-type': String(answer.headers['content-type'] ?? 'text/plain') }).end(text);
  }

  const server = createServer((incoming, response) => {
    requests += 1;
    void (async () => {
      let body = '';
      for await (const piece of incoming.setEncoding('utf8')) body += String(piece);
      const { host: _host, connection: _connection, 'content-length': _length, 'transfer-encoding': _coding, ...rest } = incoming.headers;
      await serve({ method: incoming.method ?? 'GET', path: incoming.url ?? '/', body }, rest as Record<string, string>, response);
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    react: (next) => void (reaction = next),
    mend() {
      reaction = () => PASS;
      mended.resolve();
      mended = Promise.withResolvers();
    },
    requests: () => requests,
    async close() {
      mended.resolve();
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
