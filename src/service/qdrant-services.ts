import { AppError } from '../core/errors.ts';
import type { HttpServices } from '../doors/http/services.ts';
import type { QdrantServices } from '../doors/qdrant/services.ts';

/** What the Qdrant-compatible door calls. Identity, keys and readiness are those of the HTTP API: one answer for both. */
export function qdrantServices({ identity, applicationKeys, nearMiss, readiness }: HttpServices): QdrantServices {
  return {
    identity,
    applicationKeys,
    nearMiss,
    reader: {
      collections: async () => [],
      collection: async () => undefined,
      ask: () => Promise.reject(new AppError('not_found')),
    },
    writer: {
      change: () => Promise.reject(new AppError('not_found')),
      createCollection: () => Promise.reject(new AppError('forbidden')),
      deleteCollection: async () => false,
      createIndex: () => Promise.reject(new AppError('not_found')),
      deleteIndex: () => Promise.reject(new AppError('not_found')),
    },
    notReady: async () => (await readiness()).flatMap(({ part, ready }) => (ready ? [] : [part])),
  };
}
