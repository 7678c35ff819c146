import { generateKeyPairSync, randomBytes, randomUUID, sign as edSign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/core/digest.ts';
import type { DocumentId } from '../../src/core/ids.ts';
import type { AuditPort } from '../../src/core/ports/audit.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { VectorIndex } from '../../src/core/ports/vectors.ts';
import { unwatched } from '../../src/core/ports/watch.ts';
import { manifestSigner } from '../../src/provenance/manifest.ts';
import { createProvenance } from '../../src/provenance/provenance.ts';
import { CALLER, candidate, chunkId, fakeCatalog, fakePolicy } from '../../src/retrieval/retrieval.fixture.ts';
import { retrieve, type RetrievalParts } from '../../src/retrieval/retrieve.ts';
import { AT_ZERO } from '../../test/support/audit-events.ts';

const CHUNKS = 10;
const DOCUMENTS = 100;
/** The index answers after so many milliseconds; the intent is written meanwhile. */
export const SEARCH_MS = 2;

/** An audit that keeps nothing. */
export const NO_AUDIT: AuditPort = {
  append: () => Promise.resolve({ index: 0, leaf: '' }),
  release: () => Promise.resolve({ kind: 'released', receipt: { index: 0, leaf: '' } }),
  byRequest: () => Promise.resolve([]),
};

/** The real path of a query, ten chunks with an xml context and a manifest; catalog and policy answer from memory. Milliseconds it took. */
export function querier(): (audit: AuditPort) => Promise<number> {
  const parts = partsOf();
  let asked = 0;
  return async (audit) => {
    asked += 1;
    const request = { requestId: randomUUID(), traceId: undefined, query: `question ${asked}`, vector: undefined, limit: CHUNKS } as const;
    const began = performance.now();
    const answer = await retrieve(
      { ...parts(asked), audit },
      CALLER,
      { ...request, restriction: {}, purpose: undefined, context: 'xml' },
      new AbortController().signal,
    );
    const taken = performance.now() - began;
    if (answer.chunks.length !== CHUNKS) throw new Error('the answer is short');
    return taken;
  };
}

function partsOf(): (asked: number) => Omit<RetrievalParts, 'audit'> {
  const random = (size: number): Buffer => randomBytes(size);
  const { privateKey } = generateKeyPairSync('ed25519');
  const sign = (message: Uint8Array) => ({ kid: 'bench', signature: edSign(null, message, privateKey) });
  const candidates = Array.from({ length: DOCUMENTS }, (_, n) => {
    const text = `Paragraph ${n} says how deep the harbour is, and when the ferry leaves.\n`.repeat(12);
    return candidate(n, { text, document: `document-${n}` as DocumentId, version: digestOf(text), digest: digestOf(text) });
  });
  const never = (): never => {
    throw new Error('not a part of retrieval');
  };
  const embedded = { sparse: { kind: 'vector', vector: { indices: [1], values: [1] } }, dense: { kind: 'none' } } as const;
  const shared = {
    policy: fakePolicy(),
    embedding: {
      identity: { sparse: 'bm25@1', dense: { kind: 'none' } },
      embedDocuments: never,
      embedQuery: () => Promise.resolve(embedded),
    },
    watch: unwatched,
    provenance: createProvenance({ random }),
    signManifest: manifestSigner({ sign }, random),
    clock: { now: () => Date.now() },
    random,
    languages: ['en'],
    telemetry: silentTelemetry,
  } satisfies Partial<RetrievalParts>;
  return (asked) => {
    const vectors: VectorIndex = {
      async search() {
        await sleep(SEARCH_MS);
        return Array.from({ length: CHUNKS }, (_, rank) => ({ chunk: chunkId((asked * 7 + rank) % DOCUMENTS), score: 1 - rank / 100 }));
      },
      count: never,
      upsert: never,
      rewriteAccess: never,
      deleteChunks: never,
      probe: never,
    };
    return { ...shared, vectors, catalog: fakeCatalog({ candidates: () => candidates, stamp: () => AT_ZERO }) };
  };
}
