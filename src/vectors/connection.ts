import { Pool, type Dispatcher } from 'undici';
import type { QdrantEndpoint } from './endpoint.ts';

export interface HotRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** JSON, where there is one. */
  readonly body?: string;
}

export interface HotAnswer {
  readonly status: number;
  readonly text: string;
}

const CONNECTIONS = 64;
/** A search of 1,000 hits without payload is below 100 kB; more is not an answer to anything asked here. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
class GivenUp extends Error {}

/** The server answered more than is read. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
}

/** A connection that the server closed while it was idle. The request had not begun, or is a read, so it may be sent again. */
export function isStaleConnection(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function openPool(url: URL): Pool {
  return new Pool(url.origin, { connections: CONNECTIONS, connect: { timeout: 2_000 }, maxResponseSize: MAX_ANSWER_BYTES });
}

/** To one Qdrant, through a pool. */
export interface Connection {
  readonly endpoint: QdrantEndpoint;
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pool: Pool;
}

export function connect(endpoint: QdrantEndpoint): Connection {
  const url = new URL(endpoint.url);
  // Compressed answers wait up to 40 ms inside the server.
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity' };
  const key = endpoint.apiKey === undefined ? {} : { 'api-key': endpoint.apiKey };
  return { endpoint, prefix: url.pathname.replace(/\/+$/, ''), headers: { ...headers, ...key }, pool: openPool(url) };
}

/**
 * One call, its answer collected: undici's own `request` makes a stream of each, which costs more than the rest of the call. Ends with
 * `signal`, waiting for a connection or not.
 */
export function request(to: Connection, { method, path, body }: HotRequest, signal: AbortSignal): Promise<HotAnswer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let status = 0;
    let controller: Dispatcher.DispatchController | undefined;
    const giveUp = (): void => {
      const error = new GivenUp('the caller left, or the deadline passed');
      reject(error);
      controller?.abort(error);
    };
    if (signal.aborted) {
      giveUp();
      return;
    }
    signal.addEventListener('abort', giveUp, { once: true });
    to.pool.dispatch(
      { method, path: to.prefix + path, headers: to.headers, body: body ?? null },
      {
        onRequestStart(started) {
          controller = started;
          if (signal.aborted) giveUp();
        },
        onResponseStart: (_controller, code) => void (status = code),
        onResponseData: (_controller, part) => void parts.push(part),
        onResponseEnd: () => resolve({ status, text: Buffer.concat(parts).toString('utf8') }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
