import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Verdict } from '../core/ports/policy.ts';
import { caller, label, newPolicy, view, type CallerSketch } from './world.fixture.ts';

const POLICY = `p, client:idp|app, acme, *, retrieve, upto:restricted+legal, *, *, allow
p, client:idp|app, acme, *, audit, upto:restricted+legal, *, *, allow
p, client:idp|bot, acme, *, retrieve, upto:public, *, *, allow
p, user:idp|ada, acme, *, retrieve, upto:restricted+legal, *, *, allow
p, user:idp|ada, acme, *, audit, upto:public, *, *, allow
p, user:idp|bob, acme, hr, retrieve, upto:internal, *, audit, allow
p, everyone, acme, wiki, retrieve, upto:public, *, *, allow
p, client:idp|agent, acme, hr, retrieve, from:internal, *, *, deny
p, user:idp|other, acme, *, retrieve, *, *, *, deny
p, group:idp|leavers, acme, *, retrieve, *, *, *, deny
p, everyone-except-guests, acme, wiki, retrieve, upto:internal, *, *, allow`;

const SOURCES = [{ id: 'hr' }, { id: 'wiki' }] as const;
const ZONES = {
  1: ['hr', label()],
  2: ['hr', label('internal')],
  3: ['hr', label('restricted', ['legal'])],
  4: ['wiki', label()],
  5: ['wiki', label('internal')],
} as const;
const ON = view({ policy: POLICY, sources: SOURCES, zones: ZONES });

const CALLERS: readonly CallerSketch[] = [
  { user: 'ada' },
  { user: 'bob' },
  { user: 'ada', guest: true },
  { user: 'bob', guest: true },
  {},
  { client: 'bot' },
  { user: 'ada', client: 'bot' },
  { user: 'ada', actor: 'agent' },
  { user: 'ada', actor: 'other' },
  { user: 'ada', actor: 'third' },
  { actor: 'agent' },
  { actor: 'other' },
  { user: 'ada', groups: ['leavers'] },
  { user: 'ada', tenant: 'other' as TenantId },
  { tenant: 'other' as TenantId },
];
const QUESTIONS = (['retrieve', 'audit'] as const).flatMap((action: Action) => ['answer', 'audit'].map((purpose) => ({ action, purpose })));

interface Answer {
  readonly zones: readonly number[];
  readonly verdicts: readonly Verdict[];
}

function answers(policy: ReturnType<typeof newPolicy>, on: TenantView, who: Caller): readonly Answer[] {
  return QUESTIONS.map(({ action, purpose }) => {
    const decision = policy.decide(on, who, action, purpose);
    const verdicts = [1, 2, 3, 4, 5].map((id) => policy.confirm(on, who, id as ZoneId, action, purpose));
    return { zones: decision.kind === 'zones' ? [...decision.zones] : [], verdicts };
  });
}

/** What is remembered for one question must answer no other. */
describe('one policy that is asked by everybody', () => {
  it('gives each caller what a policy gives that nobody else ever asked', () => {
    const shared = newPolicy();
    const seen = new Set<string>();
    for (let round = 0; round < 2; round += 1) {
      for (const sketch of CALLERS) {
        const expected = answers(newPolicy(), ON, caller(sketch));
        expect(answers(shared, ON, caller(sketch)), JSON.stringify(sketch)).toEqual(expected);
        for (const { zones, verdicts } of expected) {
          expect(verdicts.flatMap(({ kind }, index) => (kind === 'permit' ? [index + 1] : []))).toEqual(zones);
          seen.add(JSON.stringify(zones));
        }
      }
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  it('keeps tenants apart that have the very same revision, the same names and the same zones', () => {
    const shared = newPolicy();
    const other = 'other' as TenantId;
    const own = view({ policy: POLICY, sources: SOURCES, zones: ZONES });
    const sources = new Map([...own.sources].map(([id, source]) => [id, { ...source, tenant: other }]));
    const foreign: TenantView = { ...own, tenant: other, sources, policy: { id: 'r2', lines: [] } };
    const ada = [caller({ user: 'ada' }), caller({ user: 'ada', tenant: other })] as const;
    const reads = (on: TenantView, who: Caller) => answers(shared, on, who)[0]?.zones;
    expect(reads(own, ada[0])).toEqual([1, 2, 3, 4, 5]);
    expect(reads(foreign, ada[1])).toEqual([]);
    expect(reads(foreign, ada[0])).toEqual([]);
    expect(reads(own, ada[1])).toEqual([]);
    expect(reads(own, ada[0])).toEqual([1, 2, 3, 4, 5]);
    // Lines of acme are none of the other tenant's, whoever read them first.
    const same: TenantView = { ...foreign, policy: own.policy };
    expect(() => reads(same, ada[1])).toThrow(expect.objectContaining({ code: 'policy_unavailable' }));
  });

  it('knows no zone that the view does not have', () => {
    const app = caller({});
    expect([1, 2, 3, 4, 5].map((id) => newPolicy().confirm(ON, app, id as ZoneId, 'retrieve', 'answer').kind)).toEqual(
      Array(5).fill('permit'),
    );
    for (const id of [0, -1, 6, 99]) {
      expect(newPolicy().confirm(ON, app, id as ZoneId, 'retrieve', 'answer')).toEqual({ kind: 'refuse', reason: 'unknown-zone' });
    }
  });

  it('refuses an object of another tenant before anything else is asked', () => {
    const object = { tenant: 'other' as TenantId, source: 'hr' as SourceId, label: label() };
    expect(newPolicy().permits(ON, caller({}), 'retrieve', object)).toEqual({ kind: 'refuse', reason: 'unknown-zone' });
    expect(newPolicy().permits(ON, caller({}), 'retrieve', { ...object, tenant: ON.tenant }).kind).toBe('permit');
  });

  it('keeps sources apart: what covers one does not answer for another', () => {
    const shared = newPolicy();
    const text = `${POLICY}\np, user:idp|eve, acme, wiki, retrieve, upto:restricted+legal, *, *, allow`;
    const on = view({ policy: text, sources: SOURCES, zones: ZONES });
    const eve = caller({ user: 'eve' });
    const kinds = [4, 1, 4, 2].map((id) => shared.confirm(on, eve, id as ZoneId, 'retrieve', 'answer').kind);
    expect(kinds).toEqual(['permit', 'refuse', 'permit', 'refuse']);
  });

  it('goes on with no switch, source or ceiling of an earlier view', () => {
    const shared = newPolicy();
    const ada = caller({ user: 'ada' });
    const reads = (on: TenantView) => answers(shared, on, ada)[0]?.zones;
    const off: TenantView = { ...ON, off: { ...ON.off, sources: new Set(['hr' as SourceId]) } };
    const gated = view({ policy: POLICY, sources: [SOURCES[0], { id: 'wiki', ceiling: { kind: 'gate', principals: [] } }], zones: ZONES });
    for (let round = 0; round < 2; round += 1) {
      expect(reads(ON)).toEqual([1, 2, 3, 4, 5]);
      expect(reads(off)).toEqual([4, 5]);
      expect(reads(gated)).toEqual([1, 2, 3]);
      expect(reads({ ...ON, off: { ...ON.off, everything: true } })).toEqual([]);
    }
  });
});
