import { isWithin } from '../core/validity.ts';
import { changeBy } from '../core/request-context.ts';
import { MAX_ACL_ENTRIES, type Acl } from '../core/acl.ts';
import { entryPrincipal } from '../core/acl-entry.ts';
import { aclSubject } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import { judgeAccess } from '../core/grants.ts';
import { parseDocumentId, parseSourceId, type DocumentId } from '../core/ids.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import { isHeldBack } from '../core/hygiene.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import { authorityOf, type Authority } from './authority.ts';
import { danglingDenies, readAcl, writtenAcl } from './acl-body.ts';
import { principalsIn } from './unknown-principals.ts';
import { pipelineOf } from './index-content.ts';
import { documentId, stateOf } from './document-write.ts';
import { readLabel, readValidity } from './label-body.ts';
import { changeAttributes, putDocument, receipt, retryOnConflict, type DocumentParts } from './put-document.ts';
import { asMeant, factsOf, withHygiene } from './hygiene.ts';
import { cleanTitle, keptOriginal } from './original.ts';
import { isJudgedAsNow, standing } from './standing.ts';
import { checkAgainstBefore, checkWriter, requireLabel, writerTrustFor, type Access } from './write-rights.ts';
import type {
  DocumentPatch,
  HoneyPatch,
  DocumentResource,
  IngestionService,
  OriginalResource,
  PatchReceipt,
  RequestContext,
} from './types.ts';

type DocumentMethods = Pick<
  IngestionService,
  'putDocument' | 'patchDocument' | 'getDocument' | 'getOriginal' | 'listDocuments' | 'deleteDocument'
>;

export function documentMethods(parts: DocumentParts): DocumentMethods {
  return {
    putDocument: (context, source, document, body) => putDocument(parts, context, source, document, body),
    patchDocument: (context, source, document, patch) =>
      retryOnConflict(context.signal, () =>
        'honey' in patch ? markOnce(parts, context, source, document, patch) : patchOnce(parts, context, source, document, patch),
      ),
    getDocument: (context, source, document) => getDocument(parts, context, source, document),
    getOriginal: (context, source, document) => retryOnConflict(context.signal, () => getOriginal(parts, context, source, document)),

    async listDocuments(context, sourceId, { after, limit, state }) {
      const authority = await authorityOf(parts, context);
      const source = authority.source(sourceId, 'ingest', 'label', 'audit');
      const from = after === undefined ? undefined : documentId(after);
      // Who may not end a quarantine is not told of it.
      if (state !== undefined && !authority.may('label', source)) throw new AppError('forbidden');
      const found = await knownDocuments(parts, authority, source, { after: from, state }, limit + 1);
      const { by } = changeBy(context);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        documents: page.map((found) => {
          // Only the writer may compare the digest: to anybody else it would tell what the document says. And only where its
          // index is of this release and hygiene.yaml is as it was: what a connector takes for unchanged, it does not send again.
          const comparable = found.writtenBy === by && found.pipeline === pipelineOf(parts, found.mediaType) && isJudgedAsNow(parts, found);
          return { document: found.document, ...(comparable ? { writeDigest: found.writeDigest } : {}) };
        }),
        ...(found.length > limit && last !== undefined ? { next: last.document } : {}),
      };
    },

    async deleteDocument(context, sourceId, id) {
      const authority = await authorityOf(parts, context);
      const source = authority.source(sourceId, 'ingest', 'label');
      const before = await parts.writes.document(source.tenant, source.id, documentId(id));
      if (before === undefined) throw new AppError('not_found');
      const owner = authority.may('label', source, before.declared);
      if (!owner) {
        const judged = { authority, source, writer: writerTrustFor(parts.policy, authority, source), before, after: before };
        checkWriter(judged);
        checkAgainstBefore(judged);
      }
      const as = owner ? 'owner' : 'writer';
      await parts.writes.deleteDocument(before.key, source.tenant, before.revision, changeBy(context), as);
      parts.mend();
    },
  };
}

const MIN_PAGE = 200;

/** The first documents after an id that the caller may know of; all there are where it is fewer than `wanted`. */
async function knownDocuments(
  parts: DocumentParts,
  authority: Authority,
  source: Source,
  { after, state }: { readonly after: DocumentId | undefined; readonly state: 'quarantined' | undefined },
  wanted: number,
): Promise<readonly StoredDocument[]> {
  const known: StoredDocument[] = [];
  const page = Math.max(wanted, MIN_PAGE);
  const shows = (document: StoredDocument): boolean =>
    state === undefined ? mayKnow(authority, source, document) : authority.may('label', source, document.declared);
  for (let from = after; ;) {
    const read = await parts.writes.listDocuments(source.tenant, source.id, from, page, state);
    known.push(...read.filter(shows));
    from = read.at(-1)?.document;
    if (known.length >= wanted || read.length < page) return known;
  }
}

/** A writer learns which ids exist in the source; owners and auditors know of the documents whose label they are cleared for. */
function mayKnow(authority: Authority, source: Source, { declared }: StoredDocument): boolean {
  return authority.may('ingest', source) || authority.may('label', source, declared) || authority.may('audit', source, declared);
}

async function existing(parts: DocumentParts, source: Source, id: string): Promise<StoredDocument> {
  const document = parseDocumentId(id);
  const found = document === undefined ? undefined : await parts.writes.document(source.tenant, source.id, document);
  if (found === undefined) throw new AppError('not_found');
  return found;
}

/** Narrowing needs `ingest`; everything else that changes who may read, or how it is labelled, needs `label`. */
async function patchOnce(
  parts: DocumentParts,
  context: RequestContext,
  sourceId: string,
  id: string,
  patch: DocumentPatch,
): Promise<PatchReceipt> {
  const authority = await authorityOf(parts, context);
  const source = authority.source(sourceId, 'ingest', 'label');
  const before = await existing(parts, source, id);
  // Before anything of the patch is judged: what is wrong with it must not tell a hidden document from a missing one.
  if (!mayKnow(authority, source, before)) throw new AppError('not_found');
  const named = patch.acl === undefined ? before.acl.deny.map(entryPrincipal) : principalsIn(patch.acl, parts.issuers, MAX_ACL_ENTRIES);
  const unknown = await parts.unknown(source.tenant, named);
  const read = patch.acl === undefined ? undefined : readAcl(patch.acl, parts.issuers, parts.groupless, unknown);
  const acl = read?.acl ?? before.acl;
  const meant: Access = {
    acl,
    declared: readLabel(authority.view.scheme, patch, asMeant(before).declared),
    ...readValidity(patch, before),
    ...patchedState(parts, patch, before, acl, { dangling: read?.dangling, unknown }),
  };
  const uri = patch.uri === undefined ? before.uri : (patch.uri ?? undefined);
  const judged = { policy: parts.hygiene, tenant: source.tenant, facts: factsOf(before), names: [before.document, uri] };
  const access = withHygiene(meant, { ...judged, before: before.hygiene, accept: patch.state === 'live' });
  // As it is meant: what its text takes from it must not hide that somebody raises it.
  const permit = patchCheck(parts, authority, source, before, { ...meant, state: access.state });
  if (patch.state !== undefined) requireLabel(authority, source, before);
  const attributes = {
    title: patch.title === undefined ? before.title : visibleTitle(patch.title),
    uri,
    ...access,
    metadata: patch.metadata ?? before.metadata,
    writtenBy: before.writtenBy,
    writeDigest: before.writeDigest,
  };
  const whole = await changeAttributes(parts, context, before, attributes, permit, read?.warnings);
  const { version: _version, chunks: _chunks, zone: _zone, ...outside } = whole;
  return before.writtenBy === changeBy(context).by || authority.may('label', source, before.declared) ? whole : outside;
}

/** Owners alone, whatever the document is now: to whoever only writes, what is bait and what is none answer alike. */
async function markOnce(
  parts: DocumentParts,
  context: RequestContext,
  sourceId: string,
  id: string,
  { honey }: HoneyPatch,
): Promise<PatchReceipt> {
  const authority = await authorityOf(parts, context);
  const source = authority.source(sourceId, 'ingest', 'label');
  const before = await existing(parts, source, id);
  if (!mayKnow(authority, source, before)) throw new AppError('not_found');
  requireLabel(authority, source, before);
  const marker = honey ? parts.newMarker() : undefined;
  const { changed } = await parts.writes.markHoney(before.key, before.tenant, before.revision, marker, changeBy(context));
  return receipt(before, changed);
}

/** A new ACL decides anew whether a deny dangles; an owner's `state: live` lets the document out with those that do. */
function patchedState(
  parts: DocumentParts,
  patch: DocumentPatch,
  before: StoredDocument,
  acl: Acl,
  read: { readonly dangling: readonly Principal[] | undefined; readonly unknown: ReadonlySet<Principal> },
): Pick<Access, 'state' | 'released'> {
  const asItWas = { state: before.state, ...(before.released === undefined ? {} : { released: before.released }) };
  if (read.dangling === undefined && patch.state === undefined && !isHeldBack(before.hygiene)) return asItWas;
  const dangling = read.dangling ?? danglingDenies(acl, parts.issuers, parts.groupless, read.unknown);
  if (patch.state === undefined || dangling.length === 0) return stateOf({ acl, dangling }, before);
  return { state: 'live', released: dangling };
}

function visibleTitle(written: string): string {
  const { title } = cleanTitle(written);
  if (title === undefined) throw new AppError('invalid_request', { issues: [{ pointer: '/title', message: 'holds nothing visible' }] });
  return title;
}

/** Throws at once what needs no look at the document as it was; what it returns is to be asked last. */
function patchCheck(parts: DocumentParts, authority: Authority, source: Source, before: StoredDocument, after: Access): () => void {
  const owner = authority.may('label', source, before.declared) && authority.may('label', source, after.declared);
  if (owner && authority.may('label', source)) return () => {};
  const judged = { authority, source, writer: writerTrustFor(parts.policy, authority, source), before: asMeant(before), after };
  checkWriter(judged);
  return () => checkAgainstBefore(judged);
}

/**
 * What a document's record shows depends on the right: owners see its ACL, auditors and readers its metadata, writers
 * only that the id exists. Nobody sees text here. Hidden and missing are the same `not_found`.
 */
async function getDocument(parts: DocumentParts, context: RequestContext, sourceId: string, id: string): Promise<DocumentResource> {
  const authority = await authorityOf(parts, context);
  const source = [...authority.view.sources.values()].find((s) => s.id === sourceId && s.state === 'live');
  const [named, document] = [parseSourceId(sourceId), parseDocumentId(id)];
  if (named === undefined || document === undefined) throw new AppError('not_found');
  // Asked whether or not there is such a source, so that what is missing costs the same reads as what is hidden.
  const [found, at] = await Promise.all([parts.writes.document(authority.view.tenant, named, document), parts.writes.time()]);
  if (source === undefined || found === undefined) throw new AppError('not_found');
  const { label } = effectiveZone(authority.view.scheme, source, found.declared);
  if (authority.may('label', source, found.declared)) {
    const honey = found.honey === undefined ? {} : { honey: true as const, marker: found.honey };
    return { view: 'owner', ...resource(found, label), acl: writtenAcl(found.acl), ...(await standing(parts, found)), ...honey };
  }
  if (authority.may('audit', source, found.declared)) return { view: 'auditor', ...resource(found, label) };
  if (mayRead(parts, authority, found, at)) return { view: 'reader', ...resource(found, label) };
  if (authority.may('ingest', source)) return { view: 'writer', source: source.id, document: found.document };
  throw new AppError('not_found');
}

/**
 * What was handed in, for owners: the text with everything that was taken out of it. That it was read is in the log. `original` is
 * absent where nothing was taken out. Hidden and missing are the same `not_found`.
 */
async function getOriginal(parts: DocumentParts, context: RequestContext, sourceId: string, id: string): Promise<OriginalResource> {
  const authority = await authorityOf(parts, context);
  const source = authority.source(sourceId, 'ingest', 'label', 'audit');
  const found = await existing(parts, source, id);
  if (!mayKnow(authority, source, found)) throw new AppError('not_found');
  requireLabel(authority, source, found);
  const kept = await parts.writes.original(found.tenant, found.key, found.revision, changeBy(context));
  const { document, version } = found;
  const { removed } = factsOf(found);
  return { source: source.id, document, version, removed, ...(kept === undefined ? {} : { original: keptOriginal(kept) }) };
}

/** `at`: the database's milliseconds, as at a release. */
function mayRead(parts: DocumentParts, authority: Authority, found: StoredDocument, at: number): boolean {
  const { caller } = authority;
  const [purpose] = parts.policy.purposes;
  return (
    purpose !== undefined &&
    found.state === 'live' &&
    !found.off &&
    found.honey === undefined &&
    isWithin(found, at) &&
    judgeAccess(found.acl, aclSubject(caller), authority.view.grants, caller, found, at).kind === 'permit' &&
    parts.policy.confirm(authority.view, caller, found.zone, 'retrieve', purpose).kind === 'permit'
  );
}

function resource(
  found: StoredDocument,
  label: ReturnType<typeof effectiveZone>['label'],
): Omit<Extract<DocumentResource, { title: string }>, 'view'> {
  const { source, document, version, title, uri, mediaType, metadata, validFrom, validUntil, chunks, updatedAt } = found;
  return {
    source,
    document,
    version,
    title,
    ...(uri === undefined ? {} : { uri }),
    mediaType,
    ...label,
    metadata,
    ...(validFrom === 'always' ? {} : { validFrom: new Date(validFrom * 1000).toISOString() }),
    ...(validUntil === 'forever' ? {} : { validUntil: new Date(validUntil * 1000).toISOString() }),
    chunks,
    updatedAt,
  };
}
