import { Agent, request } from 'undici';
import { isLosslessObject, numberText, parseLossless, writeLossless } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { CommandFailure } from '../failure.ts';

/** A point of another store. */
export interface ForeignPoint {
  readonly id: LosslessJson;
  readonly payload: LosslessObject;
  readonly vector: LosslessJson;
}

export interface ForeignQdrant {
  /** `config.params` of the collection, and how many points it says it has. */
  describe(): Promise<{ readonly params: LosslessObject; readonly points: number; readonly indexed: readonly string[] }>;
  /** Every point once, by id, a page at a time. */
  pages(size: number, vectors: boolean): AsyncGenerator<readonly ForeignPoint[], void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 60_000;

/**
 * A collection of a Qdrant, read over its REST API and never written to. Raw, since its own client would round 64-bit ids and numbers of
 * payloads.
 */
export function foreignQdrant(given: {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly collection: string;
}): ForeignQdrant {
  const dispatcher = new Agent({ connections: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connect: { timeout: 5_000 } });
  const base = `${given.url.replace(/\/+$/, '')}/collections/${encodeURIComponent(given.collection)}`;
  const headers = { 'content-type': 'application/json', ...(given.apiKey === undefined ? {} : { 'api-key': given.apiKey }) };

  async function ask(method: 'GET' | 'POST', path: string, body?: LosslessJson): Promise<LosslessObject> {
    const sent = { method, dispatcher, headers, body: body === undefined ? null : writeLossless(body) } as const;
    const answer = await request(`${base}${path}`, sent).catch((error: unknown) => {
      throw new CommandFailure(`${given.url} cannot be reached; is it the address of a Qdrant?`, { code: 'unreachable', cause: error });
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw refused(answer.statusCode, given.collection);
    const value = parseLossless(text);
    const result = isLosslessObject(value) ? value['result'] : undefined;
    if (!isLosslessObject(result)) throw new CommandFailure(`${given.url} did not answer as Qdrant does`, { code: 'unexpected_answer' });
    return result;
  }

  return {
    async describe() {
      const result = await ask('GET', '');
      const config = isLosslessObject(result['config']) ? result['config'] : {};
      const schema = isLosslessObject(result['payload_schema']) ? result['payload_schema'] : {};
      const params = isLosslessObject(config['params']) ? config['params'] : {};
      return { params, points: Number(numberText(result['points_count']) ?? 0), indexed: Object.keys(schema) };
    },
    async *pages(size, vectors) {
      const seen = new Set<string>();
      for (let offset: LosslessJson | undefined, more = true; more;) {
        const body = { limit: size, with_payload: true, with_vector: vectors, ...(offset === undefined ? {} : { offset }) };
        const { points, next_page_offset: next = null } = await ask('POST', '/points/scroll', body);
        const page = Array.isArray(points) ? (points as readonly LosslessJson[]).flatMap(pointOf) : [];
        if (page.length > 0) yield page;
        more = next !== null;
        // Pages that begin where one did before would never end.
        if (more && seen.has(writeLossless(next))) throw goesInCircles(given.url);
        seen.add(writeLossless(next));
        offset = next;
      }
    },
    close: () => dispatcher.close(),
  };
}

function goesInCircles(url: string): CommandFailure {
  return new CommandFailure(`${url} did not answer as Qdrant does: its pages do not come to an end`, { code: 'unexpected_answer' });
}

function refused(status: number, collection: string): CommandFailure {
  if (status === 401 || status === 403) {
    return new CommandFailure('the old Qdrant refused the key; name the variable that holds it with --from-api-key-env', {
      code: 'refused',
    });
  }
  if (status === 404) return new CommandFailure(`the old Qdrant has no collection ${collection}`, { code: 'not_found' });
  return new CommandFailure(`the old Qdrant answered ${status}`, { code: 'unexpected_answer' });
}

function pointOf(value: LosslessJson): readonly ForeignPoint[] {
  if (!isLosslessObject(value)) return [];
  const { id = null, payload, vector = null } = value;
  return [{ id, payload: isLosslessObject(payload) ? payload : {}, vector: vector ?? {} }];
}
