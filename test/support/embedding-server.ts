import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const DIMENSION = 32;

export interface EmbeddingServer {
  readonly url: string;
  /** Every text it was asked for, in order. */
  readonly texts: readonly string[];
  close(): Promise<void>;
}

/** A unit vector that depends on the words of a text alone: texts that share words are near each other. */
export function embed(text: string, dimension = DIMENSION): readonly number[] {
  const vector = Array.from({ length: dimension }, () => 0.01);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let hash = 2_166_136_261;
    for (const character of word) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
    const place = hash % dimension;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** Speaks OpenAI's `/v1/embeddings` on loopback, always with the same answers, and keeps what it was asked. */
export async function startEmbeddingServer(dimension = DIMENSION): Promise<EmbeddingServer> {
  const texts: string[] = [];
  const server = createServer((request, response) => void answer(request, response, texts, dimension));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    texts,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, texts: string[], dimension: number): Promise<void> {
  let body = '';
  for await (const part of request) body += String(part);
  const { model, input } = JSON.parse(body) as { model: string; input: string[] };
  texts.push(...input);
  const data = input.map((text, index) => ({ object: 'embedding', index, embedding: embed(text, dimension) }));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', model, data }));
}
