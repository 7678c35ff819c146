import type { RequestContext } from '../core/request-context.ts';
import type { Digest } from '../core/digest.ts';
import type { DocumentId, SourceId } from '../core/ids.ts';
import type { DocumentHygiene } from '../core/hygiene.ts';
import type { RemovedCharacters } from '../core/ports/candidate.ts';
import type { JsonObject } from '../core/json.ts';
import type { Trust } from '../core/label.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import type { InputIssue } from '../core/errors.ts';

export type { RequestContext };

/** Body of `PUT /v1/sources/{s}`. Principals as written; `ceiling` absent means no ceiling gate. */
export interface SourceBody {
  readonly title: string;
  readonly owner: string;
  readonly level: string;
  readonly compartments: readonly string[];
  readonly trust: Trust;
  readonly ceiling?: readonly string[] | undefined;
}
/** `ceiling: null` takes the ceiling away. */
export type SourcePatch = { readonly [K in keyof Omit<SourceBody, 'ceiling'>]?: SourceBody[K] | undefined } & {
  readonly ceiling?: readonly string[] | null | undefined;
};

export interface SourceResource extends SourceBody {
  readonly source: SourceId;
  readonly revision: number;
}

/** A principal, for ever or over [from, until): ISO 8601 with offset. */
export type AclEntryBody = string | { readonly principal: string; readonly from?: string | undefined; readonly until?: string | undefined };

/** All that somebody is told who may do nothing with a source but ask for access. */
export type SourceExistence = Pick<SourceResource, 'source' | 'title'>;

export type AclBody =
  | { readonly allow: readonly AclEntryBody[]; readonly deny?: readonly AclEntryBody[] | undefined }
  | { readonly gates: readonly (readonly AclEntryBody[])[]; readonly deny?: readonly AclEntryBody[] | undefined };

/** Exactly one of the three: parsed text, bytes to parse, or chunks that the caller cut (and may have embedded) itself. */
export type ContentBody =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'chunks'; readonly chunks: readonly { readonly text: string; readonly vector?: DenseVector | undefined }[] };

export interface DocumentBody {
  readonly title: string | undefined;
  readonly uri: string | undefined;
  /** `text/markdown`, `text/plain` or `text/html`. */
  readonly mediaType: string;
  /** BCP 47 primary language; the deployment's first where absent. */
  readonly language: string | undefined;
  readonly content: ContentBody;
  /** Absent is refused with `acl_required`, so the door passes absence on. */
  readonly acl: AclBody | undefined;
  readonly level: string | undefined;
  readonly compartments: readonly string[] | undefined;
  readonly trust: Trust | undefined;
  readonly metadata: JsonObject;
  /** ISO 8601 with offset. */
  readonly validFrom: string | undefined;
  readonly validUntil: string | undefined;
  /** Such as `filesystem@1`; `api` where absent. */
  readonly connector: string | undefined;
  readonly run: string | undefined;
  /** What the connector saw, as a digest; listed back to the writer, so that it can skip what is unchanged. */
  readonly etag?: Digest | undefined;
}

/** Only the fields that are present change. `null` clears. */
export interface DocumentPatch {
  readonly title?: string | undefined;
  readonly uri?: string | null | undefined;
  readonly acl?: AclBody | undefined;
  readonly level?: string | undefined;
  readonly compartments?: readonly string[] | undefined;
  readonly trust?: Trust | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly validFrom?: string | null | undefined;
  readonly validUntil?: string | null | undefined;
  /** Ends a quarantine for the ACL as it is, or as this patch makes it; needs `label`. */
  readonly state?: 'live' | undefined;
}

/** Stands alone in a patch: it needs `label` whatever else would have been asked. */
export interface HoneyPatch {
  readonly honey: boolean;
}

export interface DocumentReceipt {
  readonly document: DocumentId;
  readonly version: Digest;
  readonly chunks: number;
  readonly zone: number;
  readonly changed: boolean;
  /** Absent where there is nothing to warn of. */
  readonly warnings?: readonly InputIssue[];
  /** True where the index has not confirmed yet; answered with 202. */
  readonly pending?: true;
}

/** Version, size and zone speak of the text and its label: only owners, and whoever wrote the document, are told. */
export type PatchReceipt = Omit<DocumentReceipt, 'version' | 'chunks' | 'zone'> & Partial<DocumentReceipt>;

/** As handed in: `text` also of bytes, which it encodes; `chunks` of a caller who cut it. `title` where it was changed. */
export interface OriginalContent {
  readonly title?: string;
  readonly text?: string;
  readonly chunks?: readonly string[];
}

export interface OriginalResource {
  readonly source: SourceId;
  readonly document: DocumentId;
  readonly version: Digest;
  readonly removed: RemovedCharacters;
  readonly original?: OriginalContent;
}

/** For owners: whether a document is held back. `because`: why, where it is. */
export interface Standing {
  readonly state: 'live' | 'quarantined';
  readonly because?: readonly ('unknown_denies' | 'hidden_characters')[];
  readonly removed: RemovedCharacters;
  readonly hygiene?: DocumentHygiene;
}

/** What a caller sees of a document depends on the right they hold: see the table in docs/api.md. */
export type DocumentResource =
  | { readonly view: 'writer'; readonly source: SourceId; readonly document: DocumentId }
  | {
      readonly view: 'owner' | 'auditor' | 'reader';
      readonly source: SourceId;
      readonly document: DocumentId;
      readonly version: Digest;
      readonly title: string;
      readonly uri?: string;
      readonly mediaType: string;
      readonly level: string;
      readonly compartments: readonly string[];
      readonly trust: Trust;
      readonly metadata: JsonObject;
      readonly validFrom?: string;
      readonly validUntil?: string;
      readonly chunks: number;
      readonly updatedAt: string;
      /** Owners only. */
      readonly acl?: { readonly gates: readonly (readonly AclEntryBody[])[]; readonly deny: readonly AclEntryBody[] };
      readonly state?: Standing['state'];
      readonly because?: Standing['because'] & {};
      readonly removed?: RemovedCharacters;
      readonly hygiene?: DocumentHygiene;
      readonly honey?: true;
      /** To be put into the text of the bait: an output that holds it was not made from an answer. */
      readonly marker?: string;
    };

export interface DocumentListing {
  readonly documents: readonly {
    readonly document: DocumentId;
    /** Digest of the write, only where the asker is the one who wrote it; lets a connector skip what is unchanged. */
    readonly writeDigest?: Digest;
  }[];
  readonly next?: string;
}

export interface IngestionService {
  putSource(
    context: RequestContext,
    source: string,
    body: SourceBody,
  ): Promise<{ readonly created: boolean; readonly resource: SourceResource }>;
  patchSource(context: RequestContext, source: string, patch: SourcePatch): Promise<SourceResource>;
  getSource(context: RequestContext, source: string): Promise<SourceResource | SourceExistence>;
  listSources(context: RequestContext): Promise<readonly (SourceResource | SourceExistence)[]>;
  deleteSource(context: RequestContext, source: string): Promise<void>;
  putDocument(context: RequestContext, source: string, document: string, body: DocumentBody): Promise<DocumentReceipt>;
  patchDocument(context: RequestContext, source: string, document: string, patch: DocumentPatch | HoneyPatch): Promise<PatchReceipt>;
  getDocument(context: RequestContext, source: string, document: string): Promise<DocumentResource>;
  getOriginal(context: RequestContext, source: string, document: string): Promise<OriginalResource>;
  /** `state: quarantined` lists those alone, for owners; `forbidden` for everybody else who may list. */
  listDocuments(
    context: RequestContext,
    source: string,
    page: { readonly after: string | undefined; readonly limit: number; readonly state?: 'quarantined' | undefined },
  ): Promise<DocumentListing>;
  deleteDocument(context: RequestContext, source: string, document: string): Promise<void>;
  /** Writes that belong together, such as the lines of a batch: one run for lineage. */
  run(context: RequestContext, source: string): DocumentRun;
}

export interface DocumentRun extends Pick<IngestionService, 'putDocument' | 'deleteDocument'> {
  /** Once. `broken`: the request ended before all of it was taken. */
  end(how: 'whole' | 'broken'): void;
}
