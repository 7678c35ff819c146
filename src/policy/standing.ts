import type { AclSubject } from '../core/acl.ts';
import { aclSubject, actorPrincipals, userPrincipals, type Caller } from '../core/caller.ts';
import { sha256Hex } from '../core/digest.ts';
import type { Action } from '../core/policy-lines.ts';
import type { Subject } from './functions.ts';
import type { Rule } from './line.ts';
import type { NameNode, RevisionIndex, ServingLines } from './revision-index.ts';

/** A user, a client or an actor at one revision: what it holds, and the lines that speak of it. Made by `parties` alone. */
export interface Party {
  /** Two parties of one revision share a key only where they hold the same names in the same part. */
  readonly key: string;
  readonly subject: Subject;
  /** Strings it keeps alive, roughly, for a cache's bound. */
  readonly size: number;
  /** The lines of each name held, for key one. The same object for the same question, so that what is compiled is found by it. */
  serving(action: Action, purpose: string): readonly ServingLines[];
  /** The same in one list, for key two. Of an actor its deny lines alone. */
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

/** Runs at the first call, and answers with the same afterwards. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function servingOf(nodes: readonly NameNode[], action: Action, purpose: string): readonly ServingLines[] {
  const found: ServingLines[] = [];
  for (const node of nodes) {
    const lines = node.serving(action, purpose);
    if (lines !== undefined) found.push(lines);
  }
  return found;
}

function partyOf(index: RevisionIndex, tenant: Caller['tenant'], key: string, names: readonly string[], lends: boolean): Party {
  const nodes = index.reach(names);
  const held = once(() => new Set([...names, ...nodes.map((node) => node.name)]));
  const serving = new Map<string, readonly ServingLines[]>();
  const rules = new Map<Action, readonly Rule[]>();
  return {
    key,
    subject: {
      tenant,
      get held() {
        return held();
      },
    },
    size: names.length + nodes.length,
    serving(action, purpose) {
      const question = `${action}\n${purpose}`;
      const known = serving.get(question) ?? servingOf(nodes, action, purpose);
      serving.set(question, known);
      return known;
    },
    rules(action) {
      const known = rules.get(action) ?? nodes.flatMap((node) => node.rules(action)).filter((rule) => lends || rule.eft === 'deny');
      rules.set(action, known);
      return known;
    },
  };
}

/** Parties of many callers: a client or an actor is the same object for all of them, so what is compiled for it is compiled once. */
export interface Parties {
  client(caller: Caller): Party;
  actor(caller: Caller, principals: readonly string[]): Party;
}

/** `keep` holds the parties made so far, found by the whole of what they are made from. */
export function parties(index: RevisionIndex, keep: (key: string, make: () => Party) => Party): Parties {
  return {
    client({ tenant, client }) {
      const key = `client\n${tenant}\n${client}`;
      return keep(key, () => partyOf(index, tenant, key, [client], true));
    },
    actor({ tenant }, principals) {
      const key = `actor\n${tenant}\n${JSON.stringify(principals)}`;
      return keep(key, () => partyOf(index, tenant, key, principals, false));
    },
  };
}

export function standingOf(index: RevisionIndex, shared: Parties, caller: Caller, key: string): Standing {
  const actors = actorPrincipals(caller);
  const acl = once(() => aclSubject(caller));
  return {
    key,
    get acl() {
      return acl();
    },
    user:
      caller.user.kind === 'none'
        ? NONE
        : { kind: 'party', party: partyOf(index, caller.tenant, `user\n${key}`, userPrincipals(caller), true) },
    client: shared.client(caller),
    actor: actors.length === 0 ? NONE : { kind: 'party', party: shared.actor(caller, actors) },
  };
}

/** Rough count of the strings a standing keeps alive, for the cache's bound. */
export function standingSize({ user, actor, client }: Standing): number {
  return [user, actor].reduce((sum, one) => sum + (one.kind === 'party' ? one.party.size : 0), client.size);
}
