import type { SequencerTiming } from '../audit/checkpoints/settings.ts';
import type { GroupCommitLimits } from '../audit/group-commit.ts';
import type { DatabaseLimits } from '../database/database.ts';
import type { HttpLimits } from '../doors/http/config.ts';
import type { QdrantLimits } from '../doors/qdrant/config.ts';
import type { RemoteLimits } from '../embedding/openai.ts';
import type { ReconcilerOptions } from '../ingestion/reconciler.ts';
import type { IdentityLimits } from '../identity/limits.ts';

/** Deadlines and bounds of the parts, where a deployment or a test cannot live with the defaults. Milliseconds. */
export interface ServiceLimits {
  readonly audit?: Partial<GroupCommitLimits>;
  readonly database?: Partial<DatabaseLimits>;
  readonly embedding?: Partial<RemoteLimits>;
  readonly http?: Partial<HttpLimits>;
  readonly qdrantDoor?: Partial<QdrantLimits>;
  readonly identity?: Partial<IdentityLimits>;
  readonly index?: { readonly searchDeadlineMs?: number; readonly writeDeadlineMs?: number };
  readonly evidence?: Partial<SequencerTiming>;
  readonly reconciler?: ReconcilerOptions['limits'];
  /** For so long after a release its application may report on it. */
  readonly reportWindowMs?: number;
  /** How long one part may take to answer for `/readyz`. */
  readonly probeMs?: number;
}
