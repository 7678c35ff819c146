import type { Schemas } from '@qdrant/js-client-rest';
import { AppError } from '../core/errors.ts';
import type { ChunkId, CollectionKey, TenantId } from '../core/ids.ts';
import { RESERVED_KEY } from '../core/points/payload-path.ts';
import type { AccessPayload, Point } from '../core/ports/vectors.ts';
import type { Admin } from './admin.ts';
import { DENSE, SPARSE } from './collection.ts';
import { keyIn, type PayloadLayout } from './filter.ts';
import { encodeHosted, encodePayload } from './payload.ts';
import { physicalName } from './points/place.ts';

const POINTS_A_REQUEST = 128;
const IDS_A_REQUEST = 1_000;

export function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}

/** `acknowledged` means queued, and what is only queued may still be refused or lost. */
export function applied(what: string, answer: { readonly result?: { readonly status: string } | Record<string, unknown> | null }): void {
  if (answer.result?.status !== 'completed')
    throw new AppError('index_unavailable', { detail: `${what}: the vector index did not confirm it` });
}

function vectors(point: Point): Schemas['PointStruct']['vector'] {
  const sparse = { [SPARSE]: { indices: [...point.sparse.indices], values: [...point.sparse.values] } };
  return point.dense.kind === 'none' ? sparse : { ...sparse, [DENSE]: [...point.dense.vector] };
}

function revisionBelow(revision: number, layout: PayloadLayout = 'root'): Schemas['Filter'] {
  return { must_not: [{ key: keyIn(layout)('acl_v'), range: { gte: revision } }] };
}

/** Points of the document that hold a lower revision. */
function outdated({ tenant, document, revision }: AccessPayload, layout: PayloadLayout): Schemas['Filter'] {
  const at = keyIn(layout);
  const must = [
    { key: at('tenant'), match: { value: tenant as string } },
    { key: at('document'), match: { value: document as string } },
  ];
  return { must, ...revisionBelow(revision, layout) };
}

/** A collection that is gone holds no points. */
export function isGone(error: unknown): boolean {
  return error instanceof AppError && error.message.endsWith('HTTP 404');
}

export function createWrites(admin: Admin, collection: string) {
  // No `ordering`: it sends writes through one node, and while that one is down none succeeds. None is needed: each write is made under
  // a condition on the revision, so whatever order they come in, the newest stays.
  const target = { collection_name: collection, wait: true } as const;

  async function upsertBatch(points: readonly Point[], revision: number, signal: AbortSignal): Promise<void> {
    const body = {
      ...target,
      points: points.map((point) => ({ id: point.chunk, vector: vectors(point), payload: { ...encodePayload(point.access) } })),
      // A repeat that arrives late must not bring back rights that have been rewritten since.
      update_filter: revisionBelow(revision),
    };
    applied('writing chunks', await admin.write('writing chunks', (api, init) => api.upsertPoints({ ...body }, init), signal));
  }

  return {
    async upsert(points: readonly Point[], signal: AbortSignal): Promise<void> {
      const byRevision = Map.groupBy(points, (point) => point.access.revision);
      for (const [revision, group] of byRevision) {
        for (const batch of batches(group, POINTS_A_REQUEST)) await upsertBatch(batch, revision, signal);
      }
    },

    async rewriteAccess(access: AccessPayload, signal: AbortSignal): Promise<void> {
      if (access.collection !== undefined) {
        const place = { collection_name: physicalName(access.collection), wait: true };
        // Keys at the root are replaced one by one and whole: the writer's stay, and ours loses what it had before.
        const body = { ...place, payload: { [RESERVED_KEY]: { ...encodeHosted(access) } }, filter: outdated(access, 'reserved') };
        applied('rewriting access', await admin.write('rewriting access', (api, init) => api.setPayload({ ...body }, init), signal));
        return;
      }
      // Overwritten, not merged: a key that is gone from the metadata must be gone from the index.
      const body = { ...target, payload: { ...encodePayload(access) }, filter: outdated(access, 'root') };
      applied('rewriting access', await admin.write('rewriting access', (api, init) => api.overwritePayload({ ...body }, init), signal));
    },

    async deleteChunks(tenant: TenantId, chunks: readonly ChunkId[], signal: AbortSignal, place?: CollectionKey): Promise<void> {
      const at = keyIn(place === undefined ? 'root' : 'reserved');
      const name = place === undefined ? collection : physicalName(place);
      for (const batch of batches(chunks, IDS_A_REQUEST)) {
        const filter = { must: [{ key: at('tenant'), match: { value: tenant } }, { has_id: [...batch] }] };
        const body = { ...target, collection_name: name, filter };
        const answer = await admin
          .write('deleting chunks', (api, init) => api.deletePoints({ ...body }, init), signal)
          .catch((error: unknown) => {
            if (place === undefined || !isGone(error)) throw error;
          });
        if (answer !== undefined) applied('deleting chunks', answer);
      }
    },
  };
}
