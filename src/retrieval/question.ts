import { digestOf, type Digest } from '../core/digest.ts';
import type { RetrieveRequest } from './types.ts';

/** What was asked, as the log commits to it. The salt is sealed with the text, so that nobody who guesses a question can tell. */
export interface Question {
  readonly text: string | null;
  /** 32 bytes, hex. */
  readonly salt: string;
  /** SHA-256 over the salt in hex, a line feed, and RFC 8785 of the text or null. */
  readonly commitment: Digest;
}

export function questionOf({ query }: Pick<RetrieveRequest, 'query'>, salt: string): Question {
  const text = query ?? null;
  return { text, salt, commitment: digestOf(`${salt}\n${JSON.stringify(text)}`) };
}
