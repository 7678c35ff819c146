import type { DirectoryFilter } from '../../../core/ports/directory.ts';
import { ScimError } from './dialect.ts';

const MAX_LENGTH = 4_096;
const MAX_TERMS = 32;
const MAX_DEPTH = 8;
const TOKEN = /\s*(?:([()])|("(?:[^"\\]|\\.)*")|([A-Za-z$][\w.:$-]*))/y;
const CORE = /^urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):/;

type Token = { readonly kind: 'bracket' | 'text' | 'word'; readonly value: string };
export type FilterField = Extract<DirectoryFilter, { kind: 'equal' }>['field'] | 'active';

/** Attributes that entries can be found by, in lower case: names of attributes have no case (RFC 7643 §2.1). */
export const USER_FIELDS: ReadonlyMap<string, FilterField> = new Map([
  ['id', 'id'],
  ['username', 'userName'],
  ['externalid', 'externalId'],
  ['displayname', 'displayName'],
  ['active', 'active'],
]);
export const GROUP_FIELDS: ReadonlyMap<string, FilterField> = new Map([
  ['id', 'id'],
  ['externalid', 'externalId'],
  ['displayname', 'displayName'],
  ['members', 'member'],
  ['members.value', 'member'],
]);
/** Inside `members[…]`. */
export const MEMBER_FIELDS: ReadonlyMap<string, FilterField> = new Map([['value', 'id']]);

function refuse(message: string): ScimError {
  return new ScimError('invalidFilter', message);
}

function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_LENGTH) throw refuse(`at most ${MAX_LENGTH} characters`);
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (match === null) throw refuse('not in the form of a filter');
    const [, bracket, quoted, word] = match;
    if (bracket !== undefined) tokens.push({ kind: 'bracket', value: bracket });
    else if (quoted !== undefined) tokens.push({ kind: 'text', value: unquoted(quoted) });
    else tokens.push({ kind: 'word', value: word ?? '' });
  }
  return tokens;
}

/** A JSON string (RFC 7644 §3.4.2.2). */
function unquoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value;
  } catch {
    // The parser's own message quotes the text.
  }
  throw refuse('a value that is no text');
}

/** RFC 7644 §3.4.2.2, of which `eq`, `and`, `or` and parentheses. Fails with `invalidFilter`; nothing is approximated. */
export function parseFilter(text: string, fields: ReadonlyMap<string, FilterField>): DirectoryFilter {
  const tokens = tokensOf(text);
  let at = 0;
  let terms = 0;

  const keyword = (name: string): boolean => {
    const token = tokens[at];
    if (token?.kind !== 'word' || token.value.toLowerCase() !== name) return false;
    at += 1;
    return true;
  };
  const bracket = (value: string): boolean => {
    const token = tokens[at];
    if (token?.kind !== 'bracket' || token.value !== value) return false;
    at += 1;
    return true;
  };

  function term(): DirectoryFilter {
    terms += 1;
    if (terms > MAX_TERMS) throw refuse(`at most ${MAX_TERMS} conditions`);
    const attribute = tokens[at++];
    const field = attribute?.kind === 'word' ? fields.get(attribute.value.toLowerCase().replace(CORE, '')) : undefined;
    if (field === undefined) throw refuse(`names no attribute that can be searched; use one of ${[...fields.keys()].join(', ')}`);
    if (!keyword('eq')) throw refuse('only eq is supported');
    const value = tokens[at++];
    if (field === 'active') {
      const word = value?.kind === 'bracket' ? undefined : value?.value.toLowerCase();
      if (word !== 'true' && word !== 'false') throw refuse('active is true or false');
      return { kind: 'active', value: word === 'true' };
    }
    if (value?.kind !== 'text') throw refuse('a text in double quotes is missing');
    return { kind: 'equal', field, value: value.value };
  }

  function list(kind: 'and' | 'or', next: (depth: number) => DirectoryFilter, depth: number): DirectoryFilter {
    const first = next(depth);
    const filters = [first];
    while (keyword(kind)) filters.push(next(depth));
    return filters.length === 1 ? first : { kind, filters };
  }
  const either = (depth: number): DirectoryFilter => list('or', (inner) => list('and', factor, inner), depth);

  function factor(depth: number): DirectoryFilter {
    if (!bracket('(')) return term();
    if (depth === MAX_DEPTH) throw refuse(`at most ${MAX_DEPTH} parentheses in each other`);
    const inner = either(depth + 1);
    if (!bracket(')')) throw refuse('a parenthesis is not closed');
    return inner;
  }

  const filter = either(0);
  if (at !== tokens.length) throw refuse('more than one filter');
  return filter;
}

/** The values that a filter over one field lets through, where it is made of `or` alone. */
export function valuesOf(filter: DirectoryFilter): readonly string[] {
  if (filter.kind === 'equal') return [filter.value];
  if (filter.kind === 'or') return filter.filters.flatMap(valuesOf);
  throw refuse('only eq, and or between them, can choose members');
}
