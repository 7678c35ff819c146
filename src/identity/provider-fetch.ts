import { Agent, request, type Dispatcher } from 'undici';

export interface Fetched {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ProviderFetch {
  /** GET without following redirects. Rejects on the deadline, on more bytes than the limit, and on a connection failure. */
  get(url: URL, signal: AbortSignal): Promise<Fetched>;
  /** POST of a form with an `Authorization` field, under the same limits. */
  post(url: URL, form: URLSearchParams, authorization: string, signal: AbortSignal): Promise<Fetched>;
  close(): Promise<void>;
}

/** Both limits matter: a provider that answers slowly or without end must not hold a request or fill the memory. */
export function providerFetch(limits: { readonly fetchDeadlineMs: number; readonly fetchMaxBytes: number }): ProviderFetch {
  const dispatcher = new Agent({ connections: 4, maxHeaderSize: 16 * 1024, connect: { timeout: limits.fetchDeadlineMs } });
  // No compression: the limit counts what arrives, and a small answer must not unfold into a large one.
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  const within = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(limits.fetchDeadlineMs)]);
  return {
    async get(url, signal) {
      return read(await request(url, { dispatcher, signal: within(signal), headers }), limits.fetchMaxBytes);
    },
    async post(url, form, authorization, signal) {
      const own = { ...headers, authorization, 'content-type': 'application/x-www-form-urlencoded' };
      const sent = { dispatcher, signal: within(signal), method: 'POST', headers: own, body: form.toString() } as const;
      return read(await request(url, sent), limits.fetchMaxBytes);
    },
    close: () => dispatcher.destroy(),
  };
}

async function read(response: Dispatcher.ResponseData, maxBytes: number): Promise<Fetched> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (size > maxBytes) throw new Error('the answer is larger than the limit');
    chunks.push(chunk);
  }
  const contentType = response.headers['content-type'];
  return {
    status: response.statusCode,
    contentType: typeof contentType === 'string' ? contentType : '',
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
