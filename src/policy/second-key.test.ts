import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { SourceId, TenantId } from '../core/ids.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import { policyFunctions } from './functions.ts';
import { loadModel } from './model.ts';
import { indexRevision } from './revision-index.ts';
import { revisionRoom } from './revision-room.ts';
import { secondKey } from './second-key.ts';
import { parties, standingOf, standingSize } from './standing.ts';
import { caller, label, lines, modelText, newPolicy, purposes, scheme, tenant, view } from './world.fixture.ts';

const POLICY = lines(`p, client:idp|app, acme, *, retrieve, upto:restricted, *, *, allow
p, user:idp|ada, acme, *, retrieve, upto:internal, *, *, allow
p, user:idp|ada, acme, *, retrieve, from:internal, *, *, deny
p, client:idp|agent, acme, hr, retrieve, upto:restricted, *, *, allow
p, client:idp|agent, acme, wiki, retrieve, *, *, *, deny
p, role:x, acme, wiki, audit, *, *, *, deny
g, client:idp|agent, role:x, acme
g, group:idp|a, role:x, acme`);
const functions = policyFunctions(scheme);
const model = loadModel(modelText);
const revision = { id: 'r1', lines: POLICY };
const parts = { model, functions, vocabulary: { scheme, purposes: [...purposes] as const }, telemetry: silentTelemetry };
const standing = (who: Caller) => revisionRoom(parts, tenant, revision).standing(who);
const question = (of: TenantId = tenant) =>
  ({ object: { tenant: of, source: 'hr' as SourceId, label: label('internal') }, action: 'retrieve', purpose: 'answer' }) as const;

describe('the second key', () => {
  it('speaks of no line of another tenant, not even to say that one denies', () => {
    const key = secondKey(model, functions);
    const ada = standing(caller({ user: 'ada' }));
    expect(key.verdict(ada, question())).toEqual({ kind: 'refuse', reason: 'denied' });
    expect(key.verdict(ada, question('other' as TenantId))).toEqual({ kind: 'refuse', reason: 'user-not-permitted' });
  });

  it('answers nothing where Casbin fails', () => {
    const failing = {
      ...functions,
      covers: () => {
        throw new Error('out of order');
      },
    };
    const refused = expect.objectContaining({
      code: 'policy_unavailable',
      message: 'Casbin could not judge',
      cause: expect.objectContaining({ message: 'out of order' }) as Error,
    }) as Error;
    expect(() => secondKey(model, failing).verdict(standing(caller({})), question())).toThrow(refused);
    expect(secondKey(model, functions).verdict(standing(caller({})), question())).toEqual({ kind: 'permit', rules: ['line:1'] });
  });
});

describe('a standing', () => {
  const index = indexRevision(tenant, revision, functions.serves);
  const shared = parties(index, (_key, make) => make());
  const of = (who: Caller) => standingOf(index, shared, who, 'key');
  const numbers = (rules: readonly { readonly line: number }[]) => rules.map(({ line }) => line);

  it('gives an actor its deny lines alone, and a client all of its lines', () => {
    const { actor } = of(caller({ user: 'ada', actor: 'agent' }));
    const { client, user } = of(caller({ client: 'agent' }));
    expect(actor.kind === 'party' && numbers(actor.party.rules('retrieve'))).toEqual([5]);
    expect(numbers(client.rules('retrieve'))).toEqual([4, 5]);
    expect(actor.kind === 'party' && numbers(actor.party.rules('audit'))).toEqual([6]);
    expect(user).toEqual({ kind: 'none' });
    expect(of(caller({ user: 'ada' })).actor).toEqual({ kind: 'none' });
  });

  it('answers the same question with the same lines', () => {
    const { client } = of(caller({}));
    expect(client.serving('retrieve', 'answer')).toBe(client.serving('retrieve', 'answer'));
    expect(client.rules('retrieve')).toBe(client.rules('retrieve'));
    expect(client.serving('audit', 'answer')).toEqual([]);
  });

  it('weighs the names it keeps alive', () => {
    // The client and its node.
    expect(standingSize(of(caller({})))).toBe(2);
    // And ada, a group and two built-in names, the nodes of ada, the group and its role.
    expect(standingSize(of(caller({ user: 'ada', groups: ['a'] })))).toBe(2 + 4 + 3);
    // And two names of the actor, one node and its role.
    expect(standingSize(of(caller({ user: 'ada', groups: ['a'], actor: 'agent' })))).toBe(2 + 4 + 3 + 2 + 2);
  });
});

describe('a right over the whole tenant', () => {
  const whole = (audit: string, trust: 'trusted' | 'external' = 'trusted', off: readonly string[] = []) => {
    const policy = `p, client:idp|app, acme, *, audit, upto:restricted, *, *, allow
p, user:idp|ada, acme, *, audit, upto:restricted, ${audit}, *, allow
p, user:idp|bob, acme, *, audit, upto:restricted, *, *, allow
p, user:idp|bob, acme, hr, audit, *, *, *, deny`;
    return view({
      policy,
      sources: [{ id: 'hr' }, { id: 'wiki', label: label('public', [], trust) }],
      zones: { 1: ['hr', label()] },
      off: { principals: new Set(off as Principal[]) },
    });
  };
  const verdict = (on: ReturnType<typeof whole>, user = 'ada') => newPolicy().permitsTenant(on, caller({ user }), 'audit');

  it('needs the trust of the least trusted part', () => {
    expect(verdict(whole('min:trusted'))).toEqual({ kind: 'permit', rules: ['line:2', 'line:1'] });
    expect(verdict(whole('min:trusted', 'external'))).toEqual({ kind: 'refuse', reason: 'user-not-permitted' });
    expect(verdict(whole('min:external', 'external')).kind).toBe('permit');
  });

  it('is denied by a deny on a part, and otherwise refused for its own reason', () => {
    expect(verdict(whole('*'), 'bob')).toEqual({ kind: 'refuse', reason: 'denied' });
    expect(verdict(whole('*', 'trusted', ['user:idp|bob']), 'bob')).toEqual({ kind: 'refuse', reason: 'switched-off' });
  });
});
