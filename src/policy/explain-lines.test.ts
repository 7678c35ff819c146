import { describe, expect, it } from 'vitest';
import type { TenantId, ZoneId } from '../core/ids.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { ExplainPolicyPort, Party, Possible } from '../core/ports/explain.ts';
import type { Principal } from '../core/principal.ts';
import { createPolicyExplainer } from './explain.ts';
import { chainTo, explainIndex } from './explain-index.ts';
import { objects } from './oracle.fixture.ts';
import { label, lines, scheme, tenant, view } from './world.fixture.ts';

const POLICY = `p, user:idp|ada, acme, hr, retrieve, upto:internal, *, *, allow
p, group:idp|staff, acme, wiki, retrieve, upto:public, *, *, allow
p, group:idp|leavers, acme, *, retrieve, from:internal, *, *, deny
p, group:ext|staff, acme, *, retrieve, upto:restricted, *, *, allow
p, everyone-except-guests, acme, wiki, retrieve, upto:internal, *, audit, allow
p, role:reader, acme, hr*, audit, upto:public, *, *, allow
p, client:idp|agent, acme, hr, retrieve, *, *, *, deny
p, client:idp|agent, acme, *, retrieve, upto:restricted, *, *, allow
p, user:idp|ada, acme, wiki, retrieve, upto:public, min:trusted, audit, allow
p, user:idp|eve, acme, *, retrieve, *, *, *, deny
g, user:idp|ada, role:first, acme
g, role:first, role:second, acme
g, role:second, role:reader, acme
g, user:idp|ada, role:reader, acme
g, group:idp|admins, role:reader, acme
g, user:idp|bob, role:second, acme`;

/** Forty zones, so that a set is more than one word. */
const ZONES = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [i + 1, [['hr', 'wiki', 'hr-notes'][i % 3] ?? '', label(scheme.levels[i % 4])] as const]),
);
const ON = view({ policy: POLICY, sources: [{ id: 'hr' }, { id: 'wiki' }, { id: 'hr-notes' }], zones: ZONES });
const NOTHING: Possible = { kind: 'nothing' };
const groups = (issuer: string, guest = false): Possible => ({ kind: 'groups', issuer, guest });
function party(held: readonly string[], possible = NOTHING, lends = true): Party {
  return { tenant, held: held as Principal[], possible, lends };
}

const PARTIES: readonly Party[] = [
  party(['user:idp|ada']),
  party(['user:idp|ada'], groups('idp')),
  party(['user:idp|ada'], groups('ext')),
  party(['user:idp|ada'], groups('', true)),
  party(['user:idp|ada'], groups('idp', true)),
  party(['user:idp|ada', 'group:idp|leavers'], groups('ext')),
  party(['user:idp|bob'], groups('idp')),
  party(['user:idp|eve'], groups('ext', true)),
  party(['group:idp|staff']),
  party(['client:idp|agent'], NOTHING, false),
  party(['client:idp|agent']),
  party(['client:idp|other'], NOTHING, false),
  party(['client:idp|other'], groups('idp'), false),
  party([]),
];
const QUESTIONS = (['retrieve', 'audit'] as const).flatMap((action: Action) =>
  ['answer', 'audit'].map((purpose) => [action, purpose] as const),
);

function outcomes(explainer: ExplainPolicyPort, of: Party, action: Action, purpose: string) {
  return objects(ON).map(({ object }) => explainer.party(ON, of, action, object, purpose).outcome);
}

function bounds(explainer: ExplainPolicyPort, of: Party, action: Action, purpose: string) {
  const { certain, possible, key } = explainer.zones(ON, of, action, purpose);
  const told = objects(ON).map(({ id }) => {
    const zone = id as ZoneId;
    return certain.has(zone) ? (possible.has(zone) ? 'pass' : 'certain and not possible') : possible.has(zone) ? 'unknown' : 'refuse';
  });
  expect(certain.has(41 as ZoneId) || possible.has(41 as ZoneId)).toBe(false);
  return { told, key };
}

describe('what an explainer that was asked before tells', () => {
  it('is what one tells that nobody asked, line by line and zone by zone', () => {
    const shared = createPolicyExplainer(scheme);
    const seen = new Set<string>();
    const keys = new Map<string, string>();
    for (let round = 0; round < 2; round += 1) {
      for (const of of PARTIES) {
        for (const [action, purpose] of QUESTIONS) {
          const expected = outcomes(createPolicyExplainer(scheme), of, action, purpose);
          expect(outcomes(shared, of, action, purpose)).toEqual(expected);
          const { told, key } = bounds(shared, of, action, purpose);
          expect(told).toEqual(expected);
          // Never one key for two sets.
          expect(keys.get(key) ?? told.join()).toBe(told.join());
          keys.set(key, told.join());
          expected.forEach((outcome) => seen.add(outcome));
        }
      }
    }
    expect([...seen].sort()).toEqual(['pass', 'refuse', 'unknown']);
    expect(keys.size).toBeGreaterThan(5);
  });

  it('is nothing for a tenant of the same revision whose lines are none of it, and the other way round', () => {
    const shared = createPolicyExplainer(scheme);
    const other = 'other' as TenantId;
    const sources = new Map([...ON.sources].map(([id, source]) => [id, { ...source, tenant: other }]));
    const foreign: TenantView = { ...ON, tenant: other, sources };
    const [zone] = objects(ON);
    if (zone === undefined) throw new Error('no zone');
    const ada = party(['user:idp|ada']);
    const asked = (on: TenantView, of: Party, object = zone.object) => shared.party(on, of, 'retrieve', object, 'answer').outcome;
    expect(asked(ON, ada)).toBe('pass');
    expect(asked(foreign, { ...ada, tenant: other }, { ...zone.object, tenant: other })).toBe('refuse');
    expect(asked(ON, ada, { ...zone.object, tenant: other })).toBe('refuse');
    expect(asked(ON, { ...ada, tenant: other })).toBe('refuse');
    expect(shared.zones(foreign, { ...ada, tenant: other }, 'retrieve', 'answer').possible.has(1 as ZoneId)).toBe(false);
    const none = shared.zones(ON, { ...ada, tenant: other }, 'retrieve', 'answer');
    expect([none.certain.has(1 as ZoneId), none.possible.has(1 as ZoneId), none.key]).toEqual([false, false, '']);
    expect(shared.zones(ON, ada, 'retrieve', 'answer').certain.has(1 as ZoneId)).toBe(true);
  });
});

describe('the lines that are told', () => {
  const zone = (source: string, level = 'public') => ({ tenant, source: source as never, label: label(level) });
  const told = (of: Party, source: string, action: Action = 'retrieve', purpose = 'answer', level = 'public') =>
    createPolicyExplainer(scheme).party(ON, of, action, zone(source, level), purpose);

  it('are those that speak, in order, with the way to each', () => {
    expect(told(party(['user:idp|ada', 'group:idp|leavers'], groups('idp', true)), 'wiki', 'retrieve', 'audit')).toEqual({
      outcome: 'pass',
      lines: [
        {
          line: 2,
          text: 'p, group:idp|staff, acme, wiki, retrieve, upto:public, *, *, allow',
          effect: 'allow',
          chain: [{ name: 'group:idp|staff' }],
          certain: false,
        },
        {
          line: 5,
          text: 'p, everyone-except-guests, acme, wiki, retrieve, upto:internal, *, audit, allow',
          effect: 'allow',
          chain: [{ name: 'everyone-except-guests' }],
          certain: false,
        },
        {
          line: 9,
          text: 'p, user:idp|ada, acme, wiki, retrieve, upto:public, min:trusted, audit, allow',
          effect: 'allow',
          chain: [{ name: 'user:idp|ada' }],
          certain: true,
        },
      ],
    });
    const numbers = (...question: Parameters<typeof told>) => told(...question).lines.map(({ line, effect }) => [line, effect]);
    expect(numbers(party(['user:idp|ada', 'group:idp|leavers']), 'hr', 'retrieve', 'answer', 'internal')).toEqual([
      [1, 'allow'],
      [3, 'deny'],
    ]);
    expect(numbers(party(['client:idp|agent']), 'hr')).toEqual([
      [7, 'deny'],
      [8, 'allow'],
    ]);
    expect(numbers(party(['client:idp|agent'], NOTHING, false), 'hr')).toEqual([[7, 'deny']]);
    expect(numbers(party(['user:idp|ada']), 'wiki')).toEqual([]);
  });

  it('name the shortest way, and the certain one where there is one', () => {
    const chain = (of: Party) => told(of, 'hr', 'audit').lines.map((line) => [line.chain, line.certain]);
    expect(chain(party(['user:idp|ada'], groups('idp')))).toEqual([[[{ name: 'user:idp|ada' }, { name: 'role:reader', line: 14 }], true]]);
    expect(chain(party(['user:idp|bob']))).toEqual([
      [[{ name: 'user:idp|bob' }, { name: 'role:second', line: 16 }, { name: 'role:reader', line: 13 }], true],
    ]);
    expect(chain(party([], groups('idp')))).toEqual([[[{ name: 'group:idp|admins' }, { name: 'role:reader', line: 15 }], false]]);
    expect(chain(party([], groups('ext')))).toEqual([]);
  });

  it('make nothing of a line that cannot be read', () => {
    const bad = view({ policy: [], sources: [{ id: 'hr' }], zones: { 1: ['hr', label()] } });
    const row = ['user:idp|ada', 'acme', 'hr', 'retrieve', 'below:internal', '*', '*', 'allow'];
    const on: TenantView = { ...bad, policy: { id: 'r', lines: [{ type: 'p', columns: row, line: 1 }] } };
    const unavailable = expect.objectContaining({ code: 'policy_unavailable', message: 'a policy line could not be read' }) as Error;
    const explainer = createPolicyExplainer(scheme);
    expect(() => explainer.party(on, party(['user:idp|ada']), 'retrieve', zone('hr'), 'answer')).toThrow(unavailable);
    expect(() => explainer.zones(on, party(['user:idp|ada']), 'retrieve', 'answer')).toThrow(unavailable);
    expect(explainer.party(on, party(['user:idp|bob']), 'retrieve', zone('hr'), 'answer').outcome).toBe('refuse');
  });
});

describe('explainIndex', () => {
  const index = explainIndex('acme', {
    id: 'r',
    lines: lines(
      `${POLICY}\np, user:idp|ada, other, *, retrieve, upto:restricted, *, *, allow\ng, user:idp|ada, role:foreign, other\np, user:idp|ada, acme, hr, retrieve, upto:public, *, *, allow`,
    ),
  });

  it('finds lines by action and name, of its tenant alone', () => {
    expect(index.rules('retrieve', 'user:idp|ada').map(({ line }) => line)).toEqual([1, 9, 19]);
    expect(index.rules('audit', 'user:idp|ada')).toEqual([]);
    expect(index.rules('audit', 'role:reader').map(({ line }) => line)).toEqual([6]);
    expect(index.names.has('group:ext|staff') && index.names.has('group:idp|admins')).toBe(true);
    expect(index.text(11)).toBe('g, user:idp|ada, role:first, acme');
    expect(index.text(99)).toBe('');
  });

  it('reaches roles of its tenant alone, each with the line that led there', () => {
    const ways = index.reach(['user:idp|ada']);
    expect([...ways]).toEqual([
      ['user:idp|ada', { from: undefined, line: undefined }],
      ['role:first', { from: 'user:idp|ada', line: 11 }],
      ['role:reader', { from: 'user:idp|ada', line: 14 }],
      ['role:second', { from: 'role:first', line: 12 }],
    ]);
    expect(chainTo(ways, 'role:second')).toEqual([
      { name: 'user:idp|ada' },
      { name: 'role:first', line: 11 },
      { name: 'role:second', line: 12 },
    ]);
    expect(chainTo(ways, 'role:foreign')).toEqual([{ name: 'role:foreign' }]);
  });
});
