import { createHash, randomUUID } from 'node:crypto';
import { named, namedDocument } from '../../src/core/audit-names.ts';
import { digestOf, type Digest } from '../../src/core/digest.ts';
import type { DocumentId, SourceId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { AuditEvent, SealedText } from '../../src/core/ports/audit.ts';
import type { Principal } from '../../src/core/principal.ts';
import { ACME, TOOL } from '../../test/support/audit-events.ts';

const PEOPLE = 200;
const DOCUMENTS = 100;
const CHUNKS = 5;
const RELEASED = 10;
const SOURCE = 'handbook' as SourceId;

interface Chunk {
  readonly id: string;
  readonly document: DocumentId;
  readonly text: SealedText;
}

/** Releases as the query path makes them: ten chunks in order, an answer of 5 kB that refers to its texts. */
export function releaseMaker(sealed: boolean): () => AuditEvent {
  const corpus = Array.from({ length: DOCUMENTS * CHUNKS }, (_, n) => chunkOf(Math.floor(n / CHUNKS), n));
  let made = 0;
  return () => {
    made += 1;
    const chunks = Array.from({ length: RELEASED }, (_, n) => corpus[(made * 7 + n * 131) % corpus.length]).filter(
      (one) => one !== undefined,
    );
    const who = `user:test|person-${made % PEOPLE}` as Principal;
    const base = { tenant: ACME, kind: 'release', requestId: randomUUID(), body: bodyOf(who, chunks) } as const;
    if (!sealed) return base;
    const facts = { actorChain: [], tokenDigest: createHash('sha256').update(who).digest('hex') };
    return { ...base, sealed: { holder: who, facts, answer: answerOf(chunks), texts: chunks.map(({ text }) => text) } };
  };
}

function chunkOf(document: number, n: number): Chunk {
  const name = `document-${document}` as DocumentId;
  const id = randomUUID();
  const version: Digest = digestOf(name);
  const words = `Paragraph ${n} of ${name} says how deep the harbour is and when the ferry leaves. `.repeat(12);
  const tag = `"v":1,"source":{"id":"${SOURCE}"},"document":{"id":"${name}","version":"${version}"},"digest":"${digestOf(words)}"`;
  return {
    id,
    document: name,
    text: { source: SOURCE, document: name, version, key: JSON.stringify([id, name, null]), content: () => ({ text: words, tag }) },
  };
}

function bodyOf(who: Principal, chunks: readonly Chunk[]): JsonObject {
  return {
    user: named(who),
    client: TOOL,
    purpose: 'answer',
    question: digestOf(who),
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    policyRevision: 'b0a9f5c1-4e64-4d6d-8f2c-5d1f0a1f3c11',
    epoch: { tenant: 0, global: 0 },
    counts: { candidates: 20, refused: 1, released: chunks.length },
    label: { level: 'internal', compartments: ['people'], trust: 'internal' },
    context: { format: 'xml' },
    chunks: chunks.map(({ id, document }, index) => ({
      chunk: id,
      rank: index + 1,
      source: SOURCE,
      document: namedDocument(SOURCE, document),
      zone: 7,
      aclVersion: 3,
      rules: ['line:12', 'line:40'],
    })),
  };
}

/** Like `takeApart` of core/replay.ts: pieces of JSON, and references to the texts. */
function answerOf(chunks: readonly Chunk[]): JsonObject {
  const parts = chunks.flatMap(({ id }, of) => [
    `{"chunk":"${id}","rank":${of + 1},"score":0.0${of}31,"text":"`,
    { of, from: 0, to: 900 },
    '","provenance":{',
    { of, as: 'tag' },
    `,"label":{"level":"internal","compartments":["people"],"trust":"internal"},"decision":{"policyRevision":"b0a9f5c1-4e64-4d6d-8f2c-5d1f0a1f3c11","rules":["line:12","line:40"],"aclVersion":7,"at":"2026-11-21T05:00:00.000Z"}}},`,
    `<chunk n="${of + 1}" fence="5f1c0e6cb0f1">`,
    { of, from: 0, to: 900 },
  ]);
  return { v: 1, parts, digest: digestOf(JSON.stringify(chunks.map(({ id }) => id))) };
}
