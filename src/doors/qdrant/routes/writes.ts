import { AppError } from '../../../core/errors.ts';
import type { LosslessJson } from '../../../core/points/raw-json.ts';
import type { PointChange } from '../../../ingestion/points/types.ts';
import { ok, type QdrantReply } from '../envelope.ts';
import { parseCreateCollection } from '../requests/collections.ts';
import { parseUpsert } from '../requests/writes.ts';
import { paramOf, type Call, type Method, type Route } from '../route.ts';
import { noCollection } from '../words.ts';

/** Qdrant numbers the writes of everybody; here the number says nothing. Every write has been applied when it is answered. */
const COMPLETED = '{"operation_id":0,"status":"completed"}';

/** In the words of Qdrant where there is no such collection, or none that the caller may see. */
async function inCollection<T>(call: Call, write: (collection: string) => Promise<T>): Promise<T> {
  const collection = paramOf(call, 'collection');
  try {
    return await write(collection);
  } catch (error) {
    throw error instanceof AppError && error.code === 'not_found' && error.issues.length === 0 ? noCollection(collection, error) : error;
  }
}

type Handle = (call: Call) => Promise<QdrantReply>;

function route(method: Method, path: string, handle: Handle, body = true): Route {
  return { kind: 'call', method, path: `/collections/:collection${path}`, scope: 'ingest', body, handle };
}

function change(method: Method, path: string, parse: (body: LosslessJson) => readonly PointChange[]): Route {
  return route(method, path, async (call) => {
    const changes = parse(call.body);
    await inCollection(call, (collection) => call.services.writer.change(call.context, collection, changes));
    return ok(COMPLETED, call.startedAt);
  });
}

const createCollection: Handle = async (call) => {
  const { services, context, startedAt, body } = call;
  const name = paramOf(call, 'collection');
  const made = await services.writer.createCollection(context, name, parseCreateCollection(body));
  if (made) return ok('true', startedAt);
  const message = `Wrong input: Collection \`${name}\` already exists!`;
  throw new AppError('already_exists', { issues: [{ pointer: '', message }] });
};

const deleteCollection: Handle = async (call) => {
  const deleted = await call.services.writer.deleteCollection(call.context, paramOf(call, 'collection'));
  return ok(String(deleted), call.startedAt);
};

/** Writes, and what makes and drops collections. */
export const writeRoutes: readonly Route[] = [
  route('PUT', '', createCollection),
  route('DELETE', '', deleteCollection, false),
  change('PUT', '/points', parseUpsert),
];
