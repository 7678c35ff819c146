import { AppError } from '../core/errors.ts';
import type { ChunkId, TenantId } from '../core/ids.ts';
import type { EmbeddingPort } from '../core/ports/embedding.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { AccessPayload, Point, VectorIndex } from '../core/ports/vectors.ts';
import { indexText } from './chunk/chunk-document.ts';
import { confirm, type CompareParts, type Drift, type Ground } from './reconciler-compare.ts';

export interface MendParts extends CompareParts {
  readonly vectors: Pick<VectorIndex, 'upsert'>;
  readonly embedding: EmbeddingPort;
  readonly telemetry: Telemetry;
}

/** A missing point takes two: it is put there for nobody, and only then given its rights. One more where somebody came between. */
const ROUNDS = 4;

/**
 * Mends what it can and gives the drifts that are left. Each round looks again at what is true, so nothing is written from what
 * was read long ago. A crash anywhere leaves points that nobody can find, or what there was.
 */
export async function mend(parts: MendParts, ground: Ground, drifts: readonly Drift[], signal: AbortSignal): Promise<readonly Drift[]> {
  const { place } = ground;
  let left = drifts;
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const of = (kind: Drift['kind']): readonly Drift[] => left.filter((drift) => drift.kind === kind);
    await parts.index.remove(
      place,
      of('extra').map(({ id }) => id),
      signal,
    );
    for (const { point, access } of of('stale')) {
      if (point !== undefined && access !== undefined) await parts.index.replaceAccess(place, point, access, signal);
    }
    // The vectors of a hosted point came from outside and are nowhere else: only its application can write it again.
    if (place.kind === 'own') await putBack(parts, of('missing'), signal);
    else if (left.every(({ kind }) => kind === 'missing')) return left;
    left = await confirm(
      parts,
      ground,
      drifts.map(({ id }) => id),
      signal,
    );
  }
  return left;
}

/** From the stored text, under an ACL that lets nobody in: were its rights narrowed meanwhile, the rewrite has missed this point. */
async function putBack(parts: MendParts, missing: readonly Drift[], signal: AbortSignal): Promise<void> {
  const byTenant = Map.groupBy(missing, ({ record }) => record?.tenant);
  for (const [tenant, some] of byTenant) {
    if (tenant === undefined) continue;
    const accessOf = new Map(some.flatMap(({ id, access }) => (access === undefined ? [] : [[id as ChunkId, access] as const])));
    const points = await embedded(parts, tenant, accessOf, signal);
    await parts.vectors.upsert(points, signal);
  }
}

async function embedded(
  { catalog, embedding, telemetry }: MendParts,
  tenant: TenantId,
  accessOf: ReadonlyMap<ChunkId, AccessPayload>,
  signal: AbortSignal,
): Promise<readonly Point[]> {
  const texts = await catalog.storedTexts(tenant, [...accessOf.keys()]);
  // Vectors that came with a document are kept nowhere but in the index: such a document has to be written again.
  if (embedding.identity.dense.kind === 'caller') {
    telemetry.log.error(
      { tenant, chunks: texts.length },
      'points are missing whose vectors their writers brought; write these documents again',
    );
    return [];
  }
  const vectors = await embedding.embedDocuments(
    texts.map(({ text, path, title, language }) => ({ text: indexText({ path, text }, title), language })),
    signal,
  );
  return texts.map(({ chunk }, i): Point => {
    const [vector, access] = [vectors[i], accessOf.get(chunk)];
    if (vector === undefined || access === undefined) throw new AppError('embedding_unavailable', { detail: 'fewer vectors than chunks' });
    return { chunk, access: { ...access, acl: { gates: [], deny: [] } }, sparse: vector.sparse, dense: vector.dense };
  });
}
