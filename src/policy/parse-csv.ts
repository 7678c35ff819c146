import type { PolicyLine } from '../core/policy-lines.ts';
import type { PolicyProblem } from '../core/ports/policy.ts';
import { G_COLUMNS, P_COLUMNS } from './line.ts';

export interface ParsedPolicy {
  /** The lines that have the right shape. What they say is checked by `checkLines`. */
  readonly lines: readonly PolicyLine[];
  readonly problems: readonly PolicyProblem[];
}

// Control characters, and those that show nothing or turn the reading direction: what reviewers see must be what is in force.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const PLAIN = /^[ -~]*$/;
const SHOWN_PER_FILE = 100;

type Read =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'line'; readonly line: PolicyLine }
  | { readonly kind: 'problem'; readonly message: string };

const problem = (message: string): Read => ({ kind: 'problem', message });

/** Not by a pattern: one for the end would walk every run of spaces again and again, which costs the square of its length. */
function trimSpaces(text: string): string {
  let [start, end] = [0, text.length];
  while (text[start] === ' ') start += 1;
  while (text[end - 1] === ' ') end -= 1;
  return text.slice(start, end);
}

function unreadable(text: string): string | undefined {
  if (text.endsWith('\r')) return 'the line ends in CR LF; save the file with LF line ends';
  if (PLAIN.test(text)) return undefined;
  if (!text.isWellFormed() || text.includes('\uFFFD')) return 'the line is not valid UTF-8; save the file as UTF-8';
  if (UNSEEN.test(text)) return 'the line holds a control character or an invisible one (tabs included); retype it';
  return undefined;
}

function readShape(type: 'p' | 'g', columns: readonly string[], line: number): Read {
  const names = type === 'p' ? P_COLUMNS : G_COLUMNS;
  if (columns.length !== names.length) {
    return problem(`"${type}" takes ${names.length} columns (${names.join(', ')}) and this line has ${columns.length}; write each one`);
  }
  const empty = names.find((_, index) => columns[index] === '');
  if (empty !== undefined) return problem(`column "${empty}" is empty; write a value${type === 'p' ? ', or * where any is meant' : ''}`);
  return { kind: 'line', line: { type, columns, line } };
}

function readLine(raw: string, line: number): Read {
  const complaint = unreadable(raw);
  if (complaint !== undefined) return problem(complaint);
  const text = trimSpaces(raw);
  if (text === '' || text.startsWith('#')) return { kind: 'nothing' };
  // A parser that knows inline comments and one that does not read two different policies.
  if (text.includes('#')) return problem('a comment must have a line of its own; move what follows the # to a line that starts with #');
  if (text.includes('"')) return problem('quotes are not part of the language; write the value bare');
  const [type, ...columns] = text.split(',').map(trimSpaces);
  if (type !== 'p' && type !== 'g') return problem('a line starts with p (a rule) or g (a role given to somebody), in lower case');
  return readShape(type, columns, line);
}

/** Reads `policy.csv` strictly: one line a rule, no quotes, no inline comments. Grammar: docs/policy-language.md. */
export function parsePolicyCsv(text: string): ParsedPolicy {
  if (text.startsWith('\uFEFF')) {
    return { lines: [], problems: [{ line: 1, message: 'the file starts with a byte order mark; save it as UTF-8 without one' }] };
  }
  const lines: PolicyLine[] = [];
  const problems: PolicyProblem[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const read = readLine(raw, index + 1);
    if (read.kind === 'line') lines.push(read.line);
    if (read.kind === 'problem' && problems.length < SHOWN_PER_FILE) problems.push({ line: index + 1, message: read.message });
  }
  return { lines, problems };
}
