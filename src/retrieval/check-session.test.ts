import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { Level } from '../core/label.ts';
import type { Principal } from '../core/principal.ts';
import { parseSessionName, sessionKey, type SessionName, type SessionState } from '../core/session.ts';
import { checkSession } from './check-session.ts';
import { CALLER, label, view } from './retrieval.fixture.ts';

const NAME = parseSessionName('chat') as SessionName;
const SINK = { level: 'internal' as Level, compartments: [], minTrust: undefined };
const AGENT = 'client:idp|agent' as Principal;
const PERSON = 'user:idp|agent' as Principal;

/** A session of `CALLER` that saw something public, and whoever is switched off. */
function catalogWith(off: readonly Principal[]): Parameters<typeof checkSession>[0] {
  const known = sessionKey(CALLER, NAME).id;
  const here = view();
  return {
    epoch: async () => ({ kind: 'epoch', stamp: { tenant: 1, global: 1, generation: 1 } }),
    view: async () => ({ ...here, off: { ...here.off, principals: new Set(off) } }),
    resolve: async (caller) => caller,
    session: async (_tenant, id): Promise<SessionState> =>
      id === known ? { kind: 'open', seen: { turns: 1, label: label('public') } } : { kind: 'none' },
  } as Partial<Parameters<typeof checkSession>[0]> as Parameters<typeof checkSession>[0];
}

const acting: Caller = { ...CALLER, actor: { kind: 'actor', principals: [AGENT, PERSON] }, actorChain: ['agent'] };
const reasons = async (caller: Caller, off: readonly Principal[]) => {
  const answer = await checkSession(catalogWith(off), caller, NAME, SINK);
  expect(answer.allowed).toBe(answer.reasons.length === 0);
  return answer.reasons;
};

describe('a sink', () => {
  it('is open to what a session saw, through an agent too', async () => {
    expect(await reasons(CALLER, [])).toEqual([]);
    expect(await reasons(acting, [AGENT.replace('agent', 'other') as Principal])).toEqual([]);
  });

  it.each([
    ['the person', CALLER, 'user:idp|ada'],
    ['the application', CALLER, 'client:idp|assistant'],
    ['an agent that acts for the person', acting, AGENT],
    ['an agent that may be a person', acting, PERSON],
  ])('is closed, and says nothing of the session, once %s is switched off', async (_who, caller, off) => {
    expect(await reasons(caller, [off as Principal])).toEqual(['switched_off']);
    expect(await checkSession(catalogWith([off as Principal]), caller, NAME, SINK)).not.toHaveProperty('label');
  });
});
