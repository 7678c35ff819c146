import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { startLocalQdrant } from '../../src/vectors/local-qdrant.ts';

/** What a stopped service left: its chunks as the catalog has them, and its points as the index has them, both in order. */
export interface IndexFacts {
  readonly chunks: readonly { readonly chunk: string; readonly document: string; readonly state: string; readonly digest: string }[];
  readonly points: readonly { readonly id: string; readonly payload: Readonly<Record<string, unknown>> }[];
}

interface Scrolled {
  readonly result: { readonly points: IndexFacts['points'] };
}

/** Reads both directly, past the service, which must not be running. */
export async function indexFacts(dataDir: string, collection = 'sluice'): Promise<IndexFacts> {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { readOnly: true });
  const chunks = db
    .prepare(
      `select c.chunk, d.document, c.state, c.digest from chunks c
       left join documents d on d.tenant = c.tenant and d.key = c.key order by c.chunk`,
    )
    .all() as unknown as IndexFacts['chunks'];
  db.close();
  const qdrant = await startLocalQdrant({ dataDir, log: silentTelemetry.log });
  try {
    const answer = await fetch(`${qdrant.url}/collections/${collection}/points/scroll`, {
      method: 'POST',
      headers: { 'api-key': qdrant.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ limit: 100_000, with_payload: true }),
    });
    const { result } = (await answer.json()) as Scrolled;
    const points = result.points.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return { chunks: chunks.map((row) => ({ ...row })), points };
  } finally {
    await qdrant.stop();
  }
}
