import { describe, expect, it } from 'vitest';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { ACTIONS, type Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import type { Source } from '../core/zone.ts';
import { caller, label, newPolicy, view, type Sketch } from './world.fixture.ts';

const SOURCE_ACTIONS = ACTIONS.filter((action) => action !== 'administer' && action !== 'operate');
const POLICY = SOURCE_ACTIONS.flatMap((action) =>
  ['client:idp|app', 'everyone'].map((who) => `p, ${who}, acme, *, ${action}, upto:restricted, *, *, allow`),
).join('\n');
const hr = 'hr' as SourceId;
const START: Sketch = { policy: POLICY, sources: [{ id: 'hr' }, { id: 'wiki' }], zones: { 1: ['hr', label()], 2: ['wiki', label()] } };
const ON = view(START);
const ada = caller({ user: 'ada' });

/** What both keys let ada do with zone 1 of source hr. */
function may(on: TenantView, who = ada): readonly Action[] {
  const policy = newPolicy();
  return SOURCE_ACTIONS.filter((action) => {
    const decision = policy.decide(on, who, action, 'answer');
    const first = decision.kind === 'zones' && decision.zones.includes(1 as ZoneId);
    expect(policy.confirm(on, who, 1 as ZoneId, action, 'answer').kind === 'permit').toBe(first);
    return first;
  });
}
const without = (...stopped: readonly Action[]) => SOURCE_ACTIONS.filter((action) => !stopped.includes(action));
const off = (changed: Partial<TenantView['off']>): TenantView => ({ ...ON, off: { ...ON.off, ...changed } });
const source = (changed: Partial<Source>): TenantView => {
  const was = ON.sources.get(hr);
  if (was === undefined) throw new Error('no source');
  return { ...ON, sources: new Map([...ON.sources, [hr, { ...was, ...changed }]]) };
};

describe('what stops which action', () => {
  it('nothing, while nothing is switched off', () => {
    expect(may(ON)).toEqual(SOURCE_ACTIONS);
  });

  it.each([
    ['the switch for everything', off({ everything: true })],
    ['the switch of the source', off({ sources: new Set([hr]) })],
    ['a source that is being deleted', source({ state: 'deleting' })],
  ])('%s stops reading, writing and requests, and not what it is lifted by', (_name, on) => {
    expect(may(on)).toEqual(without('retrieve', 'replay', 'ingest', 'request', 'approve'));
  });

  it('a source of another tenant is none of this one, for either key and for objects that have no zone yet', () => {
    const on = source({ tenant: 'other' as TenantId });
    expect(may(on)).toEqual([]);
    const object = { tenant: ON.tenant, source: hr, label: label() };
    expect(newPolicy().permits(on, ada, 'ingest', object)).toEqual({ kind: 'refuse', reason: 'unknown-zone' });
    expect(newPolicy().permits(ON, ada, 'ingest', object).kind).toBe('permit');
  });

  it('a ceiling stops those outside it from reading, now and again', () => {
    const gated = (name: string) => source({ ceiling: { kind: 'gate', principals: [name as Principal] } });
    expect(may(gated('user:idp|eve'))).toEqual(without('retrieve', 'replay'));
    expect(may(gated('user:idp|ada'))).toEqual(SOURCE_ACTIONS);
  });

  it('a switched-off principal may do nothing, whatever it is part of', () => {
    for (const name of ['user:idp|ada', 'everyone', 'client:idp|app', 'client:idp|agent']) {
      const on = off({ principals: new Set(['user:idp|bob', name] as Principal[]) });
      const who = caller({ user: 'ada', actor: 'agent' });
      expect(may(on, who)).toEqual([]);
      // No zone at all, not even one that is none.
      expect(newPolicy().decide(on, who, 'retrieve', 'answer')).toEqual({ kind: 'none' });
    }
    expect(may(off({ principals: new Set(['user:idp|bob'] as Principal[]) }))).toEqual(SOURCE_ACTIONS);
  });
});

describe('what one caller was let in by', () => {
  const gated = view({
    ...START,
    sources: [{ id: 'hr', ceiling: { kind: 'gate', principals: ['user:idp|ada' as Principal] } }, { id: 'wiki' }],
  });
  const zones = (policy: ReturnType<typeof newPolicy>, user: string, action: Action = 'retrieve') => {
    const decision = policy.decide(gated, caller({ user }), action, 'answer');
    return decision.kind === 'zones' ? [...decision.zones] : [];
  };

  it('lets in nobody who asks afterwards: a ceiling is asked about each caller', () => {
    const policy = newPolicy();
    expect(zones(policy, 'eve')).toEqual([2]);
    expect(zones(policy, 'ada')).toEqual([1, 2]);
    expect(zones(policy, 'bob')).toEqual([2]);
    expect(zones(policy, 'bob', 'ingest')).toEqual([1, 2]);
    expect(zones(policy, 'bob', 'replay')).toEqual([2]);
  });

  it('opens no zone of another source where a source has none', () => {
    const empty = view({ ...START, sources: [...START.sources, { id: 'empty' }], off: { sources: new Set([hr]) } });
    expect(newPolicy().decide(empty, ada, 'retrieve', 'answer')).toEqual({ kind: 'zones', zones: [2] });
  });
});
