import type { AuditHeadRow } from '../../database/audit-tables.ts';
import type { Tx } from '../../database/database.ts';
import type { Entry, RandomBytes } from '../entry.ts';
import { insertKeys, readKeys } from './key-rows.ts';
import { newKey, subjectId, type Key, type Subject } from './key.ts';

/** Keys of one tenant that were read or made under the lock of its head. They go before what an entry brought with it. */
export interface Settled {
  readonly tenant: string;
  readonly erasures: number;
  readonly keys: ReadonlyMap<string, Key>;
}

/**
 * For each tenant: what its entries brought from outside of the lock is taken where no key was destroyed since, and what nobody has
 * stored yet is stored. A key that another replica stored first is taken in place of ours.
 */
export async function settleKeys(
  tx: Tx,
  heads: ReadonlyMap<string, AuditHeadRow>,
  entries: readonly Entry[],
  random: RandomBytes,
): Promise<ReadonlyMap<string, Settled>> {
  const settled = new Map<string, Settled>();
  for (const tenant of new Set(entries.map((entry) => entry.tenant))) {
    const erasures = heads.get(tenant)?.erasures ?? 0;
    const open = openSubjects(
      entries.filter((entry) => entry.tenant === tenant),
      erasures,
    );
    settled.set(tenant, { tenant, erasures, keys: await keysOf(tx, tenant, open, random) });
  }
  return settled;
}

async function keysOf(tx: Tx, tenant: string, open: Open, random: RandomBytes): Promise<ReadonlyMap<string, Key>> {
  if (open.size === 0) return new Map();
  const keys = await readKeys(
    tx,
    tenant,
    [...open.values()].map(({ subject }) => subject),
  );
  const made = [...open].flatMap(([id, { subject, proposed }]) => (keys.has(id) ? [] : [proposed ?? newKey(subject, random)]));
  await insertKeys(tx, tenant, made);
  for (const key of made) keys.set(subjectId(key), key);
  return keys;
}

type Open = ReadonlyMap<string, { readonly subject: Subject; readonly proposed: Key | undefined }>;

function openSubjects(entries: readonly Entry[], erasures: number): Open {
  const open = new Map<string, { subject: Subject; proposed: Key | undefined }>();
  for (const { subjects, prepared } of entries) {
    const current = prepared?.keys.erasures === erasures ? prepared.keys : undefined;
    if (current?.allStored === true) continue;
    for (const subject of subjects) {
      const { id } = subject;
      const key = current?.known.get(id);
      if (key?.stored !== true && open.get(id)?.proposed === undefined) open.set(id, { subject, proposed: key });
    }
  }
  return open;
}
