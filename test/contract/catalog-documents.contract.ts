import { describe, expect, it } from 'vitest';
import type { ChunkId, DocumentId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { StoredDocument } from '../../src/core/ports/catalog.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  ANNA,
  attributesOf,
  CHANGE,
  chunkIds,
  contentOf,
  GLOBEX,
  HANDBOOK,
  HR,
  keyOf,
  label,
  PUBLIC_ACL,
  the,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const NAME = 'guide/leave.md' as DocumentId;
const KEY = keyOf(ACME, HANDBOOK, NAME);

function chunksOf(stored: StoredDocument, paragraphs?: readonly string[]): readonly ChunkId[] {
  return chunkIds(contentOf(stored.key, stored.revision, paragraphs ?? ['first paragraph', 'second paragraph']));
}

export function describeDocuments(get: GetWorld): void {
  const states = async (chunks: readonly ChunkId[]) => {
    const { candidates } = await get().catalog.candidates(ACME, chunks);
    return chunks.map((chunk) => candidates.get(chunk)?.state);
  };

  describe('documents', () => {
    it('keeps a chunk staged, readable by nobody, until it is published', async () => {
      const { catalog } = get();
      const content = contentOf(KEY, 1, ['one', 'two']);
      const chunks = chunkIds(content);
      await catalog.reserve(ACME, HANDBOOK, label('public', [], 'trusted'), PUBLIC_ACL);
      await catalog.stage(ACME, KEY, content);
      await catalog.stage(ACME, KEY, content);
      expect(await states(chunks)).toEqual(['staged', 'staged']);
      const before = await catalog.candidates(ACME, chunks);
      expect([...before.candidates.values()].map(({ acl }) => acl)).toEqual(chunks.map(() => ({ gates: [], deny: [] })));
      expect(await catalog.document(ACME, HANDBOOK, NAME)).toBeUndefined();
      const input = { tenant: ACME, source: HANDBOOK, document: NAME, key: KEY, expected: 'absent', change: CHANGE } as const;
      await catalog.publish({ ...input, attributes: attributesOf(), content });
      expect(await states(chunks)).toEqual(['live', 'live']);
      await catalog.stage(ACME, KEY, content);
      expect(await states(chunks)).toEqual(['live', 'live']);
    });

    it('tells everything that judging and provenance need', async () => {
      const { catalog, put } = get();
      const acl = { gates: [[HR, ANNA]], deny: ['user:idp|eve' as Principal] };
      const metadata: JsonObject = { year: 2024, tags: ['a', null, 1.5], 'quote"%_\\': '\u0000\ud800' };
      const declared = label('confidential', ['people', 'legal'], 'external');
      const stored = await put(NAME, {
        attributes: { acl, metadata, declared, uri: 'https://example.test/a?b=%20', validFrom: 10, validUntil: 4_000_000_000 },
      });
      expect(stored).toMatchObject({ revision: 1, indexedRevision: 1, aclVersion: 1, chunks: 2, validFrom: 10, metadata });
      expect(stored.declared).toEqual({ level: 'confidential', compartments: ['legal', 'people'], trust: 'external' });
      expect(await catalog.document(ACME, HANDBOOK, NAME)).toEqual(stored);
      const [first, second] = chunksOf(stored);
      const { at, candidates } = await catalog.candidates(ACME, [the(first), the(second), the(first)]);
      expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
      expect(candidates.size).toBe(2);
      expect(candidates.get(the(second))).toEqual({
        chunk: second,
        state: 'live',
        honey: false,
        key: KEY,
        source: HANDBOOK,
        document: NAME,
        zone: stored.zone,
        acl: { gates: [[HR, ANNA].sort()], deny: acl.deny },
        aclVersion: 1,
        validFrom: 10,
        validUntil: 4_000_000_000,
        title: 'A document',
        uri: 'https://example.test/a?b=%20',
        version: stored.version,
        text: 'second paragraph',
        span: { start: 17, end: 33, path: ['Leave', 'Ärger "quoted"'] },
        digest: contentOf(KEY, 1, ['first paragraph', 'second paragraph']).chunks[1]?.digest,
        removed: { tag: 0, bidi: 1, zeroWidth: 2 },
        lineage: contentOf(KEY, 1, []).lineage,
      });
    });

    it('keeps what was handed in with its text, and tells it under a revision and an event', async () => {
      const { catalog, put, audit } = get();
      const hygiene = {
        action: 'lowerTrust',
        counted: { tag: 9, bidi: 0, zeroWidth: 0 },
        accepted: false,
        trust: 'internal',
      } as const;
      const original = `{"text":"a\\u0000 \u{e0041}\u202e"}`;
      const plain = await put(NAME);
      expect(await catalog.original(ACME, KEY, plain.revision, CHANGE)).toBeUndefined();
      const stored = await put(NAME, { paragraphs: ['a'], attributes: { hygiene }, content: { original, characters: 11 } });
      expect(stored).toMatchObject({ hygiene, unseen: { removed: { tag: 0, bidi: 1, zeroWidth: 2 }, characters: 11 } });
      expect(await catalog.document(ACME, HANDBOOK, NAME)).toEqual(stored);
      expect(await catalog.original(ACME, KEY, stored.revision, CHANGE)).toBe(original);
      await expect(catalog.original(ACME, KEY, stored.revision - 1, CHANGE)).rejects.toMatchObject({ code: 'conflict' });
      const changed = await catalog.change(KEY, ACME, stored.revision, attributesOf({ title: 'Other' }), CHANGE);
      expect(changed).not.toHaveProperty('hygiene');
      expect(await catalog.original(ACME, KEY, changed.revision, CHANGE)).toBe(original);
      const reads = await audit.between(ACME, 0, 1_000, ['document.original-read']);
      expect(reads.map(({ body }) => [body['revision'], body['kept']])).toEqual([
        [1, false],
        [2, true],
        [3, true],
      ]);
      await catalog.deleteDocument(KEY, ACME, changed.revision, CHANGE);
      await expect(catalog.original(ACME, KEY, changed.revision, CHANGE)).rejects.toMatchObject({ code: 'conflict' });
    });

    it('answers nothing for unknown chunks and for none, with the time', async () => {
      const { catalog, put } = get();
      const known = chunksOf(await put(NAME));
      const hostile = ['', '%', "' or 1=1 --", 'ü'.repeat(300)] as ChunkId[];
      for (const chunks of [[], hostile, [...hostile, ...Array<ChunkId>(200).fill('x' as ChunkId)]]) {
        const read = await catalog.candidates(ACME, chunks);
        expect(read.candidates.size).toBe(0);
        expect(read.at).toBeGreaterThan(0);
      }
      expect((await catalog.candidates(ACME, [...hostile, ...known])).candidates.size).toBe(2);
    });

    it('tells the chunks of a text in its order, in pages, for as long as it is live', async () => {
      const { catalog, put } = get();
      const page = (from: number, limit: number, document = NAME) => catalog.documentChunks(ACME, HANDBOOK, document, { from, limit });
      const paragraphs = Array.from({ length: 12 }, (_, n) => `paragraph ${n}`);
      await put('guide');
      const chunks = chunksOf(await put(NAME, { paragraphs }), paragraphs);
      expect(await page(0, 5)).toEqual({ total: 12, chunks: chunks.slice(0, 5) });
      expect(await page(10, 5)).toEqual({ total: 12, chunks: chunks.slice(10) });
      expect(await page(12, 5)).toEqual({ total: 12, chunks: [] });
      expect(await page(0, 5, 'guide/other' as DocumentId)).toBeUndefined();
      expect(await catalog.documentChunks(GLOBEX, HANDBOOK, NAME, { from: 0, limit: 5 })).toBeUndefined();
      const replaced = await put(NAME, { paragraphs: ['new'] });
      expect(await page(0, 5)).toEqual({ total: 1, chunks: chunksOf(replaced, ['new']) });
      await catalog.change(KEY, ACME, replaced.revision, attributesOf({ state: 'quarantined' }), CHANGE);
      expect(await page(0, 5)).toBeUndefined();
      const again = await catalog.change(KEY, ACME, replaced.revision + 1, attributesOf({ state: 'live' }), CHANGE);
      expect(await page(0, 5)).toMatchObject({ total: 1 });
      await catalog.deleteDocument(KEY, ACME, again.revision, CHANGE);
      expect(await page(0, 5)).toBeUndefined();
      await put('last');
      await catalog.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      expect(await page(0, 5, 'last' as DocumentId)).toBeUndefined();
    });

    it('lets the former chunks go when a text is replaced, and keeps counting after a deletion', async () => {
      const { catalog, put } = get();
      const first = await put(NAME, { paragraphs: ['old'] });
      const second = await put(NAME, { paragraphs: ['new', 'newer'], attributes: { acl: { gates: [[HR]], deny: [] } } });
      expect([second.revision, second.aclVersion, second.chunks]).toEqual([2, 2, 2]);
      expect(await states([...chunksOf(first, ['old']), ...chunksOf(second, ['new', 'newer'])])).toEqual(['gone', 'live', 'live']);

      await catalog.deleteDocument(KEY, ACME, 2, CHANGE);
      expect(await catalog.document(ACME, HANDBOOK, NAME)).toBeUndefined();
      expect(await catalog.accessPayload(ACME, KEY)).toBeUndefined();
      expect(await catalog.nextRevision(ACME, KEY)).toBe(4);
      expect(await states(chunksOf(second, ['new', 'newer']))).toEqual(['gone', 'gone']);

      const third = await put(NAME, { paragraphs: ['new', 'newer'], attributes: { acl: { gates: [[HR]], deny: [] } } });
      expect([third.revision, third.aclVersion]).toEqual([4, 4]);
      expect(chunksOf(third, ['new', 'newer'])).not.toEqual(chunksOf(second, ['new', 'newer']));
      expect(await states([...chunksOf(second, ['new', 'newer']), ...chunksOf(third, ['new', 'newer'])])).toEqual([
        'gone',
        'gone',
        'live',
        'live',
      ]);
    });

    it('keeps the version of an ACL or label that did not change', async () => {
      const { catalog, put } = get();
      await put(NAME);
      const titled = await catalog.change(KEY, ACME, 1, attributesOf({ title: 'Renamed' }), CHANGE);
      expect([titled.revision, titled.aclVersion, titled.title]).toEqual([2, 1, 'Renamed']);
      const acl = { gates: [[HR, ANNA]], deny: [] };
      const grant = () => catalog.change(KEY, ACME, 2, attributesOf({ acl }), CHANGE);
      await expect(grant()).rejects.toMatchObject({ code: 'internal', message: 'the ACL of a document was not reserved' });
      await catalog.reserve(ACME, HANDBOOK, titled.declared, acl);
      expect(await grant()).toMatchObject({ revision: 3, aclVersion: 3, acl: { gates: [[HR, ANNA].sort()], deny: [] } });
    });

    it('shows what is off, quarantined, deleted or of a deleted source as that', async () => {
      const { catalog, put } = get();
      const a = await put('a');
      const [chunk] = chunksOf(a);
      const state = async () => (await states([the(chunk)]))[0];
      await catalog.throwSwitch(ACME, { kind: 'document', id: a.key }, 'spill', CHANGE);
      expect(await state()).toBe('off');
      await catalog.liftSwitch(ACME, { kind: 'document', id: a.key }, CHANGE);
      expect(await state()).toBe('live');
      await catalog.change(a.key, ACME, 1, attributesOf({ state: 'quarantined' }), CHANGE);
      expect(await state()).toBe('quarantined');
      await catalog.change(a.key, ACME, 2, attributesOf(), CHANGE);
      expect(await state()).toBe('live');
      await catalog.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      expect(await state()).toBe('gone');
    });

    it('keeps hostile names apart and lists them in pages by code point', async () => {
      const { catalog, put } = get();
      const names = ['%', '_', "it's", '"q"', 'start', 'é', 'Z', 'a', 'aa', '\u{1f512}', '\uff21', 'x'.repeat(512), '../../etc', '$1', '?'];
      for (const name of names) await put(name, { paragraphs: [`text of ${name}`] });
      const seen: string[] = [];
      for (let after: DocumentId | undefined; ;) {
        const page = await catalog.listDocuments(ACME, HANDBOOK, after, 4);
        if (page.length === 0) break;
        seen.push(...page.map(({ document }) => document));
        after = page.at(-1)?.document;
      }
      expect(seen).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      for (const name of names) {
        const found = await catalog.document(ACME, HANDBOOK, name as DocumentId);
        expect(found?.document).toBe(name);
        expect(await states(chunksOf(the(found), [`text of ${name}`]))).toEqual(['live']);
      }
      expect(await catalog.document(ACME, HANDBOOK, 'A' as DocumentId)).toBeUndefined();
    });

    it('refuses a key that belongs to another document, and chunks that were not staged', async () => {
      const { catalog, put } = get();
      const a = await put('a');
      const content = contentOf(a.key, 2, ['x']);
      const input = { tenant: ACME, source: HANDBOOK, key: a.key, attributes: attributesOf(), content, change: CHANGE };
      await expect(catalog.publish({ ...input, document: 'a' as DocumentId, expected: 1 })).rejects.toMatchObject({ code: 'conflict' });
      await catalog.stage(ACME, a.key, content);
      await expect(catalog.publish({ ...input, document: 'b' as DocumentId, expected: 1 })).rejects.toMatchObject({ code: 'conflict' });
      expect((await catalog.publish({ ...input, document: 'a' as DocumentId, expected: 1 })).revision).toBe(2);
    });
  });
}
