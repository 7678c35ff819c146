import type { TenantId } from '../core/ids.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { KeyRegistry, PublishedKey } from '../core/ports/signing.ts';
import type { Tx } from '../database/database.ts';
import type { SigningKeyRow } from '../database/enforcement-tables.ts';
import type { CatalogContext } from './context.ts';
import { EVERYTHING, moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';

type Keys = Parameters<KeyRegistry['announceKeys']>[0];

export function signingKeys(context: CatalogContext): KeyRegistry {
  const { database } = context;
  const known = (tx: Pick<Tx, 'selectFrom'>): Promise<SigningKeyRow[]> =>
    tx.selectFrom('signing_keys').selectAll().where('scope', '=', EVERYTHING).orderBy('since').orderBy('kid').execute();
  return {
    signingKeys: async () => (await known(database.db)).map(toKey),
    async announceKeys(keys, change) {
      const held = new Set(keys.map(({ kid }) => kid));
      const missing = (rows: readonly SigningKeyRow[]): readonly PublishedKey[] => rows.filter(({ kid }) => !held.has(kid)).map(toKey);
      const before = await known(database.db);
      if (missing(before).length > 0) return missing(before);
      if (!saysAll(before, keys)) {
        const lacking = await database.transaction(async (tx) => {
          // Of two replicas that both made a first key, the second one has to see the first one's.
          await moveEpoch(tx, EVERYTHING, { epoch: false, generation: true });
          const found = missing(await known(tx));
          if (found.length === 0) for (const key of keys) await note(tx, EVERYTHING, key);
          return found;
        });
        if (lacking.length > 0) return lacking;
      }
      for (const tenant of await untold(context, keys)) await database.transaction((tx) => tell(context, tx, tenant, keys, change));
      return [];
    },
  };
}

function toKey({ kid, x, since, retired }: SigningKeyRow): PublishedKey {
  return { kid, publicKey: new Uint8Array(Buffer.from(x, 'base64url')), since, ...(retired === null ? {} : { retired }) };
}

function saysAll(rows: readonly SigningKeyRow[], keys: Keys): boolean {
  return keys.every((key) => rows.some(({ kid, retired }) => kid === key.kid && retired === (key.retired ?? null)));
}

/** Tenants whose log does not name the key in force, or does not say that another one is retired. */
async function untold({ database: { db } }: CatalogContext, [current]: Keys): Promise<readonly TenantId[]> {
  const [tenants, rows] = await Promise.all([
    db.selectFrom('tenants').select('tenant').orderBy('tenant').execute(),
    db.selectFrom('signing_keys').select(['scope', 'kid']).where('scope', '!=', EVERYTHING).where('retired', 'is', null).execute(),
  ]);
  const inForce = Map.groupBy(rows, ({ scope }) => scope);
  const asIs = (tenant: string): boolean => {
    const named = inForce.get(tenant) ?? [];
    return named.length === 1 && named[0]?.kid === current.kid;
  };
  return tenants.map(({ tenant }) => tenant as TenantId).filter((tenant) => !asIs(tenant));
}

/** Of several replicas that tell the same, one writes the row, and it alone writes the event. */
async function tell(context: CatalogContext, tx: Tx, tenant: TenantId, keys: Keys, change: Change): Promise<void> {
  const rows = await tx.selectFrom('signing_keys').selectAll().where('scope', '=', tenant).execute();
  const [current, ...others] = keys;
  for (const key of others) {
    // Of a key that was retired before this tenant was made, its log has nothing to say.
    if (key.retired === undefined || !rows.some(({ kid, retired }) => kid === key.kid && retired === null)) continue;
    if (await note(tx, tenant, key)) {
      await context.auditSink(tx, changeEvent(tenant, 'key.retired', change, { kid: key.kid, retired: key.retired }));
    }
  }
  if (await note(tx, tenant, current)) {
    const body = { kid: current.kid, x: Buffer.from(current.publicKey).toString('base64url'), since: current.since };
    await context.auditSink(tx, changeEvent(tenant, 'key.published', change, body));
  }
}

/** True where it was not so before. A key that is retired stays so. */
async function note(tx: Tx, scope: string, { kid, publicKey, since, retired }: PublishedKey): Promise<boolean> {
  const x = Buffer.from(publicKey).toString('base64url');
  const made = await tx
    .insertInto('signing_keys')
    .values({ scope, kid, x, since, retired: retired ?? null })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (made.numInsertedOrUpdatedRows === 1n) return true;
  if (retired === undefined) return false;
  const ended = await tx
    .updateTable('signing_keys')
    .set({ retired })
    .where('scope', '=', scope)
    .where('kid', '=', kid)
    .where('retired', 'is', null)
    .executeTakeFirstOrThrow();
  return ended.numUpdatedRows === 1n;
}
