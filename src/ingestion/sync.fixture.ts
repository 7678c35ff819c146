import type { ChunkId, DocumentKey, TenantId } from '../core/ids.ts';
import type { WriteCatalog } from '../core/ports/catalog.ts';
import type { AccessPayload, VectorIndex } from '../core/ports/vectors.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { SyncParts } from './sync-access.ts';

interface Dead {
  readonly tenant: TenantId;
  readonly chunk: ChunkId;
}

export interface FakeSync {
  readonly parts: SyncParts;
  /** What was done, in order. */
  readonly log: string[];
  /** Documents whose access the index does not have yet, and chunks that nobody reads any more. */
  readonly left: { pending: readonly DocumentKey[]; dead: Dead[]; sources: number };
}

const never = (): never => {
  throw new Error('not a part of mending');
};

/** The two sides that access is brought over from and to. What is not given does nothing. */
export function fakeSync(given: {
  readonly access?: readonly AccessPayload[];
  readonly rewrite?: () => Promise<void>;
  readonly dead?: readonly Dead[];
  readonly remove?: () => Promise<void>;
  /** Batches of documents in sources being deleted. */
  readonly sources?: number;
}): FakeSync {
  const { access = [], rewrite = async () => {}, dead = [], remove = async () => {}, sources = 0 } = given;
  const log: string[] = [];
  const left: FakeSync['left'] = { pending: access.map(({ document }) => document), dead: [...dead], sources };
  const writes: Partial<WriteCatalog> = {
    async accessPayload(_tenant, key) {
      log.push(`access ${key}`);
      return access.find(({ document }) => document === key);
    },
    async markIndexed(_tenant, key, revision) {
      log.push(`indexed ${key}@${revision}`);
      left.pending = left.pending.filter((one) => one !== key);
    },
    pendingDocuments: async (limit) => left.pending.slice(0, limit).map((key) => ({ tenant: 'acme' as TenantId, key })),
    deadChunks: async (limit) => left.dead.slice(0, limit),
    async purgeChunks(tenant, chunks) {
      log.push(`purge ${tenant} ${chunks.length}`);
      left.dead = left.dead.filter((one) => one.tenant !== tenant || !chunks.includes(one.chunk));
    },
    async purgeSources() {
      if (left.sources === 0) return false;
      left.sources -= 1;
      log.push('purge source');
      return true;
    },
  };
  const vectors: VectorIndex = {
    search: never,
    count: never,
    upsert: never,
    probe: never,
    async rewriteAccess({ document, revision }) {
      log.push(`rewrite ${document}@${revision}`);
      await rewrite();
    },
    async deleteChunks(tenant, chunks) {
      log.push(`delete ${tenant} ${chunks.length}`);
      await remove();
    },
  };
  return { parts: { writes: writes as WriteCatalog, vectors, telemetry: silentTelemetry }, log, left };
}
