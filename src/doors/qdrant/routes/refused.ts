import type { Method, Route } from '../route.ts';

const SNAPSHOTS = 'Forbidden: a snapshot holds every point, whoever may read it, so there are none here. Back up the service itself.';
const CLUSTER = 'Forbidden: how the index is spread over nodes and shards is its operator’s, not that of those who search.';
const TELEMETRY = 'Forbidden: these numbers are about all points and everybody. The operator of the service reads them elsewhere.';
const MATRIX =
  'Forbidden: distances between sampled points cannot be answered for one caller alone. Ask for points and compare their vectors.';
const ALIASES =
  'Forbidden: a collection has one name here, so that what is decided about it holds under every name. Make another collection.';
const SETTINGS =
  'Forbidden: how a collection is stored is the operator’s. Who writes into it and how payloads are read is set over the HTTP API.';

const ALL: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function refused(path: string, why: string, methods: readonly Method[] = ALL): Route {
  return { kind: 'refused', methods, path, why };
}

/** What Qdrant has besides, each with the reason why it is not here. */
export const refusedRoutes: readonly Route[] = [
  refused('/snapshots', SNAPSHOTS),
  refused('/snapshots/*', SNAPSHOTS),
  refused('/collections/:collection/snapshots', SNAPSHOTS),
  refused('/collections/:collection/snapshots/*', SNAPSHOTS),
  refused('/collections/:collection/shards', CLUSTER),
  refused('/collections/:collection/shards/*', CLUSTER),
  refused('/collections/:collection/cluster', CLUSTER),
  refused('/cluster', CLUSTER),
  refused('/cluster/*', CLUSTER),
  refused('/locks', CLUSTER),
  refused('/issues', TELEMETRY),
  refused('/telemetry', TELEMETRY),
  refused('/metrics', TELEMETRY),
  refused('/collections/:collection/points/search/matrix/pairs', MATRIX),
  refused('/collections/:collection/points/search/matrix/offsets', MATRIX),
  refused('/collections/aliases', ALIASES, ['POST']),
  refused('/collections/:collection', SETTINGS, ['PATCH']),
];
