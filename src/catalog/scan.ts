import { setImmediate } from 'node:timers/promises';
import type { Acl } from '../core/acl.ts';
import type { DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { ScanCatalog, ScannedDocument } from '../core/ports/history.ts';
import { guard, type CatalogContext } from './context.ts';
import { OF_LIVE_COLLECTION } from './document-rows.ts';
import { aclOf } from './rows.ts';

/** SQLite reads on this thread: a page is a few milliseconds during which nothing else is answered. */
const PAGE = 500;

/** By primary key, never in a transaction: a snapshot held for seconds would keep views from being loaded. */
export function createScan(context: CatalogContext): ScanCatalog['scan'] {
  return async function* scan(tenant, signal) {
    const acls = new Map<string, Acl>();
    const acl = (text: string): Acl => {
      const known = acls.get(text) ?? aclOf(text);
      acls.set(text, known);
      return known;
    };
    const readPage = guard(context.telemetry, (after: string) => pageAfter(context, tenant, after));
    for (let after = ''; ;) {
      signal.throwIfAborted();
      const rows = await readPage(after);
      const page = rows.flatMap((row) => scanned(row, acl));
      if (page.length > 0) yield page;
      const last = rows.at(-1);
      if (rows.length < PAGE || last === undefined) return;
      after = last.key;
      await setImmediate();
    }
  };
}

type Row = Awaited<ReturnType<typeof pageAfter>>[number];

function pageAfter({ database }: CatalogContext, tenant: TenantId, after: string) {
  return database.db
    .selectFrom('documents as d')
    .innerJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'd.tenant').onRef('s.source', '=', 'd.source'))
    .leftJoin('switches as w', (join) =>
      join.onRef('w.scope', '=', 'd.tenant').onRef('w.target', '=', 'd.key').on('w.kind', '=', 'document').on('w.recorded_to', 'is', null),
    )
    .leftJoin('honey_documents as h', (join) =>
      join.onRef('h.tenant', '=', 'd.tenant').onRef('h.key', '=', 'd.key').on('h.recorded_to', 'is', null),
    )
    .select(['d.key', 'd.source', 'd.document', 'd.state', 's.state as source_state', 'd.zone', 'd.acl', 'd.valid_from', 'd.valid_until'])
    .select(['w.kind as off', 'h.key as honey'])
    .leftJoin('collections as k', 'k.key', 'd.collection')
    .where(OF_LIVE_COLLECTION)
    .where('d.tenant', '=', tenant)
    .where('d.key', '>', after)
    .orderBy('d.key')
    .limit(PAGE)
    .execute();
}

function scanned(row: Row, acl: (text: string) => Acl): readonly ScannedDocument[] {
  if (row.state === 'deleted' || row.source_state !== 'live') return [];
  return [
    {
      key: row.key as DocumentKey,
      source: row.source as SourceId,
      document: row.document as DocumentId,
      zone: row.zone as ZoneId,
      acl: acl(row.acl),
      state: row.state,
      off: row.off !== null || row.honey !== null,
      validFrom: row.valid_from ?? 'always',
      validUntil: row.valid_until ?? 'forever',
    },
  ];
}
