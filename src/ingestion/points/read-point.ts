import { isRunnable, MAX_URI } from '../../core/addresses.ts';
import { AppError, type InputIssue } from '../../core/errors.ts';
import type { DocumentId, DocumentKey } from '../../core/ids.ts';
import { writeLossless } from '../../core/points/lossless.ts';
import { pointIdText, type PointId } from '../../core/points/point-id.ts';
import type { LosslessObject, RawJson } from '../../core/points/raw-json.ts';
import type { RemovedCharacters } from '../../core/ports/candidate.ts';
import type { HostedCollection } from '../../core/ports/collections.ts';
import type { StoredDocument } from '../../core/ports/catalog.ts';
import type { Source } from '../../core/zone.ts';
import { documentId, documentKey } from '../document-write.ts';
import { asMeant } from '../hygiene.ts';
import { cleanTitle, keepOriginal, sumOf, total } from '../original.ts';
import type { DocumentBody } from '../types.ts';
import { accessFields, asWritten } from './access-fields.ts';
import { pointText, textAt, visibleText, withoutReserved, withPointText } from './payload-fields.ts';
import { canonicalVectors } from './canonical-vectors.ts';
import { fieldRefusal } from './places.ts';
import type { PointWrite } from './types.ts';

/** How a point was made into a document; another reading of the same payload is another text. */
export const READER = 'point@1';
const MEDIA_TYPE = 'application/json';
const MAX_TITLE = 512;
/** UTF-16 units: a payload is released whole, many in one answer. */
const MAX_PAYLOAD = 131_072;

/** A point as a document that is about to be written: one text, and beside it the payload and the vector that go to the index. */
export interface PointDocument {
  readonly id: PointId;
  readonly document: DocumentId;
  readonly key: DocumentKey;
  /** `content` stands for what was handed in, so that its digest is the version. */
  readonly body: DocumentBody & { readonly title: string };
  readonly text: string;
  readonly payload: RawJson;
  readonly vector: RawJson;
  /** Taken out of text and title. */
  readonly removed: RemovedCharacters;
  readonly characters: number;
  readonly original: string | undefined;
  readonly pipeline: string;
}

export function pointDocumentId({ name }: HostedCollection, id: PointId): DocumentId {
  return documentId(`${name}/${pointIdText(id)}`);
}

/**
 * Reads a payload by the profile of its collection. Where `keeps` is given, the point stays as accessible as that document is: its
 * payload says of access what it said before. Fails with `invalid_request` where there is no text, with `acl_required`
 * where there is no ACL, and like `accessFields`.
 */
export function readPoint(
  collection: HostedCollection,
  source: Source,
  written: PointWrite,
  more: { readonly language: string; readonly run: string; readonly keeps?: StoredDocument | undefined },
): PointDocument {
  const { profile } = collection;
  const handed = withoutReserved(written.payload);
  const given = pointText(handed, profile.text);
  const seen = visibleText(given ?? '');
  if (given === undefined || seen.text.trim() === '') throw fieldRefusal(profile.text.path, missingText(collection));
  const changed = seen.text !== given;
  const payload = writeLossless(changed ? withPointText(handed, profile.text, seen.text) : handed);
  const document = pointDocumentId(collection, written.id);
  demandFits(payload);
  const named = titleIn(handed, profile);
  const { title = document, removed: titled } = cleanTitle(shortened(named ?? document));
  const removed = sumOf(seen.removed, titled);
  const { keeps } = more;
  const access =
    keeps === undefined ? accessFields(handed, collection, written.said) : { ...NOTHING_SAID, acl: asWritten(asMeant(keeps).acl) };
  if (access.acl === undefined) throw new AppError('acl_required', { issues: [missingAcl(collection)] });
  const part = textAt(handed, profile.document);
  return {
    id: written.id,
    document,
    key: documentKey(source, document),
    body: {
      title,
      uri: addressIn(handed, profile.uri),
      mediaType: MEDIA_TYPE,
      language: more.language,
      // Members of a list, so that no payload and vector can be written as another payload and vector.
      content: { kind: 'text', text: `[${writeLossless(handed)},${canonicalVectors(written.vector)}]` },
      ...access,
      metadata: part === undefined ? {} : { document: shortened(part) },
      validFrom: undefined,
      validUntil: undefined,
      connector: 'qdrant',
      run: more.run,
    },
    text: seen.text,
    payload,
    vector: written.vector,
    removed,
    characters: seen.text.length + total(removed),
    original: total(removed) === 0 ? undefined : keepOriginal({ kind: 'text', text: given }, title === named ? undefined : named),
    pipeline: pipelineOf(collection),
  };
}

/** As it was handed in. */
export function titleIn(payload: LosslessObject, { title, document }: HostedCollection['profile']): string | undefined {
  return textAt(payload, title) ?? textAt(payload, document);
}

function demandFits(payload: RawJson): void {
  if (payload.length <= MAX_PAYLOAD) return;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/payload', message: `at most ${MAX_PAYLOAD} characters of JSON` }] });
}

const NOTHING_SAID = { level: undefined, compartments: undefined, trust: undefined };

function missingText({ name, profile: { text } }: HostedCollection): string {
  const wanted =
    text.inner === undefined
      ? 'must be the text of the point: a string that is not empty'
      : `must be JSON in a string, with the text of the point at ${text.inner}`;
  return `${wanted}. The profile of the collection names this field; its owner sets another one ${bySettings(name, '"profile"')}`;
}

function missingAcl({ name, profile: { acl } }: HostedCollection): InputIssue {
  const message = `is required: ${acl === undefined ? 'the profile names no field for it' : `an ACL at ${acl} of the payload`}, or a default, which the owner of the collection sets ${bySettings(name, '"defaultAcl"')}`;
  return { pointer: acl === undefined ? '/acl' : `/payload/${acl.replaceAll('.', '/')}`, message };
}

/** A collection that a client made knows no more than that client could say, so its first refusal tells what is still to be said. */
function bySettings(name: string, member: string): string {
  return `by ${member} in settings.json and: npx sluice collections put ${name} settings.json (docs/qdrant-door.md, "Settings")`;
}

/** Where the profile reads the text from is a part of it: under another profile the same payload is another text. */
function pipelineOf({ key, profile: { text } }: HostedCollection): string {
  return [READER, key, JSON.stringify([text.path, text.inner ?? null])].join(' ');
}

function shortened(name: string): string {
  return name.length <= MAX_TITLE ? name : Array.from(name).slice(0, MAX_TITLE).join('').slice(0, MAX_TITLE).toWellFormed();
}

/** What is no address, or one that a browser would run, is left to the payload alone. */
function addressIn(payload: LosslessObject, path: string | undefined): string | undefined {
  const uri = textAt(payload, path);
  return uri === undefined || uri === '' || uri.length > MAX_URI || isRunnable(uri) ? undefined : uri;
}
