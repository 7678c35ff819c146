import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { InFlight } from './in-flight.ts';
import type { Reply } from './send.ts';

const MAX_HEADER_BYTES = 32_768;
const KEEP_ALIVE_MS = 65_000;
const IDLE_SOCKET_MS = 120_000;

function codeOf(error: NodeJS.ErrnoException): ErrorCode {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    default:
      return 'invalid_request';
  }
}

/** An error in the words of a door's own protocol. */
export type RenderError = (error: AppError, requestId: string) => Reply & { readonly type: string };

/** What is not HTTP gets an answer too, written by hand since there is no request to answer. */
function answerClientError(render: RenderError, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body, type } = render(new AppError(codeOf(error)), randomUUID());
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Cache-Control: no-store',
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

/**
 * The limits of the connection itself: slow heads, large heads, idle sockets. How long a body may take is the request's
 * own deadline, since a batch may rightly take minutes.
 */
export function createHttpServer(listener: RequestListener, limits: { readonly headersMs: number }, render: RenderError): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersMs,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
      noDelay: true,
    },
    listener,
  );
  server.timeout = IDLE_SOCKET_MS;
  server.on('clientError', (error, socket) => answerClientError(render, error, socket));
  // Without a listener of its own Node would invite the body before the caller is known; `readBody` does it.
  server.on('checkContinue', listener);
  return server;
}

export function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/**
 * Stops accepting connections but keeps those that are open: a request that is already on its way down one of them gets
 * an answer instead of a reset. `http.Server.close` would cut them.
 */
function stopAccepting(server: Server): void {
  if (server.listening) NetServer.prototype.close.call(server);
}

/** Ends what is left, and the timer that watches connections. */
export function destroyServer(server: Server): void {
  server.closeAllConnections();
  server.close(() => undefined);
}

const CUT_MS = 1_000;

/** Takes nothing new, waits at most `graceMs` for what is in flight, then cuts what is left. */
export async function closeGently(server: Server, inFlight: InFlight, graceMs: number): Promise<void> {
  stopAccepting(server);
  await inFlight.drained(graceMs);
  destroyServer(server);
  // Their signals are aborted as their sockets close; what stands behind the door may be closed after that.
  await inFlight.drained(CUT_MS);
}

/** The address of a listener, as a client writes it. */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
