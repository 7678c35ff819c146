import { describe, expect, it } from 'vitest';
import type { ChunkId, DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import type { ChunkRecord, DriftCatalog, DriftKind, IndexedPoint, IndexInspection, PointId } from '../core/ports/drift.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';
import { comparePage } from './reconciler-compare.ts';

const ACME = 'acme' as TenantId;
const uuid = (n: number): ChunkId => `${n.toString(16).padStart(8, '0')}-0000-8000-8000-000000000000` as ChunkId;
const EVERYTHING = { scope: { kind: 'everything' }, place: { kind: 'own' } } as const;
const never = (): never => {
  throw new Error('not a part of comparing');
};

interface Sides {
  /** Whether each point agrees with the catalog. */
  readonly points: ReadonlyMap<PointId, boolean>;
  readonly records: ReadonlyMap<ChunkId, ChunkRecord['state']>;
}

const byId = (a: PointId, b: PointId): number => {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : 1;
};

function partsOf({ points, records }: Sides) {
  const held: { most: number } = { most: 0 };
  const index: Pick<IndexInspection, 'scan'> = {
    async scan(_place, _scope, after, limit) {
      const ids = [...points.keys()].toSorted(byId).filter((id) => after === undefined || byId(after, id) < 0);
      held.most = Math.max(held.most, Math.min(limit, ids.length));
      return ids.slice(0, limit).map((id): IndexedPoint => ({ id, revision: 1, agrees: () => points.get(id) === true }));
    },
  };
  const catalog: Pick<DriftCatalog, 'chunkRecords' | 'accessPayloads'> = {
    async chunkRecords(_scope, _place, after, limit) {
      const ids = [...records.keys()].toSorted().filter((id) => id > after);
      held.most = Math.max(held.most, Math.min(limit, ids.length));
      return ids.slice(0, limit).map((chunk): ChunkRecord => {
        return { tenant: ACME, chunk, key: chunk as string as DocumentKey, state: records.get(chunk) ?? 'dead' };
      });
    },
    async accessPayloads(tenant, keys) {
      const rest = { tenant, zone: 1 as ZoneId, revision: 1, acl: { gates: [], deny: [] }, metadata: {} };
      const access = (document: DocumentKey): AccessPayload => ({ ...rest, document, validFrom: 'always', validUntil: 'forever' });
      return new Map(keys.map((key) => [key, access(key)]));
    },
  };
  const parts = {
    index: { ...index, lookUp: never, replaceAccess: never, remove: never },
    catalog: { ...catalog } as DriftCatalog,
  };
  return { parts, held };
}

async function suspects(
  sides: Sides,
  size: number,
): Promise<{ readonly ids: readonly PointId[]; readonly chunks: number; readonly most: number }> {
  const { parts, held } = partsOf(sides);
  const ids: PointId[] = [];
  let chunks = 0;
  for (let position: PointId | undefined; ;) {
    const page = await comparePage(parts, EVERYTHING, position, size, new AbortController().signal);
    ids.push(...page.suspects);
    chunks += page.chunks;
    if (page.end === undefined) return { ids, chunks, most: held.most };
    position = page.end;
  }
}

/** Spelt out a second time, id by id, with everything in memory. */
function expected({ points, records }: Sides): readonly PointId[] {
  const ids = new Set<PointId>([...points.keys(), ...records.keys()]);
  const kindOf = (id: PointId): DriftKind | undefined => {
    const [agrees, state] = [points.get(id), records.get(id as ChunkId)];
    if (state === 'staged' || state === 'moving') return undefined;
    if (state === 'live') return agrees === undefined ? 'missing' : agrees ? undefined : 'stale';
    return agrees === undefined ? undefined : 'extra';
  };
  return [...ids].filter((id) => kindOf(id) !== undefined).toSorted(byId);
}

describe('comparing page by page', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };

  it('finds on two sides of any shape what a comparison of everything at once finds, each once, within a page of memory', async () => {
    const states = ['live', 'live', 'live', 'moving', 'staged', 'dead'] as const;
    let found = 0;
    for (let round = 0; round < 300; round += 1) {
      const points = new Map<PointId, boolean>();
      const records = new Map<ChunkId, ChunkRecord['state']>();
      const density = random(10);
      for (let n = 0; n < random(40); n += 1) {
        if (random(10) < density) points.set(uuid(n), random(5) > 0);
        if (random(10) >= density / 2) records.set(uuid(n), states[random(states.length)] ?? 'live');
      }
      for (let n = 0; n < random(4); n += 1) points.set(n, true);
      const size = 1 + random(8);
      const wanted = expected({ points, records });
      const { ids, chunks, most } = await suspects({ points, records }, size);
      expect(ids.toSorted(byId)).toEqual(wanted);
      expect(chunks).toBe(records.size);
      expect(most).toBeLessThanOrEqual(size);
      found += wanted.length;
    }
    expect(found).toBeGreaterThan(1_000);
  });
});
