import { corpus } from '../../test/support/corpus.ts';
import { seededRandom } from '../../test/support/random.ts';
import { rawClient } from './raw-client.ts';

export const DIMENSION = 384;
const CLUSTERS = 200;
const TEXT_CHARACTERS = 900;
const BATCH = 250;

export interface DoorPoint {
  readonly id: number;
  readonly vector: readonly number[];
  readonly payload: { readonly text: string; readonly year: number; readonly team: string };
}

/** Clustered vectors with some kilobyte of real text each, the same in every run. */
export function doorPoints(count: number): readonly DoorPoint[] {
  const random = seededRandom(20_261_121);
  const texts = corpus().map(({ text }) => text);
  const number = (): number => 2 * random.next() - 1;
  const centres = Array.from({ length: CLUSTERS }, () => Array.from({ length: DIMENSION }, number));
  return Array.from({ length: count }, (_, id) => {
    const centre = random.pick(centres);
    const vector = centre.map((value) => Math.round((value + 0.5 * number()) * 1e4) / 1e4);
    const text = texts[id % texts.length] ?? '';
    const from = (id * 131) % Math.max(1, text.length - TEXT_CHARACTERS);
    const payload = { text: text.slice(from, from + TEXT_CHARACTERS), year: 2_000 + (id % 27), team: `team-${id % 20}` };
    return { id, vector, payload };
  });
}

interface Door {
  /** Of the HTTP API and of the door. */
  readonly api: string;
  readonly door: string;
  readonly collection: string;
  readonly loader: string;
}

const VECTORS = { size: DIMENSION, distance: 'Cosine' } as const;

/** Makes the collection and writes the points through the door. Answers how many points a second that was. */
export async function fillDoor({ api, door, collection, loader }: Door, points: readonly DoorPoint[]): Promise<number> {
  const headers = { authorization: `Bearer ${loader}`, 'content-type': 'application/json' };
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(api + path, { method: 'PUT', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`PUT ${path} answered ${answer.status}: ${await answer.text()}`);
  };
  // Whoever owns a source may make the collection of its name.
  await put(`/v1/sources/${collection}`, {
    title: 'Points',
    owner: 'group:test|owners',
    level: 'public',
    compartments: [],
    trust: 'trusted',
  });
  const profile = { preset: 'plain', text: 'text', provenance: 'none' };
  await put(`/v1/collections/${collection}`, { source: collection, profile, defaultAcl: { allow: ['everyone'] }, vectors: VECTORS });
  return write(rawClient(door, loader), `/collections/${collection}/points?wait=true`, points);
}

/** The same points in a bare collection. */
export async function fillTwin(
  { url, apiKey, collection }: { readonly url: string; readonly apiKey: string; readonly collection: string },
  points: readonly DoorPoint[],
): Promise<void> {
  const client = rawClient(url, apiKey);
  await client.put(`/collections/${collection}`, JSON.stringify({ vectors: VECTORS }));
  await write(client, `/collections/${collection}/points?wait=true`, points);
}

async function write(client: ReturnType<typeof rawClient>, path: string, points: readonly DoorPoint[]): Promise<number> {
  const started = performance.now();
  for (let start = 0; start < points.length; start += BATCH) {
    await client.put(path, JSON.stringify({ points: points.slice(start, start + BATCH) }));
  }
  await client.close();
  return (points.length * 1_000) / (performance.now() - started);
}
