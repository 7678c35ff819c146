import type { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import type { CallName, FromWorker, ToWorker } from './protocol.ts';

type Answer = Extract<FromWorker, { kind: 'answer' | 'part' }>;

interface Pending {
  readonly resolve: (message: Answer) => void;
  readonly reject: (error: AppError) => void;
}

export const ENDED = 'the audit thread ended';

/** Calls into whichever thread there is now, each answered or failed once. */
export interface ThreadCalls {
  call<T>(method: CallName, args: readonly unknown[], signal?: AbortSignal): Promise<T>;
  lines(args: readonly unknown[], signal: AbortSignal): AsyncGenerator<string>;
  answered(id: number, result: Answer | AppError): void;
  failAll(): void;
}

/** `thread`: undefined while there is none. Everything fails with `audit_unavailable` or what the thread says. */
export function threadCalls(thread: () => Worker | undefined): ThreadCalls {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  const nextId = (): number => (lastId += 1);

  async function send(message: Extract<ToWorker, { kind: 'call' | 'open' | 'next' }>, signal?: AbortSignal): Promise<Answer> {
    const to = thread();
    if (to === undefined) throw unavailable(ENDED);
    if (signal?.aborted === true) throw unavailable('the caller no longer waits', signal.reason);
    const { id } = message;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const abort = (): void => {
      to.postMessage({ kind: 'abort', id } satisfies ToWorker);
      reject(unavailable('the caller no longer waits', signal?.reason));
    };
    signal?.addEventListener('abort', abort, { once: true });
    pending.set(id, { resolve, reject });
    try {
      to.postMessage(message);
      return await promise;
    } finally {
      pending.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  return {
    async call<T>(method: CallName, args: readonly unknown[], signal?: AbortSignal) {
      const answer = await send({ kind: 'call', id: nextId(), method, args }, signal);
      return (answer.kind === 'answer' ? answer.value : undefined) as T;
    },
    lines: (args, signal) => linesOf({ thread, send, id: nextId() }, args, signal),
    answered(id, result) {
      if (result instanceof AppError) pending.get(id)?.reject(result);
      else pending.get(id)?.resolve(result);
    },
    failAll() {
      for (const { reject } of pending.values()) reject(unavailable(ENDED));
    },
  };
}

interface Export {
  readonly thread: () => Worker | undefined;
  readonly send: (message: Extract<ToWorker, { kind: 'open' | 'next' }>, signal: AbortSignal) => Promise<Answer>;
  readonly id: number;
}

async function* linesOf({ thread, send, id }: Export, args: readonly unknown[], signal: AbortSignal): AsyncGenerator<string> {
  const from = thread();
  try {
    let part = await send({ kind: 'open', id, args }, signal);
    for (;;) {
      if (part.kind !== 'part') return;
      yield* part.lines;
      if (part.last) return;
      // What began in a thread that is gone cannot go on in another.
      if (from !== thread()) throw unavailable(ENDED);
      part = await send({ kind: 'next', id }, signal);
    }
  } finally {
    if (from === thread()) from?.postMessage({ kind: 'abort', id } satisfies ToWorker);
  }
}

function unavailable(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail, cause, retryAfter: 1 });
}
