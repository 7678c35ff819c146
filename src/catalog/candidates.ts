import { CompiledQuery, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Acl } from '../core/acl.ts';
import type { Digest } from '../core/digest.ts';
import type { ChunkId, CollectionKey, DocumentId, DocumentKey, SourceId, ZoneId } from '../core/ids.ts';
import type { Candidate, Lineage, RemovedCharacters } from '../core/ports/candidate.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { ChunkRow, DocumentRow, DocumentVersionRow, SourceRow } from '../database/catalog-tables.ts';
import type { Database } from '../database/database.ts';
import { databaseTime } from '../database/time.ts';

type OrNull<T> = { readonly [K in keyof T]: T[K] | null };

type CandidateRow = { readonly at: number } & (FoundRow | OrNull<FoundRow>);
type FoundRow = Pick<ChunkRow, 'chunk' | 'collection' | 'key' | 'span_start' | 'span_end' | 'digest' | 'path' | 'text'> &
  OrNull<Pick<DocumentVersionRow, 'version' | 'removed' | 'lineage'>> & { readonly chunk_state: ChunkRow['state'] } & OrNull<
    Pick<DocumentRow, 'source' | 'document' | 'zone' | 'acl' | 'acl_version' | 'valid_from' | 'valid_until' | 'title' | 'uri'> & {
      readonly document_state: DocumentRow['state'];
      readonly current_content: 0 | 1;
      readonly source_state: SourceRow['state'];
      readonly collection_gone: 1;
      readonly switched_off: 1;
      readonly honey: 1;
    }
  >;

const MAX_CHUNKS = 16_384;
const CACHED_TEXTS = 20_000;
const CACHED_CHARACTERS = 16 * 1024 * 1024;
/** Of a text that was erased nothing is left but the ids of its dead chunks, until the index has forgotten them. */
const ERASED = '{}';
const NOBODY: Acl = { gates: [], deny: [] };

/** One statement for all chunks; the row of the clock comes even where no chunk is found. */
export function createCandidates(database: Database): ReadCatalog['candidates'] {
  const statements = new Map<number, string>();
  const parse = createParser();
  return async (tenant, chunks) => {
    if (chunks.length > MAX_CHUNKS) throw new RangeError(`more than ${MAX_CHUNKS} chunks in one read`);
    const width = 2 ** Math.ceil(Math.log2(Math.max(chunks.length, 1)));
    let statement = statements.get(width);
    if (statement === undefined) statements.set(width, (statement = statementText(database, width)));
    // Repeating an id changes nothing, and few widths make few statements. A chunk's id is a UUID, so '' is none.
    const padding = Array<string>(width - chunks.length).fill(chunks[0] ?? '');
    const { rows } = await database.db.executeQuery<CandidateRow>(CompiledQuery.raw(statement, [tenant, ...chunks, ...padding]));
    const candidates = new Map<ChunkId, Candidate>();
    for (const row of rows) if (isFound(row)) candidates.set(row.chunk as ChunkId, candidateOf(row, parse));
    const [first] = rows;
    if (first === undefined) throw new Error('the database did not tell its time');
    return { at: first.at, candidates };
  };
}

type Parse = (text: string) => unknown;

/**
 * JSON.parse with a memory: the chunks of a document share their ACL and lineage. Keyed by the text itself, so an entry can never be
 * out of date; what comes out is shared and must not be changed.
 */
function createParser(): Parse {
  const cache = new LRUCache<string, { readonly value: unknown }>({
    max: CACHED_TEXTS,
    maxSize: CACHED_CHARACTERS,
    sizeCalculation: (_value, text) => text.length + 1,
  });
  return (text) => {
    const known = cache.get(text);
    if (known !== undefined) return known.value;
    const value: unknown = JSON.parse(text);
    cache.set(text, { value });
    return value;
  };
}

function statementText({ db, kind }: Database, width: number): string {
  const ids = sql.join(Array<string>(width).fill(''));
  return sql`
    select now.at, c.chunk, c.collection, c.state as chunk_state, c.key, c.span_start, c.span_end, c.digest, c.path, c.text,
      d.source, d.document, d.state as document_state, d.zone, d.acl, d.acl_version, d.valid_from, d.valid_until, d.title, d.uri,
      case when d.content = c.content then 1 else 0 end as current_content,
      v.version, v.removed, v.lineage, s.state as source_state,
      case when k.state <> 'live' then 1 end as collection_gone, case when w.kind is not null then 1 end as switched_off,
      case when h.key is not null then 1 end as honey
    from (select ${databaseTime(kind)} as at) now
    left join chunks c on c.tenant = ${''} and c.chunk in (${ids})
    left join documents d on d.tenant = c.tenant and d.key = c.key
    left join document_versions v on v.tenant = c.tenant and v.key = c.key and v.content = c.content
    left join sources s on s.tenant = d.tenant and s.source = d.source
    left join collections k on k.key = c.collection
    left join switches w on w.scope = c.tenant and w.kind = 'document' and w.target = c.key and w.recorded_to is null
    left join honey_documents h on h.tenant = c.tenant and h.key = c.key and h.recorded_to is null
  `.compile(db).sql;
}

function isFound(row: CandidateRow): row is { readonly at: number } & FoundRow {
  return row.chunk !== null;
}

function stateOf(row: FoundRow): Candidate['state'] {
  if (row.chunk_state === 'staged') return 'staged';
  if (row.chunk_state !== 'live' || row.version === null || row.current_content !== 1 || row.source_state !== 'live') return 'gone';
  if (row.collection_gone === 1) return 'gone';
  if (row.document_state === 'quarantined') return 'quarantined';
  if (row.document_state !== 'live') return 'gone';
  return row.switched_off === 1 ? 'off' : 'live';
}

/** Of a staged chunk whose document was never published the catalog knows no document: its ACL then lets nobody in. */
function candidateOf(row: FoundRow, parse: Parse): Candidate {
  return {
    chunk: row.chunk as ChunkId,
    ...(row.collection === null ? {} : { collection: row.collection as CollectionKey }),
    state: stateOf(row),
    honey: row.honey === 1,
    key: row.key as DocumentKey,
    source: (row.source ?? '') as SourceId,
    document: (row.document ?? '') as DocumentId,
    zone: (row.zone ?? 0) as ZoneId,
    acl: row.acl === null ? NOBODY : (parse(row.acl) as Acl),
    aclVersion: row.acl_version ?? 0,
    validFrom: row.valid_from ?? 'always',
    validUntil: row.valid_until ?? 'forever',
    title: row.title ?? '',
    uri: row.uri ?? undefined,
    version: (row.version ?? '') as Digest,
    text: row.text,
    span: { start: row.span_start, end: row.span_end, path: parse(row.path) as readonly string[] },
    digest: row.digest as Digest,
    removed: parse(row.removed ?? ERASED) as RemovedCharacters,
    lineage: parse(row.lineage ?? ERASED) as Lineage,
  };
}
