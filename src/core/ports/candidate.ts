import type { Acl } from '../acl.ts';
import type { Digest } from '../digest.ts';
import type { ChunkId, CollectionKey, DocumentId, DocumentKey, SourceId, ZoneId } from '../ids.ts';

/** What key two and provenance need to know about a chunk that was hit, read from the truth. */
export interface Candidate {
  readonly chunk: ChunkId;
  /** The hosted collection that it is a point of; absent for a chunk of Sluice's own. Its hits are judged only there. */
  readonly collection?: CollectionKey;
  /** Only `live` may be released. `off`: switched off. `gone`: superseded, deleted, or its source is. */
  readonly state: 'live' | 'staged' | 'gone' | 'off' | 'quarantined';
  /** Bait: never released, whoever may read it. */
  readonly honey: boolean;
  readonly key: DocumentKey;
  readonly source: SourceId;
  readonly document: DocumentId;
  readonly zone: ZoneId;
  readonly acl: Acl;
  readonly aclVersion: number;
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
  readonly title: string;
  readonly uri: string | undefined;
  readonly version: Digest;
  readonly text: string;
  readonly span: Span;
  readonly digest: Digest;
  readonly removed: RemovedCharacters;
  readonly lineage: Lineage;
}

/** UTF-16 offsets into the document's normalised text, and the headings above. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly path: readonly string[];
}

/** Invisible characters taken out at ingestion, counted by kind. */
export interface RemovedCharacters {
  readonly tag: number;
  readonly bidi: number;
  readonly zeroWidth: number;
}

export interface Lineage {
  /** The request or connector run that brought it. */
  readonly run: string;
  readonly connector: string;
  readonly parser: string;
  readonly chunker: string;
  readonly embedding: string;
  /** ISO 8601. */
  readonly indexedAt: string;
}

/** Candidates together with the database time (milliseconds) at which they were read. */
export interface CandidateRead {
  readonly at: number;
  readonly candidates: ReadonlyMap<ChunkId, Candidate>;
}
