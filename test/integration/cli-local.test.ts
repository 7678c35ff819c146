import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { sluice } from '../support/command.ts';

const POLICIES = join(import.meta.dirname, '../../policies');
let directory = '';

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'cli-local-'));
  directory = made;
  return () => rmSync(made, { recursive: true, maxRetries: 5 });
});

const env = (): Record<string, string> => ({ SLUICE_DATA_DIR: join(directory, 'data') });

describe('sluice config check', () => {
  const good = { OIDC_ISSUER: 'https://id.example', OIDC_AUDIENCE: 'sluice', SLUICE_TENANT: 'acme' };

  test('explains a good one', async () => {
    const ended = await sluice(['config', 'check'], good);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.out).toContain('https://id.example');
    expect((await sluice(['config', 'check', '--json'], good)).json()).toMatchObject({ ok: true });
  });

  test('names everything that is wrong, and no value', async () => {
    const bad = { ...good, SLUICE_PROT: '80', SLUICE_METRICS_TOKEN: 'hunter2' };
    const ended = await sluice(['config', 'check'], bad);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(/SLUICE_PROT.*SLUICE_PORT/);
    expect(ended.err).toContain('SLUICE_METRICS_TOKEN');
    expect(ended.err).not.toContain('hunter2');
    expect((await sluice(['config', 'check', '--json'], bad)).json()['error']).toMatchObject({ places: [{}, {}] });
  });

  test('a service that cannot be configured does not start, and says what to set', async () => {
    const ended = await sluice(['serve'], {});
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('OIDC_ISSUER');
  });
});

describe('sluice policy test', () => {
  function copied(change: (csv: string) => string): string {
    const policies = join(directory, 'policies');
    cpSync(POLICIES, policies, { recursive: true });
    const csv = join(policies, 'policy.csv');
    writeFileSync(csv, change(readFileSync(csv, 'utf8')));
    return policies;
  }

  test('the policies that came along pass', async () => {
    const ended = await sluice(['policy', 'test']);
    expect(ended.code).toBe(0);
    expect(ended.out).toMatch(/^[1-9]\d+ decisions, 0 wrong\n$/);
    expect((await sluice(['policy', 'test'], { SLUICE_POLICY_DIR: copied((csv) => csv) })).out).toBe(ended.out);
  });

  test('a case that no longer holds is named with what was expected', async () => {
    const policies = copied((csv) => csv.replace(/^p, role:people-team.*$/m, ''));
    const ended = await sluice(['policy', 'test', policies]);
    expect(ended.code).toBe(1);
    expect(ended.out).toMatch(/reading\.yaml: priya · retrieve · open cases · answer: expected permit, got refuse/);
    expect((await sluice(['policy', 'test', policies, '--json'])).json()).toMatchObject({ ok: false, problems: [] });
  });

  test.each([
    ['an unknown effect', 'p, everyone, acme, *, retrieve, upto:public, *, *, permit'],
    ['too few columns', 'p, everyone, acme, *, retrieve'],
    ['a tenant that is none', 'p, everyone, *, help-centre, retrieve, upto:public, *, *, allow'],
  ])('%s is named by its line', async (_what, line) => {
    const policies = copied((csv) => `${line}\n${csv}`);
    const ended = await sluice(['policy', 'test', policies]);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain('policy.csv line 1:');
  });

  test('a directory without policies is no success', async () => {
    const ended = await sluice(['policy', 'test', directory]);
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('model.conf');
  });
});

describe('sluice admin create-tenant', () => {
  const create = (tenant: string, administrator: string) =>
    sluice(['admin', 'create-tenant', tenant, '--administrator', administrator, '--json'], env());

  test('makes one, once, and writes it into the log', async () => {
    expect((await create('globex', 'user:oidc|hank')).json()).toMatchObject({ created: true, tenant: 'globex' });
    const again = await create('globex', 'user:oidc|hank');
    expect(again.code).toBe(1);
    expect(again.json()['error']).toMatchObject({ code: 'conflict' });
    const database = new DatabaseSync(join(directory, 'data/sluice.sqlite'), { readOnly: true });
    const events = database.prepare('select kind, body from audit_events').all();
    const people = database.prepare("select name, pseudonym from audit_keys where kind = 'person'").all();
    database.close();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind: 'tenant.created' });
    const operator = people.find(({ name }) => String(name).startsWith('user:machine|'));
    expect(String(events[0]?.['body'])).toContain(String(operator?.['pseudonym']));
  });

  test.each([
    ['everyone', 'everyone'],
    ['a role', 'role:administrator'],
    ['an application', 'client:oidc|tool'],
    ['a user without an issuer', 'user:hank'],
  ])('%s is no administrator', async (_what, administrator) => {
    const ended = await create('globex', administrator);
    expect(ended.code).toBe(1);
    expect(ended.json()['error']).toMatchObject({ code: 'invalid_request', places: [{ pointer: '/administrator' }] });
    expect((await create('globex', 'group:oidc|admins')).code).toBe(0);
  });

  test.each(['Globex', '', 'a/b', '*'])('%j is no tenant', async (tenant) => {
    expect((await create(tenant, 'user:oidc|hank')).json()['error']).toMatchObject({ places: [{ pointer: '/tenant' }] });
  });

  test('without an administrator it is a matter of usage', async () => {
    expect((await sluice(['admin', 'create-tenant', 'globex'], env())).code).toBe(2);
  });
});

describe('sluice audit verify', () => {
  test('an intact chain is intact, a changed one is not, and the place is named', async () => {
    for (const tenant of ['acme', 'globex']) {
      await sluice(['admin', 'create-tenant', tenant, '--administrator', 'user:oidc|hank'], env());
    }
    const intact = await sluice(['audit', 'verify'], env());
    expect(intact.code).toBe(0);
    expect(intact.out).toMatch(/acme: intact, 1 events, head [0-9a-f]{64}\nglobex: intact/);

    const database = new DatabaseSync(join(directory, 'data/sluice.sqlite'));
    database.exec(`update audit_events set body = replace(body, 'machine', 'nobody') where tenant = 'globex'`);
    database.close();
    const broken = await sluice(['audit', 'verify'], env());
    expect(broken.code).toBe(1);
    expect(broken.out).toContain('acme: intact');
    expect(broken.out).toContain('globex: broken at event 0: changed');
    expect((await sluice(['audit', 'verify', '--tenant', 'acme'], env())).code).toBe(0);
    expect((await sluice(['audit', 'verify', '--tenant', 'globex', '--json'], env())).json()).toMatchObject({ kind: 'broken', index: 0 });
  });

  test('neither a missing database nor an unknown tenant is called intact', async () => {
    const missing = await sluice(['audit', 'verify'], env());
    expect(missing.code).toBe(1);
    expect(missing.err).toContain('SLUICE_DATA_DIR');
    await sluice(['admin', 'create-tenant', 'acme', '--administrator', 'user:oidc|hank'], env());
    expect((await sluice(['audit', 'verify', '--tenant', 'acmf'], env())).code).toBe(1);
  });
});

describe('the command line itself', () => {
  test('help and version are no failures; a command that is not there is', async () => {
    const help = await sluice(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['serve', 'dev', 'demo', 'token', 'ingest', 'label', 'trace', 'admin', 'audit', 'policy', 'config']) {
      expect(help.out).toContain(`  ${command} `);
    }
    expect((await sluice(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await sluice([])).code).toBe(2);
    expect((await sluice(['replay', 'x'])).code).toBe(2);
  });
});
