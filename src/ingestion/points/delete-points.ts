import type { PointId } from '../../core/points/point-id.ts';
import type { StoredDocument } from '../../core/ports/catalog.ts';
import type { DeletedDocument } from '../../core/ports/document-batches.ts';
import { changeBy } from '../../core/request-context.ts';
import { asMeant } from '../hygiene.ts';
import { checkAgainstBefore, checkWriter } from '../write-rights.ts';
import type { RequestContext } from '../types.ts';
import type { PointsWriterParts } from './parts.ts';
import { allPermitted } from './places.ts';
import { pointDocumentId } from './read-point.ts';
import type { WriteTarget } from './target.ts';

const POINTS_A_TRANSACTION = 256;

/**
 * Deletes points of the caller's own source by their ids, whether or not the caller may read them: `ingest` is the right to know which
 * ids exist there. Whatever lies in another source is not there. Fails with `forbidden` or `trust_too_low` before anything is deleted,
 * where one of them is beyond the writer, and with `conflict`.
 */
export async function deleteIds(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  ids: readonly PointId[],
): Promise<void> {
  const { collection, source } = target;
  const named = ids.map((id) => pointDocumentId(collection, id));
  const found = await parts.batches.documents(source.tenant, source.id, [...new Set(named)]);
  const doomed: DeletedDocument[] = [];
  allPermitted(
    named.map((document, place) => {
      const before = found.get(document);
      return { place, permit: () => void (before === undefined || doomed.push(deletionOf(target, before))) };
    }),
  );
  await deleteAll(parts, context, target, [...new Map(doomed.map((one) => [one.key, one])).values()]);
}

/** Points that were selected: readable, and not beyond the writer. */
export async function deleteSelected(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  found: readonly StoredDocument[],
): Promise<void> {
  await deleteAll(
    parts,
    context,
    target,
    found.map((before) => deletionOf(target, before)),
  );
}

/** Whether the caller may replace it by something of the same label. */
export function mayWrite({ authority, source, writer }: WriteTarget, stored: StoredDocument): boolean {
  const before = asMeant(stored);
  try {
    const judged = { authority, source, writer, before, after: before };
    checkWriter(judged);
    checkAgainstBefore(judged);
    return true;
  } catch {
    return false;
  }
}

/** As a document is deleted. */
function deletionOf({ authority, source, writer }: WriteTarget, before: StoredDocument): DeletedDocument {
  const owner = authority.may('label', source, before.declared);
  if (!owner) {
    const judged = { authority, source, writer, before, after: before };
    checkWriter(judged);
    checkAgainstBefore(judged);
  }
  return { key: before.key, expected: before.revision, as: owner ? 'owner' : 'writer' };
}

async function deleteAll(
  parts: PointsWriterParts,
  context: RequestContext,
  { source }: WriteTarget,
  doomed: readonly DeletedDocument[],
): Promise<void> {
  for (let start = 0; start < doomed.length; start += POINTS_A_TRANSACTION) {
    await parts.batches.deleteAll(source.tenant, doomed.slice(start, start + POINTS_A_TRANSACTION), changeBy(context));
  }
  if (doomed.length > 0) parts.mend();
}
