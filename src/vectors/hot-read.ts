import { circuitBreaker, ConsecutiveBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel';
import { AppError } from '../core/errors.ts';
import {
  connect,
  isStaleConnection,
  isTooLarge,
  MAX_ANSWER_BYTES,
  request,
  type Connection,
  type HotAnswer,
  type HotRequest,
} from './connection.ts';
import type { EndpointProvider } from './endpoint.ts';

/** One pooled connection set for searches. The official client costs four times the CPU for the same answer. */
export interface HotRead {
  /**
   * Gives the answer as text, whatever its status below 500. What is sent must be repeatable. Fails with `index_unavailable`, without
   * quoting body or answer, and with `unsupported_request` or `limit_exceeded` as `asked` says.
   */
  send(request: HotRequest, signal: AbortSignal): Promise<HotAnswer>;
  /** POSTs a JSON body and gives the parsed answer. Fails with `index_unavailable`, without quoting body or answer. */
  post(path: string, body: string, signal: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

export interface HotReadOptions {
  readonly endpoint: EndpointProvider;
  /** Milliseconds for one call, connection and retry included. */
  readonly deadlineMs: number;
  /**
   * What is sent says what applications ask for. A request on which the server breaks off, however often it is sent, is then refused with
   * `unsupported_request` and opens no circuit: one caller with such a request would otherwise keep everybody from searching. Nor does
   * one whose answer is too large, which is refused with `limit_exceeded`.
   */
  readonly asked?: 'by applications';
}

const FAILURES_TO_OPEN = 5;
const HALF_OPEN_AFTER_MS = 1_000;

/** More than the connections that one restart of the server leaves behind in the way of one request. */
const BREAKS_OFF = 3;

/** The server's fault: opens the circuit when it repeats. A refused request or a caller who left must not. */
class ServerFault extends Error {}
/** The server closed connection after connection without an answer, and accepts new ones. */
class BrokenOff extends Error {}
/** The server answered more than is read. What applications ask for may be so much; how much is nobody's fault but theirs. */
class TooLarge extends Error {}

function unavailable(detail: string, cause?: unknown): AppError {
  return new AppError('index_unavailable', { detail, cause, retryAfter: 1 });
}

function brokenOff(cause: BrokenOff): AppError {
  const message = 'The vector index breaks off on this request: an example may lack the vector that is asked for, or a limit may be 0.';
  return new AppError('unsupported_request', { detail: cause.message, cause, issues: [{ pointer: '', message }] });
}

function tooLarge(cause: TooLarge): AppError {
  const message = `the answer is larger than ${MAX_ANSWER_BYTES} bytes: ask for fewer points at once, or leave out their vectors`;
  return new AppError('limit_exceeded', { detail: cause.message, cause, issues: [{ pointer: '', message }] });
}

/** Sends again where the connection was stale: once, or for what applications ask until it is the request that breaks it. */
async function sendAgain(to: Connection, sent: HotRequest, signal: AbortSignal, times: number): Promise<HotAnswer> {
  try {
    return await request(to, sent, signal);
  } catch (error) {
    if (!isStaleConnection(error)) throw error;
    if (times > 1) return sendAgain(to, sent, signal, times - 1);
    throw new BrokenOff('the vector index closed the connection', { cause: error });
  }
}

async function exchange(to: Connection, sent: HotRequest, signal: AbortSignal, times: number): Promise<HotAnswer> {
  const answer = await sendAgain(to, sent, signal, times);
  if (answer.status >= 500 || answer.status === 429) throw new ServerFault(`the vector index answered HTTP ${answer.status}`);
  return answer;
}

/** `AbortSignal.timeout` would hold what a call used until its deadline, long after the answer, and make an error of it then. */
function within(signal: AbortSignal, deadlineMs: number): { readonly signal: AbortSignal; settle(): void } {
  const controller = new AbortController();
  const giveUp = (): void => controller.abort();
  const timer = setTimeout(giveUp, deadlineMs);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  return {
    signal: controller.signal,
    settle() {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    },
  };
}

function json({ status, text }: HotAnswer): { status: number; json: unknown } {
  try {
    return { status, json: JSON.parse(text) as unknown };
  } catch {
    throw new ServerFault(`the vector index answered HTTP ${status} with something that is not JSON`);
  }
}

function failureOf(error: unknown, asked: HotReadOptions['asked']): AppError {
  if (error instanceof BrokenOff && asked !== undefined) return brokenOff(error);
  if (error instanceof TooLarge) return tooLarge(error);
  if (isBrokenCircuitError(error)) return unavailable('the vector index has been failing; waiting before it is asked again');
  return unavailable(error instanceof ServerFault ? error.message : 'the search was given up', error);
}

export function createHotRead({ endpoint, deadlineMs, asked }: HotReadOptions): HotRead {
  const times = asked === undefined ? 2 : BREAKS_OFF;
  let connection: Connection | undefined;
  const breaker = circuitBreaker(
    handleWhen((error) => error instanceof ServerFault),
    { breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN), halfOpenAfter: HALF_OPEN_AFTER_MS },
  );

  function connected(): Connection {
    const now = endpoint();
    if (connection?.endpoint.url !== now.url || connection.endpoint.apiKey !== now.apiKey) {
      void connection?.pool.close();
      connection = connect(now);
    }
    return connection;
  }

  async function guarded<T>(to: Connection, sent: HotRequest, read: (answer: HotAnswer) => T, signal: AbortSignal): Promise<T> {
    return breaker.execute(async () => {
      const { signal: limited, settle } = within(signal, deadlineMs);
      try {
        return read(await exchange(to, sent, limited, times));
      } catch (error) {
        if (error instanceof ServerFault || signal.aborted || (asked !== undefined && error instanceof BrokenOff)) throw error;
        if (asked !== undefined && isTooLarge(error)) throw new TooLarge('the vector index answered too much', { cause: error });
        throw new ServerFault(limited.aborted ? `the vector index took longer than ${deadlineMs} ms` : 'the vector index did not answer', {
          cause: error,
        });
      } finally {
        settle();
      }
    });
  }

  const ask = <T>(sent: HotRequest, read: (answer: HotAnswer) => T, signal: AbortSignal): Promise<T> =>
    guarded(connected(), sent, read, signal).catch((error: unknown) => {
      throw failureOf(error, asked);
    });

  return {
    send: async (sent, signal) => ask(sent, (answer) => answer, signal),
    async post(path, body, signal) {
      const answer = await ask({ method: 'POST', path, body }, json, signal);
      if (answer.status !== 200) throw unavailable(`the vector index refused a search with HTTP ${answer.status}`);
      return answer.json;
    },
    async close() {
      await connection?.pool.destroy();
      connection = undefined;
    },
  };
}
