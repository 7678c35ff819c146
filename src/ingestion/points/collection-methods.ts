import { AppError } from '../../core/errors.ts';
import { parseCollectionName, type CollectionName } from '../../core/ids.ts';
import { isLosslessObject } from '../../core/points/lossless.ts';
import { isReservedPath, RESERVED_KEY } from '../../core/points/payload-path.ts';
import { PROFILES } from '../../core/points/profiles.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import type { CollectionSettings } from '../../core/ports/collections.ts';
import { changeBy } from '../../core/request-context.ts';
import { authorityOf, type Authority } from '../authority.ts';
import { owns } from '../collections.ts';
import { retryOnConflict } from '../put-document.ts';
import type { RequestContext } from '../types.ts';
import type { PointsWriterParts } from './parts.ts';
import { sees, writeTarget } from './target.ts';
import type { PointsWriter } from './types.ts';

type CollectionMethods = Pick<PointsWriter, 'createCollection' | 'deleteCollection' | 'createIndex' | 'deleteIndex'>;

/** What clients do to a collection as a whole. Its settings are for owners, at the HTTP API. */
export function collectionMethods(parts: PointsWriterParts): CollectionMethods {
  return {
    createCollection: (context, name, params) => create(parts, context, name, params),
    deleteCollection: (context, name) => retryOnConflict(context.signal, () => deleteOnce(parts, context, name)),
    async createIndex(context, name, field, schema) {
      const { collection } = writeTarget(parts, await authorityOf(parts, context), name);
      await parts.hosted.createIndex(collection.key, ownField(field), schema, context.signal);
    },
    async deleteIndex(context, name, field) {
      const { collection } = writeTarget(parts, await authorityOf(parts, context), name);
      await parts.hosted.deleteIndex(collection.key, ownField(field), context.signal);
    },
  };
}

/**
 * Only whoever may ingest into the source of the same name learns whether the name is taken. Its points need a text at `text` and an ACL at
 * `acl` until an owner says otherwise.
 */
async function create(parts: PointsWriterParts, context: RequestContext, name: string, params: LosslessObject): Promise<boolean> {
  const authority = await authorityOf(parts, context);
  const parsed = parseCollectionName(name);
  const writers = parsed === undefined ? undefined : writersOf(authority, parsed);
  if (parsed === undefined || writers === undefined) throw noSourceFor();
  refuseIdf(params);
  if (parsed === parts.collection || authority.view.collections.has(parsed)) return false;
  const key = parts.newKey();
  const { tenant } = authority.view;
  // The index first: what has a name can be written into. A crash in between leaves an empty collection that nobody can name.
  await parts.hosted.create(key, params, context.signal);
  try {
    const settings: CollectionSettings = { writers, profile: PROFILES.plain, defaultAcl: { kind: 'none' } };
    await parts.catalog.putCollection(tenant, parsed, { ...settings, key, params }, 'absent', changeBy(context));
    return true;
  } catch (error) {
    await parts.hosted.drop(key, context.signal).catch(() => parts.mend());
    // Somebody else gave the name meanwhile.
    if (error instanceof AppError && error.code === 'conflict') return false;
    throw error;
  }
}

/** The same for a source that is not there and for one that is not the caller's. */
function noSourceFor(): AppError {
  const message =
    'a collection is made by whoever may ingest into the source of the same name: have that source made, or the collection by its owners, ' +
    'by PUT /v1/collections of the HTTP API';
  return new AppError('forbidden', { issues: [{ pointer: '', message }] });
}

function writersOf(authority: Authority, name: CollectionName): CollectionSettings['writers'] | undefined {
  const source = [...authority.view.sources.values()].find(({ id, state }) => state === 'live' && id === String(name));
  if (source === undefined || !authority.may('ingest', source)) return undefined;
  return { source: { kind: 'source', source: source.id }, byClient: new Map() };
}

/** Terms would be weighed by how many documents hold them, hidden ones among them: a score told one user what others had added. */
function refuseIdf({ sparse_vectors: sparse }: LosslessObject): void {
  const vectors = isLosslessObject(sparse) ? Object.values(sparse) : [];
  if (!vectors.some((one) => isLosslessObject(one) && one['modifier'] === 'idf')) return;
  const message =
    'modifier: idf weighs terms by how many documents hold them, so scores would tell of documents that one may not read; ' +
    'leave it out and put the weights into the vector of the query';
  throw new AppError('unsupported_request', { issues: [{ pointer: '/sparse_vectors', message }] });
}

async function deleteOnce(parts: PointsWriterParts, context: RequestContext, name: string): Promise<boolean> {
  const authority = await authorityOf(parts, context);
  const parsed = parseCollectionName(name);
  if (parsed !== undefined && parsed === parts.collection) throw new AppError('forbidden');
  const found = parsed === undefined ? undefined : authority.view.collections.get(parsed);
  if (found === undefined || !sees(parts, authority, found)) return false;
  if (!owns(parts, authority, found)) throw new AppError('forbidden');
  await parts.catalog.deleteCollection(authority.view.tenant, found.name, found.revision, changeBy(context));
  parts.mend();
  return true;
}

function ownField(field: string): string {
  if (!isReservedPath(field)) return field;
  throw new AppError('unsupported_request', { issues: [{ pointer: '/field_name', message: `${RESERVED_KEY} is reserved` }] });
}
