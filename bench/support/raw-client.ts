import { Pool } from 'undici';

/** The best that can be written: a pool, no compression, a dispatch handler. Resolves with the text of an answer of status 200. */
export interface RawClient {
  post(path: string, body: string): Promise<string>;
  put(path: string, body: string): Promise<string>;
  close(): Promise<void>;
}

export function rawClient(url: string, apiKey: string, connections = 1): RawClient {
  const pool = new Pool(url, { connections });
  const headers = { 'api-key': apiKey, 'content-type': 'application/json', 'accept-encoding': 'identity' };
  const send = (method: 'POST' | 'PUT', path: string, body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let status = 0;
      pool.dispatch(
        { method, path, headers, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, statusCode) => void (status = statusCode),
          onResponseData: (_controller, chunk) => void chunks.push(chunk),
          onResponseEnd() {
            const text = Buffer.concat(chunks).toString('utf8');
            if (status === 200) resolve(text);
            else reject(new Error(`${method} ${path} answered ${status}: ${text}`));
          },
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
  return {
    post: (path, body) => send('POST', path, body),
    put: (path, body) => send('PUT', path, body),
    close: () => pool.close(),
  };
}
