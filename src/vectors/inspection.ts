import { isDeepStrictEqual } from 'node:util';
import type { Schemas } from '@qdrant/js-client-rest';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { IndexedPoint, IndexInspection, PointId } from '../core/ports/drift.ts';
import type { Admin } from './admin.ts';
import { encodePayload } from './payload.ts';
import { applied } from './writes.ts';

const point = z.object({ id: z.union([z.string(), z.number()]), payload: z.record(z.string(), z.json()).nullish() });
const page = z.object({ result: z.object({ points: z.array(point) }) });
const found = z.object({ result: z.array(point) });

function indexed({ id, payload }: z.infer<typeof point>): IndexedPoint {
  const version = payload?.['acl_v'];
  return {
    id,
    revision: typeof version === 'number' && Number.isSafeInteger(version) ? version : 'none',
    agrees: (access) => isDeepStrictEqual(payload ?? {}, encodePayload(access)),
  };
}

function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success)
    throw new AppError('index_unavailable', { detail: 'the vector index listed its points in a shape that is not understood' });
  return parsed.data;
}

/** The point, as long as its revision is the one that was read. */
function unchanged({ id, revision }: IndexedPoint): Schemas['Filter'] {
  const same = revision === 'none' ? { is_empty: { key: 'acl_v' } } : { key: 'acl_v', range: { gte: revision, lte: revision } };
  return { must: [{ has_id: [id] }, same] };
}

export function createInspection(admin: Admin, collection: string): IndexInspection {
  const target = { collection_name: collection, wait: true } as const;
  const shown = { with_payload: true, with_vector: false } as const;

  return {
    async scan(scope, after, limit, signal) {
      const body = {
        collection_name: collection,
        ...shown,
        // The place itself comes first where it still exists, so one more is asked for.
        limit: limit + 1,
        ...(after === undefined ? {} : { offset: after }),
        ...(scope.kind === 'tenant' ? { filter: { must: [{ key: 'tenant', match: { value: scope.tenant as string } }] } } : {}),
      };
      const answer = await admin.write('listing points', (api, init) => api.scrollPoints(body, init), signal);
      const { points } = understood(page, answer).result;
      return points
        .filter(({ id }) => id !== after)
        .slice(0, limit)
        .map(indexed);
    },
    async lookUp(ids, signal) {
      if (ids.length === 0) return [];
      const body = { collection_name: collection, ids: [...ids], ...shown };
      return understood(found, await admin.write('reading points', (api, init) => api.getPoints(body, init), signal)).result.map(indexed);
    },
    async replaceAccess(read, access, signal) {
      const body = { ...target, payload: { ...encodePayload(access) }, filter: unchanged(read) };
      applied('mending a payload', await admin.write('mending a payload', (api, init) => api.overwritePayload(body, init), signal));
    },
    async remove(ids: readonly PointId[], signal) {
      if (ids.length === 0) return;
      const body = { ...target, points: [...ids] };
      applied('removing points', await admin.write('removing points', (api, init) => api.deletePoints(body, init), signal));
    },
  };
}
