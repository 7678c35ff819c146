import type { Kysely } from 'kysely';
import type { Json, JsonObject } from '../../core/json.ts';
import type { Schema } from '../../database/schema.ts';
import { bodyOf } from '../stored-body.ts';

/** What is gone from the log, against what the events of erasures say. Holds what was erased and not yet told of, and each tombstone. */
export interface ErasureBook {
  /** An event of version 1 without its body. */
  emptied(index: number): void;
  /** A body of an erasure. */
  told(index: number, kind: string, body: () => JsonObject): void;
  /** How many erasures the events so far tell of. */
  count(): number;
  /** The first position that is emptied, or that a tombstone points to, without an event that says so. */
  untold(db: Kysely<Schema>, tenant: string, size: number): Promise<number | undefined>;
}

const KINDS: ReadonlySet<string> = new Set(['caller.erased', 'content.erased']);
const PAGE = 1_000;

export function erasureBook(): ErasureBook {
  const empty = new Set<number>();
  const named = new Set<string>();
  let count = 0;

  function told(index: number, kind: string, body: () => JsonObject): void {
    if (!KINDS.has(kind)) return;
    const { emptied, pseudonyms, continues } = body();
    if (continues === undefined) count += 1;
    for (const position of listOf(emptied)) if (typeof position === 'number' && position < index) empty.delete(position);
    for (const pseudonym of listOf(pseudonyms)) {
      if (typeof pseudonym === 'string') named.add(`${pseudonym} ${typeof continues === 'number' ? continues : index}`);
    }
  }

  return {
    emptied: (index) => empty.add(index),
    told,
    count: () => count,
    async untold(db, tenant, size) {
      // What was erased since the verification began is told beyond the size it began with.
      const rows = await db
        .selectFrom('audit_events')
        .select(['idx', 'kind', 'body'])
        .where('tenant', '=', tenant)
        .where('idx', '>=', size)
        .where('kind', 'in', [...KINDS])
        .execute();
      for (const { idx, kind, body } of rows) told(idx, kind, () => bodyOf({ body }));
      const [position] = [...empty].sort((a, b) => a - b);
      return position ?? firstStoneUntold(db, tenant, named);
    },
  };
}

/** The first position that a tombstone points to, though the event there does not name it. */
async function firstStoneUntold(db: Kysely<Schema>, tenant: string, named: ReadonlySet<string>): Promise<number | undefined> {
  let first: number | undefined;
  for (let after: string | undefined = ''; after !== undefined;) {
    const from: string = after;
    const stones = await db
      .selectFrom('audit_tombstones')
      .select(['pseudonym', 'idx'])
      .where('tenant', '=', tenant)
      .where('pseudonym', '>', from)
      .orderBy('pseudonym')
      .limit(PAGE)
      .execute();
    for (const { pseudonym, idx } of stones) {
      if (!named.has(`${pseudonym} ${idx}`) && (first === undefined || idx < first)) first = idx;
    }
    after = stones.at(-1)?.pseudonym;
  }
  return first;
}

/** Whoever forged an event must not end the verification with it. */
function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
