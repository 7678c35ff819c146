import type { Digest } from './digest.ts';
import type { Label } from './label.ts';
import type { Lineage, RemovedCharacters, Span } from './ports/candidate.ts';
import type { Principal } from './principal.ts';

/** The tag on a released chunk, as it goes over the wire (docs/api.md, "Provenance"). */
export interface Provenance {
  readonly v: 1;
  readonly source: { readonly id: string; readonly title: string; readonly owner: Principal };
  readonly document: { readonly id: string; readonly version: Digest; readonly title: string; readonly uri?: string };
  readonly span: { readonly start: Span['start']; readonly end: Span['end']; readonly unit: 'utf16'; readonly path: Span['path'] };
  /** Of the chunk's text, as released. */
  readonly digest: Digest;
  /** Of the chunk's text as it stands in the rendered context; absent where there is none, or rendering changed nothing. */
  readonly rendered?: Digest;
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

/** A block of `content` in a request to Anthropic's Messages API. */
export type ContentBlock =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'search_result';
      readonly source: string;
      readonly title: string;
      readonly content: readonly [{ readonly type: 'text'; readonly text: string }];
      readonly citations: { readonly enabled: true };
    };

/** Digests are over the bytes of `text`; over RFC 8785 of the list where the context is one. */
export type RenderedContext =
  | { readonly format: 'xml' | 'base64'; readonly text: string; readonly digest: Digest }
  | { readonly format: 'datamark'; readonly marker: string; readonly text: string; readonly digest: Digest }
  | {
      readonly format: 'messages';
      readonly messages: readonly { readonly role: 'user'; readonly content: string }[];
      readonly digest: Digest;
    }
  | { readonly format: 'anthropic'; readonly content: readonly ContentBlock[]; readonly digest: Digest };

/** How chunks are shown to a model (docs/api.md, "Context formats"). */
export const CONTEXT_FORMATS = [
  'xml',
  'messages',
  'datamark',
  'base64',
  'anthropic',
] as const satisfies readonly RenderedContext['format'][];
export type ContextFormat = (typeof CONTEXT_FORMATS)[number];
