import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditPort, SealedReads, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { Clock } from '../core/ports/clock.ts';
import { presence } from '../core/presence.ts';
import { chunksOf, releaseIn, type ReleasedChunk } from './release-event.ts';

export interface ReleaseReads {
  readonly catalog: ReadCatalog;
  readonly audit: Pick<AuditPort, 'byRequest'>;
  readonly sealed: Pick<SealedReads, 'erasures'>;
  readonly clock: Clock;
  /** For so long after a release its application may report on it, milliseconds. */
  readonly windowMs: number;
}

export interface OwnRelease {
  /** With the groups of the directory. */
  readonly caller: Caller;
  readonly view: TenantView;
  readonly requestId: string;
  readonly release: StoredAuditEvent;
  readonly chunks: readonly ReleasedChunk[];
  /** Everything the log has of the request, in order. */
  readonly events: readonly StoredAuditEvent[];
  /** Before any of this was read: what is written about it is written only where nothing was erased since. */
  readonly erasures: number;
}

/**
 * The release that this user got through this application. `not_found`, in the same bytes, for a request of anybody else, one that
 * released nothing (its intent was swept, it failed, it was a count) and one that never was; `limit_exceeded` once its time is over.
 */
export async function ownRelease(parts: ReleaseReads, asking: Caller, requestId: string): Promise<OwnRelease> {
  const { caller, view } = await presence(parts.catalog, asking);
  const erasures = await parts.sealed.erasures(caller.tenant);
  const events = await parts.audit.byRequest(caller.tenant, requestId);
  const release = releaseIn(events);
  if (release === undefined || !isOf(release.body, caller)) throw new AppError('not_found');
  if (parts.clock.now() - Date.parse(release.at) > parts.windowMs) {
    const message = `reports are taken for ${Math.round(parts.windowMs / 3_600_000)} hours after the release`;
    throw new AppError('limit_exceeded', { issues: [{ pointer: 'path/request', message }] });
  }
  return { caller, view, requestId, release, chunks: chunksOf(release), events, erasures };
}

/** Both have to be the same: another user of the application, or the user through another application, is somebody else. */
function isOf(body: JsonObject, { user, client }: Caller): boolean {
  return body['client'] === client && body['user'] === (user.kind === 'user' ? user.principal : null);
}
