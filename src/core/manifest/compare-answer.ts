import { sha256Hex } from '../digest.ts';
import { isRecord } from '../json.ts';
import { CONTEXT_SUBJECT, type ManifestStatement, type ManifestSubject } from './statement.ts';
import type { ManifestFinding } from './verify-manifest.ts';

/** RFC 8785; undefined for what has no such form. */
export type Canonical = (value: unknown) => string | undefined;

/** Where an answer differs from what was signed. Its own digests are not believed: every text is hashed here. */
export function answerFindings(statement: ManifestStatement, answer: unknown, canonical: Canonical): readonly ManifestFinding[] {
  if (!isRecord(answer) || !Array.isArray(answer['chunks'])) return [{ place: 'answer', message: 'is no answer to a retrieval' }];
  const { predicate, subject } = statement;
  const chunks = answer['chunks'] as readonly unknown[];
  const signed = new Map(subject.filter(({ name }) => name !== CONTEXT_SUBJECT).map((one) => [one.name, one]));
  const seen = new Set(chunks.map((chunk) => (isRecord(chunk) ? chunk['id'] : undefined)));
  return [
    ...(answer['requestId'] === predicate.request ? [] : [{ place: 'requestId', message: 'is of another request' }]),
    ...chunks.flatMap((chunk, index) => chunkFindings(chunk, index, signed, canonical)),
    ...(seen.size === chunks.length ? [] : [{ place: 'chunks', message: 'name a chunk twice' }]),
    ...[...signed.keys()]
      .filter((name) => !seen.has(name))
      .map((name) => ({ place: `chunk ${name}`, message: 'was released and is missing' })),
    ...same('label', answer['label'] ?? null, predicate.label, canonical),
    ...contextFindings(
      subject.find(({ name }) => name === CONTEXT_SUBJECT),
      answer['context'],
      canonical,
    ),
  ];
}

function chunkFindings(
  chunk: unknown,
  index: number,
  signed: ReadonlyMap<string, ManifestSubject>,
  canonical: Canonical,
): readonly ManifestFinding[] {
  if (!isRecord(chunk) || typeof chunk['id'] !== 'string' || typeof chunk['text'] !== 'string') {
    return [{ place: `chunk number ${index + 1}`, message: 'is no chunk' }];
  }
  const { id, text, rank, provenance } = chunk;
  const place = `chunk ${id}`;
  const subject = signed.get(id);
  if (subject === undefined) return [{ place, message: 'was not released' }];
  if (!('rank' in subject.annotations)) return [{ place, message: 'is signed as something else' }];
  const { annotations } = subject;
  const tag = isRecord(provenance) ? provenance : {};
  return [
    ...(hasDigest(text, subject.digest.sha256) ? [] : [{ place, message: 'its text is not the one that was released' }]),
    ...(tag['digest'] === `sha256:${subject.digest.sha256}` ? [] : [{ place, message: 'its tag names another digest' }]),
    ...(rank === annotations.rank && annotations.rank === index + 1 ? [] : [{ place, message: 'stands at another rank' }]),
    ...same(place, tag['label'], annotations.label, canonical),
  ];
}

function same(place: string, found: unknown, signed: unknown, canonical: Canonical): readonly ManifestFinding[] {
  const text = canonical(found);
  return text !== undefined && text === canonical(signed) ? [] : [{ place, message: 'has another label' }];
}

/** Half a surrogate pair has no bytes in UTF-8: hashing would take it for U+FFFD, and two texts would have one digest. */
function hasDigest(text: string, sha256: string): boolean {
  return text.isWellFormed() && sha256Hex(text) === sha256;
}

function contextFindings(signed: ManifestSubject | undefined, context: unknown, canonical: Canonical): readonly ManifestFinding[] {
  if (signed === undefined) return context === undefined ? [] : [{ place: 'context', message: 'none was released' }];
  if (!isRecord(context)) return [{ place: 'context', message: 'was released and is missing' }];
  const wrong: ManifestFinding[] = [];
  if (!('format' in signed.annotations) || context['format'] !== signed.annotations.format) {
    wrong.push({ place: 'context', message: 'has another format' });
  }
  const rendered = renderedBytes(context, canonical);
  if (rendered === undefined || !hasDigest(rendered, signed.digest.sha256)) {
    wrong.push({ place: 'context', message: 'is not the one that was released' });
  }
  return wrong;
}

/** The text, or RFC 8785 of the list: what the digest of each format is over (docs/api.md, "Context formats"). */
function renderedBytes({ text, messages, content }: Readonly<Record<string, unknown>>, canonical: Canonical): string | undefined {
  if (typeof text === 'string') return text;
  return canonical(messages ?? content);
}
