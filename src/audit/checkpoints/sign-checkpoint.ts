import { randomBytes } from 'node:crypto';
import { createFrontier } from '../../core/tlog/frontier.ts';
import { peaksFromTiles } from '../../core/tlog/make-proofs.ts';
import { rootAt, tileReader } from '../index/read-tiles.ts';
import { dropIndex, logState, settleMap } from '../index/index-step.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Deeds } from '../worker/protocol.ts';
import { growByLog } from './leaves-of-log.ts';
import { holdLease, type Lease } from './lease.ts';
import { makeNote } from './make-note.ts';
import { addOrigin, currentOrigin, originName } from './origins.ts';
import { newestCheckpoint, storeCheckpoint, type StoredCheckpoint } from './stored.ts';

export interface SignParts {
  readonly databases: LogAndIndex;
  readonly deeds: Deeds;
  readonly host: string;
}

/** The tree no longer begins with what was signed before. */
export class ForkedLog extends Error {
  readonly tenant: string;
  readonly size: number;

  constructor(tenant: string, size: number) {
    super(`the log of ${tenant} no longer leads to the root of its checkpoint of size ${size}`);
    this.name = 'ForkedLog';
    this.tenant = tenant;
    this.size = size;
  }
}

/**
 * A checkpoint of everything that is indexed, signed and stored; undefined where there is nothing new. The map is committed first, so a
 * crash before the note is stored leaves a map that the next run signs. Throws `ForkedLog`, `LeaseLost` and `FencedOff`.
 */
export async function signCheckpoint(parts: SignParts, lease: Lease, tenant: string): Promise<StoredCheckpoint | undefined> {
  const { log, index } = parts.databases;
  const before = await newestCheckpoint(log.db, tenant);
  const indexed = await logState(index.db, tenant);
  if (indexed.size === 0 || indexed.size <= (before?.size ?? 0)) return undefined;
  await demandSameLog(parts.databases, tenant, before);
  // One that was not signed before a crash is signed as it is: the map is of that size.
  const unsigned = indexed.mapSize > (before?.size ?? 0) ? { size: indexed.mapSize, map: indexed.mapRoot } : undefined;
  const { size, map } = unsigned ?? (await settleMap(index, lease.term, tenant));
  const root = await rootAt(index.db, tenant, size);
  if (root === undefined) throw new Error('a map of more than is indexed');
  if ((await rootOfLog(parts.databases, tenant, before?.size ?? 0, size)) !== root) {
    await dropIndex(index, lease.term, tenant);
    throw new Error(`the index was not that of the log of ${tenant}, and is built again`);
  }
  const origin = before?.origin ?? (await originOf(parts, lease, tenant));
  const note = await makeNote({ origin, size, root, map }, parts.deeds.sign);
  const stored = await storeCheckpoint(log, lease, { tenant, origin, size, root, map, note });
  return stored === undefined ? undefined : { origin, note, size, root, map, at: new Date(stored.at).toISOString() };
}

/** Throws `ForkedLog` where the tree does not begin with this checkpoint. */
export async function demandSameLog(
  { index }: Pick<LogAndIndex, 'index'>,
  tenant: string,
  signed: { readonly size: number; readonly root: string } | undefined,
): Promise<void> {
  if (signed === undefined) return;
  const root = await rootAt(index.db, tenant, signed.size);
  if (root !== signed.root) throw new ForkedLog(tenant, signed.size);
}

/**
 * The root at a size from the leaves of the log itself, from the tree on that was signed last. The index lies where others may be able to
 * write, and a root that is not the log's could not be taken back.
 */
async function rootOfLog({ log, index }: LogAndIndex, tenant: string, from: number, size: number): Promise<string> {
  const tree = createFrontier(await peaksFromTiles(from, tileReader(index.db, tenant)));
  if (!(await growByLog(log.db, tenant, tree, size))) throw new Error(`events of ${tenant} are missing`);
  return Buffer.from(tree.root()).toString('hex');
}

async function originOf({ databases: { log }, host }: SignParts, lease: Lease, tenant: string): Promise<string> {
  return log.transaction(async (tx) => {
    await holdLease(tx, log, lease);
    const known = await currentOrigin(tx, tenant);
    if (known !== undefined) return known;
    const origin = originName(host, randomBytes(16).toString('hex'));
    await addOrigin(tx, log, tenant, origin, '');
    return origin;
  });
}
