import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { startLocalQdrant } from '../../src/vectors/local-qdrant.ts';
import { pointsOf, type IndexedPoint } from './index-agreement.ts';

/**
 * What a stopped service left: its chunks as the catalog has them, and its points as the index has them, both in order. Ids are
 * made with a secret of the deployment, so here a chunk and its point are named `document digest count` instead, and two deployments
 * can be compared. A point of no chunk keeps its id.
 */
export interface IndexFacts {
  readonly chunks: readonly { readonly chunk: string; readonly document: string; readonly state: string; readonly digest: string }[];
  readonly points: readonly IndexedPoint[];
}

/** Reads both directly, past the service, which must not be running. */
export async function indexFacts(dataDir: string, collection = 'sluice'): Promise<IndexFacts> {
  const rows = chunksOf(dataDir);
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  for (const { chunk, document, digest } of rows) {
    const text = `${document} ${digest}`;
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    names.set(chunk, `${text} ${count}`);
  }
  const nameOf = (id: string): string => names.get(id) ?? id;
  const qdrant = await startLocalQdrant({ dataDir, log: silentTelemetry.log });
  try {
    const points = (await pointsOf(qdrant, collection)).map(({ id, payload }) => ({ id: nameOf(id), payload }));
    return {
      chunks: inOrder(
        rows.map((row) => ({ ...row, chunk: nameOf(row.chunk) })),
        ({ chunk }) => chunk,
      ),
      points: inOrder(points, ({ id }) => id),
    };
  } finally {
    await qdrant.stop();
  }
}

function chunksOf(dataDir: string): IndexFacts['chunks'] {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { readOnly: true });
  const rows = db
    .prepare(
      `select c.chunk, d.document, c.state, c.digest from chunks c
       left join documents d on d.tenant = c.tenant and d.key = c.key order by c.chunk`,
    )
    .all() as unknown as IndexFacts['chunks'];
  db.close();
  return rows;
}

function inOrder<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
