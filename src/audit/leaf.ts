import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AuditEventRow } from '../database/audit-tables.ts';

/** The head of an empty log. */
export const EMPTY_HEAD = '0'.repeat(64);

export type LeafContent = Omit<AuditEventRow, 'leaf'>;

const LEAF_PREFIX = '\0';
const HEAD_PREFIX = '01';

/** RFC 8785. Throws on what has no canonical form: a lone surrogate, NaN, a cycle. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/**
 * The bytes a leaf commits to: RFC 8785 over {at, body, index, kind, requestId, salt, tenant, v}. Written out, since the body is
 * canonical already and the keys stand in order. Tenant and index are inside, so that a row moved elsewhere no longer fits its leaf.
 */
export function leafBytes(row: LeafContent): string {
  const text = JSON.stringify;
  return (
    `{"at":${row.at},"body":${row.body},"index":${row.idx},"kind":${text(row.kind)},"requestId":${text(row.request_id)},` +
    `"salt":${text(row.salt)},"tenant":${text(row.tenant)},"v":${row.v}}`
  );
}

/** Leaf hash of RFC 6962, section 2.1: SHA-256(0x00 ‖ bytes), hex. A Merkle tree over the same leaves needs no new ones. */
export function leafHash(row: LeafContent): string {
  return hash('sha256', LEAF_PREFIX + leafBytes(row), 'hex');
}

/** SHA-256(0x01 ‖ head ‖ leaf), hex. */
export function nextHead(head: string, leaf: string): string {
  return hash('sha256', Buffer.from(HEAD_PREFIX + head + leaf, 'hex'), 'hex');
}
