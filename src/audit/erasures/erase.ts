import { documentName, named } from '../../core/audit-names.ts';
import type { TenantId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AuditReceipt, Erasable } from '../../core/ports/audit.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { ErasureOutcome } from '../../core/ports/erasure.ts';
import type { AuditHeadRow } from '../../database/audit-tables.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import type { ErasureSink } from '../../database/erasure-sink.ts';
import { makeEntry, type Entry, type EntryMaker } from '../entry.ts';
import { newKey, subjectId, type Key, type Subject } from '../names/key.ts';
import type { Sealer } from '../sealed/seal.ts';
import { lockHeads } from '../statements.ts';
import { writeEntry } from '../write-entries.ts';
import { destroyKeys, keysOf } from './destroy-keys.ts';
import { erasableFacts, isHeld } from './holds.ts';
import { emptyRows, plainRows } from './plain-rows.ts';

/** Pseudonyms and positions in one event; what is more goes into further ones, in the same transaction. */
const LISTED = 10_000;

export interface ErasureParts {
  readonly kind: DatabaseKind;
  readonly maker: EntryMaker;
  readonly sealer: Sealer;
}

/**
 * All under the lock of the tenant's head: no release is written between the moment the keys go and the moment the number of erasures
 * in the head tells every replica that the keys it holds in memory may be gone.
 */
export function erasureSink(parts: ErasureParts): ErasureSink {
  return async (tx, tenant, what, reason, change): Promise<ErasureOutcome> => {
    const head = (await lockHeads(tx, parts.kind, [tenant])).get(tenant);
    if (head === undefined) throw new Error('a head that was just locked is missing');
    if (await isHeld(tx, tenant, what)) return { kind: 'held' };
    const keys = await keysOf(tx, tenant, what);
    const plain = await plainRows(tx, parts.kind, tenant, what);
    if (keys.length === 0 && plain.length === 0 && !(await knowsDocument(tx, tenant, what))) return { kind: 'unknown' };
    const gone = withNames(parts, what, keys);
    await destroyKeys(tx, tenant, gone, head.size);
    await emptyRows(tx, tenant, plain);
    await raise(tx, head);
    if (what.kind === 'caller') await forgetHolder(tx, tenant, what.principal, gone);
    const erased = { tenant, what, reason, change, gone, plain };
    return { kind: 'erased', receipt: await writeEvents(parts, tx, { ...head, erasures: head.erasures + 1 }, erased) };
  };
}

/** One version may go that was never released: the document is known all the same. */
async function knowsDocument(tx: Tx, tenant: TenantId, what: Erasable): Promise<boolean> {
  if (what.kind !== 'content' || what.version === undefined) return false;
  const { kind, source, document } = what;
  return (await keysOf(tx, tenant, { kind, source, document })).length > 0;
}

/** With a pseudonym for the event to name it by, where events of version 1 alone knew it: made now, and its key kept nowhere. */
function withNames({ sealer }: ErasureParts, what: Erasable, keys: readonly Key[]): readonly Key[] {
  const subject = subjectOf(what);
  if (subject === undefined || keys.some((key) => key.kind === subject.kind)) return keys;
  return [newKey(subject, sealer.random), ...keys];
}

/** Whose name goes. An application's stays, and so does that of a document of which one version goes. */
function subjectOf(what: Erasable): Subject | undefined {
  if (what.kind === 'caller') return typeof named(what.principal) === 'string' ? undefined : { kind: 'person', name: what.principal };
  return what.version === undefined ? { kind: 'document', name: documentName(what.source, what.document) } : undefined;
}

async function raise(tx: Tx, { tenant, erasures }: AuditHeadRow): Promise<void> {
  await tx
    .updateTable('audit_heads')
    .set({ erasures: erasures + 1 })
    .where('tenant', '=', tenant)
    .execute();
}

/** Who placed a hold stands in it plainly. */
async function forgetHolder(tx: Tx, tenant: TenantId, principal: string, gone: readonly Key[]): Promise<void> {
  const person = gone.find(({ kind }) => kind === 'person');
  if (person === undefined) return;
  await tx
    .updateTable('audit_holds')
    .set({ changed_by: `erased:${person.pseudonym}` })
    .where('tenant', '=', tenant)
    .where('changed_by', '=', principal)
    .execute();
}

interface Erased {
  readonly tenant: TenantId;
  readonly what: Erasable;
  readonly reason: string;
  readonly change: Change;
  readonly gone: readonly Key[];
  readonly plain: readonly number[];
}

async function writeEvents(parts: ErasureParts, tx: Tx, head: AuditHeadRow, erased: Erased): Promise<AuditReceipt> {
  let first: AuditReceipt | undefined;
  const pseudonyms = erased.gone.map(({ pseudonym }) => pseudonym);
  for (let start = 0; first === undefined || start < Math.max(pseudonyms.length, erased.plain.length); start += LISTED) {
    const lists = { pseudonyms: pseudonyms.slice(start, start + LISTED), emptied: erased.plain.slice(start, start + LISTED) };
    const entry = underOldNames(
      eventEntry(parts, erased, { ...lists, ...(first === undefined ? {} : { continues: first.index }) }),
      head,
      erased.gone,
    );
    const receipt = await writeEntry(tx, parts.kind, entry, parts.sealer);
    first ??= receipt;
  }
  if (first.index !== head.size) throw new Error('the event of an erasure is not where its tombstones say');
  return first;
}

function eventEntry({ maker }: ErasureParts, { tenant, what, reason, change, gone }: Erased, lists: JsonObject): Entry {
  const { by, through, requestId } = change;
  const version = gone.find(({ kind }) => kind === 'content')?.pseudonym;
  const facts = erasableFacts(what, what.kind === 'content' && what.version !== undefined ? version : undefined);
  const body = { by: named(by), through, ...facts, reason, ...lists };
  return makeEntry({ tenant, kind: what.kind === 'caller' ? 'caller.erased' : 'content.erased', requestId, body }, { kind: 'none' }, maker);
}

/** The event names what was erased by the pseudonym it had, though the key is gone; no new key is made for it. */
function underOldNames(entry: Entry, { erasures }: AuditHeadRow, gone: readonly Key[]): Entry {
  const known = new Map(gone.map((key) => [subjectId(key), { ...key, stored: true }]));
  return { ...entry, prepared: { keys: { erasures, known, allStored: false }, sealed: undefined } };
}
