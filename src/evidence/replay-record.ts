import { AUDIT_KINDS, type AuditTail, type Opened, type SealedReads, type StoredAuditEvent } from '../core/ports/audit.ts';
import type { JsonObject } from '../core/json.ts';
import { putTogether, type Replayable } from '../core/replay.ts';
import { isObject } from './event-facts.ts';
import type { ReleasedChunk } from './release-event.ts';

export interface RecordParts {
  readonly sealed: SealedReads;
  readonly audit: Pick<AuditTail, 'between'>;
}

/** `unrecorded`: released before answers were sealed. */
export type Replayed =
  | { readonly kind: 'exact'; readonly body: string }
  | { readonly kind: 'erased'; readonly tombstone: Tombstone }
  | { readonly kind: 'unrecorded'; readonly request: string }
  | { readonly kind: 'damaged' };

/** In place of an answer of which something was erased. It cannot be put together any more; what is left of it is told piece by piece. */
export interface Tombstone {
  readonly replay: 'erased';
  readonly requestId: string;
  readonly erased: readonly {
    readonly what: 'caller' | 'content';
    /** The event that tells of it: its position in the log, and its time, ISO 8601. */
    readonly index: number;
    readonly at: string;
    /** Ranks of the chunks, where content was erased. */
    readonly ranks?: readonly number[];
  }[];
  /** What was not erased. */
  readonly chunks: readonly {
    readonly id: string;
    readonly rank: number;
    /** Of a point the payload instead, as JSON text. */
    readonly text?: string;
    readonly payload?: string;
    /** Of the tag what belongs to the chunk alone. */
    readonly provenance: JsonObject;
  }[];
}

/** What the sealed record of a release holds now. Whoever calls has decided that it may be read. */
export async function openRecord(parts: RecordParts, release: StoredAuditEvent, chunks: readonly ReleasedChunk[]): Promise<Replayed> {
  const { tenant, requestId, index, body } = release;
  const opened = await parts.sealed.sealed(tenant, index);
  if (opened === undefined || opened.answer.kind === 'none') {
    // An event that commits to a sealed part has one; without it, it was lost.
    return body['sealed'] === undefined ? { kind: 'unrecorded', request: requestId } : { kind: 'damaged' };
  }
  const { facts, answer, texts } = opened;
  if (texts.length !== chunks.length) return { kind: 'damaged' };
  const all: readonly Opened[] = [facts, answer, ...texts];
  if (all.some(({ kind }) => kind === 'damaged')) return { kind: 'damaged' };
  if (answer.kind === 'open' && texts.every(({ kind }) => kind === 'open')) {
    const exact = putTogether(answer.content, texts.flatMap(textOf), sessionIn(body));
    return exact === undefined ? { kind: 'damaged' } : { kind: 'exact', body: exact };
  }
  return { kind: 'erased', tombstone: await tombstoneOf(parts, release, chunks, { facts, texts }) };
}

function textOf(opened: Opened): readonly Replayable[] {
  if (opened.kind !== 'open') return [];
  const { text, payload, tag } = opened.content;
  if (typeof tag !== 'string') return [];
  if (typeof payload === 'string') return [{ payload, tag }];
  return typeof text === 'string' ? [{ text, tag }] : [];
}

/** As it stood at the end of the answer. The event also holds which session it was, and its members in another order. */
function sessionIn(body: JsonObject): JsonObject | undefined {
  const session = body['session'];
  if (!isObject(session)) return undefined;
  const { turns, label } = session;
  const seen = isObject(label) ? { label: { level: label['level'], compartments: label['compartments'], trust: label['trust'] } } : {};
  return { turns, ...seen } as JsonObject;
}

async function tombstoneOf(
  { audit }: RecordParts,
  { tenant, requestId }: StoredAuditEvent,
  chunks: readonly ReleasedChunk[],
  { facts, texts }: { readonly facts: Opened; readonly texts: readonly Opened[] },
): Promise<Tombstone> {
  const at = async (index: number): Promise<string> => (await audit.between(tenant, index, index + 1, AUDIT_KINDS))[0]?.at ?? '';
  const byEvent = Map.groupBy(
    texts.flatMap((text, place) => (text.kind === 'erased' ? [{ index: text.index, rank: chunks[place]?.rank ?? place + 1 }] : [])),
    ({ index }) => index,
  );
  const caller = facts.kind === 'erased' ? [{ what: 'caller' as const, index: facts.index, at: await at(facts.index) }] : [];
  const content = [...byEvent].map(async ([index, found]) => ({
    what: 'content' as const,
    index,
    at: await at(index),
    ranks: found.map(({ rank }) => rank),
  }));
  return {
    replay: 'erased',
    requestId,
    erased: [...caller, ...(await Promise.all(content))],
    chunks: chunks.flatMap(({ chunk, rank }, place) =>
      (texts[place] === undefined ? [] : textOf(texts[place])).map(({ tag, ...content }) => ({
        id: chunk,
        rank,
        ...content,
        provenance: JSON.parse(`{${tag}}`) as JsonObject,
      })),
    ),
  };
}
