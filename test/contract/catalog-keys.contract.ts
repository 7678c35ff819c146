import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import type { PublishedKey } from '../../src/core/ports/signing.ts';
import { keyId } from '../../src/core/ed25519.ts';
import { ACME, CHANGE, GLOBEX, policy, the } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

let made = 0;

function newKey(): PublishedKey {
  const publicKey = new Uint8Array(randomBytes(32));
  return { kid: keyId(publicKey), publicKey, since: new Date(Date.UTC(2026, 0, 1) + (made += 1_000)).toISOString() };
}

const retired = (key: PublishedKey): PublishedKey => ({ ...key, retired: new Date(Date.UTC(2026, 6, 1)).toISOString() });

export function describeKeys(get: GetWorld): void {
  const told = async (tenant: TenantId): Promise<readonly (readonly unknown[])[]> =>
    (await get().audit.between(tenant, 0, 1_000, ['key.published', 'key.retired'])).map(({ kind, body }) => [kind, body['kid']]);

  describe('signing keys', () => {
    it('are told to the log of each tenant once, whatever number of replicas tell, and to one that is made later', async () => {
      const { catalog, replica } = get();
      const first = newKey();
      const catalogs = [catalog, await replica(), await replica()];
      for (let round = 0; round < 2; round++) {
        const answers = await Promise.all(catalogs.map((one) => one.announceKeys([first], CHANGE)));
        expect(answers).toEqual([[], [], []]);
      }
      expect(await catalog.signingKeys()).toEqual([first]);
      for (const tenant of [ACME, GLOBEX]) expect(await told(tenant)).toEqual([['key.published', first.kid]]);
      const later = 'later' as TenantId;
      await catalog.createTenant(later, policy('p-1'), CHANGE);
      expect(await told(later)).toEqual([]);
      const second = newKey();
      const keys = [second, retired(first)] as const;
      await Promise.all(catalogs.map((one) => one.announceKeys(keys, CHANGE)));
      // A key that was retired before anybody signed with it there is nothing to tell of.
      expect(await told(later)).toEqual([['key.published', second.kid]]);
      for (const tenant of [ACME, GLOBEX]) {
        const [, ...change] = await told(tenant);
        expect(change).toEqual([
          ['key.retired', first.kid],
          ['key.published', second.kid],
        ]);
      }
      expect(await catalog.signingKeys()).toEqual([retired(first), second]);
    });

    it('of a ring that lacks one are noted and told nowhere, and the lacking ones are named', async () => {
      const { catalog } = get();
      const [first, second, stranger] = [newKey(), newKey(), newKey()];
      expect(await catalog.announceKeys([second, retired(first)], CHANGE)).toEqual([]);
      expect(await catalog.announceKeys([first], CHANGE)).toEqual([second]);
      expect(await catalog.announceKeys([stranger], CHANGE)).toEqual([retired(first), second]);
      expect(await told(ACME)).toEqual([['key.published', second.kid]]);
      expect(await catalog.signingKeys()).toHaveLength(2);
      expect(await catalog.announceKeys([stranger, retired(second), retired(first)], CHANGE)).toEqual([]);
      expect((await catalog.signingKeys()).map(({ kid }) => kid)).toEqual([first.kid, second.kid, stranger.kid]);
    });

    it('of two replicas that both made a first one, one is refused', async () => {
      const { catalog, replica } = get();
      const other = await replica();
      const keys = [newKey(), newKey()] as const;
      const answers = await Promise.all([catalog.announceKeys([keys[0]], CHANGE), other.announceKeys([keys[1]], CHANGE)]);
      const winner = answers.findIndex((lacking) => lacking.length === 0);
      expect(answers[1 - winner]).toEqual([the(keys[winner])]);
      expect(await catalog.signingKeys()).toEqual([the(keys[winner])]);
      expect(await told(ACME)).toEqual([['key.published', the(keys[winner]).kid]]);
    });
  });
}
