import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { ChunkId, CollectionKey } from '../../core/ids.ts';
import { isReservedPath, payloadHasReserved, RESERVED_KEY } from '../../core/points/payload-path.ts';
import type { HostedIndex, HostedPoint } from '../../core/ports/points.ts';
import type { Placement } from '../collection.ts';
import type { HotAnswer, HotRequest } from '../connection.ts';
import { keyIn } from '../filter.ts';
import type { HotRead } from '../hot-read.ts';
import { encodeHosted } from '../payload.ts';
import { batches } from '../writes.ts';
import { parsed } from './describe.ts';
import { collectionBody, missingIndexes, whatDiffers } from './hosted-collection.ts';
import { physicalName } from './place.ts';
import { accepted, refusal } from './refusals.ts';

export interface HostedIndexOptions {
  /** With the deadline of one attempt at a write. */
  readonly write: HotRead;
  readonly attempts: number;
  readonly placement: Placement;
  /** Those that a check found unfit, until one finds them fit. */
  readonly unfit: Set<CollectionKey>;
}

const POINTS_A_REQUEST = 128;
const IDS_A_REQUEST = 1_000;
/** Characters; Qdrant takes 32 MiB. */
const MOST_A_REQUEST = 8 * 1024 * 1024;

export function createHostedIndex({ write, attempts, placement, unfit }: HostedIndexOptions): HostedIndex {
  const again = retry(
    handleWhen((error) => error instanceof AppError && error.code === 'index_unavailable'),
    { maxAttempts: attempts - 1, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }) },
  );
  // Every request here may be sent again: it sets what it names, or is made under a condition on the revision.
  const send = (request: HotRequest, signal: AbortSignal) => again.execute(() => write.send(request, signal), signal);
  const pathOf = (key: CollectionKey) => `/collections/${physicalName(key)}`;

  async function apply(request: HotRequest, signal: AbortSignal): Promise<void> {
    // Only what is applied is done: what is queued may still be lost.
    if (!COMPLETED.test(accepted(await send(request, signal)))) {
      throw new AppError('index_unavailable', { detail: 'the vector index did not confirm a write', retryAfter: 1 });
    }
  }

  /** Makes our indexes where they are missing. Fails with `index_unavailable` where the collection is not there, or is another one. */
  async function ensure(key: CollectionKey, signal: AbortSignal): Promise<void> {
    const answer = await send({ method: 'GET', path: pathOf(key) }, signal);
    if (answer.status === 404) throw unusable(key, LOST);
    const { config, payload_schema: schema } = parsed(accepted(answer));
    const different = whatDiffers(key, config);
    if (different !== undefined) throw unusable(key, different);
    for (const { path, schema: wanted } of missingIndexes(schema)) {
      const body = JSON.stringify({ field_name: path, field_schema: wanted });
      await apply({ method: 'PUT', path: `${pathOf(key)}/index?wait=true`, body }, signal);
    }
  }

  return {
    async create(key, params, signal) {
      const answer = await send({ method: 'PUT', path: pathOf(key), body: collectionBody(key, params, placement) }, signal);
      // 409: an earlier attempt made it, or another replica. What it made is checked like any other.
      if (answer.status !== 200 && answer.status !== 409) throw refusal(answer);
      await ensure(key, signal);
    },
    async drop(key, signal) {
      const answer = await send({ method: 'DELETE', path: pathOf(key) }, signal);
      if (answer.status !== 404) accepted(answer);
    },
    async upsert(key, points, signal) {
      for (const body of upserts(points)) await apply({ method: 'PUT', path: `${pathOf(key)}/points?wait=true`, body }, signal);
    },
    absent: (key, chunks, signal) => absentIn((body) => send({ method: 'POST', path: `${pathOf(key)}/points`, body }, signal), chunks),
    ...indexes(pathOf, apply),
    async check(key, signal) {
      await ensure(key, signal).catch((error: unknown) => {
        // An index that is away is no reason: each request finds out itself.
        if (error instanceof UnfitError) unfit.add(key);
        throw error;
      });
      unfit.delete(key);
    },
  };
}

type Apply = (request: HotRequest, signal: AbortSignal) => Promise<void>;

function indexes(pathOf: (key: CollectionKey) => string, apply: Apply): Pick<HostedIndex, 'createIndex' | 'deleteIndex'> {
  return {
    async createIndex(key, field, schema, signal) {
      const body = JSON.stringify({ field_name: notReserved(field), field_schema: schema });
      await apply({ method: 'PUT', path: `${pathOf(key)}/index?wait=true`, body }, signal);
    },
    async deleteIndex(key, field, signal) {
      const name = encodeURIComponent(notReserved(field));
      await apply({ method: 'DELETE', path: `${pathOf(key)}/index/${name}?wait=true` }, signal);
    },
  };
}

const COMPLETED = /"status":"completed"/;
const LOST =
  'it is not there. Its points cannot be made again from the catalog, which holds no vectors: restore it from a snapshot, or drop the ' +
  'collection and let its applications write it again';

const listed = z.object({ result: z.array(z.object({ id: z.string() })) });

async function absentIn(ask: (body: string) => Promise<HotAnswer>, chunks: readonly ChunkId[]): Promise<readonly ChunkId[]> {
  const there = new Set<string>();
  for (const ids of batches(chunks, IDS_A_REQUEST)) {
    const body = JSON.stringify({ ids, with_payload: false, with_vector: false });
    for (const id of idsIn(accepted(await ask(body)))) there.add(id);
  }
  return chunks.filter((chunk) => !there.has(chunk));
}

function idsIn(text: string): readonly string[] {
  const parsed = listed.safeParse(JSON.parse(text));
  if (!parsed.success) throw new AppError('index_unavailable', { detail: 'the vector index listed its points in a shape not understood' });
  return parsed.data.result.map(({ id }) => id);
}

class UnfitError extends AppError {}

function unusable(key: CollectionKey, detail: string): UnfitError {
  return new UnfitError('index_unavailable', { detail: `${physicalName(key)}: ${detail}` });
}

function notReserved(field: string): string {
  if (!isReservedPath(field)) return field;
  throw new AppError('unsupported_request', {
    issues: [{ pointer: '', message: `${RESERVED_KEY} is reserved, and what begins with it.` }],
  });
}

function* upserts(points: readonly HostedPoint[]): Generator<string> {
  for (const [revision, group] of Map.groupBy(points, ({ access }) => access.revision)) {
    // A repeat that arrives late must not bring back rights that have been rewritten since.
    const condition = JSON.stringify({ must_not: [{ key: keyIn('reserved')('acl_v'), range: { gte: revision } }] });
    for (const batch of bySize(group)) yield `{"points":[${batch.join(',')}],"update_filter":${condition}}`;
  }
}

/** Points as text, few and small enough for one request. */
function* bySize(points: readonly HostedPoint[]): Generator<readonly string[]> {
  for (const some of batches(points, POINTS_A_REQUEST)) {
    let batch: string[] = [];
    let size = 0;
    for (const text of some.map(pointText)) {
      if (batch.length > 0 && size + text.length > MOST_A_REQUEST) {
        yield batch;
        [batch, size] = [[], 0];
      }
      batch.push(text);
      size += text.length;
    }
    yield batch;
  }
}

/** The writer's payload as it is, and beside it what filters look at. Fails with `internal` where it has a reserved key of its own. */
function pointText({ chunk, access, vector, payload }: HostedPoint): string {
  const given: unknown = JSON.parse(payload);
  if (typeof given !== 'object' || given === null || Array.isArray(given) || payloadHasReserved({ ...given })) {
    throw new AppError('internal', { detail: 'a payload that is no object, or has a reserved key, must not reach the index' });
  }
  const open = payload.slice(0, payload.lastIndexOf('}')).trimEnd();
  const comma = Object.keys(given).length === 0 ? '' : ',';
  const whole = `${open}${comma}"${RESERVED_KEY}":${JSON.stringify(encodeHosted(access))}}`;
  return `{"id":${JSON.stringify(chunk)},"vector":${vector},"payload":${whole}}`;
}
