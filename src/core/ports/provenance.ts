import type { Digest } from '../digest.ts';
import type { Label } from '../label.ts';
import type { DsseEnvelope } from '../manifest/dsse.ts';
import type { ManifestInput } from '../manifest/statement.ts';
import type { ContextFormat, Provenance, ReleasedChunk, RenderedContext } from '../provenance.ts';
import type { Source } from '../zone.ts';
import type { Candidate } from './candidate.ts';

export interface TagInput {
  readonly candidate: Candidate;
  readonly source: Source;
  /** Effective: the source's joined with the declared one. */
  readonly label: Label;
  readonly policyRevision: string;
  /** Of the policy lines that permitted it, user's lines first. */
  readonly rules: readonly string[];
  /** When it was judged, milliseconds since 1970. */
  readonly at: number;
}

export interface Rendering {
  readonly context: RenderedContext;
  /** The chunks as given, with `provenance.rendered` where rendering changed the text. */
  readonly chunks: readonly ReleasedChunk[];
  /**
   * For each chunk, in the order given: exactly the text that stands for it in the context. It stands whole in one string of the context,
   * so the context's strings can be stored with the texts cut out.
   */
  readonly rendered: readonly string[];
}

/** What goes out with a chunk: where it came from, and how it is shown to a model. No I/O; never fails on any text. */
export interface ProvenancePort {
  tag(input: TagInput): Provenance;
  render(format: ContextFormat, chunks: readonly ReleasedChunk[]): Rendering;
}

/** A signed manifest of an answer, and what the release event says of it. */
export interface Manifest {
  readonly envelope: DsseEnvelope;
  /** SHA-256 of the payload. It gives nothing away: the payload holds a nonce that is in no log. */
  readonly digest: Digest;
  /** The caller's pseudonym in it. */
  readonly caller: string;
}

/** Undefined where there is nothing to sign: neither a chunk nor a context. No I/O. */
export type SignManifest = (about: Omit<ManifestInput, 'caller' | 'nonce'>) => Manifest | undefined;
