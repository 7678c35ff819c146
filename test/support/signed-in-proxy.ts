import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SignedInProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Stands in for a client that has a token, for tools that know none: each request goes on with it, and with its own name as the service's. */
export async function signedInProxy(target: string, token: string): Promise<SignedInProxy> {
  const server = createServer((incoming, response) => {
    const own = (value: string | undefined): string | undefined => value?.replace(new URL(url()).host, new URL(target).host);
    const { host, origin, ...rest } = incoming.headers;
    const headers = {
      ...rest,
      host: own(host),
      ...(origin === undefined ? {} : { origin: own(origin) }),
      authorization: `Bearer ${token}`,
    };
    const outgoing = request(target + (incoming.url ?? ''), { method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: url(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
