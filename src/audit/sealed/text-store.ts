import type { SealedText } from '../../core/ports/audit.ts';
import type { RandomBytes } from '../entry.ts';
import type { Key } from '../names/key.ts';
import { createRecent } from '../recent.ts';
import { encrypt, partKey, TEXT_PACKED_FROM, textId } from './cipher.ts';
import { encodeTextRef, type TextRef } from './envelope.ts';

/** A text that left, encrypted once. */
export interface StoredText extends TextRef {
  /** As an envelope refers to it. */
  readonly ref: Uint8Array;
  /** What is to be written; undefined once a transaction that wrote it, or found it there, was committed. */
  content: Uint8Array | undefined;
}

export interface TextStore {
  text(tenant: string, key: Key, text: SealedText): StoredText;
}

/** Some 500 bytes each. */
const MAX_CACHED = 50_000;

/**
 * Texts that are stored already, good for the pseudonym of their version's key alone: an erased version gets another key, should it ever
 * come back, so nothing here outlives an erasure.
 */
export function createTextStore(random: RandomBytes): TextStore {
  const cache = createRecent<StoredText>(MAX_CACHED);
  return {
    text(tenant, key, text) {
      const known = cache.get(tenant, text.key);
      if (known?.pseudonym === key.pseudonym) return known;
      const content = JSON.stringify(text.content());
      const id = textId(key.key, content);
      const hex = id.toString('hex');
      const sealed = encrypt(textKey(key, id), textBound(tenant, hex), content, { random, packedFrom: TEXT_PACKED_FROM });
      const named = { id: hex, pseudonym: key.pseudonym };
      const made = { ...named, ref: encodeTextRef(named), content: sealed };
      cache.set(tenant, text.key, made);
      return made;
    },
  };
}

export function textKey({ key }: Pick<Key, 'key'>, id: Uint8Array): Uint8Array {
  return partKey('text', id, [key]);
}

/** What the ciphertext of a text is bound to. */
export function textBound(tenant: string, id: string): string {
  return `text\0${tenant}\0${id}`;
}
