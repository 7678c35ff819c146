import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qdrantForTests, type TestQdrant } from '../../../test/support/qdrant.ts';
import { parsePath } from '../../core/points/payload-path.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import { merged, without } from './payload-merge.ts';

/** A real Qdrant says what is right. */
let qdrant: TestQdrant;
let collection: string;

const BEFORE: readonly LosslessObject[] = [
  {},
  { a: 5, b: 2 },
  { a: { x: 1, y: { z: 2 }, n: null }, b: [1] },
  { a: [{ x: 1 }, { x: 2, y: { z: 3 } }, 7], c: 'text' },
  { a: [[1, { x: 2 }], [3]], b: { a: 1 } },
];
const GIVEN: readonly LosslessObject[] = [{ y: 1 }, { x: null, q: { r: [1] } }, { a: null }];
const KEYS = ['a', 'a.x', 'a.y.z', 'a[]', 'a[0]', 'a[9]', 'a[].x', 'a[1].y', 'a[][]', 'a[0][1].x', '"a".x', 'zz', 'zz[].k', 'b.a'];

beforeAll(async () => {
  qdrant = await qdrantForTests();
  collection = `/collections/${qdrant.freshCollection()}`;
  await call('PUT', collection, { vectors: { size: 1, distance: 'Dot' } });
});
afterAll(() => qdrant.stop());

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json', ...(qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey }) };
  const response = await fetch(`${qdrant.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { result: unknown }).result;
}

interface Change {
  readonly before: LosslessObject;
  /** One operation of Qdrant's batch, but for the points that it is about. */
  readonly operation: (points: readonly number[]) => object;
  readonly ours: LosslessObject;
}

/** What Qdrant makes of all of them: each point has a payload and an operation of its own. */
async function asQdrant(changes: readonly Change[]): Promise<readonly LosslessObject[]> {
  const points = changes.map(({ before }, id) => ({ id, vector: [1], payload: before }));
  await call('PUT', `${collection}/points?wait=true`, { points });
  await call('POST', `${collection}/points/batch?wait=true`, { operations: changes.map(({ operation }, id) => operation([id])) });
  const found = await call('POST', `${collection}/points`, { ids: changes.map((_, id) => id), with_payload: true });
  const payloads = new Map((found as { id: number; payload: LosslessObject }[]).map(({ id, payload }) => [id, payload]));
  return changes.map((_, id) => payloads.get(id) ?? {});
}

function pathOf(key: string) {
  const path = parsePath(key);
  if (path === undefined) throw new Error(key);
  return path;
}

const ours = (changes: readonly Change[]): readonly LosslessObject[] => changes.map((change) => change.ours);

/** Some change something, some nothing. */
const kinds = (changes: readonly Change[]): number =>
  new Set(changes.map((change) => JSON.stringify(change.before) === JSON.stringify(change.ours))).size;

describe('payloads are changed as Qdrant changes them', () => {
  it('set at the root, and below a key', async () => {
    const root = BEFORE.flatMap((before) =>
      GIVEN.map((given) => ({
        before,
        operation: (points: readonly number[]) => ({ set_payload: { payload: given, points } }),
        ours: merged(before, given),
      })),
    );
    const below = BEFORE.flatMap((before) =>
      KEYS.flatMap((key) =>
        GIVEN.map((given) => ({
          before,
          operation: (points: readonly number[]) => ({ set_payload: { payload: given, key, points } }),
          ours: merged(before, given, pathOf(key)),
        })),
      ),
    );
    const changes = [...root, ...below];
    expect(ours(changes)).toEqual(await asQdrant(changes));
    expect(kinds(changes)).toBe(2);
  });

  it('deleted by keys', async () => {
    const changes = BEFORE.flatMap((before) =>
      KEYS.map((key) => ({
        before,
        operation: (points: readonly number[]) => ({ delete_payload: { keys: [key], points } }),
        ours: without(before, pathOf(key)),
      })),
    );
    expect(ours(changes)).toEqual(await asQdrant(changes));
    expect(kinds(changes)).toBe(2);
  });
});
