import { request, type Dispatcher } from 'undici';
import { codeOf } from './discovery.ts';

export interface GraphAnswer {
  readonly status: number;
  /** Milliseconds that a 429 asked to wait; undefined where it named none that can be read. */
  readonly retryAfter: number | undefined;
  readonly contentType: string;
  readonly body: string;
}

export interface GraphRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type GraphExchange = (what: GraphRequest, signal: AbortSignal) => Promise<GraphAnswer>;

/** Eleven thousand ids, the most that one answer holds, are less than half of this. */
const MAX_BYTES = 1024 * 1024;

/** A failure without anything of the exchange: it holds the secret, a token, or both. */
export class LookupFailed extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'LookupFailed';
  }
}

/** One exchange within a deadline and a limit of bytes. Redirects are not followed: the secret goes where the operator said. */
export function graphExchange(dispatcher: Dispatcher, deadlineMs: number): GraphExchange {
  return async ({ method, url, headers, body }, signal) => {
    try {
      const response = await request(url, {
        method,
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > MAX_BYTES) throw new LookupFailed('the answer is larger than the limit');
        chunks.push(chunk);
      }
      const { 'content-type': contentType, 'retry-after': wait } = response.headers;
      return {
        status: response.statusCode,
        retryAfter: typeof wait === 'string' && /^\d{1,4}$/.test(wait) ? Number(wait) * 1_000 : undefined,
        contentType: typeof contentType === 'string' ? contentType : '',
        body: Buffer.concat(chunks).toString('utf8'),
      };
    } catch (error) {
      if (error instanceof LookupFailed) throw error;
      // The error itself is not kept: errors of the HTTP client carry what was sent.
      throw new LookupFailed(`no answer (${codeOf(error)})`);
    }
  };
}
