import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenCircuitError, circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import { Agent } from 'undici';
import { AppError } from '../core/errors.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import { batches, type BatchLimits } from './batches.ts';
import { createCall, Transient, type RemoteSettings } from './openai-call.ts';

export interface RemoteLimits extends BatchLimits {
  readonly callTimeoutMs: number;
  /** Calls for one batch, the first included. */
  readonly attempts: number;
  /** Wait before the second call; doubled for each further one, with jitter. */
  readonly backoffMs: number;
  /** A longer Retry-After is not waited for. */
  readonly maxBackoffMs: number;
  /** Failures in a row after which no call is made for `breakForMs`. */
  readonly breakAfter: number;
  readonly breakForMs: number;
  /** 0 … 1, for jitter. */
  readonly random: () => number;
}

export const DEFAULT_REMOTE_LIMITS: RemoteLimits = {
  texts: 64,
  characters: 100_000,
  callTimeoutMs: 30_000,
  attempts: 4,
  backoffMs: 250,
  maxBackoffMs: 15_000,
  breakAfter: 8,
  breakForMs: 5_000,
  random: Math.random,
};

export interface RemoteEmbedder {
  /** One vector for each text, in order. Fails with `embedding_unavailable`. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly DenseVector[]>;
  close(): Promise<void>;
}

/**
 * Embeddings from a server that speaks OpenAI's shape. Batches go one after another. Each call has a deadline; 429, 408, 5xx and
 * network faults are repeated with backoff (`Retry-After` is heeded), and after failures in a row calls stop for a while. An
 * answer that does not fit is never used and never repeated. Errors and logs hold no text, vector or key.
 */
export function createRemoteEmbedder(settings: RemoteSettings, limits: RemoteLimits, telemetry: Telemetry): RemoteEmbedder {
  const agent = new Agent({ connect: { timeout: Math.min(10_000, limits.callTimeoutMs) }, connections: 8 });
  const call = createCall(settings, limits.callTimeoutMs, agent);
  const breaker = circuitBreaker(
    handleWhen((error) => error instanceof Transient && error.outage),
    { halfOpenAfter: limits.breakForMs, breaker: new ConsecutiveBreaker(limits.breakAfter) },
  );

  async function embedBatch(texts: readonly string[], signal: AbortSignal): Promise<readonly DenseVector[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        signal.throwIfAborted();
        return await breaker.execute(() => call(texts, signal));
      } catch (error) {
        if (!signal.aborted) telemetry.count('outbound_failures', { part: 'embedding' });
        const wait = error instanceof Transient ? waitBefore(attempt, error, limits) : undefined;
        if (wait === undefined || attempt >= limits.attempts) throw asUnavailable(error, signal, limits);
        // An abort ends the wait; the next turn then says so.
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    embed: (texts, signal) =>
      telemetry.span('embedding.remote', { texts: texts.length }, async () => {
        const vectors: DenseVector[] = [];
        for (const batch of batches(texts, limits)) vectors.push(...(await embedBatch(batch, signal)));
        return vectors;
      }),
    close: () => agent.destroy(),
  };
}

/** Doubling with jitter of ± 50 %, or what the server asked for where that is longer; undefined where it asked for too much. */
function waitBefore(attempt: number, error: Transient, limits: RemoteLimits): number | undefined {
  const own = Math.min(limits.backoffMs * 2 ** (attempt - 1) * (0.5 + limits.random()), limits.maxBackoffMs);
  const asked = error.wait ?? 0;
  return asked > limits.maxBackoffMs ? undefined : Math.max(own, asked);
}

function asUnavailable(error: unknown, signal: AbortSignal, limits: RemoteLimits): AppError {
  if (error instanceof AppError) return error;
  if (signal.aborted) return new AppError('embedding_unavailable', { detail: 'given up by the caller', cause: error });
  if (error instanceof BrokenCircuitError) {
    return new AppError('embedding_unavailable', { detail: 'circuit open', retryAfter: Math.ceil(limits.breakForMs / 1000) });
  }
  return new AppError('embedding_unavailable', { cause: error });
}
