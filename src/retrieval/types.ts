import type { Restriction } from '../core/filter.ts';
import type { Label } from '../core/label.ts';
import type { DsseEnvelope } from '../core/manifest/dsse.ts';
import type { SessionName, SessionSeen } from '../core/session.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import type { ContextFormat, ReleasedChunk, RenderedContext } from '../core/provenance.ts';

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
  /** What is released joins what this session of the caller has seen. */
  readonly session?: SessionName | undefined;
}

export interface RetrieveAnswer {
  readonly requestId: string;
  readonly chunks: readonly ReleasedChunk[];
  /** Joint label; absent where there are no chunks, since nothing has no label. */
  readonly label?: Label;
  readonly context?: RenderedContext;
  /** Signed by this deployment; absent where there is neither a chunk nor a context to sign. */
  readonly manifest?: DsseEnvelope;
  /** Everything the session has seen, this answer included; there where the request named one. */
  readonly session?: SessionSeen;
  /** The limit that was applied, where it is smaller than the one that was asked for: the watch keeps this caller's answers short. */
  readonly limitedTo?: number;
}
