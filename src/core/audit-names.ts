import type { Json, JsonObject } from './json.ts';

/**
 * People and documents as audit events name them. In an event a name stands as an object with one key; the audit room stores a
 * pseudonym in its place, so that whoever is erased can no longer be told from the log, and puts the name back for readers for as
 * long as it is known. Everything else in an event is stored as it is.
 */
const PERSON = '@person';
const DOCUMENT = '@document';

/** What the audit keeps a key and a pseudonym for. */
export type NameKind = 'person' | 'document';

/** A principal, as an event names it. A person goes under a pseudonym; applications, groups and the built-in principals stay as they are. */
export function named(principal: string): Json {
  return principal.startsWith('user:') ? { [PERSON]: principal } : principal;
}

export function namedDocument(source: string, document: string): Json {
  return { [DOCUMENT]: [source, document] };
}

/** How readers see a name that the log no longer knows. */
export function erasedName(pseudonym: string): string {
  return `${ERASED}${pseudonym}`;
}

const ERASED = 'erased:';
const OF_ERASED = /^erased:[0-9a-f]{32}$/;

/** No document may be called so: whoever reads could not tell it from one that was erased. */
export function isErasedName(name: string): boolean {
  return OF_ERASED.test(name);
}

/** One text for each document, whatever its source and its id hold. */
export function documentName(source: string, document: string): string {
  return JSON.stringify([source, document]);
}

/** `name`: a principal, or what `documentName` makes. */
export type NameMapper = (kind: NameKind, name: string) => Json;

/** A body with each name replaced by what `map` says. Before storing: by `{"@person": pseudonym}` and the like. */
export function mapNames(body: JsonObject, map: NameMapper): JsonObject {
  return mapObject(body, map);
}

/** How readers see a name that is known: a principal, or a document's id within its source. */
export function plainName(kind: NameKind, name: string): Json {
  if (kind === 'person') return name;
  const [, document] = JSON.parse(name) as readonly [string, string];
  return document;
}

/** The one key of the object that a name is. */
export function nameKey(kind: NameKind): string {
  return kind === 'person' ? PERSON : DOCUMENT;
}

function mapJson(value: Json, map: NameMapper): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => mapJson(item, map));
  if (typeof value !== 'object' || value === null) return value;
  const found = nameIn(value as JsonObject);
  return found === undefined ? mapObject(value as JsonObject, map) : map(found.kind, found.name);
}

function mapObject(value: JsonObject, map: NameMapper): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapJson(item, map)]));
}

/** `name`: a principal or what `documentName` makes, or the pseudonym where one stands there already. */
export interface Name {
  readonly kind: NameKind;
  readonly name: string;
}

/** Only an object with nothing else in it is a name. */
export function nameIn(value: JsonObject): Name | undefined {
  let only: string | undefined;
  for (const key in value) {
    if (only !== undefined) return undefined;
    only = key;
  }
  if (only !== PERSON && only !== DOCUMENT) return undefined;
  const name = value[only];
  if (typeof name === 'string') return { kind: only === PERSON ? 'person' : 'document', name };
  if (only === PERSON || !Array.isArray(name)) return undefined;
  const [source, document] = name as readonly Json[];
  return typeof source === 'string' && typeof document === 'string'
    ? { kind: 'document', name: documentName(source, document) }
    : undefined;
}
