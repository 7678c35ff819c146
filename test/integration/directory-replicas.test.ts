import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { directoryIssuer, directoryPolicy, found, loadDocuments, scimClient, type Scim } from '../support/directory.ts';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import type { TestIssuer } from '../support/test-issuer.ts';
import { trials } from '../support/scale.ts';

let postgres: PostgresForTests;
let qdrant: TestQdrant;
let issuer: TestIssuer;
/** Where the directory is written, and where questions are asked. */
let a: TestService;
let b: TestService;
let scim: Scim;

beforeAll(async () => {
  postgres = await postgresForTests();
  qdrant = await qdrantForTests();
  issuer = await directoryIssuer(['acme']);
  const shared = {
    database: { kind: 'postgres' as const, url: await postgres.url() },
    qdrant: { kind: 'remote' as const, url: qdrant.url, apiKey: qdrant.apiKey ?? '' },
    collection: qdrant.freshCollection(),
  };
  const options = { policy: directoryPolicy('acme'), tenants: ['acme'], issuer, config: shared };
  a = await startTestService(options);
  b = await startTestService(options);
  scim = scimClient(a, await a.token({ sub: 'scim', client_id: 'scim', groups: undefined }));
  await loadDocuments(a, { inside: { allow: ['group:test|crew'] }, outside: { allow: ['everyone'], deny: ['group:test|crew'] } });
});
afterAll(async () => {
  await b.stop();
  await a.stop();
  await issuer.stop();
  await qdrant.stop();
  await postgres.stop();
});

describe('two replicas', () => {
  it('no question that began after the acknowledgement of a change of membership misses it', async () => {
    const mia = await scim.user('mia');
    const crew = await scim.group('crew');
    const token = await b.token({ sub: 'mia', groups: undefined });
    const wrong: string[] = [];
    let asking = true;
    // Beside it, other people's questions and changes keep epoch and caches moving.
    const noise = (async () => {
      for (let i = 0; asking; i++) {
        await scim.user(`noise-${i}`);
        await found(b, token);
      }
    })();
    for (let round = 0; round < trials(6, 400); round++) {
      const member = round % 2 === 0;
      const path = member ? 'members' : `members[value eq "${mia}"]`;
      const changed = await scim.patch(`/Groups/${crew}`, {
        op: member ? 'add' : 'remove',
        path,
        ...(member ? { value: [{ value: mia }] } : {}),
      });
      expect(changed.status).toBe(204);
      const answers = await Promise.all([found(a, token), found(b, token), found(b, token)]);
      for (const answer of answers) if (String(answer) !== (member ? 'inside' : 'outside')) wrong.push(`${round}: ${String(answer)}`);
    }
    asking = false;
    await noise;
    expect(wrong).toEqual([]);
  });

  it('a person deactivated on one is refused on the other, also while they ask without a pause', async () => {
    const noa = await scim.user('noa');
    const token = await b.token({ sub: 'noa', groups: undefined });
    const log: { readonly began: number; readonly answer: string }[] = [];
    let asking = true;
    const stream = Promise.all(
      [1, 2, 3].map(async () => {
        while (asking) {
          const began = performance.now();
          log.push({ began, answer: String(await found(b, token)) });
        }
      }),
    );
    const changes: { readonly at: number; readonly active: boolean }[] = [];
    for (let round = 0; round < 6; round++) {
      const active = round % 2 === 1;
      expect((await scim.patch(`/Users/${noa}`, { op: 'replace', path: 'active', value: active })).status).toBe(200);
      const at = performance.now();
      changes.push({ at, active });
      // Until somebody who began after it has been answered.
      await expect.poll(() => log.some(({ began }) => began > at), { interval: 5 }).toBe(true);
    }
    asking = false;
    await stream;
    // Whoever began while they were deactivated for the rest of the run was refused.
    const last = changes.at(-2);
    const lifted = changes.at(-1);
    expect(last?.active).toBe(false);
    const between = log.filter(({ began }) => last !== undefined && lifted !== undefined && began > last.at && began < lifted.at);
    expect(between.filter(({ answer }) => answer !== 'forbidden' && answer !== 'outside')).toEqual([]);
    expect(log.some(({ answer }) => answer === 'forbidden')).toBe(true);
    expect(log.some(({ answer }) => answer === 'outside')).toBe(true);
  });

  it('10,000 groups of one person hold end to end, and so does the last of them taken away', async () => {
    const pia = await scim.user('pia');
    // Straight into the tables: one by one through HTTP would say nothing more about them.
    await a.service.stores.database.transaction(async (tx) => {
      for (let start = 0; start < 10_000; start += 500) {
        const rows = Array.from({ length: 500 }, (_, i) => ({ id: crypto.randomUUID(), name: `many-${start + i}` }));
        const own = { tenant: 'acme', issuer: 'test', revision: 1, members: 1, created_at: 0, updated_at: 0 };
        await tx
          .insertInto('directory_groups')
          .values(
            rows.map(({ id, name }) => ({ ...own, id, principal: `group:test|${name}`, title: name, title_key: name, external_id: name })),
          )
          .execute();
        const memberships = rows.map(({ id }) => ({ tenant: 'acme', group_id: id, member_id: pia, recorded_from: 0, recorded_to: null }));
        await tx.insertInto('memberships').values(memberships).execute();
      }
    });
    const inner = (await scim.call('GET', `/Groups?filter=${encodeURIComponent('externalId eq "many-7"')}`)).json<{
      Resources: { id: string }[];
    }>();
    await loadDocuments(a, { seventh: { allow: ['group:test|many-7'] }, first: { allow: ['group:test|many-0'] } });
    const token = await b.token({ sub: 'pia', groups: undefined });
    expect(await found(b, token)).toEqual(['first', 'outside', 'seventh']);
    expect((await scim.patch(`/Groups/${inner.Resources[0]?.id}`, { op: 'remove', path: 'members', value: [{ value: pia }] })).status).toBe(
      204,
    );
    expect(await found(b, token)).toEqual(['first', 'outside']);
    expect((await scim.call('DELETE', `/Users/${pia}`)).status).toBe(204);
    expect(await found(b, token)).toBe('forbidden');
  }, 300_000);

  it('a group of thousands is set, read and emptied at once', async () => {
    const token = await a.token({ sub: 'scim', client_id: 'scim', groups: undefined });
    const members = Array.from({ length: trials(4_100, 100_000) }, (_, i) => `user:test|mass-${i}`);
    const made = await a.call('PUT', '/v1/groups/mass', token, { members });
    expect([made.status, made.json()['size']], made.text.slice(0, 200)).toEqual([201, members.length]);
    const page = (await scim.call('GET', '/Users?startIndex=4000&count=2')).json();
    expect(page).toMatchObject({ itemsPerPage: 2 });
    expect((await b.call('GET', '/v1/groups/mass', token)).json<{ members: string[] }>().members).toHaveLength(members.length);
    expect(await found(b, await b.token({ sub: 'mass-17', groups: undefined }))).toContain('outside');
    expect((await a.call('PUT', '/v1/groups/mass', token, { members: [] })).json()['size']).toBe(0);
  }, 300_000);
});
