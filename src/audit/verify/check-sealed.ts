import type { Kysely } from 'kysely';
import { LRUCache } from 'lru-cache';
import { digestOf } from '../../core/digest.ts';
import { mapNames } from '../../core/audit-names.ts';
import type { JsonObject } from '../../core/json.ts';
import { pseudonymOf } from '../../core/pseudonym.ts';
import type { AuditEventRow } from '../../database/audit-tables.ts';
import type { Schema } from '../../database/schema.ts';
import { readFates, type Fates } from '../names/fates.ts';
import { decodeEnvelope, type Envelope } from '../sealed/envelope.ts';
import { bodyOf } from '../stored-body.ts';
import { openPart, openText, readTexts } from '../sealed/open-sealed.ts';

/**
 * `sealed`: the sealed part is not the one that the event commits to, or there is one it does not know of. `text`: a text does not fit
 * its id. `key`: a pseudonym has neither its key nor a tombstone, or a key that did not make it.
 */
export interface SealedFault {
  readonly index: number;
  readonly reason: 'sealed' | 'text' | 'key';
}

/** Texts that were found good are not opened again for each of their releases. */
const REMEMBERED = 100_000;

interface Committed {
  readonly row: AuditEventRow;
  readonly body: JsonObject;
  readonly envelope: Envelope | undefined;
}

/** Checks pages of events that fit their leaves, each in one snapshot: what they sealed, whom they name, and the keys of both. */
export function sealedChecker(tenant: string): (db: Kysely<Schema>, rows: readonly AuditEventRow[]) => Promise<SealedFault | undefined> {
  const good = new LRUCache<string, true>({ max: REMEMBERED });
  return async (db, rows) => {
    const [first] = rows;
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const stored = await storedParts(db, tenant, first.idx, last.idx);
    const committed: Committed[] = [];
    for (const row of rows) {
      const content = stored.get(row.idx);
      const body = row.v === 1 ? {} : bodyOf(row);
      const digest = body['sealed'];
      const envelope = content === undefined ? undefined : decodeEnvelope(content);
      // The first fault by position is wanted: what stands before this event has to be looked at too.
      if (
        typeof digest === 'string' ? envelope === undefined || content === undefined || digestOf(content) !== digest : content !== undefined
      ) {
        return (await checkPage(db, tenant, committed, good)) ?? { index: row.idx, reason: 'sealed' };
      }
      committed.push({ row, body, envelope });
    }
    return checkPage(db, tenant, committed, good);
  };
}

async function checkPage(
  db: Kysely<Schema>,
  tenant: string,
  page: readonly Committed[],
  good: LRUCache<string, true>,
): Promise<SealedFault | undefined> {
  const named = page.map(pseudonymsIn);
  const fates = await readFates(db, tenant, named.flat());
  const wanted = page.flatMap(({ envelope }) => envelope?.texts ?? []).filter(({ id }) => !good.has(id));
  const texts = await readTexts(db, tenant, wanted);
  for (const [position, { row, envelope }] of page.entries()) {
    const { idx: index } = row;
    if (!(named[position] ?? []).every((pseudonym) => isSound(fates, pseudonym))) return { index, reason: 'key' };
    if (envelope === undefined) continue;
    const bound = { tenant, requestId: row.request_id };
    const parts = [
      openPart('facts', envelope, fates, bound),
      ...(envelope.answer === undefined ? [] : [openPart('answer', envelope, fates, bound)]),
    ];
    if (parts.some(({ kind }) => kind === 'damaged')) return { index, reason: 'sealed' };
    for (const text of envelope.texts) {
      if (good.has(text.id)) continue;
      const { kind } = openText(tenant, text, fates(text.pseudonym), texts.get(text.id));
      if (kind === 'damaged') return { index, reason: 'text' };
      if (kind === 'open') good.set(text.id, true);
    }
  }
  return undefined;
}

function pseudonymsIn({ body, envelope }: Committed): readonly string[] {
  const found = new Set<string>();
  mapNames(body, (_kind, pseudonym) => {
    found.add(pseudonym);
    return null;
  });
  if (envelope !== undefined)
    for (const pseudonym of [envelope.holder, ...envelope.texts.map((text) => text.pseudonym)]) found.add(pseudonym);
  return [...found];
}

/** A name that was exchanged in the table of keys would put another person into every event. */
function isSound(fates: Fates, pseudonym: string): boolean {
  const fate = fates(pseudonym);
  return fate.kind === 'erased' || (fate.kind === 'key' && pseudonymOf(fate.key, fate.key.key) === pseudonym);
}

async function storedParts(db: Kysely<Schema>, tenant: string, from: number, to: number): Promise<ReadonlyMap<number, Uint8Array>> {
  const rows = await db
    .selectFrom('audit_sealed')
    .select(['idx', 'content'])
    .where('tenant', '=', tenant)
    .where('idx', '>=', from)
    .where('idx', '<=', to)
    .execute();
  return new Map(rows.map(({ idx, content }) => [idx, content]));
}
