import type { TenantId } from './ids.ts';
import { trustRank, type Trust } from './label.ts';
import type { RemovedCharacters } from './ports/candidate.ts';

/** What of a document's text a reader could not see. `any`: all kinds together. */
export const HYGIENE_KINDS = ['tag', 'bidi', 'zeroWidth', 'any'] as const;
export type HygieneKind = (typeof HYGIENE_KINDS)[number];

/** From mild to strict: said in the audit event alone; lowered to external; read by nobody until an owner accepts it. */
export const HYGIENE_ACTIONS = ['note', 'lowerTrust', 'quarantine'] as const;
export type HygieneAction = (typeof HYGIENE_ACTIONS)[number];

/** Tripped where both are passed. */
export interface HygieneRule {
  readonly kind: HygieneKind;
  /** More characters than this. */
  readonly over: number;
  /** More than this share of all characters, 0 to 1. */
  readonly share: number;
  readonly action: HygieneAction;
}

export interface HygienePolicy {
  readonly rules: readonly HygieneRule[];
  /** In place of `rules` for these tenants. */
  readonly tenants: ReadonlyMap<string, readonly HygieneRule[]>;
}

/**
 * Where there is no `hygiene.yaml`. Tag characters spell hidden ASCII and stand in three flags at most; a text that holds many is not
 * what its reader sees. The other kinds have honest uses, so many of them are only noted.
 */
export const DEFAULT_HYGIENE: HygienePolicy = {
  rules: [
    { kind: 'tag', over: 64, share: 0, action: 'lowerTrust' },
    { kind: 'bidi', over: 32, share: 0.05, action: 'note' },
    { kind: 'zeroWidth', over: 200, share: 0.05, action: 'note' },
  ],
  tenants: new Map(),
};

export interface HygieneFacts {
  readonly removed: RemovedCharacters;
  /** Of the text with them; undefined where it was stored before this was counted: every share counts as passed then. */
  readonly characters: number | undefined;
}

/** What a document's text took from it; its declared label and state are as that left them. Absent where nothing was taken. */
export interface DocumentHygiene {
  readonly action: Exclude<HygieneAction, 'note'>;
  /** What it was judged by: hidden characters of the text and of the names beside it. */
  readonly counted: RemovedCharacters;
  /** An owner let this very text be, with just as many of them: the action is not taken. */
  readonly accepted: boolean;
  /** The declared trust where the action is not taken. */
  readonly trust: Trust;
}

/** The strictest action of the rules that are tripped; `none` where none is. */
export function judgeHygiene(policy: HygienePolicy, tenant: TenantId, facts: HygieneFacts): HygieneAction | 'none' {
  const tripped = (policy.tenants.get(tenant) ?? policy.rules).filter((rule) => trips(rule, facts));
  return HYGIENE_ACTIONS.findLast((action) => tripped.some((rule) => rule.action === action)) ?? 'none';
}

function trips({ kind, over, share }: HygieneRule, { removed, characters }: HygieneFacts): boolean {
  const { tag, bidi, zeroWidth } = removed;
  const count = kind === 'any' ? tag + bidi + zeroWidth : removed[kind];
  return count > over && (characters === undefined || count > share * characters);
}

export function lowered(trust: Trust): Trust {
  return trustRank(trust) > trustRank('external') ? 'external' : trust;
}

/** True where the text keeps the document from everybody, whatever its ACL says. */
export function isHeldBack(hygiene: DocumentHygiene | undefined): boolean {
  return hygiene?.action === 'quarantine' && !hygiene.accepted;
}
