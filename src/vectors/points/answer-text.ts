/**
 * A cursor over JSON text that is known to be well formed. Values are given as places in the text, so that a number leaves with the
 * digits with which it came, and nothing is built that is not needed.
 */
export type Visit = (start: number, end: number) => void;

// Asked with `test`, which makes no object of what it finds.
const OPEN_OR_CLOSE = /["{}[\]]/g;
const AFTER_SCALAR = /[,}\]\s]/g;

/** Where the next of these is; the end of the text where there is none. */
function next(of: RegExp, text: string, from: number): number {
  of.lastIndex = from;
  return of.test(text) ? of.lastIndex - 1 : text.length;
}

function pastSpace(text: string, at: number): number {
  let i = at;
  while (text.charCodeAt(i) <= 32) i += 1;
  return i;
}

function pastString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
}

function pastValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return pastString(text, at);
  if (first !== '{' && first !== '[') return next(AFTER_SCALAR, text, at);
  let depth = 0;
  let i = at;
  do {
    i = next(OPEN_OR_CLOSE, text, i);
    if (text[i] === '"') i = pastString(text, i);
    else {
      depth += text[i] === '{' || text[i] === '[' ? 1 : -1;
      i += 1;
    }
  } while (depth > 0);
  return i;
}

/** Each member of the object at `at`, its name as it is written. Gives nothing where there is no object. */
export function members(text: string, at: number, visit: (name: string, start: number, end: number) => void): void {
  let i = pastSpace(text, at);
  if (text[i] !== '{') return;
  for (i = pastSpace(text, i + 1); text[i] === '"'; i = pastSpace(text, i + 1)) {
    const named = pastString(text, i);
    const name = text.slice(i + 1, named - 1);
    const start = pastSpace(text, pastSpace(text, named) + 1);
    const end = pastValue(text, start);
    visit(name, start, end);
    i = pastSpace(text, end);
    if (text[i] !== ',') return;
  }
}

/** Each item of the array at `at`. Gives nothing where there is no array. */
export function items(text: string, at: number, visit: Visit): void {
  let i = pastSpace(text, at);
  if (text[i] !== '[') return;
  i = pastSpace(text, i + 1);
  while (text[i] !== ']' && i < text.length) {
    const end = pastValue(text, i);
    visit(i, end);
    i = pastSpace(text, end);
    if (text[i] === ',') i = pastSpace(text, i + 1);
  }
}
