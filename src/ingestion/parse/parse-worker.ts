import { parentPort } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import { chunkDocument } from '../chunk/chunk-document.ts';
import type { ThreadAnswer, ThreadQuestion } from './parse-apart.ts';
import { parseDocument } from './parse-document.ts';

function answer({ content, mediaType }: ThreadQuestion): ThreadAnswer {
  try {
    const parsed = parseDocument(content, mediaType);
    return { kind: 'cut', cut: { parsed, chunks: chunkDocument(parsed) } };
  } catch (error) {
    const refused = error instanceof AppError;
    return { kind: 'refused', code: refused ? error.code : 'unreadable_document', detail: refused ? error.message : 'the parser failed' };
  }
}

// One document after the other, until whoever started the thread ends it.
parentPort?.on('message', (question: ThreadQuestion) => parentPort?.postMessage(answer(question)));
