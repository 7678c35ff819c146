import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sluice, type Ended } from '../support/command.ts';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = [
  ...['ada', 'bea'].map((sub) => `p, user:test|${sub}, acme, *, administer, *, *, *, allow`),
  'p, client:test|console, acme, *, administer, *, *, *, allow',
].join('\n');

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ policy: POLICY, tenants: ['acme'] });
});
afterAll(() => service.stop());

async function run(sub: string, ...args: readonly string[]): Promise<Ended> {
  const token = await service.token({ sub, client_id: 'console' });
  return sluice(['switch', ...args], { SLUICE_URL: service.url, SLUICE_TOKEN: token });
}
const machine = (...args: readonly string[]): Promise<Ended> =>
  sluice(['admin', 'switch', ...args, '--tenant', 'acme'], {
    SLUICE_DATA_DIR: service.dataDir,
    SLUICE_POLICY_DIR: `${service.dataDir}/policies`,
  });

describe('sluice switch', () => {
  test('switches a person off and on, and lists it for people and for scripts', async () => {
    expect(await run('ada', 'off', 'user', 'user:bert', '--reason', 'laptop lost')).toMatchObject({ code: 0, err: '' });
    const listed = await run('ada', 'list');
    expect(listed.out).toMatch(/user user:test\|bert .*user:test\|ada .*laptop lost/);
    expect((await run('ada', 'list', '--json')).json()).toMatchObject({ kind: 'user', id: 'user:test|bert', reason: 'laptop lost' });
    expect((await run('ada', 'on', 'user', 'user:bert')).out).toContain('is on again');
    expect((await run('ada', 'list')).out).toContain('nothing is off');
  });

  test('says what is wrong: 1 where it is refused, 2 where it cannot be run', async () => {
    const locked = await run('ada', 'off', 'user', 'user:ada', '--reason', 'r');
    expect(locked.code).toBe(1);
    expect(locked.err).toContain('would_lock_out');
    expect((await run('cora', 'off', 'tenant', '--reason', 'r')).code).toBe(1);
    expect((await run('ada', 'off', 'tenant')).code).toBe(2);
    expect((await run('ada', 'off', 'planet', '--reason', 'r')).code).toBe(2);
  });

  test('proposes, and another person confirms', async () => {
    expect((await run('ada', 'off', 'tenant', '--reason', 'a leak')).code).toBe(0);
    expect((await run('ada', 'on', 'tenant', '--json')).json()).toMatchObject({ state: 'proposed' });
    expect((await run('ada', 'on', 'tenant')).err).toContain('second_person_required');
    expect((await run('bea', 'list')).out).toContain('proposes to lift it');
    expect((await run('bea', 'on', 'tenant', '--withdraw')).code).toBe(0);
    expect((await run('bea', 'on', 'tenant')).out).toContain('another person');
    expect((await run('ada', 'on', 'tenant', '--json')).json()).toMatchObject({ state: 'lifted' });
  });
});

describe('sluice admin switch', () => {
  test('cuts off the application through which all administrators come, which none of them may, and puts it back', async () => {
    expect((await run('ada', 'off', 'client', 'client:console', '--reason', 'r')).err).toContain('would_lock_out');
    expect(await machine('off', 'client', 'client:test|console', '--reason', 'taken over')).toMatchObject({ code: 0 });
    expect((await run('ada', 'list')).err).toContain('forbidden');
    expect((await machine('list', '--json')).json()).toMatchObject({ kind: 'client', id: 'client:test|console', reason: 'taken over' });
    expect((await machine('on', 'client', 'client:test|console')).code).toBe(0);
    expect((await run('ada', 'list')).code).toBe(0);
  });

  test('takes two people for everything, unless it is told to do it alone', async () => {
    expect((await machine('off', 'all', '--reason', 'fire')).code).toBe(0);
    expect((await run('ada', 'on', 'all')).err).toContain('forbidden');
    expect((await machine('on', 'all', '--json')).json()).toMatchObject({ state: 'proposed' });
    expect((await machine('on', 'all')).err).toContain('second_person_required');
    expect((await machine('on', 'all', '--alone', '--json')).json()).toMatchObject({ state: 'on' });
    expect((await machine('on', 'all')).code).toBe(1);
    expect((await machine('off', 'user', 'user:nobody', '--reason', 'r')).code).toBe(1);
  });
});
