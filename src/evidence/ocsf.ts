import type { JsonObject } from '../core/json.ts';
import type { StoredAuditEvent } from '../core/ports/audit.ts';
import { eventFacts, textIn, type EventFacts } from './event-facts.ts';
import { ACTIVITIES, NOTABLE, OCSF_CLASSES, type OcsfClass } from './ocsf-classes.ts';

/** Of the schema, as `metadata.version` says it. */
export const OCSF_VERSION = '1.3.0';
const SERVICE = 'sluice';

const CLASSES = {
  call: { category_uid: 6, category_name: 'Application Activity', class_uid: 6003, class_name: 'API Activity' },
  entity: { category_uid: 3, category_name: 'Identity & Access Management', class_uid: 3004, class_name: 'Entity Management' },
} as const;
const NAMES = { create: 'Create', read: 'Read', update: 'Update', delete: 'Delete' } as const;

/** An event of the log as an event of OCSF: API Activity for what is asked, Entity Management for what changes something. */
export function ocsfEvent(event: StoredAuditEvent): JsonObject {
  const found = OCSF_CLASSES[event.kind];
  const facts = eventFacts(event);
  const activity = ACTIVITIES[found.activity];
  const shape = CLASSES[found.kind];
  const failed = found.kind === 'call' && found.failed === true;
  return {
    ...shape,
    activity_id: activity,
    activity_name: found.activity === 'other' ? event.kind : NAMES[found.activity],
    type_uid: shape.class_uid * 100 + activity,
    severity_id: NOTABLE.has(event.kind) ? 3 : 1,
    status_id: failed ? 2 : 1,
    time: Date.parse(event.at),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Sluice', vendor_name: 'Sluice' },
      log_name: 'audit',
      event_code: event.kind,
      correlation_uid: event.requestId,
      uid: event.leaf,
      sequence: event.index,
    },
    actor: actorOf(facts),
    ...(found.kind === 'call' ? callFields(event, facts) : { entity: entityOf(event, facts, found) }),
    unmapped: { tenant: event.tenant, body: event.body },
  };
}

function actorOf({ by, through }: EventFacts): JsonObject {
  const person = by !== undefined && !by.startsWith('client:') ? { user: { uid: by } } : {};
  const application = [through, by].find((name) => name?.startsWith('client:') === true);
  // An actor has to be somebody; what the service does by itself, it does.
  if (application === undefined) return by === undefined ? { app_uid: SERVICE } : person;
  return { ...person, app_uid: application };
}

function callFields(event: StoredAuditEvent, { through, documents, sources }: EventFacts): JsonObject {
  const named =
    documents.length > 0 ? documents.map((uid) => ({ uid, type: 'document' })) : sources.map((uid) => ({ uid, type: 'source' }));
  return {
    api: { operation: event.kind, service: { name: SERVICE }, request: { uid: event.requestId } },
    // The log keeps no addresses: where it came from is the application.
    src_endpoint: { svc_name: through ?? SERVICE },
    ...(named.length === 0 ? {} : { resources: named }),
  };
}

const NAMED_BY = ['target', 'request', 'principal', 'user', 'group', 'subject', 'revision', 'kid', 'run', 'id', 'tenant'] as const;

function entityOf(
  event: StoredAuditEvent,
  { documents, sources }: EventFacts,
  { type }: Extract<OcsfClass, { kind: 'entity' }>,
): JsonObject {
  const content = documents[0] ?? sources[0];
  const other = NAMED_BY.map((key) => textIn(event.body[key])).find((name) => name !== undefined);
  const ofContent = type === 'document' || type === 'source' || type === 'content';
  return { type, uid: (ofContent ? (content ?? other) : (other ?? content)) ?? event.requestId };
}
