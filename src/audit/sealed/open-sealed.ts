import type { Kysely } from 'kysely';
import { digestOf } from '../../core/digest.ts';
import type { TenantId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Opened, OpenedSealed } from '../../core/ports/audit.ts';
import type { Schema } from '../../database/schema.ts';
import { bodyOf } from '../stored-body.ts';
import { readFates, type Fate, type Fates } from '../names/fates.ts';
import { decrypt, partKey, textId } from './cipher.ts';
import { decodeEnvelope, type Envelope, type TextRef } from './envelope.ts';
import { distinct, partBound, type SealedPartName } from './seal.ts';
import { textBound, textKey } from './text-store.ts';

const TEXTS_PER_READ = 500;
const DAMAGED: Opened = { kind: 'damaged' };

/** In one snapshot, so that an erasure meanwhile leaves no half of it. The event itself is `verifyChain`'s question. */
export async function openSealed(db: Kysely<Schema>, tenant: TenantId, index: number): Promise<OpenedSealed | undefined> {
  const event = await db
    .selectFrom('audit_events')
    .select(['body', 'request_id', 'v'])
    .where('tenant', '=', tenant)
    .where('idx', '=', index)
    .executeTakeFirst();
  if (event === undefined || event.v === 1) return undefined;
  const { sealed: digest } = bodyOf(event);
  if (typeof digest !== 'string') return undefined;
  const row = await db
    .selectFrom('audit_sealed')
    .select('content')
    .where('tenant', '=', tenant)
    .where('idx', '=', index)
    .executeTakeFirst();
  const envelope = row !== undefined && digestOf(row.content) === digest ? decodeEnvelope(row.content) : undefined;
  if (envelope === undefined) return { facts: DAMAGED, answer: DAMAGED, texts: [] };
  const fates = await readFates(db, tenant, [envelope.holder, ...envelope.texts.map(({ pseudonym }) => pseudonym)]);
  const texts = await readTexts(db, tenant, envelope.texts);
  const bound = { tenant, requestId: event.request_id };
  return {
    facts: openPart('facts', envelope, fates, bound),
    answer: envelope.answer === undefined ? { kind: 'none' } : openPart('answer', envelope, fates, bound),
    texts: envelope.texts.map((text) => openText(tenant, text, fates(text.pseudonym), texts.get(text.id))),
  };
}

/** Facts or answer of an envelope. */
export function openPart(
  part: SealedPartName,
  envelope: Envelope,
  fates: Fates,
  bound: { readonly tenant: string; readonly requestId: string },
): Opened {
  const { seed, holder, texts } = envelope;
  const needed = [holder, ...(part === 'answer' ? texts.map(({ pseudonym }) => pseudonym) : [])].map((pseudonym) => fates(pseudonym));
  const erased = needed.find((fate) => fate.kind === 'erased');
  if (erased !== undefined) return erased;
  const keys = needed.flatMap((fate) => (fate.kind === 'key' ? [fate.key] : []));
  const [first, ...versions] = keys;
  if (first === undefined || keys.length < needed.length) return DAMAGED;
  const key = partKey(part, seed, [first.key, ...distinct(versions)]);
  return opened(decrypt(key, partBound(bound.tenant, bound.requestId, part), envelope[part] ?? new Uint8Array(0)));
}

/** Also for the check of all texts: `damaged` where the content is not the one that the id was made from. */
export function openText(tenant: string, { id }: TextRef, fate: Fate, content: Uint8Array | undefined): Opened {
  if (fate.kind === 'erased') return fate;
  if (fate.kind === 'unknown' || content === undefined) return DAMAGED;
  const text = decrypt(textKey(fate.key, Buffer.from(id, 'hex')), textBound(tenant, id), content);
  return text !== undefined && textId(fate.key.key, text).toString('hex') === id ? opened(text) : DAMAGED;
}

function opened(text: string | undefined): Opened {
  return text === undefined ? DAMAGED : { kind: 'open', content: JSON.parse(text) as JsonObject };
}

export async function readTexts(db: Kysely<Schema>, tenant: string, texts: readonly TextRef[]): Promise<ReadonlyMap<string, Uint8Array>> {
  // A row under another pseudonym would outlive the erasure of this one.
  const under = new Map(texts.map(({ id, pseudonym }) => [id, pseudonym]));
  const ids = [...under.keys()];
  const found = new Map<string, Uint8Array>();
  for (let start = 0; start < ids.length; start += TEXTS_PER_READ) {
    const rows = await db
      .selectFrom('audit_texts')
      .select(['id', 'pseudonym', 'content'])
      .where('tenant', '=', tenant)
      .where('id', 'in', ids.slice(start, start + TEXTS_PER_READ))
      .execute();
    for (const { id, pseudonym, content } of rows) if (under.get(id) === pseudonym) found.set(id, content);
  }
  return found;
}
