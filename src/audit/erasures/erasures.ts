import { asAppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Erasable, Erasures } from '../../core/ports/audit.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { Database, Tx } from '../../database/database.ts';
import type { ErasureSink } from '../../database/erasure-sink.ts';
import { makeEntry } from '../entry.ts';
import { insertKeys, readKeys } from '../names/key-rows.ts';
import { contentName, newKey, subjectId } from '../names/key.ts';
import { lockHeads } from '../statements.ts';
import { writeEntry } from '../write-entries.ts';
import type { ErasureParts } from './erase.ts';
import { deleteHold, holdEvent, insertHold, readHolds } from './holds.ts';

/** A log of a million events of version 1 is looked through in some seconds. */
const LONG = { timeoutMs: 120_000 };

export function createErasures(database: Database, sink: ErasureSink, parts: ErasureParts): Erasures {
  /** A hold comes or goes with its event, under the lock of the head like an erasure. */
  async function holding(
    kind: 'hold.placed' | 'hold.lifted',
    {
      tenant,
      what,
      reason,
      change,
    }: { readonly tenant: TenantId; readonly what: Erasable; readonly reason: string; readonly change: Change },
  ): Promise<{ readonly changed: boolean }> {
    return database.transaction(async (tx) => {
      await lockHeads(tx, database.kind, [tenant]);
      const changed =
        kind === 'hold.placed' ? await insertHold(tx, database, tenant, what, { reason, change }) : await deleteHold(tx, tenant, what);
      if (!changed) return { changed };
      const version = await versionPseudonym(tx, tenant, what, parts);
      const event = holdEvent(tenant, kind, what, { reason, change, version });
      await writeEntry(tx, database.kind, makeEntry(event, { kind: 'none' }, parts.maker), parts.sealer);
      return { changed };
    });
  }

  return {
    erase: (tenant, what, reason, change) => available(() => database.transaction((tx) => sink(tx, tenant, what, reason, change), LONG)),
    hold: (tenant, what, reason, change) => available(() => holding('hold.placed', { tenant, what, reason, change })),
    liftHold: (tenant, what, reason, change) => available(() => holding('hold.lifted', { tenant, what, reason, change })),
    holds: (tenant, after, limit) => available(() => readHolds(database, tenant, after, limit)),
  };
}

/** Of one version that is held: its key is made where nothing of it was released yet. */
async function versionPseudonym(tx: Tx, tenant: TenantId, what: Erasable, { sealer }: ErasureParts): Promise<string | undefined> {
  if (what.kind !== 'content' || what.version === undefined) return undefined;
  const subject = { kind: 'content', name: contentName(what.source, what.document, what.version) } as const;
  const known = (await readKeys(tx, tenant, [subject])).get(subjectId(subject));
  if (known !== undefined) return known.pseudonym;
  const made = newKey(subject, sealer.random);
  await insertKeys(tx, tenant, [made]);
  return made.pseudonym;
}

async function available<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asAppError(error, 'audit_unavailable');
  }
}
