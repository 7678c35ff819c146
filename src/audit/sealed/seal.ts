import { digestOf, type Digest } from '../../core/digest.ts';
import type { RandomBytes } from '../entry.ts';
import type { Key } from '../names/key.ts';
import { encrypt, PART_PACKED_FROM, partKey } from './cipher.ts';
import { encodeEnvelope } from './envelope.ts';
import type { SealPlan } from './plan.ts';
import type { StoredText, TextStore } from './text-store.ts';

export interface SealedPart {
  /** Of the row in `audit_sealed`. */
  readonly content: Uint8Array;
  /** Of `content`, for the body. */
  readonly digest: Digest;
  readonly texts: readonly StoredText[];
}

export interface Sealer {
  readonly random: RandomBytes;
  readonly texts: TextStore;
}

export interface SealedUnder {
  readonly tenant: string;
  readonly requestId: string;
  readonly key: (id: string) => Key;
}

/** Encrypts what an event carries. Touches no database, so it is done before the lock is taken, and again in the rare case that a key changed. */
export function seal(plan: SealPlan, { tenant, requestId, key }: SealedUnder, { random, texts }: Sealer): SealedPart {
  const holder = key(plan.holder);
  const stored = plan.texts.map(({ under, text }) => texts.text(tenant, key(under), text));
  const versions = distinct(plan.texts.map(({ under }) => key(under)));
  const seed = random(16);
  const how = { random, packedFrom: PART_PACKED_FROM };
  const encrypted = (part: SealedPartName, keys: readonly Uint8Array[], text: string): Uint8Array =>
    encrypt(partKey(part, seed, keys), partBound(tenant, requestId, part), text, how);
  const content = encodeEnvelope({
    seed,
    holder: holder.pseudonym,
    refs: stored.map(({ ref }) => ref),
    facts: encrypted('facts', [holder.key], plan.facts),
    answer: plan.answer === undefined ? undefined : encrypted('answer', [holder.key, ...versions], plan.answer),
  });
  return { content, digest: digestOf(content), texts: stored };
}

export type SealedPartName = 'facts' | 'answer';

/** A part that was moved to another tenant or request does not open. */
export function partBound(tenant: string, requestId: string, part: SealedPartName): string {
  return `${part}\0${tenant}\0${requestId}`;
}

/** The keys of all versions once each, in the order of their pseudonyms. */
export function distinct(keys: readonly Key[]): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let last: string | undefined;
  for (const { pseudonym, key } of keys.toSorted((a, b) => (a.pseudonym < b.pseudonym ? -1 : a.pseudonym > b.pseudonym ? 1 : 0))) {
    if (pseudonym !== last) found.push(key);
    last = pseudonym;
  }
  return found;
}
