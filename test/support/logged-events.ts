import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { mapNames, plainName } from '../../src/core/audit-names.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Received } from './marked-client.ts';

interface LoggedChunk {
  readonly chunk: string;
  readonly document: string;
}

interface LoggedEvent {
  readonly kind: string;
  readonly request: string;
  readonly body: { readonly document?: string; readonly chunks?: number | readonly LoggedChunk[] };
}

/** A tenant's audit log as it lies on disk, in order. */
export function loggedEvents(dataDir: string, tenant: string): readonly LoggedEvent[] {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { readOnly: true });
  const rows = db.prepare('select kind, request_id, body from audit_events where tenant = ? order by idx').all(tenant);
  const keys = db.prepare('select pseudonym, name from audit_keys where tenant = ?').all(tenant);
  db.close();
  const names = new Map(keys.map((row) => [String(row['pseudonym']), String(row['name'])]));
  return rows.map((row) => ({
    kind: String(row['kind']),
    request: String(row['request_id']),
    body: mapNames(JSON.parse(String(row['body'])) as JsonObject, (kind, name) =>
      plainName(kind, names.get(name) ?? name),
    ) as LoggedEvent['body'],
  }));
}

function releasedIn({ body }: LoggedEvent): readonly LoggedChunk[] {
  return Array.isArray(body.chunks) ? (body.chunks as readonly LoggedChunk[]) : [];
}

/**
 * Publications and releases stand in one order in the log, so text that was released while it was only staged would show as
 * a release before its publication. Gives the number of releases with text.
 */
export function checkNothingStagedWasReleased(events: readonly LoggedEvent[]): number {
  const published = new Set<string>();
  let releases = 0;
  for (const event of events) {
    if (event.kind === 'document.published') published.add(event.body.document ?? '');
    if (event.kind !== 'release') continue;
    expect(releasedIn(event).filter(({ document }) => !published.has(document))).toEqual([]);
    releases += releasedIn(event).length > 0 ? 1 : 0;
  }
  return releases;
}

/** What was received whole is in the log, with the same chunks. */
export function checkEachIsLogged(received: readonly Received[], events: readonly LoggedEvent[]): void {
  const releases = new Map(events.filter(({ kind }) => kind === 'release').map((event) => [event.request, event]));
  for (const { requestId, chunks } of received) {
    const event = releases.get(requestId);
    expect(event === undefined ? 'no release in the log' : releasedIn(event).map(({ chunk }) => chunk)).toEqual(chunks);
  }
}
