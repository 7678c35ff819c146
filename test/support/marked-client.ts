import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { lineOf, type MarkedDocument } from './marked-documents.ts';
import type { Random } from './random.ts';
import type { Answer, TestService } from './service.ts';

export type Target = Pick<TestService, 'call' | 'url'>;

/** A line of a batch's answer. */
export interface Line {
  readonly document?: string;
  readonly changed?: boolean;
  readonly error?: { readonly code: string };
  readonly done?: boolean;
}

/** An answer of which every byte arrived. */
export interface Received {
  readonly requestId: string;
  readonly chunks: readonly string[];
}

interface Released {
  readonly id: string;
  readonly text: string;
  readonly provenance: { readonly document: { readonly id: string } };
}

export const HANDBOOK = '/v1/sources/handbook';

/**
 * Sends all documents as one batch and tells each line as it arrives; resolves when the answer ends, whole or torn. A batch that stays
 * `open` is answered line by line as well, and never ends by itself.
 */
export async function ingest(
  to: Target,
  loader: string,
  documents: readonly MarkedDocument[],
  onLine: (line: Line) => void = () => undefined,
  ends: 'ends' | 'open' = 'ends',
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const headers = { 'content-type': 'application/x-ndjson', authorization: `Bearer ${loader}` };
  const text = `${documents.map(lineOf).join('\n')}\n`;
  const body = ends === 'ends' ? text : new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from(text)) });
  try {
    const answer = await fetch(`${to.url}${HANDBOOK}/documents`, { method: 'POST', headers, body, duplex: 'half' });
    let rest = '';
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (rest + piece).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const line = JSON.parse(part) as Line;
        lines.push(line);
        onLine(line);
      }
    }
  } catch {
    // Torn by a kill: what came whole is what was acknowledged.
  }
  return lines;
}

export function isStored({ document, error }: Line): boolean {
  return document !== undefined && error === undefined;
}

export function ask(to: Target, reader: string, marker: string): Promise<Answer> {
  return to.call('POST', '/v1/retrieve', reader, { query: marker, limit: 5 });
}

/** Only what staff may read, only with the words that were handed in, and only what was asked for. */
export function checkAnswer(answer: Answer, asked: MarkedDocument): readonly Released[] {
  const { chunks } = answer.json<{ chunks: readonly Released[] }>();
  for (const { text, provenance } of chunks) {
    expect(asked.readers).toBe('staff');
    expect(provenance.document.id).toBe(asked.document);
    expect(asked.text.includes(text), text).toBe(true);
  }
  return chunks;
}

/** Each of these is found by who may read it, and by nobody else; `reader` is one of the staff. */
export async function checkFound(to: Target, reader: string, wanted: readonly MarkedDocument[]): Promise<void> {
  for (let start = 0; start < wanted.length; start += 8) {
    await Promise.all(
      wanted.slice(start, start + 8).map(async (document) => {
        const answer = await ask(to, reader, document.marker);
        expect(answer.status, answer.text).toBe(200);
        expect(checkAnswer(answer, document).length > 0, document.document).toBe(document.readers === 'staff');
      }),
    );
  }
}

export interface Asking {
  readonly received: readonly Received[];
  /** Problems, as `status code`. */
  readonly refused: readonly string[];
  stop(): Promise<void>;
}

/** Asks without end until `stop`, for documents at random, and checks and keeps each whole answer. */
export function askOnAndOn(
  to: Target,
  reader: string,
  documents: readonly MarkedDocument[],
  options: { readonly workers: number; readonly random: Random },
): Asking {
  const received: Received[] = [];
  const refused: string[] = [];
  const stop = new AbortController();
  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      const asked = options.random.pick(documents);
      // A torn connection: the service was killed.
      const answer = await ask(to, reader, asked.marker).catch(() => undefined);
      if (answer === undefined) await sleep(5);
      else if (answer.status === 200) {
        const { requestId } = answer.json<{ requestId: string }>();
        received.push({ requestId, chunks: checkAnswer(answer, asked).map(({ id }) => id) });
      } else refused.push(`${answer.status} ${answer.json<{ code: string }>().code}`);
    }
  }
  const running = Promise.all(Array.from({ length: options.workers }, work));
  return {
    received,
    refused,
    async stop() {
      stop.abort();
      await running;
    },
  };
}
