import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceId, TenantId, ZoneId } from '../../src/core/ids.ts';
import type { TenantView } from '../../src/core/ports/catalog.ts';
import type { PolicyPort } from '../../src/core/ports/policy.ts';
import type { Source } from '../../src/core/zone.ts';
import { figure, trials } from '../support/scale.ts';
import { anyCase, PURPOSES, type CaseCaller, type DecisionCase } from './decisions-case.ts';
import { anyChange } from './decisions-changes.ts';
import { expectedRights } from './decisions-oracle.ts';
import { callerOf, newPolicy, viewOf, type Tenants } from './decisions-world.ts';

const TENANTS: Tenants = { own: 'own' as TenantId, other: 'other' as TenantId };

interface Former {
  readonly view: TenantView;
  readonly one: DecisionCase;
}

/** What a view that follows shares with the one before: zones stay the objects they are, as in the catalog, or everything is read anew. */
function following(before: TenantView, one: DecisionCase, keep: boolean): TenantView {
  const next = viewOf(one, TENANTS.own, one.lines);
  const samePolicy = JSON.stringify(before.policy.lines) === JSON.stringify(next.policy.lines);
  if (!keep) return { ...next, generation: before.generation + 1 };
  const zones = new Map([...next.zones].map(([id, zone]) => [id, sameZone(before, id, zone) ?? zone]));
  return { ...next, generation: before.generation + 1, zones, policy: samePolicy ? before.policy : next.policy };
}

function sameZone(before: TenantView, id: ZoneId, zone: object) {
  const was = before.zones.get(id);
  return JSON.stringify(was) === JSON.stringify(zone) ? was : undefined;
}

const ASKED = [
  ['retrieve', PURPOSES[0]],
  ['retrieve', PURPOSES[1]],
  ['audit', PURPOSES[0]],
] as const;
const seen = { steps: 0, decisions: 0, permitted: 0, moved: 0 };

/** The policy that saw all former views, one that sees this one first, Casbin: what each caller may do, where they agree. */
async function agreed(
  updated: PolicyPort,
  view: TenantView,
  one: DecisionCase,
  callers: readonly CaseCaller[],
): Promise<readonly number[][]> {
  const anew = newPolicy();
  const expected = await expectedRights(one);
  return callers.flatMap((caller) =>
    ASKED.map(([action, purpose]) => {
      const who = callerOf(TENANTS, caller);
      const decision = updated.decide(view, who, action, purpose);
      expect(decision).toEqual(anew.decide(view, who, action, purpose));
      const wanted = one.zones.filter((_, zone) => expected.zone(caller, zone, action, purpose)).map(({ id }) => id);
      expect(decision.kind === 'zones' ? decision.zones : []).toEqual(wanted);
      const confirmed = one.zones.filter(({ id }) => updated.confirm(view, who, id as ZoneId, action, purpose).kind === 'permit');
      expect(confirmed.map(({ id }) => id)).toEqual(wanted);
      seen.decisions += one.zones.length;
      seen.permitted += wanted.length;
      return wanted;
    }),
  );
}

describe('a tenant that changes step by step', () => {
  it('gets the decisions that are made anew, and those of Casbin, for every caller after every step', async () => {
    const steps = fc.array(fc.tuple(anyChange, fc.boolean()), { minLength: 4, maxLength: 8, size: 'max' });
    const property = fc.asyncProperty(anyCase, steps, async (start, changes) => {
      const updated = newPolicy();
      const callers = start.callers.map((caller) => ({ ...caller, other: false }));
      let [one, view] = [start, viewOf(start, TENANTS.own, start.lines)];
      const former: Former[] = [{ view, one }];
      let answers = JSON.stringify(await agreed(updated, view, one, callers));
      for (const [change, keep] of changes) {
        one = change(one);
        view = following(view, one, keep);
        former.push({ view, one });
        const now = JSON.stringify(await agreed(updated, view, one, callers));
        if (now !== answers) seen.moved += 1;
        answers = now;
        seen.steps += 1;
      }
      await stillTrue(former, updated, callers);
    });
    await fc.assert(property, { numRuns: trials(25, 3_000) });
    // Steps that change nobody's rights would prove nothing.
    expect(seen.moved / seen.steps).toBeGreaterThan(0.1);
    expect(seen.permitted / seen.decisions).toBeGreaterThan(0.05);
    const what = `${seen.steps} changes, ${seen.moved} of them of somebody's rights, ${seen.decisions} zone decisions`;
    figure('decisions: updated step by step, made anew, Casbin', `${what}, 0 divergences`);
  });

  it('never takes a source for the one of another tenant, or a label for another', () => {
    const policy = newPolicy();
    const zones = [{ id: 1, source: 'hr', level: 'public', compartments: [], trust: 'trusted' }];
    const base: DecisionCase = {
      lines: ['p, client:idp|app, @, *, retrieve, upto:internal, *, *, allow'],
      otherLines: [],
      sources: [{ id: 'hr', level: 'public', compartments: [], trust: 'trusted' }],
      zones,
      chunks: [],
      off: { everything: false, sources: [], principals: [] },
      callers: [],
      purpose: 'answer',
      restriction: {},
    };
    const app = callerOf(TENANTS, { client: 'client:idp|app', groups: [], guest: false, actors: [] });
    const reads = (view: TenantView): boolean => policy.decide(view, app, 'retrieve', 'answer').kind === 'zones';
    const view = viewOf(base, TENANTS.own, base.lines);
    expect(reads(view)).toBe(true);
    const foreign = new Map([...view.sources].map(([id, source]): [SourceId, Source] => [id, { ...source, tenant: TENANTS.other }]));
    expect(reads({ ...view, sources: foreign })).toBe(false);
    expect(reads({ ...view })).toBe(true);
    expect(
      reads(viewOf({ ...base, sources: base.sources.map((source) => ({ ...source, level: 'confidential' })) }, TENANTS.own, base.lines)),
    ).toBe(false);
    expect(reads(viewOf({ ...base, zones: zones.map((zone) => ({ ...zone, level: 'restricted' })) }, TENANTS.own, base.lines))).toBe(false);
    expect(reads(viewOf(base, TENANTS.own, base.lines))).toBe(true);
  });
});

/** A request that began before goes on with its own view, and gets what that view says. */
async function stillTrue(former: readonly Former[], policy: PolicyPort, callers: readonly CaseCaller[]): Promise<void> {
  for (const { view, one } of [former[0], former[1], former.at(-2)].filter((some) => some !== undefined)) {
    const expected = await expectedRights(one);
    for (const caller of callers) {
      // Its former decision is remembered with the view; this purpose was not asked for.
      const decision = policy.decide(view, callerOf(TENANTS, caller), 'replay', PURPOSES[2]);
      const wanted = one.zones.filter((_, zone) => expected.zone(caller, zone, 'replay', PURPOSES[2])).map(({ id }) => id);
      expect(decision.kind === 'zones' ? decision.zones : []).toEqual(wanted);
    }
  }
}
