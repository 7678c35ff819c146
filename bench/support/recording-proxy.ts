import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

export interface RecordingProxy {
  readonly url: string;
  /** Bodies of searches since the last call, oldest first. */
  take(): readonly string[];
  close(): Promise<void>;
}

/** Passes everything on to Qdrant and keeps the searches, so that direct clients can send exactly what Sluice sends. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const pool = new Pool(target);
  let searches: string[] = [];

  async function pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = req.url ?? '/';
    if (path.includes('/points/query')) searches.push(body.toString('utf8'));
    const { 'api-key': apiKey = '', 'content-type': type } = req.headers;
    const headers = { 'api-key': String(apiKey), ...(type === undefined ? {} : { 'content-type': type }) };
    const answer = await pool.request({ method: req.method as 'GET', path, headers, ...(body.length === 0 ? {} : { body }) });
    res.writeHead(answer.statusCode, { 'content-type': String(answer.headers['content-type'] ?? 'application/json') });
    res.end(Buffer.from(await answer.body.arrayBuffer()));
  }

  const server = createServer((req, res) => void pass(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = searches;
      searches = [];
      return taken;
    },
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await pool.close();
    },
  };
}
