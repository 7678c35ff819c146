import { documentName, mapNames } from './audit-names.ts';
import type { Json, JsonObject } from './json.ts';
import type { AuditKind } from './ports/audit.ts';
import type { SubLog } from './ports/evidence.ts';

/** An event as it is stored: people and documents under their pseudonyms, in one of version 1 plainly. */
export interface StoredFacts {
  readonly v: number;
  readonly kind: string;
  readonly body: JsonObject;
}

/** Of one request by a caller: what they ask for, not what they do to others. */
const ASKING: ReadonlySet<string> = new Set<AuditKind>(['intent', 'release', 'error', 'admitted', 'cited', 'output.checked']);
/** These look at things, and change nothing. */
const LOOKING: ReadonlySet<string> = new Set<AuditKind>([
  'audit.read',
  'audit.exported',
  'explain.read',
  'replay.requested',
  'replay.approved',
  'replay.read',
  'replay.refused',
  'erasure.refused',
  'reevaluation.read',
  'policy.diff-read',
  'blast-radius.read',
  'honey.touched',
  'switch.refused',
  'erasure.refused',
  'document.original-read',
]);

/**
 * The sub-logs in which an event stands, each once, named as the event names things. Auditors who rebuild the map of a checkpoint from
 * a whole export use the same function, so its meaning is part of the format (docs/audit.md).
 */
export function subLogsOf(event: StoredFacts): readonly SubLog[] {
  const found = new Map<string, SubLog>();
  const add = (about: SubLog['about'], what: SubLog['what'], name: string | undefined): void => {
    if (name !== undefined) found.set(`${about} ${what} ${name}`, { about, what, name });
  };
  const { kind, body } = event;
  add('kind', 'all', kind);
  const actor = ASKING.has(kind) ? 'asked' : 'done';
  const { by, through } = actorOf(kind, body);
  add('caller', actor, personOf(by));
  add('client', actor, clientOf(by));
  add('client', actor, clientOf(through));
  if (kind === 'release') released(event, add);
  else mentioned(event, by, add);
  return [...found.values()];
}

type Add = (about: SubLog['about'], what: SubLog['what'], name: string | undefined) => void;

/** Changes say `by` and `through`; what a caller asks for says `user` and `client`. */
function actorOf(kind: string, body: JsonObject): { readonly by: Json | undefined; readonly through: Json | undefined } {
  if (body['by'] !== undefined) return { by: body['by'], through: body['through'] };
  // Whose login ended did not do it.
  return kind === 'login.ended' ? { by: undefined, through: undefined } : { by: body['user'], through: body['client'] };
}

function released({ v, body }: StoredFacts, add: Add): void {
  const chunks = body['chunks'];
  if (!Array.isArray(chunks)) return;
  for (const chunk of chunks as readonly Json[]) {
    // An event that somebody forged must not stop the index: verifiers name it, and the rest goes on.
    if (typeof chunk !== 'object' || chunk === null) continue;
    const { source, document } = chunk as { readonly source?: Json; readonly document?: Json };
    add('source', 'released', typeof source === 'string' ? source : undefined);
    add('document', 'released', documentOf(v, source, document));
  }
}

/** Whoever and whatever the event names besides the one who did it. */
function mentioned({ v, kind, body }: StoredFacts, by: Json | undefined, add: Add): void {
  const what = ASKING.has(kind) || LOOKING.has(kind) ? 'concerned' : 'changed';
  const { source, document } = body as { readonly source?: Json; readonly document?: Json };
  if (typeof source === 'string') add('source', what, source);
  if (v === 1) add('document', what, documentOf(v, source, document));
  for (const key of ['user', 'client', 'subject', 'target', 'principal']) {
    const name = body[key];
    if (name === undefined || name === by || (key === 'client' && by === body['user'])) continue;
    if (v === 1) add('caller', 'concerned', personOf(name));
    add('client', 'concerned', clientOf(name));
  }
  if (v === 1) return;
  const actor = personOf(by);
  mapNames(body, (nameKind, name) => {
    if (nameKind === 'document') add('document', what, name);
    else if (name !== actor) add('caller', 'concerned', name);
    return null;
  });
}

/** A pseudonym, or the plain name of a person in an event of version 1. */
function personOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value.startsWith('user:') ? value : undefined;
  return onlyField(value, '@person');
}

function clientOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.startsWith('client:') ? value : undefined;
}

function documentOf(v: number, source: Json | undefined, document: Json | undefined): string | undefined {
  if (v !== 1) return onlyField(document, '@document');
  return typeof source === 'string' && typeof document === 'string' ? documentName(source, document) : undefined;
}

function onlyField(value: Json | undefined, field: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const name = (value as JsonObject)[field];
  return typeof name === 'string' && Object.keys(value).length === 1 ? name : undefined;
}
