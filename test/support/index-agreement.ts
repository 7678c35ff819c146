import { indexedPrincipals, indexedValidity, type Acl } from '../../src/core/acl.ts';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { TestQdrant } from './qdrant.ts';

interface Row {
  readonly tenant: string;
  readonly key: string;
  readonly document: string;
  readonly chunk: string;
  readonly zone: number;
  readonly revision: number;
  readonly acl: string;
  readonly valid_from: number | null;
  readonly valid_until: number | null;
  readonly metadata: string;
}

export interface IndexedPoint {
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Every point of a collection by id, read past the service. */
export async function pointsOf({ url, apiKey }: Pick<TestQdrant, 'url' | 'apiKey'>, collection: string): Promise<readonly IndexedPoint[]> {
  const response = await fetch(`${url}/collections/${collection}/points/scroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { 'api-key': apiKey }) },
    body: JSON.stringify({ limit: 100_000, with_payload: true }),
  });
  const { result } = (await response.json()) as { result: { points: IndexedPoint[] } };
  return result.points.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Where the index does not hold for a live chunk exactly what the catalog says, spelt out a second time from the tables and
 * from the description of the payload. Documents by name; an empty list where they agree.
 */
export async function disagreements(dataDir: string, qdrant: TestQdrant, collection: string): Promise<readonly string[]> {
  const points = new Map((await pointsOf(qdrant, collection)).map(({ id, payload }) => [id, payload]));
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { readOnly: true });
  try {
    const numbers = new Map<string, number>();
    for (const row of db.prepare('select tenant, name, number from principals').all()) {
      numbers.set(`${String(row['tenant'])} ${String(row['name'])}`, Number(row['number']));
    }
    const rows = db
      .prepare(
        `select d.tenant, d.key, d.document, c.chunk, d.zone, d.revision, d.acl, d.valid_from, d.valid_until, d.metadata
         from documents d join chunks c on c.tenant = d.tenant and c.key = d.key and c.content = d.content
         where d.state <> 'deleted' and c.state = 'live'`,
      )
      .all() as unknown as Row[];
    return rows.filter((row) => !isDeepStrictEqual(points.get(row.chunk), expected(row, numbers))).map((row) => row.document);
  } finally {
    db.close();
  }
}

function expected(row: Row, numbers: ReadonlyMap<string, number>): Readonly<Record<string, unknown>> {
  const stored = JSON.parse(row.acl) as Acl;
  const acl = indexedPrincipals(stored);
  const bounds = indexedValidity(stored, { validFrom: row.valid_from ?? 'always', validUntil: row.valid_until ?? 'forever' });
  const list = (names: readonly string[]): readonly (number | undefined)[] =>
    names.length === 0 ? [-1] : names.map((name) => numbers.get(`${row.tenant} ${name}`));
  const gate = (index: number): readonly (number | undefined)[] => {
    const names = acl.gates[index];
    if (names === undefined) return acl.gates.length === 0 ? [-1] : [0];
    return list(names);
  };
  return {
    tenant: row.tenant,
    document: row.key,
    zone: row.zone,
    acl_v: row.revision,
    ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`g${index}`, gate(index)])),
    deny: list(acl.deny),
    valid_from: bounds.validFrom === 'always' ? 0 : bounds.validFrom,
    valid_until: bounds.validUntil === 'forever' ? Number.MAX_SAFE_INTEGER : bounds.validUntil,
    metadata: JSON.parse(row.metadata) as unknown,
  };
}
