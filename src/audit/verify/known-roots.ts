import type { Kysely } from 'kysely';
import { createFrontier } from '../../core/tlog/frontier.ts';
import type { Schema } from '../../database/schema.ts';
import { openCheckpoint } from '../../core/tlog/signed-head.ts';
import { noteVerifier } from '../../core/tlog/note-keys.ts';
import { readNote } from '../checkpoints/make-note.ts';
import { checkpointsAfter, type StoredCheckpoint } from '../checkpoints/stored.ts';

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
  /** Size of the first stored checkpoint that does not say what its note says, or that none of the keys in the database signed. */
  damaged(): Promise<number | undefined>;
  /** From leaves kept elsewhere, more exactly. They may be wrong themselves, so they count only where something else is wrong too. */
  rewritten(): Parting | undefined;
}

const TILE = 256;
const PAGE = 1_000;

/** Compares a log as it is read with its checkpoints and with leaves kept elsewhere. */
export function knownRoots(db: Kysely<Schema>, tenant: string, leaves: KnownLeaves | undefined): KnownRoots {
  const frontier = createFrontier();
  let checkpoints: StoredCheckpoint[] | undefined;
  let agreed = 0;
  let parting: Parting | undefined;
  let damaged: number | undefined;
  const isGood = noteChecker(db);
  let rewritten: Parting | undefined;
  let tile: readonly string[] = [];

  async function compareRoot(size: number): Promise<void> {
    checkpoints ??= await next(0);
    const [first] = checkpoints;
    if (first?.size !== size) return;
    if (!(await isGood(first))) damaged ??= size;
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
    async damaged() {
      // Those beyond the end were made since, or say a size that they never had.
      checkpoints ??= await next(0);
      for (let rest = checkpoints; rest.length > 0; rest = await next(rest.at(-1)?.size ?? 0)) {
        for (const each of rest) if (!(await isGood(each))) damaged ??= each.size;
      }
      return damaged;
    },
    rewritten: () => rewritten,
  };
}

/** The rows can be changed by whoever has the database, the notes in them cannot. */
function noteChecker(db: Kysely<Schema>): (stored: StoredCheckpoint) => Promise<boolean> {
  let keys: readonly Uint8Array[] | undefined;
  return async ({ origin, size, root, map, note }) => {
    keys ??= (await db.selectFrom('signing_keys').select('x').where('scope', '=', '*').execute()).map(({ x }) =>
      Buffer.from(x, 'base64url'),
    );
    const said = readNote(note);
    if (said?.origin !== origin || said.size !== size || said.root !== root || said.map !== map) return false;
    const verifiers = keys.map((key) => noteVerifier(origin, key));
    return keys.length === 0 || openCheckpoint(note, verifiers, origin).kind === 'signed';
  };
}
