import type { AclSubject } from '../core/acl.ts';
import type { SourceId } from '../core/ids.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { RefusalReason } from '../core/ports/policy.ts';

/** These read text, so a source's ceiling bounds them. */
const READING: ReadonlySet<Action> = new Set(['retrieve', 'replay']);
/** These stop while a source, the tenant or everything is switched off. The rest must not: they are how it is switched on again. */
const CURBED: ReadonlySet<Action> = new Set(['retrieve', 'replay', 'ingest', 'request', 'approve']);

/** A switched-off user, group, client or actor may do nothing at all. */
export function isSwitchedOff(view: TenantView, who: { readonly acl: AclSubject }): boolean {
  for (const principal of view.off.principals) {
    if (who.acl.deny.has(principal)) return true;
  }
  return false;
}

/** What refuses an action on a source whatever policy says: unknown or being deleted, switched off, outside its ceiling. */
export function sourceRefusal(view: TenantView, subject: AclSubject, action: Action, id: SourceId): RefusalReason | undefined {
  if (!CURBED.has(action)) return undefined;
  const source = view.sources.get(id);
  if (source === undefined || source.state !== 'live' || source.tenant !== view.tenant) return 'unknown-zone';
  if (view.off.everything || view.off.sources.has(id)) return 'switched-off';
  const { ceiling } = source;
  if (READING.has(action) && ceiling.kind === 'gate' && !ceiling.principals.some((p) => subject.gate.has(p))) return 'ceiling';
  return undefined;
}
