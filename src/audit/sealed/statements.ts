import type { DatabaseKind } from '../../database/database.ts';
import type { Statement } from '../../database/together.ts';
import { insertOf, inserts, kept, narrow } from '../statements.ts';
import type { SealedPart } from './seal.ts';
import type { StoredText } from './text-store.ts';

const sealedText = kept((kind, count) => insertOf(kind, 'audit_sealed', ['tenant', 'idx', 'content'], count));
/** Another replica may have stored the same text; its ciphertext is as good. */
const textsText = kept(
  (kind, count) => `${insertOf(kind, 'audit_texts', ['tenant', 'id', 'pseudonym', 'content'], count)} on conflict do nothing`,
);

export interface SealedInserts {
  readonly statements: readonly Statement[];
  /** Of the texts that nobody is known to have stored yet; to be noted once it is committed. */
  readonly texts: readonly StoredText[];
}

/** The sealed parts of events, and those of their texts that nobody has stored yet. */
export function sealedInserts(
  kind: DatabaseKind,
  parts: readonly (SealedPart & { readonly tenant: string; readonly idx: number })[],
): SealedInserts {
  const fresh = new Map<string, { readonly tenant: string; readonly text: StoredText; readonly content: Uint8Array }>();
  for (const { tenant, texts } of parts) {
    for (const text of texts) {
      const { content } = text;
      if (content !== undefined) fresh.set(`${tenant} ${text.id}`, { tenant, text, content });
    }
  }
  const texts = [...fresh.values()];
  const statements = [
    ...inserts(parts, (some) => {
      const values = some.flatMap(({ tenant, idx, content }) => [tenant, idx, content]);
      return narrow(sealedText(kind, some.length), values, some.length);
    }),
    ...inserts(texts, (some) => {
      const values = some.flatMap(({ tenant, text, content }) => [tenant, text.id, text.pseudonym, content]);
      return narrow(textsText(kind, some.length), values, some.length);
    }),
  ];
  return { statements, texts: texts.map(({ text }) => text) };
}
