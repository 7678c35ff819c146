import { CompiledQuery, sql } from 'kysely';
import type { ChunkId, TenantId } from '../../core/ids.ts';
import { pointIdOf, pointIdText } from '../../core/points/point-id.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { PointPlace, PointReads, StoredPoint } from '../../core/ports/collections.ts';
import type { CatalogContext } from '../context.ts';

/** Ids in one statement. More are read in several, since databases bound the parameters of one. */
const SLICE = 8_192;

/** Points for the query path. Nothing is cached: a chunk id never stands for another payload, but one may be dead by now. */
export function pointReads(context: CatalogContext): PointReads {
  const read = createReader(context);
  return {
    async chunksOfPoints(tenant, place, ids) {
      const texts = [...new Set(ids.map(pointIdText))];
      const rows = await read<PointOfChunk>(place === 'own' ? OWN_CHUNKS : HOSTED_CHUNKS, parametersOf(tenant, place), texts);
      const found = new Map<string, ChunkId[]>();
      for (const { point, chunk } of rows) {
        const chunks = found.get(point);
        if (chunks === undefined) found.set(point, [chunk as ChunkId]);
        else chunks.push(chunk as ChunkId);
      }
      // The same order every time, whatever plan the database took.
      for (const chunks of found.values()) if (chunks.length > 1) chunks.sort();
      return found;
    },
    async storedPoints(tenant, place, chunks) {
      const own = place === 'own';
      const rows = await read<StoredRow>(own ? OWN_PAYLOADS : HOSTED_PAYLOADS, [tenant], chunks);
      if (own) return new Map(rows.map((row) => [row.chunk as ChunkId, ownPoint(row)]));
      const here = rows.filter(({ collection }) => collection === place);
      return new Map(here.map((row) => [row.chunk as ChunkId, storedPoint(row)]));
    },
  };
}

function parametersOf(tenant: TenantId, place: PointPlace): readonly string[] {
  return place === 'own' ? [tenant] : [tenant, place];
}

function ownPoint({ chunk, payload }: StoredRow): StoredPoint {
  return { id: { kind: 'uuid', uuid: chunk }, payload: `{"metadata":${payload}}` as RawJson };
}

function storedPoint({ point, payload }: StoredRow): StoredPoint {
  const id = pointIdOf(point);
  if (id === undefined) throw new Error('a stored point whose id is none');
  return { id, payload: payload as RawJson };
}

type Read = <Row>(statement: Statement, first: readonly string[], ids: readonly string[]) => Promise<readonly Row[]>;

/** Few widths make few statements, each compiled once; repeating an id changes nothing. */
function createReader({ database }: CatalogContext): Read {
  const compiled = new Map<Statement, Map<number, string>>();
  const textOf = (statement: Statement, width: number): string => {
    const widths = compiled.get(statement) ?? new Map<number, string>();
    compiled.set(statement, widths);
    const text = widths.get(width) ?? statement(sql.join(Array<string>(width).fill(''))).compile(database.db).sql;
    widths.set(width, text);
    return text;
  };
  return async <Row>(statement: Statement, first: readonly string[], ids: readonly string[]) => {
    const all: Row[] = [];
    for (let start = 0; start < ids.length; start += SLICE) {
      const some = ids.slice(start, start + SLICE);
      const width = 2 ** Math.ceil(Math.log2(some.length));
      const padding = Array<string>(width - some.length).fill(some[0] ?? '');
      const query = CompiledQuery.raw(textOf(statement, width), [...first, ...some, ...padding]);
      all.push(...(await database.db.executeQuery<Row>(query)).rows);
    }
    return all;
  };
}

interface PointOfChunk {
  readonly point: string;
  readonly chunk: string;
}

interface StoredRow extends PointOfChunk {
  readonly collection: string | null;
  readonly payload: string;
}

type Ids = ReturnType<typeof sql.join>;
type Statement = (ids: Ids) => ReturnType<typeof sql>;

const OWN_CHUNKS: Statement = (ids) => sql`
  select c.chunk as point, c.chunk from chunks c
  where c.tenant = ${''} and c.collection is null and c.state = 'live' and c.chunk in (${ids})`;

const HOSTED_CHUNKS: Statement = (ids) => sql`
  select p.point, p.chunk from points p
  join chunks c on c.tenant = p.tenant and c.chunk = p.chunk
  where p.tenant = ${''} and p.collection = ${''} and p.point in (${ids}) and c.state = 'live'`;

const OWN_PAYLOADS: Statement = (ids) => sql`
  select c.chunk, c.chunk as point, c.collection, d.metadata as payload from chunks c
  join documents d on d.tenant = c.tenant and d.key = c.key
  where c.tenant = ${''} and c.collection is null and c.chunk in (${ids})`;

// The collection is compared afterwards: with it SQLite would walk the index of the whole collection instead of these chunks.
const HOSTED_PAYLOADS: Statement = (ids) => sql`
  select p.chunk, p.point, p.collection, p.payload from points p
  where p.tenant = ${''} and p.chunk in (${ids})`;
