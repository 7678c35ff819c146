import { isRecord } from '../json.ts';
import { TRUSTS } from '../label.ts';
import { CONTEXT_SUBJECT, PREDICATE_TYPE, STATEMENT_TYPE, type ManifestStatement } from './statement.ts';

const SHA256 = /^[0-9a-f]{64}$/;
const TEXTS = ['request', 'tenant', 'caller', 'client', 'policyRevision', 'at', 'nonce'];

/** A statement of ours, or what about it is not. */
export type ParsedStatement =
  | { readonly kind: 'statement'; readonly statement: ManifestStatement }
  | { readonly kind: 'other'; readonly place: string; readonly message: string };

/** Reads a payload whose signature holds. What is signed and is not understood is refused: it may say something that matters. */
export function parseStatement(payload: Uint8Array): ParsedStatement {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return other('payload', 'is not JSON in UTF-8');
  }
  if (!isRecord(value)) return other('payload', 'is no object');
  if (value['_type'] !== STATEMENT_TYPE) return other('_type', 'is not an in-toto Statement v1');
  if (value['predicateType'] !== PREDICATE_TYPE) return other('predicateType', `is not ${PREDICATE_TYPE}`);
  const { subject, predicate } = value;
  if (!Array.isArray(subject) || subject.length === 0 || !subject.every(isSubject)) return other('subject', 'is not a list of subjects');
  const names = new Set(subject.map(({ name }: { readonly name: string }) => name));
  if (names.size !== subject.length) return other('subject', 'names something twice');
  if (!isRecord(predicate) || !TEXTS.every((name) => typeof predicate[name] === 'string')) return other('predicate', 'lacks a member');
  if (Number.isNaN(Date.parse(String(predicate['at'])))) return other('predicate.at', 'is no time');
  if (predicate['label'] !== null && !isLabel(predicate['label'])) return other('predicate.label', 'is no label');
  return { kind: 'statement', statement: value as unknown as ManifestStatement };
}

function isSubject(value: unknown): value is { readonly name: string } {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false;
  const { name, digest, annotations } = value;
  if (!isRecord(digest) || !SHA256.test(String(digest['sha256'])) || !isRecord(annotations)) return false;
  if (name === CONTEXT_SUBJECT) return typeof annotations['format'] === 'string';
  return Number.isInteger(annotations['rank']) && isLabel(annotations['label']);
}

function isLabel(value: unknown): boolean {
  if (!isRecord(value) || typeof value['level'] !== 'string' || !TRUSTS.some((trust) => trust === value['trust'])) return false;
  return Array.isArray(value['compartments']) && value['compartments'].every((one) => typeof one === 'string');
}

function other(place: string, message: string): ParsedStatement {
  return { kind: 'other', place, message };
}
