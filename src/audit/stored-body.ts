import { isRecord, type JsonObject } from '../core/json.ts';
import type { AuditEventRow } from '../database/audit-tables.ts';

/** True for an event of version 1 that named somebody plainly who was erased: its leaf stays, its body and its salt are gone. */
export function isEmptied({ v, body, salt }: Pick<AuditEventRow, 'v' | 'body' | 'salt'>): boolean {
  return v === 1 && body === '' && salt === '';
}

/**
 * What a body says; nothing where it was emptied, or spoilt by whoever can write to the database: one forged row must not keep an index
 * from growing, a verification from naming it, or an auditor from all the others.
 */
export function bodyOf({ body }: Pick<AuditEventRow, 'body'>): JsonObject {
  return jsonObject(body) ?? {};
}

/** As readers see it: an emptied one says that it was erased, a spoilt one that it is damaged. */
export function shownBody(row: Pick<AuditEventRow, 'v' | 'body' | 'salt'>): JsonObject {
  return isEmptied(row) ? { erased: true } : (jsonObject(row.body) ?? { damaged: true });
}

function jsonObject(text: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
