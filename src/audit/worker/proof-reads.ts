import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Checkpoint, EvidencePort } from '../../core/ports/evidence.ts';
import { consistencyProof, inclusionPath } from '../../core/tlog/make-proofs.ts';
import { HASH_SIZE } from '../../core/tlog/merkle.ts';
import { TILE_WIDTH, tileWidth } from '../../core/tlog/tiles.ts';
import { checkpointsAfter, lastingIn, newestCheckpoint, type StoredCheckpoint } from '../checkpoints/stored.ts';
import type { Sequencer } from '../checkpoints/sequencer.ts';
import { want } from '../checkpoints/wanted.ts';
import { readTile, tileReader } from '../index/read-tiles.ts';
import type { LogAndIndex } from '../index/open-index.ts';

type ProofReads = Pick<EvidencePort, 'checkpoint' | 'checkpointAt' | 'checkpoints' | 'inclusion' | 'consistency' | 'tile'>;

const POLL_MS = 100;
const MOST_CHECKPOINTS = 1_000;

/** Checkpoints, and proofs of what lies under the newest one: nothing that was not signed is proved. */
export function proofReads(databases: LogAndIndex, sequencer: () => Sequencer | undefined, freshMs: number): ProofReads {
  const { log, index } = databases;
  const lasting = lastingIn(log);
  const whenLasting = async (found: StoredCheckpoint | undefined): Promise<StoredCheckpoint | undefined> => {
    if (found !== undefined) await lasting(found);
    return found;
  };
  const newest = async (tenant: TenantId, upTo?: number) => whenLasting(await newestCheckpoint(log.db, tenant, upTo));
  const signedSize = async (tenant: TenantId): Promise<number> => (await newest(tenant))?.size ?? 0;
  const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
  return {
    async checkpoint(tenant, fresh) {
      return shown(fresh ? await whenLasting(await freshCheckpoint(databases, sequencer(), tenant, freshMs)) : await newest(tenant));
    },
    checkpointAt: async (tenant, size) => shown(await newest(tenant, size)),
    async checkpoints(tenant, after, limit) {
      const found = await checkpointsAfter(log.db, tenant, after, Math.min(limit, MOST_CHECKPOINTS));
      await whenLasting(found.at(-1));
      return found.flatMap((each) => shown(each) ?? []);
    },
    async inclusion(tenant, position, size) {
      if (!(position >= 0 && position < size && size <= (await signedSize(tenant)))) return undefined;
      const read = tileReader(index.db, tenant);
      const tile = Math.floor(position / TILE_WIDTH);
      const leaves = await read({ level: 0, index: tile, width: tileWidth(size, 0, tile) });
      const at = (position % TILE_WIDTH) * HASH_SIZE;
      const path = await inclusionPath(position, size, read);
      return { index: position, size, leaf: hex(leaves.subarray(at, at + HASH_SIZE)), path: path.map(hex) };
    },
    async consistency(tenant, from, to) {
      if (!(from > 0 && from <= to && to <= (await signedSize(tenant)))) return undefined;
      return (await consistencyProof(from, to, tileReader(index.db, tenant))).map(hex);
    },
    async tile(tenant, level, tile, width) {
      if (width < 1 || width > tileWidth(await signedSize(tenant), level, tile)) return undefined;
      const hashes = await readTile(index.db, tenant, { level, index: tile, width });
      return hashes === undefined ? undefined : Uint8Array.from(hashes.subarray(0, width * HASH_SIZE));
    },
  };
}

function shown(found: StoredCheckpoint | undefined): Checkpoint | undefined {
  if (found === undefined) return undefined;
  const { note, size, root, map, at } = found;
  return { note, size, root, map, at };
}

/** Waits for whoever holds the lease, in this process or another. Fails with `log_rolled_back`, and with `audit_unavailable` in the end. */
async function freshCheckpoint(
  { log }: LogAndIndex,
  sequencer: Sequencer | undefined,
  tenant: TenantId,
  freshMs: number,
): Promise<StoredCheckpoint | undefined> {
  const head = await log.db.selectFrom('audit_heads').select('size').where('tenant', '=', tenant).executeTakeFirst();
  if (head === undefined || head.size === 0) return undefined;
  const giveUpAt = performance.now() + freshMs;
  for (let asked = false; ; asked = true) {
    const newest = await newestCheckpoint(log.db, tenant);
    if (newest !== undefined && newest.size >= head.size) return newest;
    const why = sequencer?.halted(tenant);
    if (why !== undefined) throw new AppError('log_rolled_back', { detail: why });
    if (performance.now() > giveUpAt) throw new AppError('audit_unavailable', { detail: 'no checkpoint was made in time', retryAfter: 5 });
    if (!asked) await want(log, tenant, head.size);
    sequencer?.kick();
    await sleep(POLL_MS);
  }
}
