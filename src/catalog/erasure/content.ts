import type { Digest } from '../../core/digest.ts';
import type { DocumentKey, SourceId, TenantId } from '../../core/ids.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { Tx } from '../../database/database.ts';
import { changedBy } from '../context.ts';
import { documentRow } from '../document-rows.ts';
import { bury } from '../bury.ts';
import { moveEpoch } from '../epochs.ts';
import { endGrants } from '../grants.ts';

/** In place of what named an erased text. No content key looks like it. */
export const ERASED = 'erased';

export interface ErasedContent {
  readonly key: DocumentKey;
  readonly source: SourceId;
  /** All versions where it is absent. */
  readonly version?: Digest;
}

/**
 * Texts, chunks, titles and everything that was computed from them. What stays of the document: that there was one of that name, its
 * ACLs, labels and validity, who changed them when, and the ids of its chunks until the index has forgotten their points. Where the
 * current text is among what is erased, the document is deleted. False where there was nothing.
 */
export async function eraseContent(
  tx: Tx,
  tenant: TenantId,
  { key, source, version }: ErasedContent,
  change: Change,
  at: number,
): Promise<boolean> {
  const row = await documentRow(tx, tenant, key);
  const contents = await contentsOf(tx, tenant, key, version);
  const left = row !== undefined && version === undefined && row.content !== ERASED;
  if (!left && contents.length === 0) return false;
  const all = version === undefined;
  if (row !== undefined && row.state !== 'deleted' && (all || contents.includes(row.content))) {
    await bury(tx, row, changedBy(change), at, 'owner');
    const grants = await endGrants(tx, tenant, { kind: 'document', source, key }, change.by, at);
    if (grants > 0) await moveEpoch(tx, tenant, { epoch: false, generation: true });
  }
  await blankChunks(tx, tenant, key, all ? 'all' : contents);
  await blankHistory(tx, tenant, key, all ? 'all' : contents);
  await blankDocument(tx, tenant, key, all ? 'all' : contents);
  await tx
    .deleteFrom('document_versions')
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .$if(!all, (query) => query.where('content', 'in', contents))
    .execute();
  return true;
}

async function contentsOf(tx: Tx, tenant: TenantId, key: DocumentKey, version: Digest | undefined): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('document_versions')
    .select('content')
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .$if(version !== undefined, (query) => query.where('version', '=', version ?? ''))
    .execute();
  return rows.map(({ content }) => content);
}

type Contents = 'all' | readonly string[];

/** Staged ones too: whoever was about to publish them finds them gone, and begins anew after the erasure. */
async function blankChunks(tx: Tx, tenant: TenantId, key: DocumentKey, contents: Contents): Promise<void> {
  const erased = tx
    .selectFrom('chunks')
    .select('chunk')
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .$if(contents !== 'all', (query) => query.where('content', 'in', contents));
  // The payload that came with a point holds its text.
  await tx.deleteFrom('points').where('tenant', '=', tenant).where('chunk', 'in', erased).execute();
  await tx
    .updateTable('chunks')
    .set({ state: 'dead', content: ERASED, text: '', digest: ERASED, path: '[]', span_start: 0, span_end: 0 })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .$if(contents !== 'all', (query) => query.where('content', 'in', contents))
    .execute();
}

/** A title, a URI and metadata came with the text; the digest of a write is a digest of the text. */
const BLANK = { content: ERASED, write_digest: ERASED, title: '', uri: null, metadata: '{}' } as const;

async function blankHistory(tx: Tx, tenant: TenantId, key: DocumentKey, contents: Contents): Promise<void> {
  await tx
    .updateTable('document_history')
    .set(BLANK)
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .$if(contents !== 'all', (query) => query.where('content', 'in', contents))
    .execute();
}

/** A tombstone by now: what lives under another text keeps its row. */
async function blankDocument(tx: Tx, tenant: TenantId, key: DocumentKey, contents: Contents): Promise<void> {
  await tx
    .updateTable('documents')
    .set({ ...BLANK, chunk_count: 0, hygiene: null })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('state', '=', 'deleted')
    .$if(contents !== 'all', (query) => query.where('content', 'in', contents))
    .execute();
}
