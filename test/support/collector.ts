import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A server that takes JSON by POST and remembers it, as receivers of spans and of lineage do. */
export interface Collector {
  readonly url: string;
  readonly received: readonly Received[];
  /** How the next requests are answered; 200 after the last. `hang`: never. */
  answer(...statuses: readonly (number | 'hang')[]): void;
  /** Breaks off what hangs. */
  hangUp(): void;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const received: Received[] = [];
  let next: (number | 'hang')[] = [];
  const server = createServer((req, res) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of req) parts.push(part as Buffer);
      const status = next.shift() ?? 200;
      if (status === 'hang') return;
      if (status === 200)
        received.push({ path: req.url ?? '', headers: req.headers, body: JSON.parse(Buffer.concat(parts).toString('utf8')) });
      res.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (...statuses) => (next = [...statuses]),
    hangUp: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
