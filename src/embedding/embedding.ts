import { AppError } from '../core/errors.ts';
import type { Embedded, EmbeddingIdentity, EmbeddingPort, TextToEmbed } from '../core/ports/embedding.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import { documentVector, queryVector } from './bm25/bm25.ts';
import { BM25_IDENTITY } from './bm25/spec.ts';
import { createRemoteEmbedder, DEFAULT_REMOTE_LIMITS, type RemoteEmbedder, type RemoteLimits } from './openai.ts';
import { checkGivenVector } from './vector-check.ts';

export type DenseSettings =
  | { readonly kind: 'none' }
  | { readonly kind: 'caller'; readonly model: string; readonly dimension: number }
  | {
      readonly kind: 'remote';
      readonly url: string;
      readonly model: string;
      readonly apiKey?: string | undefined;
      readonly dimension: number;
      readonly limits?: Partial<RemoteLimits>;
    };

export interface Embedding extends EmbeddingPort {
  /** Resolves when the server gives a vector of the configured dimension; at once without one. Fails with `embedding_unavailable`. */
  probe(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A person waits for a query, so its deadline and its patience are shorter than those of ingestion. */
const QUERY_LIMITS = { callTimeoutMs: 5_000, attempts: 2, maxBackoffMs: 1_000 } as const;

type DenseLeg = Embedded['dense'];
const NO_DENSE: DenseLeg = { kind: 'none' };

/** BM25 always; dense vectors as configured. See `EmbeddingPort` for the failures. */
export function createEmbedding(options: { readonly dense: DenseSettings; readonly telemetry: Telemetry }): Embedding {
  const { dense, telemetry } = options;
  const forDocuments = remoteEmbedder(dense, {}, telemetry);
  const forQueries = remoteEmbedder(dense, QUERY_LIMITS, telemetry);

  function given(vector: DenseVector): DenseLeg {
    if (dense.kind === 'none') throw new AppError('vector_mismatch', { detail: 'a vector was given where dense vectors are off' });
    return { kind: 'vector', vector: checkGivenVector(vector, dense.dimension) };
  }

  return {
    identity: identityOf(dense),
    async embedDocuments(texts, signal) {
      const checked = texts.map((text) => (text.dense === undefined ? undefined : given(text.dense)));
      const missing = forDocuments === undefined ? [] : texts.filter((text) => text.dense === undefined);
      const made = forDocuments === undefined ? [] : await forDocuments.embed(missing.map(textOf), signal);
      const next = made.values();
      const sparse = await inTurns(texts, (text) => documentVector(text.text, text.language), signal);
      return sparse.map((vector, i) => ({ sparse: vector, dense: checked[i] ?? legOf(next.next().value) }));
    },
    async embedQuery(query, signal) {
      const text = query.text?.trim() === '' ? undefined : query.text;
      const sparse = text === undefined ? undefined : queryVector(text, query.languages);
      const own = query.dense === undefined ? undefined : given(query.dense);
      const made = own === undefined && text !== undefined ? await forQueries?.embed([text], signal) : undefined;
      return {
        sparse: sparse === undefined || sparse.indices.length === 0 ? { kind: 'none' } : { kind: 'vector', vector: sparse },
        dense: own ?? legOf(made?.[0]),
      };
    },
    async probe(signal) {
      await forQueries?.embed(['probe'], signal);
    },
    async close() {
      await Promise.all([forDocuments?.close(), forQueries?.close()]);
    },
  };
}

/** Milliseconds after which everybody else gets a turn: the texts of one large document take seconds together. */
const TURN_MS = 10;

async function inTurns<T, R>(items: readonly T[], make: (item: T) => R, signal: AbortSignal): Promise<readonly R[]> {
  const results: R[] = [];
  let since = performance.now();
  for (const item of items) {
    if (performance.now() - since > TURN_MS) {
      await new Promise(setImmediate);
      signal.throwIfAborted();
      since = performance.now();
    }
    results.push(make(item));
  }
  return results;
}

function textOf(text: TextToEmbed): string {
  return text.text;
}

function legOf(vector: DenseVector | undefined): DenseLeg {
  return vector === undefined ? NO_DENSE : { kind: 'vector', vector };
}

function identityOf(dense: DenseSettings): EmbeddingIdentity {
  if (dense.kind === 'none') return { sparse: BM25_IDENTITY, dense: { kind: 'none' } };
  return { sparse: BM25_IDENTITY, dense: { kind: dense.kind, model: dense.model, dimension: dense.dimension } };
}

/** Queries have their own breaker, so that a bulk load that overruns the server does not cut them off by its failures. */
function remoteEmbedder(dense: DenseSettings, own: Partial<RemoteLimits>, telemetry: Telemetry): RemoteEmbedder | undefined {
  if (dense.kind !== 'remote') return undefined;
  return createRemoteEmbedder(dense, { ...DEFAULT_REMOTE_LIMITS, ...own, ...dense.limits }, telemetry);
}
