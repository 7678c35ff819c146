import type { Entry } from './entry.ts';
import type { Key } from './names/key.ts';
import type { Keyring, Keys } from './names/keyring.ts';
import type { Settled } from './names/settle-keys.ts';
import { seal, type SealedPart, type Sealer } from './sealed/seal.ts';

/** An entry with everything done that needs no lock: keys looked up or proposed, the sealed part encrypted. Waits only for unknown keys. */
export function prepare(entry: Entry, keyring: Keyring, sealer: Sealer): Entry | Promise<Entry> {
  if (entry.subjects.length === 0) return entry;
  const keys = keyring.keys(entry.tenant, entry.subjects);
  return keys instanceof Promise ? keys.then((found) => withKeys(entry, found, sealer)) : withKeys(entry, keys, sealer);
}

function withKeys(entry: Entry, keys: Keys, sealer: Sealer): Entry {
  const { plan, tenant, requestId } = entry;
  const key = (id: string): Key => present(keys.known.get(id));
  return { ...entry, prepared: { keys, sealed: plan === undefined ? undefined : seal(plan, { tenant, requestId, key }, sealer) } };
}

/** The key of a subject as it is now, under the lock: what was read there goes before what was prepared. */
export function keyUnderLock(entry: Entry, settled: Settled | undefined): (id: string) => Key {
  return (id) => present(settled?.keys.get(id) ?? entry.prepared?.keys.known.get(id));
}

/** What was sealed outside of the lock where its keys are still the same, else sealed again. */
export function sealedUnderLock(entry: Entry, settled: Settled | undefined, sealer: Sealer): SealedPart | undefined {
  const { plan, prepared, tenant, requestId } = entry;
  if (plan === undefined) return undefined;
  const key = keyUnderLock(entry, settled);
  // Nothing was read or made under the lock: all keys are those that were prepared with, as nearly always.
  if (settled?.keys.size === 0 && prepared?.sealed !== undefined) return prepared.sealed;
  const same = plan.subjects.every(({ id }) => prepared?.keys.known.get(id)?.pseudonym === key(id).pseudonym);
  return same && prepared?.sealed !== undefined ? prepared.sealed : seal(plan, { tenant, requestId, key }, sealer);
}

function present(key: Key | undefined): Key {
  if (key === undefined) throw new Error('a name without a key');
  return key;
}
