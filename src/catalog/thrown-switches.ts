import { sql, type Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { DocumentId, DocumentKey, SourceId, TenantId } from '../core/ids.ts';
import { neutralLabel, type LabelScheme } from '../core/label.ts';
import type { SwitchCatalog, ThrownSwitch } from '../core/ports/switches.ts';
import type { Principal } from '../core/principal.ts';
import type { Schema } from '../database/schema.ts';
import { databaseTime } from '../database/time.ts';
import type { CatalogContext } from './context.ts';
import { EVERYTHING } from './epochs.ts';
import { labelOf } from './rows.ts';
import { place, proposalOf } from './switches.ts';

type Row = Awaited<ReturnType<ReturnType<typeof select>['execute']>>[number];

export function thrownSwitches({ database, scheme }: CatalogContext): Pick<SwitchCatalog, 'thrownSwitches' | 'thrownSwitch'> {
  return {
    async thrownSwitches(tenant, after, limit) {
      const from = after === undefined ? undefined : placeOf(after);
      const rows = await select(database.db, database.kind, tenant)
        .$if(from !== undefined, (query) => {
          const [scope = '', kind = '', target = ''] = from ?? [];
          return query.where(sql<boolean>`(w.scope, w.kind, w.target) > (${scope}, ${kind}, ${target})`);
        })
        .orderBy('w.scope')
        .orderBy('w.kind')
        .orderBy('w.target')
        .limit(limit)
        .execute();
      return rows.map((row) => thrownOf(scheme, row));
    },
    async thrownSwitch(tenant, what) {
      const { scope, target } = place(tenant, what);
      const row = await select(database.db, database.kind, tenant)
        .where('w.scope', '=', scope)
        .where('w.kind', '=', what.kind)
        .where('w.target', '=', target)
        .executeTakeFirst();
      return row && thrownOf(scheme, row);
    },
  };
}

/** A document's name and declared label come with it, since who may know of it is decided on them; a tombstone keeps both. */
function select(db: Kysely<Schema>, kind: CatalogContext['database']['kind'], tenant: TenantId) {
  return db
    .selectFrom('switches as w')
    .leftJoin('documents as d', (join) =>
      join.onRef('d.tenant', '=', 'w.scope').onRef('d.key', '=', 'w.target').on('w.kind', '=', 'document'),
    )
    .leftJoin('zones as z', (join) => join.onRef('z.tenant', '=', 'd.tenant').onRef('z.zone', '=', 'd.zone'))
    .leftJoin('switch_lifts as l', (join) =>
      join
        .onRef('l.scope', '=', 'w.scope')
        .onRef('l.kind', '=', 'w.kind')
        .onRef('l.target', '=', 'w.target')
        .onRef('l.thrown_at', '=', 'w.recorded_from')
        .on('l.recorded_to', 'is', null)
        .on('l.expires_at', '>', databaseTime(kind)),
    )
    .where('w.scope', 'in', [EVERYTHING, tenant])
    .where('w.recorded_to', 'is', null)
    .select(['w.scope', 'w.kind', 'w.target', 'w.reason', 'w.changed_by', 'w.changed_through', 'w.recorded_from'])
    .select(['d.source', 'd.document', 'z.level', 'z.compartments', 'z.trust'])
    .select(['l.changed_by as lift_by', 'l.changed_through as lift_through', 'l.recorded_from as lift_at', 'l.expires_at as lift_until']);
}

function thrownOf(scheme: LabelScheme, row: Row): ThrownSwitch {
  const { lift_by, lift_through, lift_at, lift_until } = row;
  return {
    target: targetOf(scheme, row),
    reason: row.reason,
    by: row.changed_by as Principal,
    through: row.changed_through as Principal,
    at: row.recorded_from,
    proposal:
      lift_by === null || lift_through === null || lift_at === null || lift_until === null
        ? { kind: 'none' }
        : {
            kind: 'open',
            ...proposalOf({ changed_by: lift_by, changed_through: lift_through, recorded_from: lift_at, expires_at: lift_until }),
          },
    cursor: Buffer.from(JSON.stringify([row.scope, row.kind, row.target])).toString('base64url'),
  };
}

function targetOf(scheme: LabelScheme, { kind, target, source, document, level, compartments, trust }: Row): ThrownSwitch['target'] {
  switch (kind) {
    case 'document': {
      // Of a document that never was nobody is shown anything: no source is named by nothing.
      const declared =
        level === null || compartments === null || trust === null ? neutralLabel(scheme) : labelOf(scheme, { level, compartments, trust });
      return { kind, id: target as DocumentKey, source: (source ?? '') as SourceId, document: (document ?? '') as DocumentId, declared };
    }
    case 'source':
      return { kind, id: target as SourceId };
    case 'client':
    case 'user':
      return { kind, id: target as Principal };
    case 'tenant':
    case 'all':
      return { kind };
  }
}

/** A cursor is ours to read alone; whatever else comes is `invalid_request`. */
function placeOf(cursor: string): readonly string[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(place) && place.length === 3 && place.every((part) => typeof part === 'string')) return place;
  } catch {
    // Refused below, like any other text that no listing ever gave out.
  }
  throw new AppError('invalid_request', { issues: [{ pointer: 'query/after', message: 'not a place in the list' }] });
}
