import { invalidToken } from './failures.ts';

/** A JSON object's own members. A map, so that no claim is ever read off a prototype. */
export type Members = ReadonlyMap<string, unknown>;

/**
 * Reads a JSON object in UTF-8 and refuses a name that occurs twice in any object of it (RFC 7515 §4, RFC 7519 §4):
 * two parsers that pick different ones would see two different tokens. Fails with `invalid_token`.
 */
export function parseStrictObject(bytes: Uint8Array): Members {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes its input, so it is not kept as a cause.
    throw invalidToken('not JSON in UTF-8');
  }
  if (!isObject(value)) throw invalidToken('not a JSON object');
  if (hasDuplicateNames(text)) throw invalidToken('a JSON name occurs twice');
  return membersOf(value);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function membersOf(value: Readonly<Record<string, unknown>>): Members {
  return new Map(Object.entries(value));
}

/** `text` is known to be well-formed JSON, so only strings and brackets need to be told apart. Not recursive. */
function hasDuplicateNames(text: string): boolean {
  const open: (Set<string> | 'array')[] = [];
  let expectName = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (expectName && names instanceof Set) {
        // Unescaped before comparing: "\u0069ss" is the same name as "iss".
        const name = String(JSON.parse(text.slice(at, end + 1)));
        if (names.has(name)) return true;
        names.add(name);
        expectName = false;
      }
      at = end;
    } else if (char === '{') {
      open.push(new Set());
      expectName = true;
    } else if (char === '[') {
      open.push('array');
    } else if (char === '}' || char === ']') {
      open.pop();
    } else if (char === ',') {
      expectName = open.at(-1) instanceof Set;
    }
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
