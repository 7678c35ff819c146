import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeProof, proofKey } from '../support/dpop.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** What one person, or somebody without any token, can take from others by asking too often. */
const APPLICATION = { client_id: 'assistant' } as const;
const [CLIENT, USER] = [60, 5];

const policy = ['user:test|ada', 'user:test|bob', 'user:test|carl', 'client:test|assistant']
  .map((who) => allow(who, 'acme', 'retrieve'))
  .join('\n');

let test: TestService;

beforeAll(async () => {
  const limits = { bodyBytes: 1_048_576, clientPerMinute: CLIENT, userPerMinute: USER };
  test = await startTestService({ policy, tenants: ['acme'], config: { limits } });
});
afterAll(() => test.stop());

const ask = async (token: string): Promise<number> => (await test.call('POST', '/v1/retrieve', token, { query: 'ferry' })).status;

describe('a limit that one person is over', () => {
  it('leaves the application open to everybody else', async () => {
    const ada = await test.token({ ...APPLICATION, sub: 'ada' });
    const statuses: number[] = [];
    for (let i = 0; i < 2 * CLIENT; i += 1) statuses.push(await ask(ada));
    expect(statuses.filter((status) => status === 200)).toHaveLength(USER);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2 * CLIENT - USER);
    expect(await ask(await test.token({ ...APPLICATION, sub: 'bob' }))).toBe(200);
  });
});

describe('proofs of somebody who is over the limit', () => {
  it('are not written down, so that they hold up the database for nobody', async () => {
    const key = await proofKey();
    const token = await test.token({ ...APPLICATION, sub: 'carl', cnf: { jkt: key.thumbprint } });
    const send = async (proof: string): Promise<number> => {
      const headers = { authorization: `DPoP ${token}`, dpop: proof };
      return (await test.call('POST', '/v1/retrieve', undefined, { query: 'ferry' }, headers)).status;
    };
    const call = { token, method: 'POST', url: `${test.url}/v1/retrieve` };
    const proofs = await Promise.all(Array.from({ length: 4 * USER }, () => makeProof(key, call)));
    const statuses: number[] = [];
    for (const proof of proofs) statuses.push(await send(proof));
    expect(statuses.slice(0, USER)).toEqual(Array.from({ length: USER }, () => 200));
    expect(new Set(statuses.slice(USER))).toEqual(new Set([429]));
    const database = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
    expect(database.prepare('select count(*) as used from seen_tokens').get()).toEqual({ used: USER });
    database.close();
    // One that does not hold is told so, whoever sends it.
    expect(await send(`${proofs[0]?.slice(0, -8) ?? ''}AAAAAAAA`)).toBe(401);
  });
});

describe('refused tokens', () => {
  it('from an address do not shut out those with a good token behind the same address', async () => {
    const bob = await test.token({ ...APPLICATION, sub: 'bob' });
    const forged = `${bob.slice(0, bob.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    const statuses: number[] = [];
    for (let i = 0; i < 80; i += 1) statuses.push(await ask(forged));
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect(await ask(bob)).toBe(200);
  });
});
