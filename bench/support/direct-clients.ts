import { QdrantClient } from '@qdrant/js-client-rest';
import { Pool } from 'undici';

/** One way to ask Qdrant the same question. Resolves when the answer is parsed. */
export interface DirectClient {
  readonly name: string;
  ask(search: string): Promise<number>;
  close(): Promise<void>;
}

export const STOCK = 'stock client';
export const BEST_DIRECT = 'direct: undici, uncompressed';

interface Server {
  readonly url: string;
  readonly apiKey: string;
  readonly collection: string;
}

interface Points {
  readonly result: { readonly points: readonly unknown[] };
}

/** The best we can write: a pool of one connection, no compression, a dispatch handler, one JSON.parse. */
function bestClient({ url, apiKey, collection }: Server): DirectClient {
  const pool = new Pool(url, { connections: 1 });
  const path = `/collections/${collection}/points/query`;
  const headers = { 'api-key': apiKey, 'content-type': 'application/json', 'accept-encoding': 'identity' };
  return {
    name: BEST_DIRECT,
    async ask(search) {
      const text = await new Promise<string>((resolve, reject) => {
        const chunks: Buffer[] = [];
        pool.dispatch(
          { method: 'POST', path, headers, body: search },
          {
            onRequestStart: () => undefined,
            onResponseStart: () => undefined,
            onResponseData: (_controller, chunk) => void chunks.push(chunk),
            onResponseEnd: () => resolve(Buffer.concat(chunks).toString('utf8')),
            onResponseError: (_controller, error) => reject(error),
          },
        );
      });
      return (JSON.parse(text) as Points).result.points.length;
    },
    close: () => pool.close(),
  };
}

function stockClient({ url, apiKey, collection }: Server, name: string, headers: Record<string, string>): DirectClient {
  const client = new QdrantClient({ url, apiKey, headers, checkCompatibility: false });
  return {
    name,
    ask: async (search) => (await client.query(collection, JSON.parse(search) as object)).points.length,
    close: () => Promise.resolve(),
  };
}

export function directClients(server: Server): readonly DirectClient[] {
  return [
    bestClient(server),
    stockClient(server, 'stock client, identity', { 'accept-encoding': 'identity' }),
    stockClient(server, STOCK, {}),
  ];
}

/** Lays the released text and its tag into the index's payload, which Sluice itself never does, so that answers weigh the same. */
export async function addTexts(server: Server, texts: ReadonlyMap<string, object>): Promise<void> {
  const pool = new Pool(server.url);
  const headers = { 'api-key': server.apiKey, 'content-type': 'application/json' };
  const all = [...texts];
  for (let start = 0; start < all.length; start += 500) {
    const operations = all.slice(start, start + 500).map(([id, payload]) => ({ set_payload: { payload, points: [id] } }));
    const path = `/collections/${server.collection}/points/batch?wait=true`;
    const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify({ operations }) });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`laying texts into the index answered ${answer.statusCode}`);
  }
  await pool.close();
}
