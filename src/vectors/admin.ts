import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { QdrantClient } from '@qdrant/js-client-rest';
import { Agent, Dispatcher1Wrapper } from 'undici';
import { AppError } from '../core/errors.ts';
import type { EndpointProvider, QdrantEndpoint } from './endpoint.ts';

export type Api = ReturnType<QdrantClient['api']>;
type Call<T> = (api: Api, init: RequestInit) => Promise<{ readonly data: T }>;

/** Collections, indexes and writes through the official client. */
export interface Admin {
  /** One call, no retry. Fails with `index_unavailable`. `404` as a value, since for a collection it is an answer. */
  ask<T>(what: string, call: Call<T>, signal: AbortSignal): Promise<T | 'absent'>;
  /** Repeats on faults that may pass, so `call` must be idempotent. Fails with `index_unavailable`. */
  write<T>(what: string, call: Call<T>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

export interface AdminOptions {
  readonly endpoint: EndpointProvider;
  /** Milliseconds for one attempt. */
  readonly deadlineMs: number;
  readonly attempts: number;
}

const CONNECTIONS = 8;

class Refused extends Error {
  readonly status: number;
  constructor(what: string, status: number) {
    super(`${what}: the vector index refused it with HTTP ${status}`);
    this.status = status;
  }
}

/** A request that was refused as it stands will be refused again. */
function mayPass(error: unknown): boolean {
  return !(error instanceof Refused) && !(error instanceof AppError);
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The client's own errors hold the answer, which may quote a value, so only the status goes on. */
function failure(what: string, error: unknown): Error {
  const status = statusOf(error);
  if (status === undefined) return new Error(`${what}: the vector index did not answer`, { cause: error });
  const passing = status >= 500 || status === 429 || status === 408;
  return passing ? new Error(`${what}: the vector index answered HTTP ${status}`) : new Refused(what, status);
}

function openClient(endpoint: QdrantEndpoint): QdrantClient {
  const url = new URL(endpoint.url);
  const prefix = url.pathname.replace(/\/+$/, '');
  return new QdrantClient({
    url: url.origin,
    // The client would put 6333 where a URL leaves its port out.
    port: null,
    ...(prefix === '' ? {} : { prefix }),
    // As a header, since its own option prints a warning for every plain connection, loopback included.
    headers: { 'accept-encoding': 'identity', ...(endpoint.apiKey === undefined ? {} : { 'api-key': endpoint.apiKey }) },
    // Its own timer would take the place of the signal of the call.
    timeout: Number.POSITIVE_INFINITY,
    checkCompatibility: false,
  });
}

export function createAdmin({ endpoint, deadlineMs, attempts }: AdminOptions): Admin {
  // The client's own connections cannot be closed, and a server that is told to end waits for them.
  const agent = new Agent({ connections: CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 });
  // Node's fetch speaks an older dialect to its dispatcher than this agent, which the wrapper translates and the types do not know.
  const dispatcher = new Dispatcher1Wrapper(agent) as unknown as NonNullable<RequestInit['dispatcher']>;
  let open: { readonly to: QdrantEndpoint; readonly client: QdrantClient } | undefined;

  function api(): Api {
    const to = endpoint();
    if (open?.to.url !== to.url || open.to.apiKey !== to.apiKey) open = { to, client: openClient(to) };
    return open.client.api();
  }

  async function once<T>(what: string, call: Call<T>, signal: AbortSignal): Promise<T> {
    const target = api();
    try {
      return (await call(target, { dispatcher, signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]) })).data;
    } catch (error) {
      throw failure(what, error);
    }
  }

  const policy = retry(
    handleWhen((error) => mayPass(error)),
    { maxAttempts: attempts - 1, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }) },
  );

  function fail(error: unknown): never {
    if (error instanceof AppError) throw error;
    throw new AppError('index_unavailable', { detail: error instanceof Error ? error.message : 'failed', cause: error, retryAfter: 1 });
  }

  return {
    async ask(what, call, signal) {
      try {
        return await once(what, call, signal);
      } catch (error) {
        return error instanceof Refused && error.status === 404 ? 'absent' : fail(error);
      }
    },
    close: () => agent.destroy(),
    write: (what, call, signal) => policy.execute(() => once(what, call, signal), signal).catch(fail),
  };
}
