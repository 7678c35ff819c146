import type { CollectionProfile } from '../../../core/ports/collections.ts';
import type { ApiClient } from '../api-client.ts';
import { CommandFailure } from '../failure.ts';
import type { ForeignPoint, ForeignQdrant } from './foreign-qdrant.ts';
import type { AdoptionMap } from './map-file.ts';
import { mapPoint, type PointAccess } from './map-point.ts';
import { idText, type Survey } from './survey.ts';

const PAGE = 256;
/** Characters of one request. */
const MOST = 4 * 1024 * 1024;

type Sent = ForeignPoint & Omit<PointAccess, 'source'>;

/**
 * Writes every point that the survey took, source by source within a page. A point that is there already, the same, stays as it is; so
 * this can be repeated, and goes on where it was cut off. Gives how many were left out.
 */
export async function writePoints(
  parts: { readonly foreign: ForeignQdrant; readonly client: ApiClient; readonly progress: (points: number) => void },
  how: { readonly as: string; readonly map: AdoptionMap; readonly profile: CollectionProfile; readonly survey: Survey },
): Promise<{ readonly written: number; readonly leftOut: number }> {
  const counts = { written: 0, leftOut: 0 };
  const path = `/v1/collections/${encodeURIComponent(how.as)}/points`;
  for await (const page of parts.foreign.pages(PAGE, true)) {
    const bySource = new Map<string, Sent[]>();
    for (const point of page) {
      const mapped = mapPoint(how.map, how.profile, point.payload);
      if (mapped.kind === 'missing' || !how.survey.taken(mapped.access)) {
        counts.leftOut += 1;
        continue;
      }
      const { source, ...access } = mapped.access;
      const some = bySource.get(source) ?? [];
      bySource.set(source, some);
      some.push({ ...point, ...access });
    }
    for (const [source, points] of bySource) {
      for (const batch of bySize(points)) {
        await parts.client.call('POST', path, { source, points: batch }).catch((error: unknown) => {
          throw named(error, batch);
        });
        counts.written += batch.length;
      }
    }
    parts.progress(page.length);
  }
  return counts;
}

function* bySize(points: readonly Sent[]): Generator<readonly Sent[]> {
  let batch: Sent[] = [];
  let size = 0;
  for (const point of points) {
    const length = JSON.stringify(point).length;
    if (batch.length > 0 && size + length > MOST) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(point);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

/** Places in a request say nothing to somebody who knows ids. */
function named(error: unknown, batch: readonly Sent[]): unknown {
  if (!(error instanceof CommandFailure)) return error;
  const places = error.places.map(({ pointer, message }) => {
    const point = batch[Number(/^\/points\/(\d+)/.exec(pointer)?.[1] ?? Number.NaN)];
    return point === undefined ? { pointer, message } : { pointer: `point ${idText(point.id)}`, message };
  });
  const { message, code, requestId } = error;
  return new CommandFailure(message, { code, places, ...(requestId === undefined ? {} : { requestId }) });
}
