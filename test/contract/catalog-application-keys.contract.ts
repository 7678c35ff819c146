import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApplicationKeys } from '../../src/administration/application-keys.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { ApplicationKey } from '../../src/core/ports/application-keys.ts';
import type { Principal } from '../../src/core/principal.ts';
import { ACME, CHANGE, GLOBEX, the } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const TOOL = 'client:idp|tool' as Principal;

function newKey(fields: Partial<ApplicationKey> = {}): ApplicationKey {
  const made = { createdBy: CHANGE.by, createdAt: 0, expiresAt: 'never' } as const;
  return { id: randomBytes(8).toString('hex'), tenant: ACME, client: TOOL, scopes: ['retrieve'], note: 'a tool', ...made, ...fields };
}

export function describeApplicationKeys(get: GetWorld): void {
  const epochOf = async (): Promise<number> => {
    const epoch = await get().catalog.epoch(ACME);
    if (epoch.kind === 'none') throw new Error('no tenant');
    return epoch.stamp.tenant;
  };

  describe('static keys of applications', () => {
    it('are found by their digest on every replica, until they are revoked', async () => {
      const { catalog, replica, audit } = get();
      const other = await replica();
      const key = newKey();
      const added = await catalog.addApplicationKey(key, 'digest', CHANGE);
      expect(added).toMatchObject({ id: key.id, client: TOOL, scopes: ['retrieve'], createdBy: CHANGE.by, expiresAt: 'never' });
      expect(await other.findApplicationKey('digest')).toEqual(added);
      expect(await other.findApplicationKey('another')).toBeUndefined();
      const before = await epochOf();
      await expect(catalog.revokeApplicationKey(GLOBEX, key.id, CHANGE)).rejects.toMatchObject({ code: 'not_found' });
      await catalog.revokeApplicationKey(ACME, key.id, CHANGE);
      expect(await other.findApplicationKey('digest')).toBeUndefined();
      expect(await epochOf()).toBe(before + 1);
      await expect(catalog.revokeApplicationKey(ACME, key.id, CHANGE)).rejects.toMatchObject({ code: 'not_found' });
      const events = await audit.between(ACME, 0, 1_000, ['application-key.added', 'application-key.revoked']);
      expect(events.map(({ kind, body }) => [kind, body['key'], body['client']])).toEqual([
        ['application-key.added', key.id, TOOL],
        ['application-key.revoked', key.id, TOOL],
      ]);
      expect(JSON.stringify(events)).not.toContain('digest');
    });

    it('end by the clock of the database', async () => {
      const { catalog } = get();
      const now = await catalog.time();
      await catalog.addApplicationKey(newKey({ expiresAt: now - 1 }), 'ended', CHANGE);
      await catalog.addApplicationKey(newKey({ expiresAt: now + 3_600_000 }), 'lasting', CHANGE);
      expect(await catalog.findApplicationKey('ended')).toBeUndefined();
      expect(await catalog.findApplicationKey('lasting')).toBeDefined();
    });

    it('are listed by tenant, a page at a time', async () => {
      const { catalog } = get();
      const keys = [newKey(), newKey(), newKey()].sort((a, b) => (a.id < b.id ? -1 : 1));
      for (const key of keys) await catalog.addApplicationKey(key, key.id, CHANGE);
      await catalog.addApplicationKey(newKey({ tenant: GLOBEX }), 'theirs', CHANGE);
      const ids = async (after: string | undefined) => (await catalog.applicationKeys(ACME, after, 2)).map(({ id }) => id);
      expect(await ids(undefined)).toEqual(keys.slice(0, 2).map(({ id }) => id));
      expect(await ids(the(keys[1]).id)).toEqual([the(keys[2]).id]);
    });

    it('make a caller without a person, and are kept as a digest alone', async () => {
      const { catalog, database } = get();
      const secret = `slk_${'a'.repeat(16)}_${'b'.repeat(43)}`;
      const unused = (): never => {
        throw new Error('no policy is asked');
      };
      const policy = { decide: unused, authorize: unused, confirm: unused, permits: unused, permitsTenant: () => ({ kind: 'permit' }) };
      const parts = { catalog, issuers: ['idp'], random: randomBytes, policy: policy as never };
      const keys = createApplicationKeys(parts);
      expect(await keys.authenticate(secret)).toBeUndefined();
      await catalog.addApplicationKey(newKey({ scopes: ['ingest'] }), sha256Hex(secret), CHANGE);
      const caller = await keys.authenticate(secret);
      expect(caller).toMatchObject({ tenant: ACME, issuer: 'idp', user: { kind: 'none' }, client: TOOL, actor: { kind: 'none' } });
      expect([...the(caller).scopes]).toEqual(['ingest']);
      expect(await createApplicationKeys({ ...parts, issuers: ['another'] }).authenticate(secret)).toBeUndefined();
      for (const other of [secret.slice(0, -1), `${secret}b`, secret.toUpperCase(), ` ${secret}`]) {
        expect(await keys.authenticate(other)).toBeUndefined();
      }
      // As an administrator makes one: what is told is not what is kept.
      const context = { caller: the(caller), requestId: 'r', signal: new AbortController().signal };
      const made = await keys.add(context, { client: TOOL, scopes: ['retrieve'], note: 'a tool', expires: 'never' });
      expect(await keys.authenticate(made.key)).toMatchObject({ client: TOOL });
      const rows = JSON.stringify(await database.db.selectFrom('application_keys').selectAll().execute());
      expect(rows).toContain(sha256Hex(made.key));
      for (const told of [secret, made.key]) expect(rows).not.toContain(told.slice(-43));
      const listed = await keys.list(context, undefined, 10);
      expect(listed.keys.map(({ id }) => id)).toContain(made.id);
      expect(JSON.stringify(listed)).not.toContain(made.key.slice(-43));
    });
  });
}
