import type { AuditKind } from '../core/ports/audit.ts';

/** Activities that both classes share. */
export const ACTIVITIES = { create: 1, read: 2, update: 3, delete: 4, other: 99 } as const;
export type Activity = keyof typeof ACTIVITIES;

/** `call`: API Activity, 6003. `entity`: Entity Management, 3004, of this type of entity. */
export type OcsfClass =
  | { readonly kind: 'call'; readonly activity: Activity; readonly failed?: true }
  | { readonly kind: 'entity'; readonly activity: Activity; readonly type: string };

const call = (activity: Activity): OcsfClass => ({ kind: 'call', activity });
const refused = (activity: Activity): OcsfClass => ({ kind: 'call', activity, failed: true });
const entity = (activity: Activity, type: string): OcsfClass => ({ kind: 'entity', activity, type });

/** Every kind of event has its class: a new one does not compile without. docs/audit.md shows the same table. */
export const OCSF_CLASSES: Readonly<Record<AuditKind, OcsfClass>> = {
  intent: call('read'),
  release: call('read'),
  error: refused('read'),
  admitted: call('other'),
  cited: call('other'),
  'output.checked': call('other'),
  'replay.requested': call('create'),
  'replay.approved': call('update'),
  'replay.read': call('read'),
  'replay.refused': refused('read'),
  'reevaluation.read': call('read'),
  'explain.read': call('read'),
  'audit.read': call('read'),
  'audit.exported': call('read'),
  'policy.diff-read': call('read'),
  'blast-radius.read': call('read'),
  'honey.touched': refused('read'),
  'switch.refused': refused('update'),
  'erasure.refused': refused('delete'),
  'caller.erased': entity('delete', 'caller'),
  'content.erased': entity('delete', 'content'),
  'hold.placed': entity('create', 'legal hold'),
  'hold.lifted': entity('delete', 'legal hold'),
  'key.published': entity('create', 'key'),
  'key.retired': entity('update', 'key'),
  'log.break-accepted': entity('update', 'log'),
  'tenant.created': entity('create', 'tenant'),
  'source.put': entity('update', 'source'),
  'source.deleted': entity('delete', 'source'),
  'document.published': entity('update', 'document'),
  'document.changed': entity('update', 'document'),
  'document.deleted': entity('delete', 'document'),
  'document.original-read': entity('read', 'document'),
  'honey.changed': entity('update', 'document'),
  'policy.published': entity('create', 'policy'),
  'policy.activated': entity('update', 'policy'),
  'policy.shadow-started': entity('update', 'policy'),
  'policy.shadow-stopped': entity('update', 'policy'),
  'collection.put': entity('update', 'collection'),
  'collection.deleted': entity('delete', 'collection'),
  'application-key.added': entity('create', 'application key'),
  'application-key.revoked': entity('delete', 'application key'),
  'switch.thrown': entity('create', 'switch'),
  'switch.lift-proposed': entity('update', 'switch'),
  'switch.lift-withdrawn': entity('update', 'switch'),
  'switch.lifted': entity('delete', 'switch'),
  'login.ended': entity('delete', 'login'),
  'access.requested': entity('create', 'access request'),
  'access.decided': entity('update', 'access request'),
  'access.withdrawn': entity('delete', 'access request'),
  'directory.user-put': entity('update', 'user'),
  'directory.user-deleted': entity('delete', 'user'),
  'directory.group-put': entity('update', 'group'),
  'directory.group-deleted': entity('delete', 'group'),
  'index.reconciled': entity('update', 'index'),
  'watch.alert': entity('other', 'watch'),
  'watch.limited': entity('update', 'watch'),
  'watch.blocked': entity('update', 'watch'),
  'watch.lifted': entity('delete', 'watch'),
};

/** What somebody should look at: 3, medium; everything else is 1, informational. */
export const NOTABLE: ReadonlySet<AuditKind> = new Set([
  'honey.touched',
  'switch.refused',
  'replay.refused',
  'watch.alert',
  'watch.limited',
  'watch.blocked',
]);
