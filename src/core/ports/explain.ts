import type { TenantId, ZoneId } from '../ids.ts';
import type { Action } from '../policy-lines.ts';
import type { Principal } from '../principal.ts';
import type { PolicyObject } from '../zone.ts';
import type { TenantView } from './catalog.ts';

/** `unknown`: it depends on something that is not known, such as the groups of a person. Never read as either of the others. */
export type Outcome = 'pass' | 'refuse' | 'unknown';

/** What is known of a user, a client or an actor. */
export interface Party {
  readonly tenant: TenantId;
  /** Held for certain. */
  readonly held: readonly Principal[];
  /** What else may be held. */
  readonly possible: Possible;
  /** Of an actor only its deny lines count. */
  readonly lends: boolean;
}

export type Possible =
  | { readonly kind: 'nothing' }
  /** Any group of the issuer (none where it is empty), and `everyone-except-guests` where the guest status is not known. */
  | { readonly kind: 'groups'; readonly issuer: string; readonly guest: boolean };

/** From a principal to the name in a policy line; `line` is the `g` line that led there. */
export interface ChainLink {
  readonly name: string;
  readonly line?: number;
}

export interface SpeakingLine {
  readonly line: number;
  /** As in policy.csv. */
  readonly text: string;
  readonly effect: 'allow' | 'deny';
  readonly chain: readonly ChainLink[];
  /** False where the chain starts at something that is only possibly held. */
  readonly certain: boolean;
}

export interface PartyExplanation {
  readonly outcome: Outcome;
  /** Every line that speaks of the object, in line order. */
  readonly lines: readonly SpeakingLine[];
}

export interface ZoneSet {
  has(zone: ZoneId): boolean;
}

export interface ZoneBounds {
  readonly certain: ZoneSet;
  /** Includes the certain ones. */
  readonly possible: ZoneSet;
  /** Never the same for other sets under the same view. */
  readonly key: string;
}

/** Why policy decides as it does. Casbin decides; this tells which lines spoke and is held equal to it. */
export interface ExplainPolicyPort {
  /** What the lines say of one party and one object. Switches, ceilings and ACLs are no part of it. */
  party(view: TenantView, party: Party, action: Action, object: PolicyObject, purpose: string): PartyExplanation;
  /** The zones that the lines open to one party, for all zones of the view at once. For an actor: those that no deny closes. */
  zones(view: TenantView, party: Party, action: Action, purpose: string): ZoneBounds;
}

export function mayHold(possible: Possible, principal: string): boolean {
  if (possible.kind === 'nothing') return false;
  if (principal === 'everyone-except-guests') return possible.guest;
  return possible.issuer !== '' && principal.startsWith(`group:${possible.issuer}|`);
}
