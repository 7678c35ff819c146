import type { Acl } from '../../core/acl.ts';
import type { CollectionKey, CollectionName, SourceId, TenantId } from '../../core/ids.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import type { CollectionProfile, CollectionWriters, HostedCollection } from '../../core/ports/collections.ts';
import type { Principal } from '../../core/principal.ts';
import type { Tx } from '../../database/database.ts';
import type { CollectionRow } from '../../database/point-tables.ts';

/** Those of a tenant that are live, by name. */
export async function readCollections(tx: Tx, tenant: TenantId): Promise<ReadonlyMap<CollectionName, HostedCollection>> {
  const rows = await tx.selectFrom('collections').selectAll().where('tenant', '=', tenant).where('state', '=', 'live').execute();
  return new Map(rows.map((row) => [row.name as CollectionName, collectionOf(row)]));
}

export function collectionOf(row: CollectionRow): HostedCollection {
  return {
    tenant: row.tenant as TenantId,
    name: row.name as CollectionName,
    key: row.key as CollectionKey,
    revision: row.revision,
    params: JSON.parse(row.params) as LosslessObject,
    writers: writersOf(row.writers),
    profile: JSON.parse(row.profile) as CollectionProfile,
    defaultAcl: row.default_acl === null ? { kind: 'none' } : { kind: 'acl', acl: JSON.parse(row.default_acl) as Acl },
    sources: JSON.parse(row.sources) as readonly SourceId[],
  };
}

interface WritersJson {
  readonly source: CollectionWriters['source'];
  readonly byClient: readonly (readonly [Principal, SourceId])[];
}

function writersOf(text: string): CollectionWriters {
  const { source, byClient } = JSON.parse(text) as WritersJson;
  return { source, byClient: new Map(byClient) };
}

export function writersText({ source, byClient }: CollectionWriters): string {
  return JSON.stringify({ source, byClient: [...byClient] } satisfies WritersJson);
}
