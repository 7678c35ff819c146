/** The audit's tables. Rows of `audit_events` are written once and never changed; `audit_heads` moves with them in one transaction. */
export interface AuditTables {
  audit_events: AuditEventRow;
  audit_heads: AuditHeadRow;
}

export interface AuditEventRow {
  tenant: string;
  /** 0-based, contiguous within the tenant. */
  idx: number;
  /** Database time, milliseconds since 1970. */
  at: number;
  kind: string;
  request_id: string;
  /** Canonical JSON (RFC 8785). */
  body: string;
  /** 16 random bytes, hex. Without it the leaf says nothing about the event. */
  salt: string;
  /** Hex SHA-256. */
  leaf: string;
}

export interface AuditHeadRow {
  tenant: string;
  /** How many events the tenant's log holds; the next event's index. */
  size: number;
  /** Hex SHA-256 over all leaves so far; of an empty log 64 zeros. */
  head: string;
}
