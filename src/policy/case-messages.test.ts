import { describe, expect, it } from 'vitest';
import type { PolicyPort } from '../core/ports/policy.ts';
import { parseCaseFile } from './case-file.ts';
import { runPolicyCases } from './run-cases.ts';
import { lines, newPolicy, scheme } from './world.fixture.ts';

const FILE = `tenant: acme
callers:
  ada: { user: idp|ada, groups: [idp|staff], client: idp|app }
  guest: { user: idp|gus, guest: true, client: idp|app }
  robot: { client: idp|app }
  delegated: { user: idp|ada, groups: [idp|staff], client: idp|app, actor: idp|agent }
zones:
  handbook: { source: wiki, level: internal, trust: internal }
  letters: { source: hr, level: restricted, compartments: [people, legal, people], trust: external }
`;
const file = (text: string) => parseCaseFile(scheme, 'x.yaml', text);

describe('a file of cases', () => {
  it('names callers and zones in full, and what is left out is the least', () => {
    const { tenant, callers, zones, cases } = file(`${FILE}cases: [{ who: ada, may: [handbook] }]`);
    expect(tenant).toBe('acme');
    const common = {
      tenant: 'acme',
      issuer: 'idp',
      client: 'client:idp|app',
      actorChain: [],
      scopes: new Set(),
      tokenDigest: '',
      expiresAt: 0,
    };
    const ada = { kind: 'user', principal: 'user:idp|ada', groups: ['group:idp|staff'], guest: false };
    expect(callers.get('ada')).toEqual({ ...common, user: ada, actor: { kind: 'none' } });
    expect(callers.get('guest')?.user).toEqual({ kind: 'user', principal: 'user:idp|gus', groups: [], guest: true });
    expect(callers.get('robot')?.user).toEqual({ kind: 'none' });
    expect(callers.get('delegated')?.actor).toEqual({ kind: 'actor', principals: ['client:idp|agent'] });
    expect([...zones]).toEqual([
      ['handbook', { source: 'wiki', label: { level: 'internal', compartments: [], trust: 'internal' } }],
      ['letters', { source: 'hr', label: { level: 'restricted', compartments: ['legal', 'people'], trust: 'external' } }],
    ]);
    expect(cases).toEqual([{ who: 'ada', action: 'retrieve', may: ['handbook'], mayNot: [], writes: {} }]);
  });

  const replaced = (from: string, to: string): string => `${FILE.replace(from, to)}cases: []`;
  it.each([
    [replaced('tenant: acme', 'tenant: "*"'), 'x.yaml: "*" is not a tenant'],
    [replaced('source: wiki', 'source: w/x'), 'x.yaml: "w/x" is not a source id'],
    [replaced('level: internal', 'level: secret'), 'x.yaml: "secret" is not a level; levels: public, internal, confidential, restricted'],
    [replaced('user: idp|gus', 'user: "-|gus"'), 'x.yaml: "-|gus" names no user; write <issuer>|<id>'],
    [replaced('groups: [idp|staff]', 'groups: ["-|x"]'), 'x.yaml: "-|x" names no group; write <issuer>|<id>'],
    [replaced('actor: idp|agent', 'actor: "-|x"'), 'x.yaml: "-|x" names no client; write <issuer>|<id>'],
  ])('says what is wrong, with the file: %#', (text, message) => {
    expect(() => file(text)).toThrow(new Error(message));
  });

  it.each([
    [replaced('user: idp|gus', 'user: gus'), /write <issuer>\|<id>[^]*callers\.guest\.user/],
    [replaced('user: idp|gus', 'user: "IDP|gus"'), /write <issuer>\|<id>/],
    [replaced('user: idp|gus', 'user: "x idp|gus"'), /write <issuer>\|<id>/],
    [replaced('user: idp|gus', 'user: "idp|"'), /write <issuer>\|<id>/],
    [replaced('trust: external', 'trust: high'), /zones\.letters\.trust/],
    [replaced('people, legal', 'People, legal'), /zones\.letters\.compartments/],
    [replaced('guest: true', 'visitor: true'), /visitor/],
    [replaced('source: hr', 'source: hr, colour: red'), /colour/],
    [`${FILE}cases: []\nmore: 1`, /more/],
    [`${FILE}cases: [{ who: ada, action: read }]`, /cases\[0\]\.action/],
    [`${FILE}cases: [{ who: ada, writes: { letters: high } }]`, /cases\[0\]\.writes/],
    [`${FILE}cases: [`, /^x\.yaml: /],
    ['', /^x\.yaml: /],
  ])('is refused, with the file and the place: %#', (text, message) => {
    expect(() => file(text)).toThrow(message);
    expect(() => file(text)).toThrow(/^x\.yaml: /);
    expect(() => file(`${FILE}cases: []`)).not.toThrow();
  });
});

const POLICY = `p, client:idp|app, acme, *, retrieve, upto:restricted+people+legal, *, *, allow
p, client:idp|app, acme, *, ingest, upto:restricted+people+legal, *, *, allow
p, client:idp|app, acme, *, administer, *, *, *, allow
p, client:idp|app, acme, *, audit, upto:restricted+people+legal, *, *, allow
p, group:idp|staff, acme, wiki, retrieve, upto:internal, *, *, allow
p, group:idp|staff, acme, hr, retrieve, upto:restricted+people+legal, *, audit, allow
p, group:idp|staff, acme, wiki, ingest, upto:internal, as:internal, *, allow
p, user:idp|ada, acme, *, administer, *, *, *, allow`;

describe('running cases', () => {
  const run = (cases: string, policy: PolicyPort = newPolicy()) =>
    runPolicyCases({ policy, scheme, lines: lines(POLICY), files: [{ name: 'x.yaml', text: `${FILE}cases: [${cases}]` }] });
  const common = { file: 'x.yaml', who: 'ada', action: 'retrieve', purpose: 'answer' };

  it('tells what was asked, expected and answered, and by which lines', () => {
    expect(run('{ who: ada, may: [handbook, letters], mayNot: [letters, handbook] }')).toEqual([
      { ...common, zone: 'handbook', expected: 'permit', actual: 'permit', because: 'line:5 line:1', passed: true },
      { ...common, zone: 'letters', expected: 'permit', actual: 'refuse', because: 'user-not-permitted', passed: false },
      { ...common, zone: 'letters', expected: 'refuse', actual: 'refuse', because: 'user-not-permitted', passed: true },
      { ...common, zone: 'handbook', expected: 'refuse', actual: 'permit', because: 'line:5 line:1', passed: false },
    ]);
    expect(run('{ who: ada, purpose: audit, may: [letters] }')).toEqual([
      { ...common, purpose: 'audit', zone: 'letters', expected: 'permit', actual: 'permit', because: 'line:6 line:1', passed: true },
    ]);
  });

  it('refuses a caller that may do nothing at all', () => {
    expect(run('{ who: guest, mayNot: [handbook] }')).toMatchObject([{ actual: 'refuse', because: 'user-not-permitted', passed: true }]);
  });

  it('asks of the tenant as a whole, and of it only what can be asked', () => {
    const whole = { ...common, action: 'administer', zone: 'tenant' };
    expect(run('{ who: ada, action: administer, may: [tenant] }, { who: guest, action: audit, mayNot: [tenant] }')).toEqual([
      { ...whole, expected: 'permit', actual: 'permit', because: 'line:8 line:3', passed: true },
      { ...whole, who: 'guest', action: 'audit', expected: 'refuse', actual: 'refuse', because: 'user-not-permitted', passed: true },
    ]);
    expect(() => run('{ who: ada, action: operate, may: [tenant] }')).toThrow(
      new Error('x.yaml: only administer and audit are asked of the tenant'),
    );
  });

  it('tells the highest trust that a writer may give', () => {
    const written = { ...common, action: 'ingest', because: 'writer trust' };
    expect(run('{ who: ada, writes: { handbook: internal, letters: none } }, { who: robot, writes: { handbook: external } }')).toEqual([
      { ...written, zone: 'handbook', expected: 'internal', actual: 'internal', passed: true },
      { ...written, zone: 'letters', expected: 'none', actual: 'none', passed: true },
      { ...written, who: 'robot', zone: 'handbook', expected: 'external', actual: 'trusted', passed: false },
    ]);
  });

  it.each([
    ['{ who: eve, may: [handbook] }', 'x.yaml: a case names the caller "eve", which the file does not define'],
    ['{ who: ada, may: [nowhere] }', 'x.yaml: a case names the zone "nowhere", which the file does not define'],
    ['{ who: ada, writes: { nowhere: none } }', 'x.yaml: a case names the zone "nowhere", which the file does not define'],
  ])('refuses %s', (cases, message) => {
    expect(() => run(cases)).toThrow(new Error(message));
  });

  it('fails a case, whatever it expects, where the two keys disagree', () => {
    const lenient: PolicyPort = { ...newPolicy(), confirm: () => ({ kind: 'permit', rules: [] }) };
    const strict: PolicyPort = { ...newPolicy(), confirm: () => ({ kind: 'refuse', reason: 'denied' }) };
    const disagree = (policy: PolicyPort, zone: string) => run(`{ who: ada, may: [${zone}], mayNot: [${zone}] }`, policy);
    const actual = 'the two keys disagree';
    expect(disagree(lenient, 'letters')).toMatchObject([
      { actual, because: 'compiled: refuse, Casbin: permit', passed: false },
      { actual, passed: false },
    ]);
    expect(disagree(strict, 'handbook')).toMatchObject([
      { actual, because: 'compiled: permit, Casbin: refuse', passed: false },
      { actual, passed: false },
    ]);
  });
});
