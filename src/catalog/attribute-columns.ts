import { aclPrincipals, type Acl } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { Label } from '../core/label.ts';
import type { DocumentAttributes } from '../core/ports/catalog.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { readNumbers } from './numbers.ts';
import { findZone } from './reserve.ts';
import { aclText, labelDigest } from './rows.ts';

type AttributeColumns = Omit<
  DocumentRow,
  'tenant' | 'key' | 'source' | 'document' | 'revision' | 'indexed_revision' | 'content' | 'chunk_count' | 'collection'
>;

/** ACL and label keep their version where they are the same, so that a version stands for one ACL and one label for ever. */
export async function attributeColumns(
  reserved: Reserved,
  before: DocumentRow | undefined,
  attributes: DocumentAttributes,
  revision: number,
  at: number,
): Promise<AttributeColumns> {
  const zone = await reserved.zone(attributes.declared);
  const acl = aclText(attributes.acl);
  if (before?.acl !== acl) await reserved.demandNumbers(attributes.acl, acl);
  return {
    state: attributes.state,
    zone,
    acl,
    acl_version: before?.acl === acl ? before.acl_version : revision,
    label_version: before?.zone === zone ? before.label_version : revision,
    valid_from: attributes.validFrom === 'always' ? null : attributes.validFrom,
    valid_until: attributes.validUntil === 'forever' ? null : attributes.validUntil,
    updated_at: at,
    written_by: attributes.writtenBy,
    write_digest: attributes.writeDigest,
    title: attributes.title,
    uri: attributes.uri ?? null,
    metadata: JSON.stringify(attributes.metadata),
    released: attributes.released === undefined ? null : JSON.stringify(attributes.released),
    hygiene: attributes.hygiene === undefined ? null : JSON.stringify(attributes.hygiene),
    deleted_as: null,
  };
}

/** What `reserve` made, each looked up once a transaction. */
export interface Reserved {
  zone(declared: Label): Promise<ZoneId>;
  /** An ACL without numbers could be stored but never indexed, so the document would stay pending for ever. */
  demandNumbers(acl: Acl, text: string): Promise<void>;
}

export function reservedIn(tx: Tx, { tenant, source }: { readonly tenant: TenantId; readonly source: SourceId }): Reserved {
  const zones = new Map<string, ZoneId>();
  const numbered = new Set<string>();
  return {
    async zone(declared) {
      const name = labelDigest(declared);
      const zone = zones.get(name) ?? (await findZone(tx, tenant, source, declared));
      if (zone === undefined) throw new AppError('internal', { detail: 'the label of a document was not reserved' });
      zones.set(name, zone);
      return zone;
    },
    async demandNumbers(acl, text) {
      if (numbered.has(text)) return;
      const principals = aclPrincipals(acl);
      const numbers = await readNumbers(tx, tenant, principals);
      if (numbers.size !== principals.length) throw new AppError('internal', { detail: 'the ACL of a document was not reserved' });
      numbered.add(text);
    },
  };
}
