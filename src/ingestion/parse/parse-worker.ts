import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import type { WorkerAnswer } from './parse-apart.ts';
import { parseDocument } from './parse-document.ts';

// One document, then the thread is ended by whoever started it.
const { content, mediaType } = workerData as { readonly content: string | Uint8Array; readonly mediaType: string };

function answer(): WorkerAnswer {
  try {
    return { kind: 'parsed', parsed: parseDocument(content, mediaType) };
  } catch (error) {
    const refused = error instanceof AppError;
    return { kind: 'refused', code: refused ? error.code : 'unreadable_document', detail: refused ? error.message : 'the parser failed' };
  }
}

parentPort?.postMessage(answer());
