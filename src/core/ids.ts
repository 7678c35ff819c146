import { isErasedName } from './audit-names.ts';
import type { Brand } from './brand.ts';

/** A tenant: lower-case letters, digits and hyphens, 1 to 63 characters. Never a wildcard, never empty. */
export type TenantId = Brand<string, 'TenantId'>;
/** A source within a tenant: letters, digits, `.`, `_`, `-`, 1 to 128 characters; so a policy line can name it. */
export type SourceId = Brand<string, 'SourceId'>;
/**
 * A document's own name within its source: 1 to 512 bytes of well-formed UTF-8 without control characters, and not as readers
 * of the log see a document that was erased.
 */
export type DocumentId = Brand<string, 'DocumentId'>;
/** Our internal key of a document (UUID), derived from tenant, source and document id. */
export type DocumentKey = Brand<string, 'DocumentKey'>;
/** A chunk, which is a point in the vector index (UUID). Never reused for other text or for another write. */
export type ChunkId = Brand<string, 'ChunkId'>;
/** What applications call a collection at the Qdrant-compatible door: letters, digits, `.`, `_`, `-`, 1 to 128 characters. */
export type CollectionName = Brand<string, 'CollectionName'>;
/** Our internal key of a hosted collection (UUID), never reused; its points lie in a collection of Qdrant of their own. */
export type CollectionKey = Brand<string, 'CollectionKey'>;
/** A zone within a tenant: a small positive integer, opaque, never reused. */
export type ZoneId = Brand<number, 'ZoneId'>;
/** A principal that occurs in some ACL of a tenant, as an integer ≥ 1. 0 means "no gate here" in the index. */
export type PrincipalNumber = Brand<number, 'PrincipalNumber'>;

const TENANT = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const CONTROL = /\p{Cc}/u;
const MAX_DOCUMENT_ID_BYTES = 512;

export function parseTenantId(text: string): TenantId | undefined {
  return TENANT.test(text) ? (text as TenantId) : undefined;
}

export function parseSourceId(text: string): SourceId | undefined {
  return SOURCE.test(text) ? (text as SourceId) : undefined;
}

export function parseCollectionName(text: string): CollectionName | undefined {
  return SOURCE.test(text) ? (text as CollectionName) : undefined;
}

export function parseDocumentId(text: string): DocumentId | undefined {
  if (text.length === 0 || text.length > MAX_DOCUMENT_ID_BYTES) return undefined;
  if (!text.isWellFormed() || CONTROL.test(text) || isErasedName(text)) return undefined;
  if (Buffer.byteLength(text, 'utf8') > MAX_DOCUMENT_ID_BYTES) return undefined;
  return text as DocumentId;
}
