import { indexedValidity } from '../../core/acl.ts';
import { AppError } from '../../core/errors.ts';
import type { DocumentKey, ZoneId } from '../../core/ids.ts';
import type { DocumentContent } from '../../core/ports/catalog.ts';
import type { PublishedDocument } from '../../core/ports/document-batches.ts';
import type { HostedPoint } from '../../core/ports/points.ts';
import type { NumberedAcl } from '../../core/ports/vectors.ts';
import { changeBy } from '../../core/request-context.ts';
import { stagedContent } from '../index-content.ts';
import { attributesOf, changeAttributes } from '../put-document.ts';
import type { RequestContext } from '../types.ts';
import { judgePoints, type GivenPoint, type JudgedPoint } from './judge-points.ts';
import { givingUp } from './give-up.ts';
import type { PointsWriterParts } from './parts.ts';
import { allPermitted, placed } from './places.ts';
import { READER } from './read-point.ts';
import type { WriteTarget } from './target.ts';

const POINTS_AN_UPSERT = 256;
const POINTS_A_TRANSACTION = 256;

/** Where the access of a point is in the index. */
interface Reserved {
  readonly zone: ZoneId;
  readonly acl: NumberedAcl;
}

interface StagedPoint {
  readonly hosted: HostedPoint;
  readonly publish: PublishedDocument;
}

/**
 * The path of a document (docs/architecture.md), for many points at once. What can be refused for what the points say is refused before
 * anything is written; then all are staged, all go to the index, and only then they are published, some hundreds in a transaction. So an
 * index that refuses one of them leaves nothing published. Asked last is what needs a look at what is there: a refusal of another kind
 * after it, by the index, would tell a writer that their guess at a hidden ACL was narrower. What was staged goes then.
 * Fails like a `PUT` of a document, naming the point, and with `conflict` where somebody else's write came between: the whole is to be
 * repeated with everything read anew.
 */
export async function upsertOnce(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  given: readonly GivenPoint[],
): Promise<void> {
  const first = await judgePoints(parts, context, target, given);
  const lost = await lostAmong(parts, context, target, first);
  const judged = lost.size === 0 ? first : await judgePoints(parts, context, target, given, lost);
  const changed = judged.filter(({ same }) => !same);
  const reserved = await reserveAll(parts, target, changed);
  const staged = changed.length === 0 ? [] : await stagePoints(parts, context, target, changed, reserved);
  const chunks = staged.map(({ hosted: { chunk } }) => chunk);
  await givingUp(parts, context, target, chunks, async () => {
    await indexPoints(parts, context, target, staged);
    allPermitted(judged);
  });
  await publishPoints(parts, target, staged);
  report(parts, changed);
  for (const { same, point, before, write, permit } of judged) {
    if (!same || before === undefined) continue;
    // Nothing at all where nothing differs, but for access that waits for the index: a retry heals it.
    await changeAttributes(parts, context, before, attributesOf(context, point.body, write, before.title), permit);
  }
}

/**
 * Documents that say what they said before, and whose point the index has lost. Their vectors are nowhere but in what was just given, so
 * to take it for a repetition would leave them lost for good.
 */
async function lostAmong(
  { batches, hosted }: PointsWriterParts,
  { signal }: RequestContext,
  { collection, source: { tenant } }: WriteTarget,
  judged: readonly JudgedPoint[],
): Promise<ReadonlySet<DocumentKey>> {
  const keys = judged.flatMap(({ same, point: { key } }) => (same ? [key] : []));
  if (keys.length === 0) return new Set();
  const chunks = await batches.liveChunks(tenant, keys);
  const absent = await hosted.absent(collection.key, [...chunks.keys()], signal);
  return new Set(absent.flatMap((chunk) => chunks.get(chunk) ?? []));
}

/** Once for each ACL and label that occur. */
async function reserveAll(
  parts: PointsWriterParts,
  { source }: WriteTarget,
  points: readonly JudgedPoint[],
): Promise<ReadonlyMap<JudgedPoint, Reserved>> {
  const made = new Map<string, Promise<Reserved>>();
  const reserved = new Map<JudgedPoint, Reserved>();
  for (const point of points) {
    const { declared, acl } = point.write.access;
    const name = JSON.stringify([declared, acl]);
    const known = made.get(name) ?? parts.writes.reserve(source.tenant, source.id, declared, acl);
    made.set(name, known);
    try {
      reserved.set(point, await known);
    } catch (error) {
      throw placed(error, point.place);
    }
  }
  return reserved;
}

async function stagePoints(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  changed: readonly JudgedPoint[],
  reserved: ReadonlyMap<JudgedPoint, Reserved>,
): Promise<readonly StagedPoint[]> {
  const { collection, source } = target;
  const { tenant } = source;
  const secret = await parts.writes.chunkSecret();
  // Before the first point can be found: whoever may read it has to see the collection.
  await parts.catalog.noteSource(tenant, collection.key, source.id);
  const staged = changed.flatMap((point) => {
    const access = reserved.get(point);
    return access === undefined ? [] : [stagedPoint(parts, context, target, point, { secret, ...access })];
  });
  await parts.batches.stageAll(
    tenant,
    staged.map(({ publish: { key, content } }) => ({ key, content })),
  );
  return staged;
}

async function indexPoints(
  parts: PointsWriterParts,
  { signal }: RequestContext,
  { collection }: WriteTarget,
  staged: readonly StagedPoint[],
): Promise<void> {
  for (const some of inBatches(staged, POINTS_AN_UPSERT)) {
    await parts.hosted.upsert(
      collection.key,
      some.map(({ hosted }) => hosted),
      signal,
    );
  }
}

/**
 * Where one of them moved on meanwhile, the others are published all the same, each alone, before the whole is repeated: a writer who keeps
 * one of their own points moving would otherwise learn of a hidden one beside it that it may be written, without its being written.
 */
async function publishPoints(parts: PointsWriterParts, { source }: WriteTarget, staged: readonly StagedPoint[]): Promise<void> {
  const conflicts: AppError[] = [];
  const publish = async (some: readonly StagedPoint[], onConflict: (conflict: AppError) => void | Promise<void>): Promise<void> => {
    const inputs = some.map(({ publish: input }) => input);
    try {
      await parts.batches.publishAll(source.tenant, source.id, inputs);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
      await onConflict(error);
    }
  };
  for (const some of inBatches(staged, POINTS_A_TRANSACTION)) {
    await publish(some, async () => {
      for (const one of some) await publish([one], (conflict) => void conflicts.push(conflict));
    });
  }
  const [conflict] = conflicts;
  if (conflict !== undefined) throw conflict;
}

/** The chunk, its point in the index and its document, all of one revision: a retry of the same write makes the same ones. */
function stagedPoint(
  parts: PointsWriterParts,
  context: RequestContext,
  { collection, source }: WriteTarget,
  { point, before, grave, write }: JudgedPoint,
  { secret, zone, acl }: Reserved & { readonly secret: string },
): StagedPoint {
  const { key, document, text, removed, body, pipeline, original, payload } = point;
  const revision = (before?.revision ?? grave?.revision ?? 0) + 1;
  const whole = { start: 0, end: text.length, path: [] };
  const cut = { parsed: { text, removed, title: body.title, parser: READER }, chunks: [whole] };
  const lineage = {
    run: body.run ?? context.requestId,
    connector: body.connector ?? 'api',
    parser: READER,
    chunker: 'none',
    embedding: 'client',
    indexedAt: new Date(parts.clock.now()).toISOString(),
  };
  const plain = stagedContent({ secret, key, revision, write, cut, mediaType: body.mediaType, pipeline, lineage, original });
  const chunks = plain.chunks.map((chunk) => ({ ...chunk, point: { id: point.id, payload } }));
  const content: DocumentContent = { ...plain, chunks, collection: collection.key };
  const [{ chunk }] = chunks as [(typeof chunks)[number]];
  const { access } = write;
  const validity = indexedValidity(access.acl, access);
  const { tenant } = source;
  return {
    hosted: {
      chunk,
      access: { tenant, document: key, zone, revision, acl, ...validity, metadata: {}, collection: collection.key },
      vector: point.vector,
      payload,
    },
    publish: {
      document,
      key,
      expected: before?.revision ?? 'absent',
      tombstone: grave?.revision ?? 'none',
      attributes: attributesOf(context, body, write, body.title),
      content,
      change: changeBy(context),
    },
  };
}

function report(parts: PointsWriterParts, changed: readonly JudgedPoint[]): void {
  const replaced = changed.filter(({ before }) => before !== undefined).length;
  const { telemetry } = parts;
  if (replaced < changed.length) telemetry.count('documents_ingested', { outcome: 'created' }, changed.length - replaced);
  if (replaced > 0) telemetry.count('documents_ingested', { outcome: 'changed' }, replaced);
  telemetry.count('chunks_indexed', {}, changed.length);
  // The chunks that were replaced are dead in the catalog by now; the index may forget them at leisure.
  if (replaced > 0) parts.mend();
}

function* inBatches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
