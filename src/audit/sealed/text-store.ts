import { LRUCache } from 'lru-cache';
import type { SealedText } from '../../core/ports/audit.ts';
import type { RandomBytes } from '../entry.ts';
import type { Key } from '../names/key.ts';
import { encrypt, partKey, textId } from './cipher.ts';
import type { TextRef } from './envelope.ts';

/** A text that left, encrypted once. */
export interface StoredText extends TextRef {
  /** What is to be written; undefined once a transaction that wrote it, or found it there, was committed. */
  content: Uint8Array | undefined;
}

export interface TextStore {
  text(tenant: string, key: Key, text: SealedText): StoredText;
}

/** Some 500 bytes each. */
const MAX_CACHED = 50_000;

/**
 * Texts that are stored already, by the pseudonym of their version's key: an erased version gets another key, should it ever come back,
 * so nothing here outlives an erasure.
 */
export function createTextStore(random: RandomBytes): TextStore {
  const cache = new LRUCache<string, StoredText>({ max: MAX_CACHED });
  return {
    text(tenant, key, text) {
      const name = `${key.pseudonym} ${text.key}`;
      const known = cache.get(name);
      if (known !== undefined) return known;
      const content = JSON.stringify(text.content());
      const id = textId(key.key, content);
      const sealed = encrypt(textKey(key, id), textBound(tenant, id.toString('hex')), content, random);
      const made = { id: id.toString('hex'), pseudonym: key.pseudonym, content: sealed };
      cache.set(name, made);
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
