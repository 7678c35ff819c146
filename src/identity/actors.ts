import type { Caller } from '../core/caller.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { principal, type Principal } from '../core/principal.ts';
import { invalidToken } from './failures.ts';
import { MAX_ACTORS } from './limits.ts';
import { isObject, type Members, membersOf } from './strict-json.ts';

interface ActorNames {
  readonly id: string;
  /** What it may be: a bare `sub` says neither. */
  readonly kinds: readonly ['client', ...'user'[]];
}

/**
 * The outermost `act` becomes the actor that deny entries may name; inner ones are written down only (RFC 8693 §4.1).
 * It is a client where `client_id` alone names it. A `sub` may be anybody's, whatever names a client has, so it is read as
 * both: a deny on either must find it. `may_act` says who could act, not who does, and is not looked at (§4.4).
 * Fails with `invalid_token`.
 */
export function actorOf(claims: Members, config: IssuerConfig): Pick<Caller, 'actor' | 'actorChain'> {
  const chain = chainOf(claims, config.url);
  const [outermost] = chain;
  if (outermost === undefined) return { actor: { kind: 'none' }, actorChain: [] };
  const [first, ...others] = outermost.kinds.map((kind) => named(kind, config.name, outermost.id));
  if (first === undefined) throw invalidToken('an actor without a kind');
  return { actor: { kind: 'actor', principals: [first, ...others] }, actorChain: chain.map((link) => link.id) };
}

function named(kind: 'client' | 'user', issuer: string, id: string): Principal {
  const made = principal(kind, issuer, id);
  if (made === undefined) throw invalidToken('an actor that can be no principal');
  return made;
}

function chainOf(claims: Members, issuerUrl: string): readonly ActorNames[] {
  const chain: ActorNames[] = [];
  let holder = claims;
  while (holder.has('act')) {
    const act = holder.get('act');
    if (!isObject(act) || chain.length >= MAX_ACTORS) throw invalidToken('an act claim of the wrong shape');
    holder = membersOf(act);
    // Under another issuer's name the actor would be a principal that no deny entry names.
    if (chain.length === 0 && holder.has('iss') && holder.get('iss') !== issuerUrl) throw invalidToken('an actor of another issuer');
    chain.push(namesOf(holder));
  }
  return chain;
}

function namesOf(act: Members): ActorNames {
  const clientId = act.get('client_id');
  const id = act.has('sub') ? act.get('sub') : clientId;
  if (typeof id !== 'string' || id === '' || (act.has('client_id') && typeof clientId !== 'string')) {
    throw invalidToken('an actor without a name');
  }
  // A person through an application: one name would stand for both, and a deny on the other would fail open.
  if (act.has('client_id') && clientId !== id) throw invalidToken('an actor with two names');
  return { id, kinds: act.has('sub') ? ['client', 'user'] : ['client'] };
}
