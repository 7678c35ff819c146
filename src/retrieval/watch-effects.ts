import { named } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { Caller } from '../core/caller.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditKind, AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import { presence } from '../core/presence.ts';
import { parsePrincipal, principal, type Principal } from '../core/principal.ts';
import { ruleName, type WatchAction } from '../core/watching.ts';
import type { Tripped } from './watch-rules.ts';
import type { Subject } from './watch-subjects.ts';

export interface EffectParts {
  readonly audit: Pick<AuditPort, 'append'>;
  readonly catalog: Pick<ReadCatalog, 'epoch' | 'view' | 'resolve' | 'numbers' | 'candidates'> & Pick<TenantAdmin, 'throwSwitch'>;
  readonly policy: Pick<PolicyPort, 'permitsTenant'>;
  readonly telemetry: Telemetry;
  readonly newId: () => string;
}

/** More than wait here are logged and not written: what trips thresholds must not fill the memory. */
const MAX_WAITING = 1_000;
/** Applications that a policy names; where there are more, nobody is switched off by a machine. */
const MAX_CLIENTS = 256;

const KINDS: Readonly<Record<WatchAction, AuditKind>> = {
  alert: 'watch.alert',
  limit: 'watch.limited',
  block: 'watch.blocked',
  switch: 'watch.blocked',
};

/** What follows of a threshold, one after the other and off every request's path. */
export function createEffects(parts: EffectParts): {
  tell(subject: Subject, tripped: Tripped, until: number, documents: number): void;
  throwSwitch(subject: Subject, tripped: Tripped, caller: Caller): void;
  settled(): Promise<void>;
} {
  const { telemetry } = parts;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  const later = (what: string, run: () => Promise<unknown>): void => {
    if (waiting >= MAX_WAITING) return telemetry.log.error({ what }, 'too much waits to be written about those who read');
    waiting += 1;
    last = last
      .then(run)
      .then(() => undefined)
      .catch((error: unknown) => telemetry.log.error({ what }, 'what a watch found could not be written', error))
      .finally(() => void (waiting -= 1));
  };
  return {
    tell(subject, { rule, value }, until, documents) {
      telemetry.count('watch_alerts', { kind: rule.kind, action: rule.action });
      telemetry.log.warn({ tenant: subject.tenant, kind: rule.kind, action: rule.action }, 'a threshold of watching.yaml was passed');
      const body: JsonObject = {
        subject: named(subject.principal),
        rule: ruleName(rule),
        kind: rule.kind,
        window: rule.in,
        over: rule.over,
        value: Math.round(value * 10_000) / 10_000,
        documents,
        entitlement: subject.entitlement?.documents ?? null,
        action: rule.action,
        until: rule.action === 'alert' ? null : until,
        limit: rule.action === 'limit' ? rule.limit : null,
      };
      const event = { tenant: subject.tenant, kind: KINDS[rule.action], requestId: parts.newId(), body };
      later('event', () => parts.audit.append(event));
    },
    throwSwitch(subject, { rule }, caller) {
      later('switch', () => switchOff(parts, subject, `watching: ${ruleName(rule)}`, caller));
    },
    settled: () => last,
  };
}

async function switchOff(parts: EffectParts, subject: Subject, reason: string, caller: Caller): Promise<void> {
  const { view, caller: present } = await presence(parts.catalog, caller);
  if (view.off.principals.has(subject.principal)) return;
  if (mayAdminister(parts.policy, view, present, subject)) return;
  const watch = principal('client', 'machine', 'watch');
  if (watch === undefined) throw new AppError('internal', { detail: 'no name for the watch' });
  const change = { requestId: parts.newId(), by: watch, through: watch };
  await parts.catalog.throwSwitch(subject.tenant, { kind: subject.kind, id: subject.principal }, reason, change);
}

/**
 * Whether switching this user or client off might leave nobody to switch it on. A person administers through *some* application,
 * so each that the policy names is asked; a client alone, since without it nobody administers through it.
 */
function mayAdminister(
  policy: EffectParts['policy'],
  view: Parameters<PolicyPort['permitsTenant']>[0],
  caller: Caller,
  subject: Subject,
): boolean {
  const alone: Caller = { ...caller, actor: { kind: 'none' } };
  const permits = (asked: Caller): boolean => policy.permitsTenant(view, asked, 'administer').kind === 'permit';
  if (permits(caller) || permits(alone)) return true;
  if (subject.kind === 'client') return permits({ ...alone, user: { kind: 'none' } });
  const clients = new Set<Principal>();
  for (const { columns } of view.policy.lines) {
    const [name] = columns;
    const client = name?.startsWith('client:') === true ? parsePrincipal(name) : undefined;
    if (client !== undefined) clients.add(client);
    if (clients.size > MAX_CLIENTS) return true;
  }
  return [...clients].some((client) => permits({ ...alone, client }));
}
