import type { CollectionName } from '../../core/ids.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import type { AggregateCatalog } from '../../core/ports/aggregates.ts';
import type { AuditPort } from '../../core/ports/audit.ts';
import type { ReadCatalog, WriteCatalog } from '../../core/ports/catalog.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { CollectionProfile, PointReads } from '../../core/ports/collections.ts';
import type { EmbeddingPort } from '../../core/ports/embedding.ts';
import type { PointIndex } from '../../core/ports/points.ts';
import type { PolicyPort, Purpose } from '../../core/ports/policy.ts';
import type { ProvenancePort } from '../../core/ports/provenance.ts';
import type { ShadowObserver } from '../../core/ports/shadow.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { Watch } from '../../core/ports/watch.ts';
import type { Question } from '../question.ts';
import type { PointsContext } from './types.ts';

/** Sluice's chunks as a collection: each is a point under its chunk id, with this payload. */
export interface OwnCollection {
  readonly name: CollectionName;
  /** The root key under which the text stands, such as `page_content`; not `metadata`, which holds that of the document. */
  readonly textKey: string;
  readonly provenance: CollectionProfile['provenance'];
}

export interface PointsParts {
  readonly catalog: ReadCatalog & AggregateCatalog & PointReads & Pick<WriteCatalog, 'chunkSecret'>;
  readonly policy: PolicyPort;
  readonly index: PointIndex;
  readonly embedding: EmbeddingPort;
  readonly audit: AuditPort;
  readonly watch: Watch;
  /** Told of each request once, for the report on the revision in shadow. */
  readonly shadow?: ShadowObserver;
  readonly provenance: Pick<ProvenancePort, 'tag'>;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Unpredictable bytes. */
  readonly random: (size: number) => Uint8Array;
  /** Languages that documents of this deployment are written in; a text is stemmed in each. */
  readonly languages: readonly string[];
  readonly own: OwnCollection;
}

/** One request, as it stays over all its attempts. */
export interface Asking {
  readonly context: PointsContext;
  readonly purpose: Purpose;
  readonly name: string;
  /** Without texts: they have been embedded. Its limits are those that are applied. */
  readonly question: PointsQuestion;
  readonly sealed: Question;
  /** Points that one answer may have. */
  readonly most: number;
  /** Resolves when the intent is durable; nothing is judged before. */
  readonly declared: () => Promise<void>;
}

/** Points in one answer: each is a text in the record of its release, which holds no more. */
export const MAX_POINTS = 1_000;
