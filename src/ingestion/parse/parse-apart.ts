import { Worker } from 'node:worker_threads';
import { AppError, ERROR_CODES, type ErrorCode } from '../../core/errors.ts';
import type { ParsedDocument } from '../../core/text.ts';

/** Above this many bytes, parsing takes long enough to be felt by everybody else's requests. */
export const PARSED_HERE_UP_TO = 32 * 1_024;
const MAX_WORKERS = 2;

/** What the worker answers; an AppError does not cross threads whole. */
export type WorkerAnswer =
  | { readonly kind: 'parsed'; readonly parsed: ParsedDocument }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string };

let running = 0;
const waiting: (() => void)[] = [];

async function slot<T>(run: () => Promise<T>): Promise<T> {
  if (running >= MAX_WORKERS) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await run();
  } finally {
    // The place goes to the next in line, or is given back.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/**
 * `parseDocument`, in a thread of its own where the content is large, so that one hostile document does not hold up the
 * service. An abort ends the thread. Fails like `parseDocument`.
 */
export function parseApart(content: string | Uint8Array, mediaType: string, signal: AbortSignal): Promise<ParsedDocument> {
  return content.length <= PARSED_HERE_UP_TO ? parseHere(content, mediaType) : slot(() => inWorker(content, mediaType, signal));
}

/** The parsers are loaded with the first document: a service that only answers queries does without their memory. */
export async function parseHere(content: string | Uint8Array, mediaType: string): Promise<ParsedDocument> {
  const { parseDocument } = await import('./parse-document.ts');
  return parseDocument(content, mediaType);
}

async function inWorker(content: string | Uint8Array, mediaType: string, signal: AbortSignal): Promise<ParsedDocument> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./parse-worker.ts', import.meta.url), { workerData: { content, mediaType } });
  const { promise, resolve, reject } = Promise.withResolvers<ParsedDocument>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  worker.once('message', (answer: WorkerAnswer) => {
    if (answer.kind === 'parsed') resolve(answer.parsed);
    else reject(refusal(answer.code, answer.detail));
  });
  worker.once('error', (cause) => reject(new AppError('unreadable_document', { detail: 'the parser died', cause })));
  worker.once('exit', () => reject(new AppError('unreadable_document', { detail: 'the parser ended without an answer' })));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    await worker.terminate();
  }
}

function refusal(code: string, detail: string): AppError {
  const known: ErrorCode | undefined = ERROR_CODES.find((each) => each === code);
  return new AppError(known ?? 'unreadable_document', { detail });
}
