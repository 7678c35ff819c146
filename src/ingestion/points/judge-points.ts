import { MAX_ACL_ENTRIES } from '../../core/acl.ts';
import type { HygieneFacts } from '../../core/hygiene.ts';
import type { DocumentKey } from '../../core/ids.ts';
import { neutralLabel } from '../../core/label.ts';
import { pointIdText } from '../../core/points/point-id.ts';
import { AppError } from '../../core/errors.ts';
import type { StoredDocument, Tombstone } from '../../core/ports/catalog.ts';
import type { Principal } from '../../core/principal.ts';
import { readWrite, sameIndexedText, type DocumentWrite } from '../document-write.ts';
import { factsOf, withHygiene } from '../hygiene.ts';
import { readLabel } from '../label-body.ts';
import { sumOf } from '../original.ts';
import { whatBinds } from '../put-document.ts';
import { principalsIn } from '../unknown-principals.ts';
import { checkAgainstBefore, checkWriter, type Access } from '../write-rights.ts';
import type { AclBody, RequestContext } from '../types.ts';
import type { PointsWriterParts } from './parts.ts';
import { atPoint } from './places.ts';
import { readPoint, type PointDocument } from './read-point.ts';
import type { WriteTarget } from './target.ts';
import type { PointWrite } from './types.ts';

/** A point to write. */
export interface GivenPoint extends PointWrite {
  /** Its place in the request. */
  readonly place: number;
  /** For a change of what is there: the document as the change was made from it. Moved on since: `conflict`. */
  readonly from?: StoredDocument;
  /** Its payload says of access what that document's said, so the access of the document stays as it is. */
  readonly keepsAccess?: boolean;
  /** Its text is that document's, out of which hidden characters were taken before: they count on, or any change would wash them off. */
  readonly keepsText?: boolean;
  /** So is its title: what was taken out of it is counted with the text. */
  readonly keepsTitle?: boolean;
}

/** A point that was read and judged; nothing of it is written yet. */
export interface JudgedPoint {
  readonly place: number;
  readonly point: PointDocument;
  readonly before: StoredDocument | undefined;
  readonly grave: Tombstone | undefined;
  readonly write: DocumentWrite;
  /** What needs a look at the document as it was; to be asked last. */
  readonly permit: () => void;
  /** Text, payload and vector are those that are stored. */
  readonly same: boolean;
}

/**
 * Reads each point by the profile, and everything that is there of it in two readings. Of one id that is given twice the last
 * counts. `lost`: documents whose point is not in the index, so that writing the same again is no repetition.
 */
export async function judgePoints(
  parts: PointsWriterParts,
  { requestId }: RequestContext,
  target: WriteTarget,
  given: readonly GivenPoint[],
  lost: ReadonlySet<DocumentKey> = NONE,
): Promise<readonly JudgedPoint[]> {
  const { collection, source } = target;
  const last = new Map(given.map((one) => [pointIdText(one.id), one]));
  const read = [...last.values()].map((one) => {
    const keeps = one.keepsAccess === true ? one.from : undefined;
    const more = { language: parts.language, run: requestId, keeps };
    const point = atPoint(one.place, () => readPoint(collection, source, one, more));
    return { ...one, point: one.keepsText === true && one.from !== undefined ? withFacts(point, one.from, one) : point };
  });
  const found = await parts.batches.documents(
    source.tenant,
    source.id,
    read.map(({ point }) => point.document),
  );
  const missing = read.filter(({ point }) => !found.has(point.document)).map(({ point }) => point.key);
  const graves = await parts.batches.tombstones(source.tenant, missing);
  const judged: JudgedPoint[] = [];
  const unknownIn = unknownOnce(parts, target);
  for (const { place, point, from, keepsText } of read) {
    const before = found.get(point.document);
    if (from !== undefined && from.revision !== before?.revision) {
      throw new AppError('conflict', { detail: 'the point has moved on' });
    }
    const known = { before, grave: graves.get(point.key), unknown: await unknownIn(point.body.acl), keepsText: keepsText === true, lost };
    judged.push({ place, ...atPoint(place, () => judge(parts, target, point, known)) });
  }
  return judged;
}

const NONE: ReadonlySet<DocumentKey> = new Set();

/** What is hidden in another title is new. */
function withFacts(point: PointDocument, from: StoredDocument, { keepsTitle }: GivenPoint): PointDocument {
  const { removed, characters = point.characters } = factsOf(from);
  return { ...point, removed: keepsTitle === true ? removed : sumOf(removed, point.removed), characters };
}

/** Many points have the same ACL; each is looked up once. */
function unknownOnce(parts: PointsWriterParts, { source }: WriteTarget): (acl: AclBody | undefined) => Promise<ReadonlySet<Principal>> {
  const asked = new Map<string, Promise<ReadonlySet<Principal>>>();
  return (acl) => {
    const name = JSON.stringify(acl ?? null);
    const known = asked.get(name) ?? parts.unknown(source.tenant, principalsIn(acl, parts.issuers, MAX_ACL_ENTRIES));
    asked.set(name, known);
    return known;
  };
}

/** As a `PUT` of a document is judged. */
function judge(
  parts: PointsWriterParts,
  { authority, source, writer }: WriteTarget,
  point: PointDocument,
  known: {
    readonly before: StoredDocument | undefined;
    readonly grave: Tombstone | undefined;
    readonly unknown: ReadonlySet<Principal>;
    readonly keepsText: boolean;
    readonly lost: ReadonlySet<DocumentKey>;
  },
): Omit<JudgedPoint, 'place'> {
  const { before, grave, unknown, keepsText, lost } = known;
  const { issuers, groupless, language } = parts;
  const { scheme } = authority.view;
  const { body, pipeline, removed, characters } = point;
  const read = readWrite({ body, before, scheme, issuers, groupless, unknown, writer, language });
  const write = { ...read, access: keptOf(read.access, before) };
  const sameText = before !== undefined && sameIndexedText(before, write, body, pipeline);
  const same = sameText && !lost.has(point.key);
  const facts: HygieneFacts = { removed, characters };
  const stored = withHygiene(write.access, {
    policy: parts.hygiene,
    tenant: source.tenant,
    facts,
    names: [point.document, body.uri],
    before: keepsText || before?.version === write.version ? before?.hygiene : undefined,
  });
  // What the text takes away is nothing that the writer gives: label and trust are judged as they were written.
  const after = { ...write.access, state: sameText ? stored.state : write.access.state };
  const judged = { authority, source, writer, after };
  // As far as the point itself says it. What it leaves to what is there is asked with `permit`, or it would tell what is there.
  const declared = readLabel(scheme, body, { ...neutralLabel(scheme), trust: writer });
  checkWriter({ ...judged, after: { ...after, declared } });
  const bound = whatBinds({ before, grave, sameText });
  const permit = (): void => {
    checkWriter(judged);
    checkAgainstBefore({ ...judged, before: bound });
  };
  return { point, before, grave, write: { ...write, access: stored }, permit, same };
}

/** No payload says how long a point is valid, so what an owner set stays. */
function keptOf(access: Access, before: StoredDocument | undefined): Access {
  return before === undefined ? access : { ...access, validFrom: before.validFrom, validUntil: before.validUntil };
}
