import type { AclSubject } from '../core/acl.ts';
import { aclSubject, actorPrincipals, userPrincipals, type Caller } from '../core/caller.ts';
import { sha256Hex } from '../core/digest.ts';
import type { Action } from '../core/policy-lines.ts';
import type { Subject } from './functions.ts';
import type { Rule } from './line.ts';
import type { RevisionIndex } from './revision-index.ts';

/** A user, a client or an actor at one revision: what it holds, and the lines that speak of it. */
export interface Party {
  /** Two parties share a key only where they hold the same names in the same part. */
  readonly key: string;
  readonly subject: Subject;
  rules(action: Action): readonly Rule[];
}

export type OptionalParty = { readonly kind: 'none' } | { readonly kind: 'party'; readonly party: Party };

/** A caller at one revision. User and client are never merged into one set of principals: that would add their rights up. */
export interface Standing {
  readonly key: string;
  readonly acl: AclSubject;
  readonly user: OptionalParty;
  readonly client: Party;
  /** Lends no right: its rules are its deny lines alone. */
  readonly actor: OptionalParty;
}

const NONE: OptionalParty = { kind: 'none' };

/** Two callers share a key only where every principal a decision can depend on is the same. */
export function callerKey(caller: Caller): string {
  return sha256Hex(JSON.stringify([caller.tenant, caller.user.kind, userPrincipals(caller), caller.client, actorPrincipals(caller)]));
}

function partyOf(index: RevisionIndex, caller: Caller, key: string, names: readonly string[]): Party {
  const subject: Subject = { tenant: caller.tenant, held: index.reach(names) };
  const rules = (action: Action): readonly Rule[] => [...subject.held].flatMap((who) => index.rules(action, who));
  return { key, subject, rules };
}

export function standingOf(index: RevisionIndex, caller: Caller, key: string): Standing {
  const { user, client, tenant } = caller;
  const actors = actorPrincipals(caller);
  const people = user.kind === 'none' ? undefined : partyOf(index, caller, `user\n${key}`, userPrincipals(caller));
  const acting = actors.length === 0 ? undefined : partyOf(index, caller, `actor\n${tenant}\n${JSON.stringify(actors)}`, actors);
  return {
    key,
    acl: aclSubject(caller),
    user: people === undefined ? NONE : { kind: 'party', party: people },
    client: partyOf(index, caller, `client\n${tenant}\n${client}`, [client]),
    actor:
      acting === undefined
        ? NONE
        : { kind: 'party', party: { ...acting, rules: (action) => acting.rules(action).filter((rule) => rule.eft === 'deny') } },
  };
}

/** Rough count of the strings a standing keeps alive, for the cache's bound. */
export function standingSize(standing: Standing): number {
  const parties = [standing.user, standing.actor].map((one) => (one.kind === 'party' ? one.party.subject.held.size : 0));
  return parties.reduce((sum, size) => sum + size, standing.client.subject.held.size + standing.acl.deny.size);
}
