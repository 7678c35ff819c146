import type { IncomingMessage, ServerResponse } from 'node:http';

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/**
 * True for a program on this machine that asked for this machine. The socket alone is not enough: a page in a browser
 * here also comes over loopback, under its own host name after DNS rebinding, or with an `Origin`.
 */
export function isFromThisMachine(request: IncomingMessage, port: number): boolean {
  const { host, origin } = request.headers;
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  return LOOPBACK.has(request.socket.remoteAddress ?? '') && host !== undefined && own.includes(host) && origin === undefined;
}

export function refuseStranger(response: ServerResponse): void {
  response.writeHead(403, { 'content-type': 'application/json', connection: 'close' }).end('{"error":"access_denied"}');
}
