import { AppError } from '../core/errors.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import { isVector } from './vector-check.ts';

/** Digits, sign, exponent, comma and indentation of one number, generously. */
const BYTES_A_NUMBER = 40;
const BYTES_BESIDE = 64 * 1024;

/** The most bytes an honest answer can have. */
export function answerLimit(count: number, dimension: number): number {
  return count * (dimension * BYTES_A_NUMBER + 1024) + BYTES_BESIDE;
}

/** Reads a body up to `limit` bytes; more is a fault of the server, and memory it shall not take. */
export async function readLimited(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > limit) {
      body.destroy();
      throw badAnswer('larger than its vectors can be');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Never quotes the answer: a server's complaint may quote the text it was sent. */
export function badAnswer(what: string): AppError {
  return new AppError('embedding_unavailable', { detail: `the embedding server's answer is ${what}` });
}

/**
 * The vectors of an answer in the shape of OpenAI's `POST /v1/embeddings`, in the order of the texts sent. Fails with
 * `embedding_unavailable` unless there is exactly one vector for each text, of the right length, all numbers finite.
 */
export function readVectors(text: string, count: number, dimension: number): readonly DenseVector[] {
  const data = itemsOf(text);
  if (data.length !== count) throw badAnswer('not one vector for each text');
  const vectors = new Map<number, DenseVector>();
  for (const item of data) {
    const { index, embedding } = typeof item === 'object' && item !== null ? (item as Record<'index' | 'embedding', unknown>) : {};
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) throw badAnswer('without a usable index');
    if (vectors.has(index)) throw badAnswer('with two vectors for one text');
    if (!isVector(embedding, dimension)) throw badAnswer('with a vector of another length or a number that is not finite');
    vectors.set(index, embedding);
  }
  return Array.from({ length: count }, (_, i) => vectors.get(i)).filter((vector) => vector !== undefined);
}

function itemsOf(text: string): readonly unknown[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is not kept as a cause.
    throw badAnswer('not JSON');
  }
  const data: unknown = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  if (!Array.isArray(data)) throw badAnswer('without data');
  return data as readonly unknown[];
}
