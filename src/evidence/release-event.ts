import { AppError } from '../core/errors.ts';
import type { ChunkId, DocumentId, SourceId, ZoneId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { StoredAuditEvent } from '../core/ports/audit.ts';

/** A chunk as its release names it. */
export interface ReleasedChunk {
  readonly chunk: ChunkId;
  readonly rank: number;
  readonly source: SourceId;
  /** Its id, or `erased:` and a pseudonym where the log no longer knows it. */
  readonly document: DocumentId;
  readonly zone: ZoneId;
}

/** The release among the events of a request; undefined where there is none, as of a count, a failure or a request that never was. */
export function releaseIn(events: readonly StoredAuditEvent[]): StoredAuditEvent | undefined {
  return events.find(({ kind, body }) => kind === 'release' && body['aggregate'] === undefined);
}

/** In the order of ranks. */
export function chunksOf({ body: { chunks } }: Pick<StoredAuditEvent, 'body'>): readonly ReleasedChunk[] {
  if (!Array.isArray(chunks)) throw new AppError('internal', { detail: 'a release without a list of chunks' });
  return (chunks as readonly JsonObject[]).map(({ chunk, rank, source, document, zone }) => ({
    chunk: neededText(chunk) as ChunkId,
    rank: neededNumber(rank),
    source: neededText(source) as SourceId,
    document: neededText(document) as DocumentId,
    zone: neededNumber(zone) as ZoneId,
  }));
}

/** A field that every release has. */
export function neededText(value: Json | undefined): string {
  if (typeof value !== 'string') throw new AppError('internal', { detail: 'a release names something incompletely' });
  return value;
}

function neededNumber(value: Json | undefined): number {
  if (typeof value !== 'number') throw new AppError('internal', { detail: 'a release counts something incompletely' });
  return value;
}
