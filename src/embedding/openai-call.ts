import { request, type Agent } from 'undici';
import { AppError } from '../core/errors.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import { answerLimit, readLimited, readVectors } from './http-answer.ts';

export interface RemoteSettings {
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string | undefined;
  readonly dimension: number;
}

/** A failure that another call may mend: no answer, 429, 408 or 5xx. */
export class Transient extends Error {
  /** Milliseconds the server asked to wait. */
  readonly wait: number | undefined;
  /** 429 says that the server works, so it does not open the circuit. */
  readonly outage: boolean;

  constructor(message: string, wait: number | undefined, outage: boolean) {
    super(message);
    this.name = 'Transient';
    this.wait = wait;
    this.outage = outage;
  }
}

/** `POST {url}/v1/embeddings`; the address may already end in `/v1` or `/v1/embeddings`. */
export function embeddingsUrl(base: string): URL {
  const url = new URL(base);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/embeddings') ? path : path.endsWith('/v1') ? `${path}/embeddings` : `${path}/v1/embeddings`;
  return url;
}

/** One vector for each text, in order; one request. */
export type Call = (texts: readonly string[], signal: AbortSignal) => Promise<readonly DenseVector[]>;

/** Fails with `Transient` where another call may help, else with `embedding_unavailable`. `timeout` in milliseconds. */
export function createCall(settings: RemoteSettings, timeout: number, agent: Agent): Call {
  const url = embeddingsUrl(settings.url);
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity' };
  if (settings.apiKey !== undefined) headers['authorization'] = `Bearer ${settings.apiKey}`;
  return async (texts, signal) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    const body = JSON.stringify({ model: settings.model, input: texts, encoding_format: 'float' });
    let answer: string;
    try {
      // Redirects are not followed: the key and the text go nowhere but where the operator said.
      const response = await request(url, { method: 'POST', headers, body, signal: deadline, dispatcher: agent });
      if (response.statusCode !== 200) {
        await response.body.dump().catch(() => undefined);
        throw refusal(response.statusCode, response.headers);
      }
      answer = await readLimited(response.body, answerLimit(texts.length, settings.dimension));
    } catch (error) {
      if (error instanceof AppError || error instanceof Transient) throw error;
      // Given up by the caller: nobody waits for another attempt, and it says nothing about the server.
      if (signal.aborted) throw new AppError('embedding_unavailable', { detail: 'given up by the caller', cause: error });
      throw new Transient(`no answer from the embedding server: ${codeOf(error)}`, undefined, true);
    }
    return readVectors(answer, texts.length, settings.dimension);
  };
}

/** The error itself is not kept: a protocol error of the HTTP client carries the bytes it choked on. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function refusal(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): Error {
  const message = `the embedding server answered ${status}`;
  if (status === 429) return new Transient(message, retryAfter(headers), false);
  if (status === 408 || status >= 500) return new Transient(message, retryAfter(headers), true);
  return new AppError('embedding_unavailable', { detail: message });
}

/** RFC 9110 10.2.3: seconds, or a date, which is read against the server's own clock. */
function retryAfter(headers: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const wait = Date.parse(value) - Date.parse(typeof headers['date'] === 'string' ? headers['date'] : '');
  return Number.isFinite(wait) && wait > 0 ? wait : undefined;
}
