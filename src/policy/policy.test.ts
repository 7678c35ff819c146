import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { Restriction } from '../core/filter.ts';
import type { PrincipalNumber, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme, type Level, type Trust } from '../core/label.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Decision, PolicyPort } from '../core/ports/policy.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import { createPolicy } from './policy.ts';
import { caller, label, lines, modelText, newPolicy, purposes, scheme, tenant, view, type Sketch } from './world.fixture.ts';

const APP = 'p, client:idp|app, acme, *, retrieve, upto:restricted+people+legal, *, *, allow';
const alice = caller({ user: 'alice', groups: ['a', 'b'] });

/** One source `hr` with zone 1, unless the sketch says otherwise; the application `app` may read everything. */
function world(policy: string, sketch: Partial<Sketch> = {}): TenantView {
  return view({ sources: [{ id: 'hr' }], zones: { 1: ['hr', label()] }, ...sketch, policy: `${APP}\n${policy}` });
}

/** Both keys' answer; fails where they differ. */
function may(policy: PolicyPort, on: TenantView, who: Caller, zone = 1, action: Action = 'retrieve', purpose = 'answer'): boolean {
  const decision = policy.decide(on, who, action, purpose);
  const first = decision.kind === 'zones' && decision.zones.includes(zone as ZoneId);
  expect(policy.confirm(on, who, zone as ZoneId, action, purpose).kind === 'permit').toBe(first);
  return first;
}

const reads = (text: string, who: Caller = alice, sketch: Partial<Sketch> = {}): boolean => may(newPolicy(), world(text, sketch), who);
const allow = (who: string, rest = 'retrieve, upto:internal, *, *'): string => `p, ${who}, acme, hr, ${rest}, allow`;
const deny = (who: string, rest = 'retrieve, *, *, *'): string => `p, ${who}, acme, hr, ${rest}, deny`;

describe('shortcuts that give the wrong answer', () => {
  const roles = 'g, group:idp|a, role:x, acme\ng, group:idp|b, role:y, acme';

  it('caching the decision of each role and adding them up: one role denies what another allows', () => {
    expect(reads(`${roles}\n${allow('role:x')}\n${allow('role:y')}`)).toBe(true);
    expect(reads(`${roles}\n${allow('role:x')}\n${deny('role:y')}`)).toBe(false);
  });

  it('asking for each principal and adding up: one group denies what another allows', () => {
    expect(reads(allow('group:idp|a'))).toBe(true);
    expect(reads(`${allow('group:idp|a')}\n${deny('group:idp|b')}`)).toBe(false);
    expect(reads(`${allow('group:idp|a')}\n${deny('user:idp|alice')}`)).toBe(false);
    expect(reads(`${allow('user:idp|alice')}\n${deny('everyone-except-guests')}`)).toBe(false);
  });

  it('one set of principals for user and client: what only one of them may read, neither may', () => {
    const bot = caller({ user: 'alice', client: 'bot' });
    expect(reads(`${allow('user:idp|alice')}\n${allow('client:idp|bot')}`, bot)).toBe(true);
    expect(reads(allow('user:idp|alice'), bot)).toBe(false);
    expect(reads(allow('client:idp|bot'), bot)).toBe(false);
  });

  it('taking the first principal only: a right that hangs on the last group counts', () => {
    expect(reads(allow('group:idp|b'))).toBe(true);
    expect(reads(allow('group:idp|c'))).toBe(false);
  });

  it.each([9, 10, 11, 12, 60])('stopping at ten links: an allow and a deny %i links away count', (depth) => {
    const chain = Array.from({ length: depth - 1 }, (_, i) => `g, role:d${i + 1}, role:d${i + 2}, acme`);
    const links = ['g, group:idp|a, role:d1, acme', ...chain].join('\n');
    expect(reads(`${links}\n${allow(`role:d${depth}`)}`)).toBe(true);
    expect(reads(`${links}\n${allow('user:idp|alice')}\n${deny(`role:d${depth}`)}`)).toBe(false);
    expect(reads(`${links}\n${allow(`role:d${depth + 1}`)}`)).toBe(false);
  });

  it('going on with an older revision: a role taken away is gone with the next view', () => {
    const policy = newPolicy();
    const before = world(`g, group:idp|a, role:x, acme\n${allow('role:x')}`);
    expect(may(policy, before, alice)).toBe(true);
    expect(may(policy, { ...before, policy: { id: 'r2', lines: lines(`${APP}\n${allow('role:x')}`) } }, alice)).toBe(false);
  });

  it('going on with older labels: a relabelled source counts with the next view', () => {
    const policy = newPolicy();
    const before = world(allow('group:idp|a'));
    expect(may(policy, before, alice)).toBe(true);
    expect(may(policy, { ...before, sources: world('', { sources: [{ id: 'hr', label: label('confidential') }] }).sources }, alice)).toBe(
      false,
    );
  });

  it('caching by token: a caller of the same token with other groups is another caller', () => {
    const policy = newPolicy();
    const on = world(`${allow('group:idp|a')}\n${deny('group:idp|c')}`);
    expect(may(policy, on, caller({ user: 'alice', groups: ['a'] }))).toBe(true);
    expect(may(policy, on, caller({ user: 'alice', groups: ['a', 'c'] }))).toBe(false);
    expect(may(policy, on, caller({ user: 'alice', groups: [] }))).toBe(false);
    expect(may(policy, on, caller({ user: 'alice', groups: ['a'], client: 'bot' }))).toBe(false);
    expect(may(policy, on, caller({ user: 'alice', groups: ['a'], actor: 'bot' }))).toBe(true);
  });
});

describe('who counts', () => {
  it('a deny beats an allow at every level, in any order, and only where it speaks', () => {
    expect(reads(`${deny('group:idp|a')}\n${allow('user:idp|alice')}`)).toBe(false);
    expect(reads(`${allow('user:idp|alice')}\n${deny('group:idp|a')}`)).toBe(false);
    expect(reads(`${allow('user:idp|alice')}\n${deny('client:idp|app')}`)).toBe(false);
    expect(reads(`${allow('user:idp|alice')}\n${deny('group:idp|a', 'retrieve, from:internal|any:legal, *, *')}`)).toBe(true);
    expect(reads(`${allow('user:idp|alice')}\n${deny('group:idp|a', 'ingest, *, *, *')}`)).toBe(true);
    expect(reads(`${allow('user:idp|alice')}\n${deny('group:idp|c')}`)).toBe(true);
  });

  it('a client without a user has its own rights alone', () => {
    expect(reads('', caller({}))).toBe(true);
    expect(reads(allow('everyone'), caller({ client: 'bot' }))).toBe(false);
    expect(reads(deny('client:idp|app'), caller({}))).toBe(false);
  });

  it('an actor lends no right, and a deny on it refuses', () => {
    const acting = caller({ user: 'alice', groups: ['a'], actor: 'agent' });
    expect(reads(allow('group:idp|a'), acting)).toBe(true);
    expect(reads(allow('client:idp|agent'), acting)).toBe(false);
    expect(reads(`${allow('group:idp|a')}\n${deny('client:idp|agent')}`, acting)).toBe(false);
    expect(reads(`${allow('group:idp|a')}\ng, client:idp|agent, role:agents, acme\n${deny('role:agents')}`, acting)).toBe(false);
    expect(reads(`${allow('group:idp|a')}\n${deny('client:idp|agent', 'retrieve, from:internal, *, *')}`, acting)).toBe(true);
  });

  it('a guest is in everyone and not in everyone-except-guests', () => {
    const guest = caller({ user: 'gus', guest: true });
    expect(reads(allow('everyone'), guest)).toBe(true);
    expect(reads(allow('everyone-except-guests'), guest)).toBe(false);
    expect(reads(allow('everyone-except-guests'), alice)).toBe(true);
  });

  it('a group named like a role is not that role', () => {
    expect(reads(allow('role:x'), caller({ user: 'mallory', groups: ['role:x', 'x'] }))).toBe(false);
  });

  it('a purpose can open something and never escapes a deny', () => {
    const policy = newPolicy();
    const on = world(allow('group:idp|a', 'retrieve, upto:internal, *, audit'));
    expect(may(policy, on, alice, 1, 'retrieve', 'audit')).toBe(true);
    expect(may(policy, on, alice, 1, 'retrieve', 'answer')).toBe(false);
    const denied = world(`${allow('group:idp|a', 'retrieve, upto:internal, *, audit')}\n${deny('group:idp|b')}`);
    for (const purpose of purposes) expect(may(policy, denied, alice, 1, 'retrieve', purpose)).toBe(false);
    expect(() => policy.decide(on, alice, 'retrieve', 'sales')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => policy.confirm(on, alice, 1 as ZoneId, 'retrieve', '*')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('a pattern covers what starts so, and an exact name itself alone', () => {
    const on = world(`p, group:idp|a, acme, hr-*, retrieve, upto:internal, *, *, allow`, {
      sources: [{ id: 'hr' }, { id: 'hr-notes' }, { id: 'HR-notes' }],
      zones: { 1: ['hr', label()], 2: ['hr-notes', label()], 3: ['HR-notes', label()], 4: ['nowhere', label()] },
    });
    expect(newPolicy().decide(on, alice, 'retrieve', 'answer')).toEqual({ kind: 'zones', zones: [2] });
  });

  it('another tenant: neither its callers nor its lines count', () => {
    const on = world(allow('everyone'));
    const stranger = caller({ user: 'alice', groups: ['a'], tenant: 'other' as TenantId });
    expect(may(newPolicy(), on, alice)).toBe(true);
    expect(may(newPolicy(), on, stranger)).toBe(false);
    const foreign = world(allow('everyone').replace('acme', 'other'));
    expect(() => newPolicy().decide(foreign, alice, 'retrieve', 'answer')).toThrow(expect.objectContaining({ code: 'policy_unavailable' }));
  });

  it('no lines at all, and no zones: nothing', () => {
    const empty = view({ policy: '', sources: [{ id: 'hr' }], zones: { 1: ['hr', label()] } });
    expect(may(newPolicy(), empty, alice)).toBe(false);
    expect(may(newPolicy(), world(allow('everyone'), { zones: {} }), alice)).toBe(false);
  });
});

describe('switches, ceilings and sources that are going', () => {
  const text = `${allow('group:idp|a')}\n${allow('group:idp|a', 'label, upto:internal, *, *')}\n${APP.replace('retrieve', 'label')}`;
  const off = (name: string): Partial<Sketch> => ({ off: { principals: new Set([name as Principal]) } });
  const gate = (...names: string[]): Partial<Sketch> => ({
    sources: [{ id: 'hr', ceiling: { kind: 'gate', principals: names as Principal[] } }],
  });
  const reason = (sketch: Partial<Sketch>, who = alice, action: Action = 'retrieve') => {
    const [policy, on] = [newPolicy(), world(text, sketch)];
    const permitted = may(policy, on, who, 1, action);
    const verdict = policy.confirm(on, who, 1 as ZoneId, action, 'answer');
    expect(permitted).toBe(verdict.kind === 'permit');
    return verdict.kind === 'permit' ? 'permit' : verdict.reason;
  };

  it('stop reading, with the reason', () => {
    expect(reason({})).toBe('permit');
    expect(reason({ off: { everything: true } })).toBe('switched-off');
    expect(reason({ off: { sources: new Set(['hr' as SourceId]) } })).toBe('switched-off');
    expect(reason({ off: { sources: new Set(['wiki' as SourceId]) } })).toBe('permit');
    for (const name of ['user:idp|alice', 'group:idp|b', 'client:idp|app']) expect(reason(off(name))).toBe('switched-off');
    expect(reason(off('client:idp|agent'), caller({ user: 'alice', groups: ['a'], actor: 'agent' }))).toBe('switched-off');
    expect(reason(off('user:idp|bob'))).toBe('permit');
    expect(reason({ sources: [{ id: 'hr', state: 'deleting' }] })).toBe('unknown-zone');
    expect(reason({ sources: [] })).toBe('unknown-zone');
    expect(reason({ zones: {} })).toBe('unknown-zone');
  });

  it('a ceiling bounds readers, by the user or, without one, by the client', () => {
    expect(reason(gate('group:idp|b'))).toBe('permit');
    expect(reason(gate('group:idp|c'))).toBe('ceiling');
    expect(reason(gate('client:idp|app'))).toBe('ceiling');
    expect(reason(gate())).toBe('ceiling');
    expect(reason(gate('client:idp|app'), caller({}))).toBe('permit');
    expect(reason(gate('everyone'), caller({}))).toBe('ceiling');
  });

  it('leave the administration of switches alone, but not to somebody switched off', () => {
    expect(reason({ off: { everything: true } }, alice, 'label')).toBe('permit');
    expect(reason({ off: { sources: new Set(['hr' as SourceId]) } }, alice, 'label')).toBe('permit');
    expect(reason(gate('group:idp|c'), alice, 'label')).toBe('permit');
    expect(reason(off('user:idp|alice'), alice, 'label')).toBe('switched-off');
  });
});

describe('confirm', () => {
  it("names the lines that allowed, the user's first, and why not otherwise", () => {
    const policy = newPolicy();
    const on = world(`${allow('group:idp|b')}\n${allow('user:idp|alice')}\n${allow('group:idp|a', 'retrieve, upto:public+people, *, *')}`);
    const verdict = policy.confirm(on, alice, 1 as ZoneId, 'retrieve', 'answer');
    expect(verdict).toMatchObject({ kind: 'permit' });
    const rules = verdict.kind === 'permit' ? verdict.rules : [];
    expect(rules.toSorted()).toEqual(['line:1', 'line:2', 'line:3', 'line:4']);
    expect(rules.at(-1)).toBe('line:1');
    const why = (text: string, who: Caller) => newPolicy().confirm(world(text), who, 1 as ZoneId, 'retrieve', 'answer');
    expect(why('', alice)).toEqual({ kind: 'refuse', reason: 'user-not-permitted' });
    expect(why(allow('everyone'), caller({ user: 'alice', client: 'bot' }))).toEqual({ kind: 'refuse', reason: 'client-not-permitted' });
    expect(why(`${allow('everyone')}\n${deny('client:idp|app')}`, alice)).toEqual({ kind: 'refuse', reason: 'denied' });
  });
});

describe('authorize', () => {
  const on = world('p, group:idp|a, acme, *, retrieve, upto:confidential, *, *, allow', {
    sources: [{ id: 'hr', label: label('internal', [], 'internal') }, { id: 'wiki' }],
    zones: { 1: ['hr', label()], 2: ['hr', label('confidential')], 3: ['wiki', label('public', [], 'external')], 4: ['wiki', label()] },
  });
  const numbers = new Map<Principal, PrincipalNumber>(
    Object.entries({ 'group:idp|b': 9, 'group:idp|a': 4, 'client:idp|app': 5, 'group:idp|other': 6 }).map(
      ([name, number]): [Principal, PrincipalNumber] => [name as Principal, number as PrincipalNumber],
    ),
  );
  const authorize = (restriction: Restriction, who = alice) => {
    const policy = newPolicy();
    return policy.authorize({
      view: on,
      caller: who,
      decision: policy.decide(on, who, 'retrieve', 'answer'),
      restriction,
      numbers,
      now: 7,
    });
  };
  const zones = (restriction: Restriction) => {
    const made = authorize(restriction);
    return made.kind === 'none' ? 'none' : made.filter.zones.kind === 'flat' ? made.filter.zones.ids : 'runs';
  };

  it("mints the caller's zones and numbers, frozen", () => {
    const made = authorize({});
    expect(made).toEqual({
      kind: 'filter',
      filter: {
        tenant,
        zones: { kind: 'flat', ids: [1, 2, 3, 4] },
        gate: [4, 9],
        deny: [4, 5, 9],
        now: 7,
        metadata: { kind: 'none' },
        grants: { kind: 'none' },
        without: { kind: 'none' },
      },
    });
    expect(Object.isFrozen(made.kind === 'filter' && made.filter)).toBe(true);
    const alone = authorize({}, caller({}));
    expect(alone).toMatchObject({ filter: { gate: [5], deny: [5] } });
  });

  it('narrows by sources and by effective labels', () => {
    expect(zones({ sources: ['hr' as SourceId] })).toEqual([1, 2]);
    expect(zones({ sources: [] })).toBe('none');
    expect(zones({ sources: ['elsewhere' as SourceId] })).toBe('none');
    expect(zones({ minTrust: 'trusted' })).toEqual([4]);
    expect(zones({ minTrust: 'internal' })).toEqual([1, 2, 4]);
    expect(zones({ maxLevel: 'public' as Level })).toEqual([3, 4]);
    expect(zones({ maxLevel: 'internal' as Level })).toEqual([1, 3, 4]);
    expect(zones({ maxLevel: 'public' as Level, sources: ['hr' as SourceId] })).toBe('none');
  });

  it('is none for a caller with nothing to read', () => {
    expect(authorize({}, caller({ user: 'bob' }))).toEqual({ kind: 'none' });
  });

  it('takes no decision but its own, for this view, this caller and reading', () => {
    const policy = newPolicy();
    const own = policy.decide(on, alice, 'retrieve', 'answer');
    const bob = caller({ user: 'bob', groups: ['a'] });
    const attempt = (decision: Decision, who = alice, at = on) => {
      return () => policy.authorize({ view: at, caller: who, decision, restriction: {}, numbers, now: 7 });
    };
    expect(attempt(own)).not.toThrow();
    const refused = expect.objectContaining({ code: 'policy_unavailable' }) as Error;
    expect(attempt({ kind: 'zones', zones: [1, 2, 3, 4] as ZoneId[] })).toThrow(refused);
    expect(attempt(own, bob)).toThrow(refused);
    expect(attempt(own, alice, { ...on })).toThrow(refused);
    const audit = policy.decide(
      world(`${APP.replace('retrieve', 'audit')}\n${allow('group:idp|a', 'audit, upto:public, *, *')}`),
      alice,
      'audit',
      'answer',
    );
    expect(audit.kind).toBe('zones');
    expect(attempt(audit)).toThrow(refused);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses to mint with the time %d', (now) => {
    const policy = newPolicy();
    const decision = policy.decide(on, alice, 'retrieve', 'answer');
    expect(() => policy.authorize({ view: on, caller: alice, decision, restriction: {}, numbers, now })).toThrow(/out of range/);
  });
});

describe('management', () => {
  const manager = `${APP.replace('retrieve', 'ingest')}\n${APP.replace('retrieve', 'audit')}\np, client:idp|app, acme, *, administer, *, *, *, allow`;
  const object = (trust: Trust, level = 'public') => ({ tenant, source: 'hr' as SourceId, label: label(level, [], trust) });

  it("gives a writer the trust of its grant, and never more than its application's", () => {
    const trust = (text: string, who = alice) => {
      const found = newPolicy().writerTrust(world(`${manager}\n${text}`), who, object('trusted'));
      return found.kind === 'none' ? 'none' : found.trust;
    };
    const grant = (who: string, as: string) => allow(who, `ingest, upto:internal, ${as}, *`);
    expect(trust('')).toBe('none');
    expect(newPolicy().writerTrust(world(`${manager}\n${grant('group:idp|a', 'as:internal')}`), alice, object('trusted'))).toEqual({
      kind: 'trust',
      trust: 'internal',
    });
    expect(trust(grant('group:idp|a', '*'))).toBe('trusted');
    expect(trust(grant('group:idp|a', 'as:internal'))).toBe('internal');
    expect(trust(`${grant('group:idp|a', 'as:external')}\n${grant('group:idp|b', 'as:internal')}`)).toBe('internal');
    expect(
      trust(`${grant('group:idp|a', '*')}\n${grant('client:idp|bot', 'as:external')}`, caller({ user: 'x', groups: ['a'], client: 'bot' })),
    ).toBe('external');
    expect(trust(`${grant('group:idp|a', '*')}\n${deny('group:idp|b', 'ingest, *, *, *')}`)).toBe('none');
  });

  it('lets a writer hand in what its grant covers and nothing above it', () => {
    const on = world(`${manager}\n${allow('group:idp|a', 'ingest, upto:internal, as:internal, *')}`);
    const kinds = (['external', 'internal', 'trusted'] as const).map(
      (trust) => newPolicy().permits(on, alice, 'ingest', object(trust)).kind,
    );
    expect(kinds).toEqual(['permit', 'permit', 'refuse']);
    expect(newPolicy().permits(on, alice, 'ingest', object('internal', 'confidential')).kind).toBe('refuse');
    expect(newPolicy().permits(on, alice, 'ingest', { ...object('internal'), source: 'new' as SourceId })).toMatchObject({
      reason: 'unknown-zone',
    });
    expect(newPolicy().permits(on, alice, 'ingest', { ...object('internal'), tenant: 'other' as TenantId }).kind).toBe('refuse');
  });

  it('administers the tenant by a line for the whole of it', () => {
    const administers = (text: string, sketch: Partial<Sketch> = {}, who = alice) =>
      newPolicy().permitsTenant(world(`${manager}\n${text}`, sketch), who, 'administer').kind;
    const line = 'p, group:idp|a, acme, *, administer, *, *, *, allow';
    expect(administers(line)).toBe('permit');
    expect(administers(line, { off: { everything: true } })).toBe('permit');
    expect(administers(line, { off: { principals: new Set(['user:idp|alice' as Principal]) } })).toBe('refuse');
    expect(administers('')).toBe('refuse');
    expect(administers(line, {}, caller({ user: 'bob' }))).toBe('refuse');
    expect(administers(line, {}, caller({ user: 'alice', groups: ['a'], client: 'bot' }))).toBe('refuse');
    expect(administers(`${line}\np, group:idp|b, acme, *, administer, *, *, *, deny`)).toBe('refuse');
  });

  it('audits the tenant as a whole only with a ceiling over all of it and no deny on any of it', () => {
    const audits = (text: string, sketch: Partial<Sketch> = {}) =>
      newPolicy().permitsTenant(world(`${manager}\n${text}`, sketch), alice, 'audit').kind;
    const line = 'p, group:idp|a, acme, *, audit, upto:restricted+people, *, *, allow';
    expect(audits(line)).toBe('permit');
    expect(audits(line, { zones: { 1: ['hr', label('public', ['people'])] } })).toBe('permit');
    expect(audits(line, { zones: { 1: ['hr', label('public', ['legal'])] } })).toBe('refuse');
    expect(audits(line, { sources: [{ id: 'hr', label: label('public', ['legal']) }] })).toBe('refuse');
    expect(audits(line.replace('restricted', 'confidential'))).toBe('refuse');
    expect(audits(line.replace('acme, *', 'acme, hr'))).toBe('refuse');
    expect(audits(`${line}\n${deny('group:idp|b', 'audit, *, *, *')}`)).toBe('refuse');
  });
});

describe('a policy that cannot be judged by', () => {
  it.each([
    ['an unknown level', allow('everyone', 'retrieve, upto:secret, *, *')],
    ['a circle of roles', 'g, role:x, role:x, acme'],
    ['an unknown purpose', allow('everyone', 'retrieve, upto:internal, *, sales')],
  ])('answers nothing: %s', (_name, bad) => {
    const [policy, on] = [newPolicy(), world(`${allow('everyone')}\n${bad}`)];
    const unavailable = expect.objectContaining({ code: 'policy_unavailable' }) as Error;
    expect(() => policy.decide(on, alice, 'retrieve', 'answer')).toThrow(unavailable);
    expect(() => policy.confirm(on, alice, 1 as ZoneId, 'retrieve', 'answer')).toThrow(unavailable);
    expect(() => policy.permitsTenant(on, alice, 'administer')).toThrow(unavailable);
    expect(policy.check('acme', on.policy.lines)).toHaveLength(1);
  });

  it('nor where the view speaks of other levels', () => {
    const other = { ...world(allow('everyone')), scheme: labelScheme(['internal', 'public', 'confidential', 'restricted']) };
    expect(() => newPolicy().decide(other, alice, 'retrieve', 'answer')).toThrow(/label scheme/);
  });

  it('does not start with a model it was not written for', () => {
    const options = { purposes: [...purposes] as const, scheme, telemetry: silentTelemetry };
    expect(() => createPolicy({ ...options, model: modelText })).not.toThrow();
    expect(() => createPolicy({ ...options, model: modelText.replace('covers', '!covers') })).toThrow(/model\.conf/);
  });
});
