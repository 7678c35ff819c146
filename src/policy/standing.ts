import { aclSubject, userPrincipals, type Caller } from '../core/caller.ts';
import type { AclSubject } from '../core/acl.ts';
import { sha256Hex } from '../core/digest.ts';
import type { Action } from '../core/policy-lines.ts';
import type { PolicyObject } from '../core/zone.ts';
import { casbinJudge, type CasbinJudge } from './casbin-judge.ts';
import type { PolicyFunctions, Subject } from './functions.ts';
import type { Rule } from './line.ts';
import type { ModelFactory } from './model.ts';
import type { RevisionIndex } from './revision-index.ts';

/** A user, a client or an actor at one revision: what it holds, and the lines that speak of it. */
export interface Party {
  readonly subject: Subject;
  rules(action: Action): readonly Rule[];
  /** Casbin over those lines. */
  permitted(object: PolicyObject, action: Action, purpose: string): boolean;
}

export type Optional<T> = { readonly kind: 'none' } | { readonly kind: 'party'; readonly party: T };

/** A caller at one revision. User and client are never merged into one set of principals: that would add their rights up. */
export interface Standing {
  readonly key: string;
  readonly acl: AclSubject;
  readonly user: Optional<Party>;
  readonly client: Party;
  /** Lends no right; a deny that speaks of it refuses. Its `permitted` answers "not denied". */
  readonly actor: Optional<Party>;
}

export interface StandingParts {
  readonly model: ModelFactory;
  readonly functions: PolicyFunctions;
  readonly index: RevisionIndex;
}

/** Two callers share a key only where every principal a decision can depend on is the same. */
export function callerKey(caller: Caller): string {
  const actor = caller.actor.kind === 'actor' ? caller.actor.principal : '';
  return sha256Hex(JSON.stringify([caller.tenant, caller.user.kind, userPrincipals(caller), caller.client, actor]));
}

function memoised<T>(make: (action: Action) => T): (action: Action) => T {
  const made = new Map<Action, T>();
  return (action) => {
    const known = made.get(action);
    if (known !== undefined) return known;
    const value = make(action);
    made.set(action, value);
    return value;
  };
}

function party(
  parts: StandingParts,
  caller: Caller,
  names: readonly string[],
  extra: (action: Action) => readonly string[][],
  only?: 'deny',
): Party {
  const subject: Subject = { tenant: caller.tenant, held: parts.index.reach(names) };
  const rules = memoised((action): readonly Rule[] => {
    const found = [...subject.held].flatMap((who) => parts.index.rules(action, who));
    return only === undefined ? found : found.filter((rule) => rule.eft === only);
  });
  const judge = memoised((action): CasbinJudge =>
    casbinJudge(parts.model, parts.functions, [...extra(action), ...rules(action).map((rule) => rule.row)]),
  );
  return { subject, rules, permitted: (object, action, purpose) => judge(action)(subject, object, action, purpose) };
}

/** Allows the actor everything, so that with its deny lines Casbin answers whether one of them speaks. */
function actorBaseline(caller: Caller, who: string, act: Action): string[] {
  return [who, caller.tenant, '*', act, '*', '*', '*', 'allow'];
}

export function standingOf(parts: StandingParts, caller: Caller, key: string): Standing {
  const nothing = (): readonly string[][] => [];
  const { user, actor } = caller;
  return {
    key,
    acl: aclSubject(caller),
    user: user.kind === 'none' ? { kind: 'none' } : { kind: 'party', party: party(parts, caller, userPrincipals(caller), nothing) },
    client: party(parts, caller, [caller.client], nothing),
    actor:
      actor.kind === 'none'
        ? { kind: 'none' }
        : {
            kind: 'party',
            party: party(parts, caller, [actor.principal], (act) => [actorBaseline(caller, actor.principal, act)], 'deny'),
          },
  };
}

/** Rough count of the strings a standing keeps alive, for the cache's bound. */
export function standingSize(standing: Standing): number {
  const parties = [standing.user, standing.actor].map((one) => (one.kind === 'party' ? one.party.subject.held.size : 0));
  return parties.reduce((sum, size) => sum + size, standing.client.subject.held.size + standing.acl.deny.size);
}
