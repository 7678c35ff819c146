import { sql } from 'kysely';
import { digestOf, uuidOf } from '../../core/digest.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { Erasable } from '../../core/ports/audit.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';

/** Positions looked through in one statement. */
const WINDOW = 20_000;
const ROWS_PER_UPDATE = 500;

/** Positions of events of version 1 that name it plainly, in order. A log that was begun with version 2 answers at once. */
export async function plainRows(tx: Tx, kind: DatabaseKind, tenant: TenantId, what: Erasable): Promise<readonly number[]> {
  const span = await tx
    .selectFrom('audit_events')
    .select(({ fn }) => [fn.min('idx').as('from'), fn.max('idx').as('to')])
    .where('tenant', '=', tenant)
    .where(sql<boolean>`v = 1`)
    .executeTakeFirst();
  const { from, to } = (span ?? { from: null, to: null }) as { readonly from: number | null; readonly to: number | null };
  if (from === null || to === null) return [];
  const names = namesOf(tenant, what);
  const found: number[] = [];
  for (let start = from; start <= to; start += WINDOW) {
    const rows = await tx
      .selectFrom('audit_events')
      .select(['idx', 'body'])
      .where('tenant', '=', tenant)
      .where('idx', '>=', start)
      .where('idx', '<', start + WINDOW)
      .where(sql<boolean>`v = 1`)
      .where(({ or }) => or(names.map((name) => contains(kind, JSON.stringify(name)))))
      .orderBy('idx')
      .execute();
    for (const { idx, body } of rows) if (mentions(what, names, JSON.parse(body) as Json)) found.push(idx);
  }
  return found;
}

/** The leaf stays in the tree; what it committed to is gone, and without the salt it cannot be guessed. */
export async function emptyRows(tx: Tx, tenant: TenantId, positions: readonly number[]): Promise<void> {
  for (let start = 0; start < positions.length; start += ROWS_PER_UPDATE) {
    await tx
      .updateTable('audit_events')
      .set({ body: '', salt: '' })
      .where('tenant', '=', tenant)
      .where('idx', 'in', positions.slice(start, start + ROWS_PER_UPDATE))
      .execute();
  }
}

/** Strings of which an event that names it holds one. */
function namesOf(tenant: TenantId, what: Erasable): readonly string[] {
  if (what.kind === 'caller') return [what.principal, digestOf(what.principal)];
  const { source, document } = what;
  return [document, `${source}/${document}`, uuidOf('document', tenant, source, document)];
}

/** In canonical JSON a string stands in one way only. This finds too much rather than too little; `mentions` reads what it found. */
function contains(kind: DatabaseKind, token: string) {
  return kind === 'postgres' ? sql<boolean>`strpos(body, ${token}) > 0` : sql<boolean>`instr(body, ${token}) > 0`;
}

/** A document's id alone names nothing: it may be the id of another one, or a word like any other. */
function mentions(what: Erasable, names: readonly string[], body: Json): boolean {
  const strings = new Set<string>();
  let paired = false;
  const walk = (value: Json): void => {
    if (typeof value === 'string') strings.add(value);
    if (typeof value !== 'object' || value === null) return;
    const { source, document } = value as { readonly source?: Json; readonly document?: Json };
    if (what.kind === 'content' && source === what.source && document === what.document) paired = true;
    for (const item of Object.values(value)) walk(item);
  };
  walk(body);
  if (what.kind === 'caller') return names.some((name) => strings.has(name));
  const [, ...whole] = names;
  const named = paired || whole.some((name) => strings.has(name));
  return named && (what.version === undefined || strings.has(what.version));
}
