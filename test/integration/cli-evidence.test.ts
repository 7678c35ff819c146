import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sluice, type Ended } from '../support/command.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

const TOP = 'upto:restricted+people';
const ACTIONS = ['retrieve', 'ingest', 'label', 'audit', 'replay', 'administer'];
const POLICY = [
  ...ACTIONS.map((action) => allow('client:test|assistant', 'acme', action, '*', TOP)),
  ...ACTIONS.map((action) => allow('user:test|olga', 'acme', action, '*', TOP)),
  ...['replay', 'administer'].map((action) => allow('user:test|rita', 'acme', action, '*', TOP)),
].join('\n');

let service: TestService;
const token = (sub: string): Promise<string> => service.token({ sub, groups: [] });
const call = async (sub: string, method: string, path: string, body?: unknown): Promise<Answer> => {
  const answer = await service.call(method, path, await token(sub), body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer;
};
const run = async (sub: string, ...args: readonly string[]): Promise<Ended> =>
  sluice(args, { SLUICE_URL: service.url, SLUICE_TOKEN: await token(sub) });
const write = (document: string, level: string, text: string): Promise<Answer> =>
  call('olga', 'PUT', `/v1/sources/s/documents/${document}`, { text, level, mediaType: 'text/plain', acl: { allow: ['everyone'] } });
const ask = async (query: string): Promise<{ readonly id: string; readonly text: string }> => {
  const { text, json } = await call('olga', 'POST', '/v1/retrieve', { query });
  return { id: json<{ requestId: string }>().requestId, text };
};

beforeAll(async () => {
  service = await startTestService({ policy: POLICY, tenants: ['acme'] });
  await call('olga', 'PUT', '/v1/sources/s', { title: 'S', owner: 'group:test|o', level: 'public', compartments: [], trust: 'trusted' });
});
afterAll(() => service.stop());

describe('sluice replay', () => {
  test('writes the bytes that left and nothing else, or exits with 1 and says why', async () => {
    await write('open', 'public', 'Pintail: the lock is opened at six.');
    const { id, text } = await ask('pintail lock');
    const replayed = await run('rita', 'replay', id, '--reason', 'a complaint');
    expect(replayed).toMatchObject({ code: 0, out: text, err: '' });
    expect((await run('rita', 'replay', id)).code).toBe(2);
    expect((await run('rita', 'replay', '--reason', 'r')).code).toBe(2);
    const erased = await run('olga', 'erase', 'content', 's/open', '--reason', 'asked to', '--json');
    expect(erased.json()).toMatchObject({ erased: { kind: 'content', source: 's', document: 'open' } });
    const tombstone = await run('rita', 'replay', id, '--reason', 'a complaint');
    expect(tombstone).toMatchObject({ code: 1 });
    expect(JSON.parse(tombstone.out)).toMatchObject({ replay: 'erased', requestId: id });
    expect(tombstone.err).toContain('erased');
  });

  test('takes a second person, who finds the wish and allows it', async () => {
    await write('closed', 'confidential', 'Gadwall: the vault is opened at nine.');
    const { id, text } = await ask('gadwall vault');
    expect((await run('rita', 'replay', id, '--reason', 'a complaint')).err).toContain('second_person_required');
    expect((await run('olga', 'replay', 'wishes')).out).toContain(`${id}  user:test|rita  a complaint`);
    expect((await run('rita', 'replay', 'wishes')).out).toContain('nobody wishes');
    expect((await run('olga', 'replay', 'approve', id, 'user:rita')).code).toBe(2);
    expect((await run('olga', 'replay', 'approve', id, 'user:rita', '--reason', 'a complaint')).out).toContain('user:test|rita may replay');
    expect((await run('rita', 'replay', id, '--reason', 'a complaint')).out).toBe(text);
  });

  test('says what would be decided today', async () => {
    await write('changing', 'public', 'Smew: the weir is closed in winter.');
    const { id } = await ask('smew weir');
    expect((await run('olga', 'reevaluate', id)).out).toContain('counterfactual: pass');
    await call('olga', 'DELETE', '/v1/sources/s/documents/changing');
    const answer = await run('olga', 'reevaluate', id);
    expect(answer.out).toContain('counterfactual: refuse');
    expect(answer.out).toMatch(/refuse +s\/changing +live/);
    expect((await run('olga', 'reevaluate', id, '--json')).json()).toMatchObject({ counterfactual: true, decision: 'refuse' });
  });
});

describe('sluice erase and hold', () => {
  test('hold what is not to be erased, and say what is held', async () => {
    await write('held', 'public', 'Scaup: the ledger of the harbour.');
    expect((await run('rita', 'hold', 'place', 'content', 's/held', '--reason', 'a case')).out).toContain('content s/held: held');
    expect((await run('rita', 'hold', 'list')).out).toMatch(/content s\/held +user:test\|rita +a case/);
    const refused = await run('olga', 'erase', 'content', 's/held', '--reason', 'asked to');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('legal_hold');
    expect((await run('rita', 'hold', 'lift', 'content', 's/held', '--reason', 'over')).out).toContain('lifted');
    expect((await run('rita', 'hold', 'list')).out).toContain('nothing is held');
    expect((await run('olga', 'erase', 'content', 's/held', '--reason', 'asked to')).out).toMatch(/is erased; event \d+ tells of it/);
  });

  test('erase a caller, and never oneself', async () => {
    await call('olga', 'POST', '/v1/retrieve', { query: 'anything' });
    expect((await run('rita', 'erase', 'caller', 'user:rita', '--reason', 'r')).err).toContain('second_person_required');
    expect((await run('rita', 'erase', 'caller', 'user:olga', '--reason', 'r')).out).toContain('caller user:test|olga is erased');
  });

  test('are usage errors where they do not say what or why', async () => {
    for (const args of [
      ['erase', 'caller', 'user:olga'],
      ['erase', 'content', 'nosource', '--reason', 'r'],
      ['erase', 'planet', 'x', '--reason', 'r'],
      ['erase', 'caller', 'user:olga', '--only', 'sha256:x', '--reason', 'r'],
      ['hold', 'place', 'caller', '--reason', 'r'],
    ]) {
      expect((await run('rita', ...args)).code).toBe(2);
    }
  });
});
