import { AppError } from '../../../core/errors.ts';
import type { LosslessJson } from '../../../core/points/raw-json.ts';
import type { PointChange } from '../../../ingestion/points/types.ts';
import { ok, type QdrantReply } from '../envelope.ts';
import {
  parseClearPayload,
  parseDelete,
  parseDeletePayload,
  parseDeleteVectors,
  parseOverwritePayload,
  parsePointsBatch,
  parseSetPayload,
  parseUpdateVectors,
} from '../requests/changes.ts';
import { parseCreateCollection } from '../requests/collections.ts';
import { parseCreateIndex, parseIndexField } from '../requests/index-schema.ts';
import { parseUpsert } from '../requests/writes.ts';
import { paramOf, type Call, type Method, type Route } from '../route.ts';

/** Qdrant numbers the writes of everybody; here the number says nothing. Every write has been applied when it is answered. */
const COMPLETED = '{"operation_id":0,"status":"completed"}';

type Handle = (call: Call) => Promise<QdrantReply>;

function route(method: Method, path: string, handle: Handle, body = true): Route {
  return { kind: 'call', method, path: `/collections/:collection${path}`, scope: 'ingest', body, handle };
}

async function changed(call: Call, changes: readonly PointChange[]): Promise<void> {
  await call.services.writer.change(call.context, paramOf(call, 'collection'), changes);
}

function change(method: Method, path: string, parse: (body: LosslessJson) => readonly PointChange[]): Route {
  return route(method, path, async (call) => {
    await changed(call, parse(call.body));
    return ok(COMPLETED, call.startedAt);
  });
}

/** One result for each operation. */
const batch: Handle = async (call) => {
  const changes = parsePointsBatch(call.body);
  await changed(call, changes);
  return ok(`[${changes.map(() => COMPLETED).join(',')}]`, call.startedAt);
};

const createIndex: Handle = async (call) => {
  const { field, schema } = parseCreateIndex(call.body);
  await call.services.writer.createIndex(call.context, paramOf(call, 'collection'), field, schema);
  return ok(COMPLETED, call.startedAt);
};

const deleteIndex: Handle = async (call) => {
  const field = parseIndexField(paramOf(call, 'field'));
  await call.services.writer.deleteIndex(call.context, paramOf(call, 'collection'), field);
  return ok(COMPLETED, call.startedAt);
};

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
  route('PUT', '/index', createIndex),
  route('DELETE', '/index/:field', deleteIndex, false),
  change('PUT', '/points', parseUpsert),
  change('POST', '/points/delete', parseDelete),
  change('PUT', '/points/vectors', parseUpdateVectors),
  change('POST', '/points/vectors/delete', parseDeleteVectors),
  change('POST', '/points/payload', parseSetPayload),
  change('PUT', '/points/payload', parseOverwritePayload),
  change('POST', '/points/payload/delete', parseDeletePayload),
  change('POST', '/points/payload/clear', parseClearPayload),
  route('POST', '/points/batch', batch),
];
