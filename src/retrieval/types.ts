import type { RemovedCharacters, Lineage, Span } from '../core/ports/catalog.ts';
import type { Digest } from '../core/digest.ts';
import type { Restriction } from '../core/filter.ts';
import type { Label } from '../core/label.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import type { Principal } from '../core/principal.ts';

export const CONTEXT_FORMATS = ['xml', 'messages'] as const;
export type ContextFormat = (typeof CONTEXT_FORMATS)[number];

/** A retrieve request after parsing. Text, vector or both. */
export interface RetrieveRequest {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly query: string | undefined;
  readonly vector: DenseVector | undefined;
  /** 1 to 100. */
  readonly limit: number;
  readonly restriction: Restriction;
  readonly purpose: string | undefined;
  readonly context: ContextFormat | undefined;
}

/** The tag on a released chunk, as it goes over the wire (docs/api.md, "Provenance"). */
export interface Provenance {
  readonly v: 1;
  readonly source: { readonly id: string; readonly title: string; readonly owner: Principal };
  readonly document: { readonly id: string; readonly version: Digest; readonly title: string; readonly uri?: string };
  readonly span: { readonly start: Span['start']; readonly end: Span['end']; readonly unit: 'utf16'; readonly path: Span['path'] };
  readonly digest: Digest;
  readonly normalised: { readonly removed: RemovedCharacters };
  readonly lineage: Lineage;
  readonly label: Label;
  readonly decision: {
    readonly policyRevision: string;
    readonly rules: readonly string[];
    readonly aclVersion: number;
    readonly at: string;
  };
}

export interface ReleasedChunk {
  readonly id: string;
  readonly rank: number;
  readonly score: number;
  readonly text: string;
  readonly provenance: Provenance;
}

/** `xml` is one text; `messages` is a list of chat messages, one per level of trust. */
export type RenderedContext =
  | { readonly format: 'xml'; readonly text: string; readonly digest: Digest }
  | {
      readonly format: 'messages';
      readonly messages: readonly { readonly role: 'user'; readonly content: string }[];
      readonly digest: Digest;
    };

export interface RetrieveAnswer {
  readonly requestId: string;
  readonly chunks: readonly ReleasedChunk[];
  /** Joint label; absent where there are no chunks, since nothing has no label. */
  readonly label?: Label;
  readonly context?: RenderedContext;
}
