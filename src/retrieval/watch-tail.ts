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

const LIFTED = 'watch.lifted';
const KINDS = ['release', 'honey.touched', 'watch.alert', 'watch.limited', 'watch.blocked', LIFTED] as const;
/** Positions of the log read at once. */
const PAGE = 500;
const UNFOLLOWED = 'the log cannot be followed; what others release is not counted';
/** Of each tenant's log, when this replica begins to follow it. What is older is not known to it. */
export const LOOK_BACK = 20_000;

export interface Tail {
  poll(): Promise<void>;
  stop(): void;
  /** The release at this position was counted here as it left, so it need not be read. */
  counted(tenant: TenantId, index: number): void;
}

/**
 * Follows the releases of every replica. Each tenant's log is read in its order, so that who was let go and what was read afterwards
 * come out the same everywhere. A document counts once however often it is told, so what this replica counted itself may be read again.
 */
export function createTail(parts: TailParts): Tail {
  const { audit, subjects, telemetry } = parts;
  const read = new Map<TenantId, number>();
  const counted = createCounted();
  const failing = new Set<TenantId>();
  let blind = false;
  let stopped = false;

  const catchUp = async (tenant: TenantId, size: number): Promise<void> => {
    let from = read.get(tenant) ?? Math.max(0, size - LOOK_BACK);
    while (from < size && !stopped) {
      const upTo = Math.min(size, from + PAGE);
      for (const event of await page(tenant, from, upTo)) {
        // Who is let go is forgotten, whatever was counted of them here meanwhile: what lies ahead is read from the log.
        if (event.kind === LIFTED) counted.forget(tenant);
        apply(parts, subjects, event);
      }
      read.set(tenant, upTo);
      counted.drop(tenant, upTo);
      from = upTo;
    }
  };
  /** What was not counted here. All of it where somebody is let go in between: what they read after that counts, what they read before does not. */
  const page = async (tenant: TenantId, from: number, upTo: number): Promise<readonly StoredAuditEvent[]> => {
    const events = await audit.between(tenant, from, upTo, KINDS, counted.of(tenant));
    return events.some(({ kind }) => kind === LIFTED) ? audit.between(tenant, from, upTo, KINDS) : events;
  };
  return {
    stop: () => void (stopped = true),
    counted: counted.add,
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

/** Positions in each tenant's log, few: a poll drops those it has passed. Where there are too many all the same, all are read. */
function createCounted() {
  const positions = new Map<TenantId, Set<number>>();
  return {
    of: (tenant: TenantId): ReadonlySet<number> | undefined => positions.get(tenant),
    add(tenant: TenantId, index: number): void {
      const found = positions.get(tenant) ?? new Set();
      if (found.size >= LOOK_BACK) found.clear();
      positions.set(tenant, found.add(index));
    },
    forget: (tenant: TenantId): void => void positions.delete(tenant),
    drop(tenant: TenantId, before: number): void {
      const found = positions.get(tenant);
      for (const index of found ?? []) if (index < before) found?.delete(index);
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
  if (kind === LIFTED) return subjects.forget(tenant, found.principal);
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
