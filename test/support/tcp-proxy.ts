import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Breaks every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and passes nothing on, as a network that swallows packets does. */
  stall(): void;
  /** Answers every connection, old and new, with bytes that no protocol has. */
  garble(): void;
  /** Passes bytes again, for new connections and stalled ones. */
  mend(): void;
  close(): Promise<void>;
}

// To PostgreSQL's clients: a short message of a kind that does not exist, and the start of one of two gigabytes.
const RUBBISH = Buffer.from('\x51\0\0\0\x08what<html>this is not what you were looking for</html>', 'latin1');

/** Stands between a client and a real server, so that a test can take the network away. */
export async function tcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: 'pass' | 'stall' | 'cut' | 'garble' = 'pass';
  const clients = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    track(client);
    if (mode === 'cut') {
      client.destroy();
      return;
    }
    clients.add(client);
    client.on('close', () => clients.delete(client));
    if (mode === 'garble') {
      client.on('data', () => client.end(RUBBISH));
      return;
    }
    const upstream = connect(target);
    track(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    if (mode === 'stall') for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    cut() {
      mode = 'cut';
      for (const socket of sockets) socket.destroy();
    },
    stall() {
      mode = 'stall';
      for (const socket of sockets) socket.pause();
    },
    garble() {
      mode = 'garble';
      for (const client of clients) client.end(RUBBISH);
    },
    mend() {
      mode = 'pass';
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
