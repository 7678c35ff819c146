import type { CollectionKey } from '../../core/ids.ts';
import type { ReadCatalog } from '../../core/ports/catalog.ts';
import type { CollectionCatalog, PointReads } from '../../core/ports/collections.ts';
import type { BatchCatalog } from '../../core/ports/document-batches.ts';
import type { HostedIndex, PointIndex, ReadablePoints } from '../../core/ports/points.ts';
import type { DocumentParts } from '../put-document.ts';

/** What writes of points work with. */
export interface PointsWriterParts extends Omit<DocumentParts, 'embedding' | 'newMarker' | 'catalog'> {
  readonly catalog: ReadCatalog & PointReads & CollectionCatalog;
  readonly batches: BatchCatalog;
  readonly hosted: HostedIndex;
  /** For the vectors of points that are written again with another payload. */
  readonly points: Pick<PointIndex, 'points'>;
  readonly readable: ReadablePoints;
  /** A new random UUID. */
  readonly newKey: () => CollectionKey;
}
