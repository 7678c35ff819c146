import { named } from '../core/audit-names.ts';
import type { Caller, Login } from '../core/caller.ts';
import { digestOf, sha256Hex } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { EpochStamp, ReadCatalog } from '../core/ports/catalog.ts';
import type { VerifiedLogout } from '../core/ports/identity.ts';
import type { LogoutCatalog } from '../core/ports/logouts.ts';
import type { Tx } from '../database/database.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { EVERYTHING, moveEpoch } from './epochs.ts';

/** Every token, whenever it was issued: a session that ended does not begin again. */
const FOREVER = Number.MAX_SAFE_INTEGER;
/** Rows read at a time when a replica catches up. */
const PAGE = 5_000;

/** What a logout ends. `rest`: tokens of that person that name no session, so that they may belong to the one that ended. */
type Ended = readonly ['person' | 'session' | 'rest', string];

/** Names are kept as digests: all that is ever asked is whether one is among them. */
function keyOf(issuer: string, [kind, id]: Ended): string {
  return sha256Hex(JSON.stringify([issuer, kind, id]));
}

function endedBy({ ends }: VerifiedLogout, notBefore: number): readonly (readonly [Ended, number])[] {
  if (ends.kind === 'person') return [[['person', ends.subject], notBefore]];
  const rest: readonly (readonly [Ended, number])[] = ends.subject === undefined ? [] : [[['rest', ends.subject], notBefore]];
  return [[['session', ends.session], FOREVER], ...rest];
}

function keysOf(issuer: string, { subject, session }: Login): readonly string[] {
  const own: Ended = session.kind === 'session' ? ['session', session.id] : ['rest', subject];
  return [keyOf(issuer, ['person', subject]), keyOf(issuer, own)];
}

/**
 * Records a logout: from the commit on, every request that starts is refused with a token it ends, and one under way is judged again
 * at its release. It moves the epoch of everything, because the issuer may speak for several tenants and the token does not say
 * for which. Fails with `invalid_logout_token` where this one was used before.
 */
export function createRecordLogout(context: CatalogContext): LogoutCatalog['recordLogout'] {
  return (logout, requestId) =>
    context.database.transaction(async (tx) => {
      await moveEpoch(tx, EVERYTHING, { epoch: true, generation: false });
      const now = Math.floor((await databaseNow(tx, context)) / 1_000);
      const expiresAt = Math.max(now, logout.issuedAt) + logout.keepSeconds;
      const first = await tx
        .insertInto('seen_tokens')
        .values({ key: logout.tokenKey, expires_at: expiresAt })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (first.numInsertedOrUpdatedRows !== 1n) throw new AppError('invalid_logout_token', { detail: 'used before' });
      await tx.deleteFrom('logouts').where('expires_at', '<', now).execute();
      const { epoch } = await tx.selectFrom('epochs').select('epoch').where('scope', '=', EVERYTHING).executeTakeFirstOrThrow();
      // The later of two clocks: rather a fresh token too few than one from before the logout.
      const rows = endedBy(logout, Math.max(now, logout.issuedAt)).map(([ended, notBefore]) => ({
        epoch,
        key: keyOf(logout.issuer, ended),
        not_before: notBefore,
        expires_at: expiresAt,
      }));
      await tx.insertInto('logouts').values(rows).execute();
      await tellTenants(context, tx, logout, requestId);
    });
}

/** To every tenant that the issuer may speak for, sorted as their logs are locked. Of several, none is told a name of another's. */
async function tellTenants(context: CatalogContext, tx: Tx, logout: VerifiedLogout, requestId: string): Promise<void> {
  if (logout.tenants.length === 0) return;
  const found = await tx
    .selectFrom('tenants')
    .select('tenant')
    .where('tenant', 'in', [...logout.tenants])
    .execute();
  const tenants = logout.tenants.filter((tenant) => found.some((row) => row.tenant === tenant)).sort();
  const { ends, issuer, issuedAt } = logout;
  // A digest would give the name away to whoever guesses it.
  const user = ends.subject === undefined || tenants.length > 1 ? null : named(`user:${issuer}|${ends.subject}`);
  const session = ends.kind === 'session' ? digestOf(ends.session) : null;
  for (const tenant of tenants) {
    await context.auditSink(tx, { tenant, kind: 'login.ended', requestId, body: { issuer, user, session, issuedAt } });
  }
}

interface Remembered {
  readonly notBefore: number;
  readonly expiresAt: number;
}

/**
 * `resolve`, for callers whose login has not ended. What ended is held in memory and caught up, before it is asked, with the epoch
 * that the request read: no round trip unless the epoch of everything moved.
 */
export function refusingEndedLogins(context: CatalogContext, resolve: ReadCatalog['resolve']): ReadCatalog['resolve'] {
  const ended = new Map<string, Remembered>();
  let caughtUp = -1;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    const { epoch, rows, now } = await context.database.snapshot(async (tx) => {
      const found = await tx.selectFrom('epochs').select('epoch').where('scope', '=', EVERYTHING).executeTakeFirstOrThrow();
      return { epoch: found.epoch, rows: await readSince(tx, caughtUp), now: (await databaseNow(tx, context)) / 1_000 };
    });
    for (const [key, { expiresAt }] of ended) if (expiresAt < now) ended.delete(key);
    for (const row of rows) {
      const known = ended.get(row.key);
      const notBefore = Math.max(row.not_before, known?.notBefore ?? 0);
      ended.set(row.key, { notBefore, expiresAt: Math.max(row.expires_at, known?.expiresAt ?? 0) });
    }
    caughtUp = Math.max(caughtUp, epoch);
  }

  async function catchUp(stamp: EpochStamp): Promise<void> {
    while (caughtUp < stamp.global) {
      const own = loading === undefined;
      loading ??= load().finally(() => (loading = undefined));
      await loading;
      // One that was under way may have read before the stamp; one begun after it may not.
      if (own && caughtUp < stamp.global) throw new AppError('epoch_rolled_back');
    }
  }

  return async (caller: Caller, stamp: EpochStamp) => {
    if (caughtUp < stamp.global) await catchUp(stamp);
    const { login, issuer } = caller;
    if (login !== undefined && ended.size > 0) {
      const over = keysOf(issuer, login).some((key) => login.issuedAt <= (ended.get(key)?.notBefore ?? -1));
      if (over) throw new AppError('invalid_token', { detail: 'the login has ended' });
    }
    return resolve(caller, stamp);
  };
}

async function readSince(tx: Tx, after: number): Promise<readonly { key: string; not_before: number; expires_at: number }[]> {
  const all: { epoch: number; key: string; not_before: number; expires_at: number }[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await tx
      .selectFrom('logouts')
      .selectAll()
      .where(({ eb, and, or }) =>
        last === undefined
          ? eb('epoch', '>', after)
          : or([eb('epoch', '>', last.epoch), and([eb('epoch', '=', last.epoch), eb('key', '>', last.key)])]),
      )
      .orderBy('epoch')
      .orderBy('key')
      .limit(PAGE)
      .execute();
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}
