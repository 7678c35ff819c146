import type { Json, JsonObject } from '../core/json.ts';
import type { StoredAuditEvent } from '../core/ports/audit.ts';

/** What most formats want to know of an event, read out of whatever its kind calls it. */
export interface EventFacts {
  /** The person, or the application alone; `erased:…` for who was erased. */
  readonly by: string | undefined;
  /** The application. */
  readonly through: string | undefined;
  /** Each once, as `source/document`. */
  readonly documents: readonly string[];
  readonly sources: readonly string[];
  readonly chunks: number | undefined;
  /** Joint label of an answer. */
  readonly label: JsonObject | undefined;
}

export function eventFacts({ body }: Pick<StoredAuditEvent, 'body'>): EventFacts {
  const chunks = Array.isArray(body['chunks']) ? (body['chunks'] as readonly Json[]).filter(isObject) : undefined;
  const things = [body, ...(chunks ?? [])].map(thingIn);
  const [user, client, by, through] = ['user', 'client', 'by', 'through'].map((key) => textIn(body[key]));
  return {
    by: by ?? user ?? client,
    through: through ?? (by === undefined ? client : undefined),
    documents: unique(things.map(({ source, document }) => (document === undefined ? undefined : `${source ?? ''}/${document}`))),
    sources: unique(things.map(({ source }) => source)),
    chunks: chunks?.length,
    label: isObject(body['label']) && typeof body['label']['level'] === 'string' ? body['label'] : undefined,
  };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function thingIn(value: JsonObject): { readonly source: string | undefined; readonly document: string | undefined } {
  return { source: textIn(value['source']), document: textIn(value['document']) };
}

function unique(values: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}
