import { CompiledQuery } from 'kysely';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import { insertOf, kept } from '../statements.ts';
import type { SealedPart } from './seal.ts';
import type { StoredText } from './text-store.ts';

const ROWS_PER_INSERT = 500;
const sealedText = kept((kind, count) => insertOf(kind, 'audit_sealed', ['tenant', 'idx', 'content'], count));
/** Another replica may have stored the same text; its ciphertext is as good. */
const textsText = kept(
  (kind, count) => `${insertOf(kind, 'audit_texts', ['tenant', 'id', 'pseudonym', 'content'], count)} on conflict do nothing`,
);

/** Writes the sealed parts of events, and those of their texts that nobody has stored yet; answers these, to be noted once it is committed. */
export async function insertSealed(
  tx: Tx,
  kind: DatabaseKind,
  parts: readonly (SealedPart & { readonly tenant: string; readonly idx: number })[],
): Promise<readonly StoredText[]> {
  for (let start = 0; start < parts.length; start += ROWS_PER_INSERT) {
    const some = parts.slice(start, start + ROWS_PER_INSERT);
    const values = some.flatMap(({ tenant, idx, content }) => [tenant, idx, content]);
    await tx.executeQuery(CompiledQuery.raw(sealedText(kind, some.length), values));
  }
  const fresh = new Map<string, { readonly tenant: string; readonly text: StoredText; readonly content: Uint8Array }>();
  for (const { tenant, texts } of parts) {
    for (const text of texts) {
      const { content } = text;
      if (content !== undefined) fresh.set(`${tenant} ${text.id}`, { tenant, text, content });
    }
  }
  const texts = [...fresh.values()];
  for (let start = 0; start < texts.length; start += ROWS_PER_INSERT) {
    const some = texts.slice(start, start + ROWS_PER_INSERT);
    const values = some.flatMap(({ tenant, text, content }) => [tenant, text.id, text.pseudonym, content]);
    await tx.executeQuery(CompiledQuery.raw(textsText(kind, some.length), values));
  }
  return texts.map(({ text }) => text);
}
