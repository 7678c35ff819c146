import { expect, test } from 'vitest';
import type { Digest } from '../../core/digest.ts';
import type { ApiClient } from './api-client.ts';
import { syncSource, type Connector, type SyncStep } from './sync-source.ts';
import { printable } from './terminal.ts';

const ETAG: Digest = `sha256:${'0'.repeat(64)}`;

function put(document: string, text = 'x'): SyncStep {
  return { kind: 'put', document: { document, etag: ETAG, body: { text } } };
}

function connector(...steps: readonly SyncStep[]): Connector {
  return () =>
    (async function* () {
      await Promise.resolve();
      yield* steps;
    })();
}

interface Sent {
  readonly batches: (readonly { readonly document: string; readonly delete?: true }[])[];
}

/** A service that holds these documents and answers each batch as `reply` does. */
function service(
  reply: (lines: Sent['batches'][number]) => readonly unknown[],
  pages: readonly object[] = [{ documents: [] }],
): ApiClient & Sent {
  const batches: Sent['batches'] = [];
  const left = [...pages];
  return {
    batches,
    call: () => Promise.resolve(left.shift()),
    bytes: () => Promise.reject(new Error('nothing is read byte for byte')),
    download: () => {
      throw new Error('nothing is downloaded');
    },
    async *stream(_path, bytes) {
      await Promise.resolve();
      const lines = bytes
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Sent['batches'][number][number]);
      batches.push(lines);
      yield* reply(lines);
    },
    close: () => Promise.resolve(),
  };
}

const stored = (lines: Sent['batches'][number]): readonly unknown[] => [
  ...lines.map((line, index) => (line.delete ? { line: index + 1, deleted: true } : { line: index + 1, changed: true, chunks: 1 })),
  { done: true },
];

test('batches are bounded by lines and by bytes, and every document counts once', async () => {
  const many = service(stored);
  let progress = 0;
  const report = await syncSource(many, 's', connector(...Array.from({ length: 130 }, (_, n) => put(`${n}`))), () => (progress += 1));
  expect(many.batches.map((lines) => lines.length)).toEqual([64, 64, 2]);
  expect([report.created, progress]).toEqual([130, 130]);

  const large = service(stored);
  await syncSource(large, 's', connector(...['a', 'b', 'c'].map((name) => put(name, 'x'.repeat(2_500_000)))));
  expect(large.batches.map((lines) => lines.length)).toEqual([1, 1, 1]);
});

test('all pages of what is there are read, and tell created from changed', async () => {
  const client = service(stored, [{ documents: [{ document: 'a' }], next: 'a' }, { documents: [{ document: 'b' }] }]);
  const report = await syncSource(client, 's', connector(put('b'), put('c'), { kind: 'remove', document: 'a' }));
  expect(report).toMatchObject({ changed: 1, created: 1, deleted: 1 });
});

test('an answer that is cut off is a failure, and so is one that ends early', async () => {
  const cut = service((lines) => stored(lines).slice(0, -1));
  await expect(syncSource(cut, 's', connector(put('a')))).rejects.toThrow('cut off');
  const stopped = service(() => [{ done: false, error: { code: 'shutting_down', detail: 'stopping' } }]);
  await expect(syncSource(stopped, 's', connector(put('a')))).rejects.toMatchObject({ code: 'shutting_down', exitCode: 1 });
  const strange = service(() => [{ hello: 1 }]);
  await expect(syncSource(strange, 's', connector(put('a')))).rejects.toMatchObject({ code: 'unexpected_answer' });
  const beyond = service(() => [{ line: 2, changed: true, chunks: 1 }, { done: true }]);
  await expect(syncSource(beyond, 's', connector(put('a')))).rejects.toThrow('not sent');
});

test('a document that somebody else deleted first is deleted; any other refusal of a deletion is told', async () => {
  const refuse = (code: string) => service(() => [{ line: 1, error: { code, detail: '' } }, { done: true }]);
  const remove = connector({ kind: 'remove', document: 'a' });
  expect(await syncSource(refuse('not_found'), 's', remove)).toMatchObject({ deleted: 1, failed: [] });
  expect(await syncSource(refuse('trust_too_low'), 's', remove)).toMatchObject({ deleted: 0, failed: [{ document: 'a' }] });
});

test('what comes from documents cannot move the cursor or turn the line around', () => {
  expect(printable('a\u001b[2Jb\rc\u202ed\nе')).toBe('a\ufffd[2Jb\ufffdc\ufffdd\ufffdе');
  expect(printable('größe 日本語.md')).toBe('größe 日本語.md');
});
