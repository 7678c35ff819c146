import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignQdrant } from './foreign-qdrant.ts';

/** What the other side answers, by the collection that is asked for; and what it was asked. */
const ANSWERS: Record<string, (body: string) => string> = {
  circle: (body) => `{"result":{"points":[{"id":1}],"next_page_offset":${body.includes('"offset":7') ? 8 : 7}}}`,
  whole: (body) => `{"result":{"points":[{"id":1}],"next_page_offset":${body.includes('offset') ? 'null' : 7}}}`,
};
const asked: string[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer((req, res) => {
    asked.push(`${req.url ?? ''} ${String(req.headers['api-key'])}`);
    const name = /^\/collections\/([^/]+)/.exec(req.url ?? '')?.[1] ?? '';
    if (name === 'moved') return void res.writeHead(307, { location: '/collections/whole/points/scroll' }).end();
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    req.on('end', () => res.end(ANSWERS[name]?.(body) ?? '{}'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

async function pagesOf(collection: string): Promise<number> {
  const foreign = foreignQdrant({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'old-key', collection });
  let pages = 0;
  try {
    for await (const page of foreign.pages(1, false)) pages += page.length;
  } finally {
    await foreign.close();
  }
  return pages;
}

describe('another Qdrant that is read', () => {
  it('is read to its end, and given up where its pages have none', async () => {
    expect(await pagesOf('whole')).toBe(2);
    await expect(pagesOf('circle')).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  it('leads nowhere else: what it is told with its key goes to its own address alone', async () => {
    asked.length = 0;
    await expect(pagesOf('moved')).rejects.toMatchObject({ code: 'unexpected_answer' });
    expect(asked).toEqual(['/collections/moved/points/scroll old-key']);
  });
});
