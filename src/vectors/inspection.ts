import { isDeepStrictEqual } from 'node:util';
import type { Schemas } from '@qdrant/js-client-rest';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { RESERVED_KEY } from '../core/points/payload-path.ts';
import type { CollectionKey } from '../core/ids.ts';
import type { DriftPlace, IndexedPoint, IndexInspection, PointId } from '../core/ports/drift.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';
import type { Admin, Api } from './admin.ts';
import { keyIn, type PayloadLayout } from './filter.ts';
import { encodeAccess, encodeHosted, encodePayload } from './payload.ts';
import { physicalName } from './points/place.ts';
import { applied, isGone } from './writes.ts';

const point = z.object({ id: z.union([z.string(), z.number()]), payload: z.record(z.string(), z.json()).nullish() });
const page = z.object({ result: z.object({ points: z.array(point) }) });
const found = z.object({ result: z.array(point) });

const layoutOf = ({ kind }: DriftPlace): PayloadLayout => (kind === 'own' ? 'root' : 'reserved');

/** Of a hosted point only what stands under the reserved key is ours, and compared; the rest is its writer's. */
function indexed({ id, payload }: z.infer<typeof point>, layout: PayloadLayout): IndexedPoint {
  const ours = layout === 'root' ? (payload ?? {}) : payload?.[RESERVED_KEY];
  const version = typeof ours === 'object' && ours !== null && !Array.isArray(ours) ? ours['acl_v'] : undefined;
  return {
    id,
    revision: typeof version === 'number' && Number.isSafeInteger(version) ? version : 'none',
    agrees: (access) => spellings(access, layout).some((spelling) => isDeepStrictEqual(ours, spelling)),
  };
}

/** A hosted point that spells out what it could say by `only` says the same. */
function spellings(access: AccessPayload, layout: PayloadLayout): readonly unknown[] {
  return layout === 'root' ? [encodePayload(access)] : [encodeHosted(access), encodeAccess(access)];
}

function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success)
    throw new AppError('index_unavailable', { detail: 'the vector index listed its points in a shape that is not understood' });
  return parsed.data;
}

/** The point, as long as its revision is the one that was read. */
function unchanged({ id, revision }: IndexedPoint, layout: PayloadLayout): Schemas['Filter'] {
  const key = keyIn(layout)('acl_v');
  const same = revision === 'none' ? { is_empty: { key } } : { key, range: { gte: revision, lte: revision } };
  return { must: [{ has_id: [id] }, same] };
}

/** For nobody, and of a revision below all others: whatever somebody newer writes may take its place. */
function closed(access: AccessPayload): Record<string, unknown> {
  return { ...encodeAccess({ ...access, acl: { gates: [], deny: [] } }), acl_v: 0 };
}

async function replaceHosted(
  admin: Admin,
  key: CollectionKey,
  point: IndexedPoint,
  access: AccessPayload,
  signal: AbortSignal,
): Promise<void> {
  // Where the reserved key was deleted whole, Qdrant's indexes keep what was under it, so no condition tells that it is gone. To set it
  // whole mends the indexes; since it is set whatever is there by now, it lets nobody in.
  const lost = point.revision === 'none';
  const body = {
    collection_name: physicalName(key),
    wait: true,
    payload: { [RESERVED_KEY]: lost ? closed(access) : { ...encodeHosted(access) } },
    ...(lost ? { points: [point.id] } : { filter: unchanged(point, 'reserved') }),
  };
  applied('mending rights', await admin.write('mending rights', (api, init) => api.setPayload(body, init), signal));
}

type Call<T> = (api: Api, init: RequestInit) => Promise<{ readonly data: T }>;

export function createInspection(admin: Admin, collection: string): IndexInspection {
  const targetOf = (place: DriftPlace) =>
    ({ collection_name: place.kind === 'own' ? collection : physicalName(place.key), wait: true }) as const;
  const shown = { with_payload: true, with_vector: false } as const;

  /** What is asked of a hosted collection that is gone, or was dropped meanwhile, is answered with nothing. */
  async function read(place: DriftPlace, what: string, call: Call<unknown>, signal: AbortSignal): Promise<unknown> {
    try {
      return await admin.write(what, call, signal);
    } catch (error) {
      if (place.kind === 'hosted' && isGone(error)) return undefined;
      throw error;
    }
  }

  return {
    async scan(place, scope, after, limit, signal) {
      const ofTenant = place.kind === 'own' && scope.kind === 'tenant' ? scope.tenant : undefined;
      const body = {
        collection_name: targetOf(place).collection_name,
        ...shown,
        // The place itself comes first where it still exists, so one more is asked for.
        limit: limit + 1,
        ...(after === undefined ? {} : { offset: after }),
        ...(ofTenant === undefined ? {} : { filter: { must: [{ key: 'tenant', match: { value: ofTenant as string } }] } }),
      };
      const answer = await read(place, 'listing points', (api, init) => api.scrollPoints(body, init), signal);
      const points = answer === undefined ? [] : understood(page, answer).result.points;
      return points
        .filter(({ id }) => id !== after)
        .slice(0, limit)
        .map((one) => indexed(one, layoutOf(place)));
    },
    async lookUp(place, ids, signal) {
      if (ids.length === 0) return [];
      const body = { collection_name: targetOf(place).collection_name, ids: [...ids], ...shown };
      const answer = await read(place, 'reading points', (api, init) => api.getPoints(body, init), signal);
      return answer === undefined ? [] : understood(found, answer).result.map((one) => indexed(one, layoutOf(place)));
    },
    async replaceAccess(place, point, access, signal) {
      if (place.kind === 'hosted') return replaceHosted(admin, place.key, point, access, signal);
      const body = { ...targetOf(place), payload: { ...encodePayload(access) }, filter: unchanged(point, 'root') };
      applied('mending a payload', await admin.write('mending a payload', (api, init) => api.overwritePayload(body, init), signal));
    },
    async remove(place, ids: readonly PointId[], signal) {
      if (ids.length === 0) return;
      const body = { ...targetOf(place), points: [...ids] };
      applied('removing points', await admin.write('removing points', (api, init) => api.deletePoints(body, init), signal));
    },
  };
}
