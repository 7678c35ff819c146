import type { Acl } from '../acl.ts';
import type { ChunkId, DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../ids.ts';
import type { Label } from '../label.ts';
import type { Source } from '../zone.ts';
import type { TenantView } from './catalog.ts';

/** Milliseconds since 1970 on the database's clock, or what holds now. */
export type Moment = number | 'now';

export type NamedDocument =
  | { readonly kind: 'document'; readonly source: SourceId; readonly document: DocumentId }
  | { readonly kind: 'chunk'; readonly chunk: ChunkId };

/** Everything that decides about one document, as it was at one moment. */
export interface DocumentFacts {
  readonly key: DocumentKey;
  readonly document: DocumentId;
  /** As it was, also where it was being deleted or gone. */
  readonly source: Source;
  readonly revision: number;
  readonly state: 'live' | 'quarantined' | 'deleted';
  /** Switched off by itself. */
  readonly off: boolean;
  /** Bait: released to nobody. */
  readonly honey: boolean;
  readonly zone: ZoneId;
  readonly declared: Label;
  readonly acl: Acl;
  readonly aclVersion: number;
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
  /** The chunk that was named belongs to the text of that moment; true where none was named. */
  readonly current: boolean;
}

/** What was so, and what can be read of a whole tenant. All fail with `catalog_unavailable`. */
export interface HistoryCatalog {
  /** Database time, milliseconds. */
  databaseTime(): Promise<number>;
  /** The tenant as it was at `at`; undefined where it was not there yet. Made anew for every call, and in nobody's cache. */
  viewAt(tenant: TenantId, at: number): Promise<TenantView | undefined>;
  /** Undefined where the tenant had no such document by then; a deleted one is found and says so. */
  documentAt(tenant: TenantId, named: NamedDocument, at: Moment): Promise<DocumentFacts | undefined>;
}

/** A document as reports over a whole catalog read it. Equal ACLs are the same object within one scan. */
export interface ScannedDocument {
  readonly key: DocumentKey;
  readonly source: SourceId;
  readonly document: DocumentId;
  readonly zone: ZoneId;
  readonly acl: Acl;
  readonly state: 'live' | 'quarantined';
  /** Switched off by itself, or bait: released to nobody either way. */
  readonly off: boolean;
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
}

export interface ScanCatalog {
  /**
   * Every document of live sources, page by page, with a pause after each page so that queries are not held up. Each is read as it
   * stood at one moment of the scan; a document written meanwhile may be among them or not.
   */
  scan(tenant: TenantId, signal: AbortSignal): AsyncIterable<readonly ScannedDocument[]>;
}
