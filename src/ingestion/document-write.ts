import canonicalize from 'canonicalize';
import { normaliseAcl, type Acl } from '../core/acl.ts';
import { digestOf, uuidOf, type Digest } from '../core/digest.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import { parseDocumentId, type DocumentId, type DocumentKey } from '../core/ids.ts';
import { neutralLabel, type Label, type LabelScheme, type Trust } from '../core/label.ts';
import type { Principal } from '../core/principal.ts';
import type { DocumentAttributes, StoredDocument } from '../core/ports/catalog.ts';
import type { Source } from '../core/zone.ts';
import { readAcl, type ReadAcl } from './acl-body.ts';
import { asMeant } from './hygiene.ts';
import { readLabel, readValidity } from './label-body.ts';
import type { Access } from './write-rights.ts';
import type { ContentBody, DocumentBody } from './types.ts';

/** A document as handed in, read and checked but not parsed. */
export interface DocumentWrite {
  readonly access: Access;
  readonly warnings: readonly InputIssue[];
  readonly language: string;
  /** Of the bytes as handed in. */
  readonly version: Digest;
  /** Of the whole write, so that the same body again changes nothing. */
  readonly writeDigest: Digest;
}

export function documentId(text: string): DocumentId {
  const id = parseDocumentId(text);
  if (id !== undefined) return id;
  const message = 'a document id is 1 to 512 bytes of UTF-8 without control characters';
  throw new AppError('invalid_request', { issues: [{ pointer: '/document', message }] });
}

export function documentKey(source: Source, document: DocumentId): DocumentKey {
  return uuidOf('document', source.tenant, source.id, document) as DocumentKey;
}

/**
 * Label fields that are absent keep what an owner set on the document; on a new one they take the source's level and the
 * writer's trust. ACL and validity are always as written. Fails like `readAcl`, `readLabel` and `readValidity`.
 */
export function readWrite(input: {
  readonly body: DocumentBody;
  readonly before: StoredDocument | undefined;
  readonly scheme: LabelScheme;
  readonly issuers: readonly string[];
  readonly groupless: readonly string[];
  /** Of the principals that the ACL names, those whom a directory of ours does not know. */
  readonly unknown: ReadonlySet<Principal>;
  readonly writer: Trust;
  readonly language: string;
}): DocumentWrite {
  const { body, before, scheme, issuers, groupless, writer } = input;
  const { acl, warnings, dangling } = readAcl(body.acl, issuers, groupless, input.unknown);
  const declared: Label = readLabel(
    scheme,
    body,
    before === undefined ? { ...neutralLabel(scheme), trust: writer } : asMeant(before).declared,
  );
  const validity = readValidity(body);
  const language = body.language ?? input.language;
  const version = contentDigest(body.content);
  const as = { acl, declared, ...validity };
  const access: Access = { ...as, ...stateOf({ acl, dangling }, before) };
  const { title = null, uri = null, mediaType, metadata } = body;
  // What was written, not what an owner made of it since: the same body has the same digest.
  const written = { ...as, state: dangling.length > 0 ? 'quarantined' : 'live' };
  const writeDigest = digestOf(canonicalJson({ access: written, title, uri, mediaType, language, metadata, version }));
  return { access, warnings, language, version, writeDigest };
}

/**
 * A dangling deny quarantines, unless an owner let this very ACL out with all of the denies that dangle now: another ACL, or one
 * more principal that became unknown, is judged anew.
 */
export function stateOf(
  { acl, dangling }: Pick<ReadAcl, 'acl' | 'dangling'>,
  before: StoredDocument | undefined,
): Pick<Access, 'state' | 'released'> {
  if (dangling.length === 0) return { state: 'live' };
  const released = before?.released;
  const covered = released !== undefined && sameAcl(before?.acl, acl) && dangling.every((p) => released.includes(p));
  return covered ? { state: 'live', released } : { state: 'quarantined' };
}

function sameAcl(a: Acl | undefined, b: Acl): boolean {
  return a !== undefined && canonicalJson(normaliseAcl(a)) === canonicalJson(normaliseAcl(b));
}

export function canonicalJson(value: object): string {
  const text = canonicalize(value);
  if (text === undefined) throw new AppError('invalid_request', { detail: 'a value without a canonical form' });
  return text;
}

/** Vectors that came with chunks are part of the content: other vectors are another version. */
export function contentDigest(content: ContentBody): Digest {
  switch (content.kind) {
    case 'text':
      return digestOf(content.text);
    case 'bytes':
      return digestOf(content.bytes);
    case 'chunks':
      return digestOf(canonicalJson(content.chunks.map(({ text, vector }) => ({ text, vector: vector ?? null }))));
  }
}

/** Nothing that was indexed differs, so at most attributes have to change. A new title is indexed text. */
export function sameIndexedText(before: StoredDocument, write: DocumentWrite, body: DocumentBody, pipeline: string): boolean {
  return (
    before.version === write.version &&
    before.pipeline === pipeline &&
    before.mediaType === body.mediaType &&
    before.language === write.language &&
    (body.title === undefined || before.title === body.title)
  );
}

/** True where storing these attributes would change nothing that anybody can see. */
export function sameAttributes(before: DocumentAttributes, after: DocumentAttributes): boolean {
  return factsOf(before) === factsOf(after);
}

function factsOf(attributes: DocumentAttributes): string {
  const { title, uri = null, acl, declared, validFrom, validUntil, state, released = null, hygiene = null, metadata } = attributes;
  return canonicalJson({ title, uri, acl, declared, validFrom, validUntil, state, released, hygiene, metadata });
}
