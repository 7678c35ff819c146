import { describe, expect, it } from 'vitest';
import type { Caller } from './caller.ts';
import { digestOf } from './digest.ts';
import { asAppError, AppError, ERROR_CODES, errorTable } from './errors.ts';
import { grantsFor, judgeAccess, type Grant, type Placed } from './grants.ts';
import type { DocumentKey, SourceId, TenantId, ZoneId } from './ids.ts';
import { labelScheme, type Label, type Level } from './label.ts';
import type { Principal } from './principal.ts';
import { judgeSink, parseSessionName, sessionKey, type SessionName, type SessionState, type Sink } from './session.ts';
import { effectiveZone, type Source } from './zone.ts';

const ALICE = 'user:i|alice' as Principal;
const CLIENT = 'client:i|app' as Principal;
const caller: Pick<Caller, 'tenant' | 'user' | 'client'> = {
  tenant: 't' as TenantId,
  user: { kind: 'user', principal: ALICE, groups: [], guest: false },
  client: CLIENT,
};
const alone = { ...caller, user: { kind: 'none' } } as const;
const scheme = labelScheme(['public', 'secret']);
const label = (level: string, compartments: readonly string[] = [], trust: Label['trust'] = 'trusted'): Label => ({
  level: level as Level,
  compartments,
  trust,
});

describe('grants', () => {
  const placed: Placed = { key: 'd' as DocumentKey, zone: 1 as ZoneId };
  const grant = (id: string, changes: Partial<Grant> = {}): Grant => ({
    id,
    principal: ALICE,
    source: 's' as SourceId,
    zones: new Set([1 as ZoneId]),
    document: { kind: 'all' },
    validFrom: 10,
    validUntil: 20,
    ...changes,
  });
  const subject = { gate: new Set([ALICE]), deny: new Set([ALICE, CLIENT]) };
  const closed = { gates: [['user:i|bob' as Principal]], deny: [] };
  const judge = (
    grants: readonly Grant[],
    at = 10,
    acl: Parameters<typeof judgeAccess>[0] = closed,
    who: typeof caller | typeof alone = caller,
  ) => judgeAccess(acl, subject, new Map([[ALICE, grants]]), who as Caller, placed, at);
  const opens = (changes: Partial<Grant>, at?: number) => judge([grant('g', changes)], at).kind === 'permit';
  const refused = { kind: 'refused-by-gate', gate: 0, timed: false };

  it('open the gates of what they cover, from their beginning to their end', () => {
    expect([9, 10, 19, 20].map((at) => opens({}, at))).toEqual([false, true, true, false]);
    expect([opens({ zones: new Set([2 as ZoneId]) }), opens({ zones: new Set([2 as ZoneId, 1 as ZoneId]) })]).toEqual([false, true]);
    const one = (key: string): Partial<Grant> => ({ document: { kind: 'one', key: key as DocumentKey } });
    expect([opens(one('d')), opens(one('e')), opens({ ...one('d'), zones: new Set() })]).toEqual([true, false, false]);
    expect(judge([])).toEqual(refused);
    expect(judge([grant('g', { validFrom: 11 })])).toEqual(refused);
  });

  it('are named: of several the one that ends last', () => {
    const [short, long] = [grant('short'), grant('long', { validUntil: 30 })];
    for (const grants of [
      [short, long],
      [long, short],
    ])
      expect(judge(grants)).toEqual({ kind: 'permit', grant: long });
    expect(judge([short], 10, { gates: [[ALICE]], deny: [] })).toEqual({ kind: 'permit', grant: undefined });
  });

  it('open nothing that a deny keeps closed, and nothing to an application or to somebody else', () => {
    expect(judge([grant('g')], 10, { gates: [], deny: [ALICE] })).toEqual({ kind: 'refused-by-deny', timed: false });
    expect(judge([grant('g')], 10, closed, alone)).toEqual(refused);
    const bob = { ...caller, user: { ...caller.user, principal: 'user:i|bob' as Principal } } as Caller;
    expect(judgeAccess(closed, subject, new Map([[ALICE, [grant('g')]]]), bob, placed, 10)).toEqual(refused);
    expect([19, 20].map((at) => grantsFor(new Map([[ALICE, [grant('g')]]]), caller as Caller, at).length)).toEqual([1, 0]);
    expect(grantsFor(new Map([[ALICE, [grant('g')]]]), alone as unknown as Caller, 10)).toEqual([]);
  });
});

describe('a session', () => {
  it('has a name of letters, digits and a few signs', () => {
    for (const name of ['a', '0', 'A.b_c:d-e', 'x'.repeat(128)]) expect(parseSessionName(name)).toBe(name);
    for (const name of ['', '.a', '-', 'a b', 'a/b', 'é', 'a\n', 'x'.repeat(129)]) expect(parseSessionName(name)).toBeUndefined();
  });

  it('is one of one person, application, tenant and name', () => {
    const name = 'n' as SessionName;
    const key = sessionKey(caller, name);
    expect(key).toEqual({
      id: digestOf('["session","t","user:i|alice","client:i|app","n"]'),
      holder: digestOf('["holder","t","user:i|alice","client:i|app"]'),
      person: digestOf('["person","t","user:i|alice"]'),
    });
    expect(sessionKey(alone, name).person).toBeNull();
    expect(sessionKey(alone, name).holder).toBe(digestOf('["holder","t",null,"client:i|app"]'));
    expect(sessionKey(caller, 'm' as SessionName)).toMatchObject({ holder: key.holder });
  });

  const sink: Sink = { level: 'public' as Level, compartments: ['a', 'b'], minTrust: 'internal' };
  const open = (seen: Label | undefined): SessionState => ({ kind: 'open', seen: { turns: 1, label: seen } });

  it.each<[SessionState, Partial<Sink>, readonly string[]]>([
    [{ kind: 'none' }, {}, ['session_unknown']],
    [{ kind: 'ended' }, {}, ['session_ended']],
    [{ kind: 'unreadable' }, {}, ['session_ended']],
    [open(undefined), {}, []],
    [open(label('public', ['a', 'b'], 'internal')), {}, []],
    [open(label('public')), { level: 'secret' as Level }, []],
    [open(label('secret')), { level: 'secret' as Level }, []],
    [open(label('secret')), {}, ['level_too_high']],
    [open(label('public', ['a', 'c'])), {}, ['compartment_not_cleared']],
    [open(label('public', [], 'external')), {}, ['trust_too_low']],
    [open(label('public', [], 'external')), { minTrust: undefined }, []],
    [open(label('secret', ['c'], 'external')), {}, ['level_too_high', 'compartment_not_cleared', 'trust_too_low']],
  ])('that is %j before %j may send on but for %j', (state, changes, reasons) => {
    expect(judgeSink(scheme, state, { ...sink, ...changes })).toEqual(reasons);
  });
});

describe('a zone', () => {
  it('is as sensitive as its source and what it declares together', () => {
    const source = { tenant: 't', id: 's', label: label('secret', ['b'], 'internal') } as unknown as Source;
    expect(effectiveZone(scheme, source, label('public', ['a']))).toEqual({
      tenant: 't',
      source: 's',
      label: label('secret', ['a', 'b'], 'internal'),
    });
  });
});

describe('errors', () => {
  it('of others are wrapped, and ours pass', () => {
    const [own, foreign] = [new AppError('forbidden'), new Error('inside')];
    expect(asAppError(own, 'internal')).toBe(own);
    const wrapped = asAppError(foreign, 'catalog_unavailable');
    expect([wrapped.code, wrapped.cause, wrapped.message]).toEqual(['catalog_unavailable', foreign, 'catalog_unavailable']);
  });

  it('are a closed table of code, status and one fixed sentence', () => {
    expect(errorTable().map(({ code }) => code)).toEqual(ERROR_CODES);
    for (const { code, status, message } of errorTable()) {
      expect(new AppError(code)).toMatchObject({ status, publicMessage: message });
      expect([status >= 400 && status < 600, message.endsWith('.')], code).toEqual([true, true]);
    }
  });
});
