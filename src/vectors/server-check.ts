import { request } from 'undici';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/ports/telemetry.ts';
import type { QdrantEndpoint } from './endpoint.ts';

/** ACORN, conditional upserts and metadata of collections came with it. */
const OLDEST = [1, 16] as const;
const MAX_ANSWER = 64 * 1024;

const versionAnswer = z.object({ title: z.string(), version: z.string().regex(/^\d+\.\d+\.\d+/) });

function unusable(detail: string, cause?: unknown): AppError {
  return new AppError('index_unavailable', { detail, cause });
}

async function get(endpoint: QdrantEndpoint, path: string, apiKey: string | undefined, signal: AbortSignal) {
  const base = endpoint.url.replace(/\/+$/, '');
  const headers = { 'accept-encoding': 'identity', ...(apiKey === undefined ? {} : { 'api-key': apiKey }) };
  const answer = await request(`${base}${path}`, { headers, signal, reset: true }).catch((error: unknown) => {
    throw unusable('the vector index did not answer at its address (QDRANT_URL)', error);
  });
  let text = '';
  for await (const piece of answer.body.setEncoding('utf8')) {
    text += String(piece);
    if (text.length > MAX_ANSWER) throw unusable('the vector index answered with more than an answer: is QDRANT_URL right?');
  }
  return { status: answer.statusCode, text };
}

function isOldEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function parseVersion(text: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unusable('what answers at QDRANT_URL is not Qdrant', error);
  }
  const parsed = versionAnswer.safeParse(json);
  if (!parsed.success) throw unusable('what answers at QDRANT_URL is not Qdrant');
  return parsed.data.version;
}

/**
 * Refuses a server that cannot be used safely: older than 1.16, one that lets anybody in although a key is configured (then the
 * key protects nothing and every text-free ACL in it is open), or one that refuses our key. Fails with `index_unavailable`,
 * whose message is for the operator. Gives the version.
 */
export async function checkServer(endpoint: QdrantEndpoint, log: Log, signal: AbortSignal): Promise<string> {
  const root = await get(endpoint, '/', endpoint.apiKey, signal);
  if (root.status !== 200) throw unusable(`the vector index answered HTTP ${root.status} when asked for its version`);
  const version = parseVersion(root.text);
  if (!isOldEnough(version)) throw unusable(`Qdrant ${version} is too old; use ${OLDEST.join('.')} or later`);
  if (endpoint.apiKey === undefined) {
    log.warn({ version }, 'Qdrant has no API key: whoever can reach it reads and rewrites the index. Set QDRANT_API_KEY.');
  } else {
    const stranger = await get(endpoint, '/collections', undefined, signal);
    if (stranger.status !== 401 && stranger.status !== 403) {
      throw unusable('Qdrant answers without the API key that is configured here. Set QDRANT__SERVICE__API_KEY on the server.');
    }
  }
  const known = await get(endpoint, '/collections', endpoint.apiKey, signal);
  if (known.status !== 200) throw unusable(`Qdrant refused us with HTTP ${known.status}: check QDRANT_API_KEY`);
  return version;
}
