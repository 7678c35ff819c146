import { pseudonymOf } from '../../core/pseudonym.ts';
import type { AuditKeyRow } from '../../database/audit-tables.ts';
import type { RandomBytes } from '../entry.ts';

export type KeyKind = AuditKeyRow['kind'];

/** What a key is kept for: a principal, `documentName(…)`, or for `content` what `contentName` makes. */
export interface Subject {
  readonly kind: KeyKind;
  readonly name: string;
}

/** With its `subjectId`, which is asked for at each step of an append. */
export interface IdentifiedSubject extends Subject {
  readonly id: string;
}

export interface Key extends Subject {
  /** 32 hex digits. */
  readonly pseudonym: string;
  /** 32 random bytes. */
  readonly key: Uint8Array;
}

/** One text for a subject, unlike that of any other. */
export function subjectId({ kind, name }: Subject): string {
  return `${kind} ${name}`;
}

export function newKey(subject: Subject, random: RandomBytes): Key {
  const key = random(32);
  return { kind: subject.kind, name: subject.name, key, pseudonym: pseudonymOf(subject, key) };
}

/** A version of a document, as the name of the key under which its text is sealed. */
export function contentName(source: string, document: string, version: string): string {
  return JSON.stringify([source, document, version]);
}
