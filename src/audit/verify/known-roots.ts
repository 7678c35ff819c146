import type { Kysely } from 'kysely';
import { createFrontier } from '../../core/tlog/frontier.ts';
import type { Schema } from '../../database/schema.ts';
import { checkpointsAfter } from '../checkpoints/stored.ts';

/** Hex leaf hashes of 256 events from position `tile` · 256 on, as somebody else kept them; fewer, or none, where they keep no more. */
export type KnownLeaves = (tenant: string, tile: number) => Promise<readonly string[]>;

/** Where a log whose events all fit their leaves parts from what was kept of it. */
export interface Parting {
  readonly index: number;
  /** The place lies in [index, before). */
  readonly before: number;
}

export interface KnownRoots {
  /** Leaves in their order. */
  leaf(leaf: string): Promise<void>;
  /** From what checkpoints say; undefined where all of them agree. */
  parting(): Parting | undefined;
  /** From leaves kept elsewhere, more exactly. They may be wrong themselves, so they count only where something else is wrong too. */
  rewritten(): Parting | undefined;
}

const TILE = 256;
const PAGE = 1_000;

/** Compares a log as it is read with its checkpoints and with leaves kept elsewhere. */
export function knownRoots(db: Kysely<Schema>, tenant: string, leaves: KnownLeaves | undefined): KnownRoots {
  const frontier = createFrontier();
  let checkpoints: { readonly size: number; readonly root: string }[] | undefined;
  let agreed = 0;
  let parting: Parting | undefined;
  let rewritten: Parting | undefined;
  let tile: readonly string[] = [];

  async function compareRoot(size: number): Promise<void> {
    checkpoints ??= await next(0);
    const [first] = checkpoints;
    if (first?.size !== size) return;
    const same = first.root === Buffer.from(frontier.root()).toString('hex');
    if (same) agreed = size;
    else parting ??= { index: agreed, before: size };
    checkpoints.shift();
    if (checkpoints.length === 0) checkpoints = await next(size);
  }

  const next = async (after: number) => [...(await checkpointsAfter(db, tenant, after, PAGE))];

  return {
    async leaf(leaf) {
      const index = frontier.size();
      if (leaves !== undefined && index % TILE === 0) tile = await leaves(tenant, index / TILE);
      const kept = tile[index % TILE];
      if (kept !== undefined && kept !== leaf) rewritten ??= { index, before: index + 1 };
      frontier.append(Buffer.from(leaf, 'hex'));
      await compareRoot(index + 1);
    },
    parting: () => parting,
    rewritten: () => rewritten,
  };
}
