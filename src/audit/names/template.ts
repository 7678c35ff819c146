import { nameIn, nameKey, type Name } from '../../core/audit-names.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { subjectId, type IdentifiedSubject } from './key.ts';

/** Canonical JSON with gaps: where a pseudonym stands, or what is known only when the event gets its place. */
export interface BodyTemplate {
  /** One more than `gaps`. */
  readonly pieces: readonly string[];
  readonly gaps: readonly Gap[];
  /** Each of whom the body names, once. */
  readonly subjects: readonly IdentifiedSubject[];
}

type Gap = { readonly kind: 'pseudonym'; readonly id: string } | { readonly kind: 'session' | 'sealed' };

export interface Fillings {
  pseudonym(id: string): string;
  /** Canonical JSON. */
  readonly session: string | undefined;
  readonly sealed: string | undefined;
}

export interface Gaps {
  readonly session: boolean;
  readonly sealed: boolean;
}

/** Known only by being these very objects: no text in a body can look like a gap. */
const SESSION = {};
const SEALED = {};

interface Writing {
  readonly pieces: string[];
  readonly gaps: Gap[];
  readonly subjects: Map<string, IdentifiedSubject>;
  /** Of the piece that is being written. */
  text: string;
}

/**
 * Bodies are made canonical (RFC 8785) once, outside of every lock; filling the gaps then costs next to nothing and can be repeated. What
 * a body itself says under `session` or `sealed` gives way to the gap. Throws on what has no canonical form.
 */
export function templateOf(body: JsonObject, wanted: Gaps): BodyTemplate {
  const writing: Writing = { pieces: [], gaps: [], subjects: new Map(), text: '' };
  write({ ...body, ...(wanted.session ? { session: SESSION } : {}), ...(wanted.sealed ? { sealed: SEALED } : {}) }, writing);
  return { pieces: [...writing.pieces, writing.text], gaps: writing.gaps, subjects: [...writing.subjects.values()] };
}

function write(value: Json, writing: Writing): void {
  if (typeof value === 'string') writing.text += stringText(value);
  else if (typeof value !== 'object' || value === null) writing.text += scalarText(value);
  else if (Array.isArray(value)) writeArray(value as readonly Json[], writing);
  else if (value === SESSION) leaveGap({ kind: 'session' }, writing);
  else if (value === SEALED) leaveGap({ kind: 'sealed' }, writing);
  else writeObject(value as JsonObject, writing);
}

function writeArray(items: readonly Json[], writing: Writing): void {
  writing.text += '[';
  let separator = '';
  for (const item of items) {
    writing.text += separator;
    separator = ',';
    write(item, writing);
  }
  writing.text += ']';
}

function writeObject(value: JsonObject, writing: Writing): void {
  const keys = sortedKeys(value);
  const name = keys.length === 1 ? nameIn(value) : undefined;
  if (name !== undefined) return writeName(name, writing);
  let isFirst = true;
  for (const key of keys) {
    const member = value[key];
    if (member === undefined) continue;
    const opening = openingOf(key);
    writing.text += isFirst ? opening.first : opening.next;
    isFirst = false;
    write(member, writing);
  }
  writing.text += isFirst ? '{}' : '}';
}

const FEW = 32;

/** In the order of UTF-16 units, as section 3.2.3 has it. Few are put in their places one by one: `sort` makes a kilobyte of garbage each time. */
function sortedKeys(value: JsonObject): readonly string[] {
  const keys = Object.keys(value);
  if (keys.length > FEW) return keys.sort();
  for (const [from, key] of keys.entries()) {
    let to = from;
    for (; to > 0; to -= 1) {
      const before = keys[to - 1];
      if (before === undefined || before < key) break;
      keys[to] = before;
    }
    keys[to] = key;
  }
  return keys;
}

/** What stands before the value of a member: of the first of its object, or of a later one. */
interface Opening {
  readonly first: string;
  readonly next: string;
}

/** Nearly all keys are those of our own events; what else comes is not kept beyond this. */
const MAX_OPENINGS = 1_024;
const LONGEST_KEPT = 64;
const openings = new Map<string, Opening>();

function openingOf(key: string): Opening {
  const known = openings.get(key);
  if (known !== undefined) return known;
  const text = stringText(key);
  const made = { first: `{${text}:`, next: `,${text}:` };
  if (openings.size < MAX_OPENINGS && key.length <= LONGEST_KEPT) openings.set(key, made);
  return made;
}

function writeName({ kind, name }: Name, writing: Writing): void {
  const id = subjectId({ kind, name });
  if (!writing.subjects.has(id)) writing.subjects.set(id, { id, kind, name });
  writing.text += openingOf(nameKey(kind)).first;
  leaveGap({ kind: 'pseudonym', id }, writing);
  writing.text += '}';
}

function leaveGap(gap: Gap, writing: Writing): void {
  writing.pieces.push(writing.text);
  writing.gaps.push(gap);
  writing.text = '';
}

/** Printable ASCII that JSON writes as it is, as nearly all of it is here. */
const AS_IT_IS = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function stringText(text: string): string {
  if (AS_IT_IS.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate has no canonical form');
  return JSON.stringify(text);
}

/** ECMAScript writes a number as section 3.2.2.3 has it. */
function scalarText(value: number | boolean | null): string {
  if (Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a number of JSON');
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/** The body as it is stored: canonical JSON. */
export function fill({ pieces, gaps }: BodyTemplate, fillings: Fillings): string {
  let text = pieces[0] ?? '';
  for (const [index, gap] of gaps.entries()) text += filling(gap, fillings) + (pieces[index + 1] ?? '');
  return text;
}

function filling(gap: Gap, { pseudonym, session, sealed }: Fillings): string {
  switch (gap.kind) {
    case 'pseudonym':
      return `"${pseudonym(gap.id)}"`;
    case 'session':
      if (session === undefined) throw new Error('an event without its session');
      return session;
    case 'sealed':
      if (sealed === undefined) throw new Error('an event without its sealed part');
      return `"${sealed}"`;
  }
}
