import type { TenantId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parsePrincipal, principalParts, type Principal } from '../core/principal.ts';
import type { AuditTail, StoredAuditEvent } from '../core/ports/audit.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Subject, Subjects } from './watch-subjects.ts';
import { touch } from './watch-window.ts';

export interface TailParts {
  readonly audit: AuditTail;
  readonly telemetry: Telemetry;
  readonly subjects: Subjects;
  /** Of a document as the log names it; the same as of its key. */
  readonly hashOf: (tenant: TenantId, source: string, document: string) => number;
}

const KINDS = ['release', 'honey.touched', 'watch.alert', 'watch.limited', 'watch.blocked', 'watch.lifted'] as const;
/** Positions of the log read at once. */
const PAGE = 500;
const UNFOLLOWED = 'the log cannot be followed; what others release is not counted';
/** Of each tenant's log, when this replica begins to follow it. What is older is not known to it. */
export const LOOK_BACK = 20_000;

/**
 * Follows the releases of every replica, this one's own too: a document counts once however often it is told. Each tenant's log is
 * read in its order, so that who was let go and what was read afterwards come out the same everywhere.
 */
export function createTail(parts: TailParts): { poll(): Promise<void>; stop(): void } {
  const { audit, subjects, telemetry } = parts;
  const read = new Map<TenantId, number>();
  const failing = new Set<TenantId>();
  let blind = false;
  let stopped = false;

  const catchUp = async (tenant: TenantId, size: number): Promise<void> => {
    let from = read.get(tenant) ?? Math.max(0, size - LOOK_BACK);
    while (from < size && !stopped) {
      const upTo = Math.min(size, from + PAGE);
      for (const event of await audit.between(tenant, from, upTo, KINDS)) apply(parts, subjects, event);
      read.set(tenant, upTo);
      from = upTo;
    }
  };
  return {
    stop: () => void (stopped = true),
    async poll() {
      const sizes = await audit.sizes().catch((error: unknown) => {
        if (!blind) telemetry.log.warn({ reason: String(error) }, UNFOLLOWED);
        blind = true;
        return undefined;
      });
      if (sizes === undefined) return;
      blind = false;
      for (const [tenant, size] of sizes) {
        // One tenant's log that cannot be read hides nobody of another's.
        await catchUp(tenant, size).then(
          () => failing.delete(tenant),
          (error: unknown) => {
            if (!failing.has(tenant)) telemetry.log.warn({ tenant, reason: String(error) }, UNFOLLOWED);
            failing.add(tenant);
          },
        );
      }
    },
  };
}

function apply(parts: TailParts, subjects: Subjects, { tenant, kind, body, at }: StoredAuditEvent): void {
  const now = Date.parse(at);
  if (kind === 'release') {
    const hashes = documentsOf(parts, tenant, body['chunks']);
    if (hashes.length === 0) return;
    eachReader(subjects, tenant, body, (subject) => subjects.record(subject, hashes, now));
    return;
  }
  if (kind === 'honey.touched') {
    const { documents } = body;
    const hashes = documentsOf(parts, tenant, documents);
    const reader = { user: body['user'] ?? body['client'] ?? null };
    eachReader(subjects, tenant, reader, (subject) => {
      for (const hash of hashes) touch(subject.bait, hash, now);
    });
    return;
  }
  const found = subjectName(body['subject']);
  if (found === undefined) return;
  if (kind === 'watch.lifted') return subjects.forget(tenant, found.principal);
  const { rule, until, limit } = body;
  if (typeof rule === 'string') subjects.touch(tenant, found.kind, found.principal).told.set(rule, now);
  if (typeof until !== 'number') return;
  const held = subjects.hold(tenant, found.principal, now);
  if (kind === 'watch.blocked') held.blockedUntil = Math.max(held.blockedUntil, until);
  if (kind === 'watch.limited' && typeof limit === 'number') {
    held.limit = held.limitedUntil > now ? Math.min(held.limit, limit) : limit;
    held.limitedUntil = Math.max(held.limitedUntil, until);
  }
}

function eachReader(subjects: Subjects, tenant: TenantId, body: JsonObject, run: (subject: Subject) => void): void {
  for (const name of [body['user'], body['client']]) {
    const found = subjectName(name);
    if (found !== undefined) run(subjects.touch(tenant, found.kind, found.principal));
  }
}

function subjectName(name: Json | undefined): { readonly kind: 'user' | 'client'; readonly principal: Principal } | undefined {
  const found = typeof name === 'string' ? parsePrincipal(name) : undefined;
  const kind = found === undefined ? undefined : principalParts(found)?.kind;
  return found !== undefined && (kind === 'user' || kind === 'client') ? { kind, principal: found } : undefined;
}

/** Of what names a source and a document each. */
function documentsOf({ hashOf }: TailParts, tenant: TenantId, chunks: Json | undefined): readonly number[] {
  if (!Array.isArray(chunks)) return [];
  const names = new Map<string, number>();
  for (const chunk of chunks as readonly Json[]) {
    if (typeof chunk !== 'object' || chunk === null || Array.isArray(chunk)) continue;
    const { source, document } = chunk as { readonly source?: Json; readonly document?: Json };
    if (typeof source !== 'string' || typeof document !== 'string') continue;
    const name = `${source}/${document}`;
    if (!names.has(name)) names.set(name, hashOf(tenant, source, document));
  }
  return [...names.values()];
}
