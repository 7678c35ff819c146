import { Worker } from 'node:worker_threads';
import { AppError, ERROR_CODES, type ErrorCode } from '../../core/errors.ts';
import type { ParsedDocument, TextChunk } from '../../core/text.ts';

export interface CutText {
  readonly parsed: ParsedDocument;
  readonly chunks: readonly TextChunk[];
}

/** What a thread is asked, one document at a time. */
export interface ThreadQuestion {
  readonly content: string | Uint8Array;
  readonly mediaType: string;
}

/** What it answers; an AppError does not cross threads whole. */
export type ThreadAnswer =
  { readonly kind: 'cut'; readonly cut: CutText } | { readonly kind: 'refused'; readonly code: string; readonly detail: string };

/** Plain text up to this many bytes is read on the spot: what it costs grows with its length, whatever it says. */
const PLAIN_HERE_UP_TO = 32 * 1_024;
const MAX_THREADS = 2;
/** A thread is kept for the next document this long: starting one takes longer than most documents, and an idle one holds memory. */
const KEPT_MS = 10_000;

let running = 0;
const waiting: (() => void)[] = [];
const idle = new Set<Worker>();

async function slot<T>(run: () => Promise<T>): Promise<T> {
  if (running >= MAX_THREADS) await new Promise<void>((resolve) => waiting.push(resolve));
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
 * `parseDocument` and `chunkDocument`, apart from everybody else's requests: four kilobytes of Markdown can be built to take a
 * tenth of a second, and ten megabytes take seconds. An abort ends the thread. Fails like `parseDocument`.
 */
export function cutApart(content: string | Uint8Array, mediaType: string, signal: AbortSignal): Promise<CutText> {
  const here = mediaType === 'text/plain' && content.length <= PLAIN_HERE_UP_TO;
  return here ? cutHere(content, mediaType) : slot(() => inThread({ content, mediaType }, signal));
}

/** The parsers are loaded with the first document: a service that only answers queries does without their memory. */
export async function parseHere(content: string | Uint8Array, mediaType: string): Promise<ParsedDocument> {
  const { parseDocument } = await import('./parse-document.ts');
  return parseDocument(content, mediaType);
}

async function cutHere(content: string | Uint8Array, mediaType: string): Promise<CutText> {
  const [parsed, { chunkDocument }] = await Promise.all([parseHere(content, mediaType), import('../chunk/chunk-document.ts')]);
  return { parsed, chunks: chunkDocument(parsed) };
}

function startThread(): Worker {
  const thread = new Worker(new URL('./parse-worker.ts', import.meta.url));
  // Without a listener the death of a thread that waits would be the death of the service.
  thread.on('error', () => idle.delete(thread));
  thread.once('exit', () => idle.delete(thread));
  return thread;
}

function takeThread(): Worker {
  const [kept] = idle;
  if (kept === undefined) return startThread();
  idle.delete(kept);
  kept.ref();
  return kept;
}

function keepThread(thread: Worker): void {
  thread.unref();
  idle.add(thread);
  setTimeout(() => {
    // Unless it was taken meanwhile; it is kept anew after that.
    if (idle.delete(thread)) void thread.terminate();
  }, KEPT_MS).unref();
}

async function inThread(question: ThreadQuestion, signal: AbortSignal): Promise<CutText> {
  signal.throwIfAborted();
  const thread = takeThread();
  const { promise, resolve, reject } = Promise.withResolvers<ThreadAnswer>();
  const abort = (): void => reject(signal.reason as Error);
  const died = (cause: unknown): void => reject(new AppError('unreadable_document', { detail: 'the parser died', cause }));
  const ended = (): void => reject(new AppError('unreadable_document', { detail: 'the parser ended without an answer' }));
  signal.addEventListener('abort', abort, { once: true });
  thread.once('message', resolve).once('error', died).once('exit', ended);
  try {
    thread.postMessage(question);
    const answer = await promise;
    keepThread(thread);
    if (answer.kind === 'refused') throw refusal(answer.code, answer.detail);
    return answer.cut;
  } finally {
    signal.removeEventListener('abort', abort);
    thread.off('message', resolve).off('error', died).off('exit', ended);
    // Without an answer it is in the middle of something, or dead.
    if (!idle.has(thread)) await thread.terminate();
  }
}

function refusal(code: string, detail: string): AppError {
  const known: ErrorCode | undefined = ERROR_CODES.find((each) => each === code);
  return new AppError(known ?? 'unreadable_document', { detail });
}
