import { CompiledQuery, sql } from 'kysely';
import type { ChunkId, TenantId } from '../../core/ids.ts';
import { pointIdOf, pointIdText, uuidPointId, type PointId } from '../../core/points/point-id.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { PointPlace, PointReads, StoredPoint } from '../../core/ports/collections.ts';
import type { CatalogContext } from '../context.ts';

/** Ids in one statement. More are read in several, since databases bound the parameters of one. */
const SLICE = 8_192;

/** Points for the query path. Nothing is cached: a chunk id never stands for another payload, but one may be dead by now. */
export function pointReads({ database }: CatalogContext): PointReads {
  const statements = new Map<string, string>();

  /** Few widths make few statements; repeating an id changes nothing. */
  async function read<Row>(
    statement: (ids: ReturnType<typeof sql.join>) => ReturnType<typeof sql>,
    name: string,
    first: readonly string[],
    ids: readonly string[],
  ): Promise<readonly Row[]> {
    const all: Row[] = [];
    for (let start = 0; start < ids.length; start += SLICE) {
      const some = ids.slice(start, start + SLICE);
      const width = 2 ** Math.ceil(Math.log2(some.length));
      const key = `${name} ${width}`;
      let text = statements.get(key);
      if (text === undefined) {
        text = statement(sql.join(Array<string>(width).fill(''))).compile(database.db).sql;
        statements.set(key, text);
      }
      const padding = Array<string>(width - some.length).fill(some[0] ?? '');
      const { rows } = await database.db.executeQuery<Row>(CompiledQuery.raw(text, [...first, ...some, ...padding]));
      all.push(...rows);
    }
    return all;
  }

  return {
    async chunksOfPoints(tenant: TenantId, place: PointPlace, ids: readonly PointId[]) {
      const texts = [...new Set(ids.map(pointIdText))];
      const found = new Map<string, ChunkId[]>();
      if (texts.length === 0) return found;
      const rows =
        place === 'own'
          ? await read<PointOfChunk>(ownChunks, 'own chunks', [tenant], texts)
          : await read<PointOfChunk>(hostedChunks, 'hosted chunks', [tenant, place], texts);
      for (const { point, chunk } of rows) {
        const chunks = found.get(point);
        if (chunks === undefined) found.set(point, [chunk as ChunkId]);
        else chunks.push(chunk as ChunkId);
      }
      // The same order every time, whatever plan the database took.
      for (const chunks of found.values()) if (chunks.length > 1) chunks.sort();
      return found;
    },
    async storedPoints(tenant: TenantId, place: PointPlace, chunks: readonly ChunkId[]) {
      const found = new Map<ChunkId, StoredPoint>();
      if (chunks.length === 0) return found;
      const rows =
        place === 'own'
          ? await read<StoredRow>(ownPayloads, 'own payloads', [tenant], chunks)
          : await read<StoredRow>(hostedPayloads, 'hosted payloads', [tenant, place], chunks);
      for (const { chunk, point, payload } of rows) {
        const id = place === 'own' ? uuidPointId(point) : pointIdOf(point);
        if (id === undefined) throw new Error('a stored point whose id is none');
        const json = place === 'own' ? `{"metadata":${payload}}` : payload;
        found.set(chunk as ChunkId, { id, payload: json as RawJson });
      }
      return found;
    },
  };
}

interface PointOfChunk {
  readonly point: string;
  readonly chunk: string;
}

interface StoredRow extends PointOfChunk {
  readonly payload: string;
}

type Ids = ReturnType<typeof sql.join>;

const ownChunks = (ids: Ids) => sql`
  select c.chunk as point, c.chunk from chunks c
  where c.tenant = ${''} and c.collection is null and c.state = 'live' and c.chunk in (${ids})`;

const hostedChunks = (ids: Ids) => sql`
  select p.point, p.chunk from points p
  join chunks c on c.tenant = p.tenant and c.chunk = p.chunk
  where p.tenant = ${''} and p.collection = ${''} and p.point in (${ids}) and c.state = 'live'`;

const ownPayloads = (ids: Ids) => sql`
  select c.chunk, c.chunk as point, d.metadata as payload from chunks c
  join documents d on d.tenant = c.tenant and d.key = c.key
  where c.tenant = ${''} and c.collection is null and c.chunk in (${ids})`;

const hostedPayloads = (ids: Ids) => sql`
  select p.chunk, p.point, p.payload from points p
  where p.tenant = ${''} and p.collection = ${''} and p.chunk in (${ids})`;
