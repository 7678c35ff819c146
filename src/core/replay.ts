import { digestOf, type Digest } from './digest.ts';
import type { Json, JsonObject } from './json.ts';
import type { Provenance } from './provenance.ts';

/**
 * An answer as it left, taken apart so that the text of each chunk is stored once, however often it is released and however it was
 * rendered, and put together again byte for byte. What was taken apart holds no knowledge of any renderer: it is a list of pieces of
 * the JSON text, and references to texts where a piece equals one.
 */
export interface TakenApart {
  /** For `Sealed.answer`. */
  readonly answer: { readonly v: 1; readonly parts: readonly Part[]; readonly digest: Digest };
  /** Of each chunk, in their order: what does not change from one release to the next. For `SealedText.content`. */
  readonly texts: readonly (() => ReplayText)[];
}

export type ReplayText = {
  readonly text: string;
  /** Members of the provenance tag that belong to the chunk alone, as JSON without the braces. */
  readonly tag: string;
};

/** A point instead: its whole payload as JSON text, as it is or was made, and the members of a tag. For `SealedText.content`. */
export type ReplayPayload = {
  readonly payload: string;
  readonly tag: string;
};

/**
 * A piece of JSON text as it stands; or of chunk `of`: its text or the slice [from, to) of it, escaped as in a JSON string, its text in
 * base64, or its tag. Of a point: its payload, or that without the brace that closes it (`open`), to which members were added.
 */
export type Part =
  | string
  | { readonly of: number; readonly from: number; readonly to: number }
  | { readonly of: number; readonly as: 'base64' | 'tag' | 'payload' | 'open' };

/** The body of an answer in the order of its members, `session` left out: that is known only once the release is durable. */
export interface AnswerBody {
  readonly chunks: readonly { readonly text: string; readonly provenance: Provenance }[];
  readonly context?: unknown;
}

/** Below this a text is written out: a reference would be longer. */
const SHORTEST = 48;

/**
 * `rendered`: for each chunk the text that stands for it in the context; none where there is no context. `mark`: 32 unpredictable hex
 * digits, so that no text can look like a reference.
 */
export function takeApart(body: AnswerBody, rendered: readonly string[], mark: string): TakenApart {
  const { chunks, context } = body;
  const marked = {
    ...body,
    chunks: chunks.map((chunk, of) => ({
      ...chunk,
      text: whole(chunk.text, of, mark),
      provenance: { [`${mark}g${of};`]: 0, ...changingMembers(chunk.provenance) },
    })),
    ...(context === undefined ? {} : { context: inContext(context as Json, { chunks, rendered, mark }) }),
  };
  const reference = new RegExp(`(?:"${mark}g(\\d+);":0|${mark}t(\\d+),(\\d+),(\\d+);|${mark}b(\\d+);)`, 'g');
  return {
    answer: { v: 1, parts: partsOf(JSON.stringify(marked), reference), digest: digestOf(JSON.stringify(body)) },
    texts: chunks.map(({ text, provenance }) => () => ({ text, tag: lastingTag(provenance) })),
  };
}

/** The JSON text that was taken apart; undefined where it no longer has its digest. `session` is added as its last member. */
export function putTogether(answer: JsonObject, texts: readonly Replayable[], session: JsonObject | undefined): string | undefined {
  const { v, parts, digest } = answer;
  if (v !== 1 || !Array.isArray(parts)) return undefined;
  const pieces = (parts as readonly Part[]).map((part) => pieceOf(part, texts));
  const text = pieces.join('');
  if (pieces.includes(undefined) || digestOf(text) !== digest) return undefined;
  return session === undefined ? text : `${text.slice(0, -1)},"session":${JSON.stringify(session)}}`;
}

export type Replayable = ReplayText | ReplayPayload;

function pieceOf(part: Part, texts: readonly Replayable[]): string | undefined {
  if (typeof part === 'string') return part;
  const found = texts[part.of];
  if (found === undefined) return undefined;
  if ('payload' in found) return pieceOfPoint(part, found);
  if (!('as' in part)) return JSON.stringify(found.text.slice(part.from, part.to)).slice(1, -1);
  if (part.as === 'tag') return found.tag;
  return part.as === 'base64' ? Buffer.from(found.text, 'utf8').toString('base64') : undefined;
}

function pieceOfPoint(part: Exclude<Part, string>, { payload, tag }: ReplayPayload): string | undefined {
  if (!('as' in part) || part.as === 'base64') return undefined;
  if (part.as === 'tag') return tag;
  return part.as === 'payload' ? payload : payload.slice(0, -1);
}

function partsOf(json: string, reference: RegExp): readonly Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of json.matchAll(reference)) {
    if (match.index > end) parts.push(json.slice(end, match.index));
    const [all, tag, of, from, to, base64] = match;
    if (tag !== undefined) parts.push({ of: Number(tag), as: 'tag' });
    else if (base64 !== undefined) parts.push({ of: Number(base64), as: 'base64' });
    else parts.push({ of: Number(of), from: Number(from), to: Number(to) });
    end = match.index + all.length;
  }
  parts.push(json.slice(end));
  return parts;
}

/** These differ from one release to the next; `lastingMembers` come before them in the tag. */
function changingMembers({ label, decision, rendered }: Provenance): object {
  return { label, decision, ...(rendered === undefined ? {} : { rendered }) };
}

function lastingMembers({ v, source, document, span, digest, normalised, lineage }: Provenance): object {
  return { v, source, document, span, digest, normalised, lineage };
}

/** Members of a tag as JSON without the braces: those that belong to the chunk alone, and after them those of one release. */
export function lastingTag(provenance: Provenance): string {
  return JSON.stringify(lastingMembers(provenance)).slice(1, -1);
}

export function changingTag(provenance: Provenance): string {
  return JSON.stringify(changingMembers(provenance)).slice(1, -1);
}

interface Texts {
  readonly chunks: AnswerBody['chunks'];
  readonly rendered: readonly string[];
  readonly mark: string;
}

function inContext(value: Json, texts: Texts): Json {
  if (typeof value === 'string') return inString(value, texts);
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => inContext(item, texts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inContext(item, texts)]));
}

/** One pass over the string as it was, so that nothing is looked for in what was put in. */
function inString(string: string, { chunks, rendered, mark }: Texts): string {
  const taken: { readonly at: number; readonly end: number; readonly by: string }[] = [];
  let cursor = 0;
  for (const [of, text] of rendered.entries()) {
    if (text.length < SHORTEST) continue;
    const ahead = string.indexOf(text, cursor);
    const at = ahead === -1 ? string.indexOf(text) : ahead;
    const end = at + text.length;
    if (at === -1 || taken.some((other) => at < other.end && other.at < end)) continue;
    taken.push({ at, end, by: referenceTo(text, chunks[of]?.text ?? '', of, mark) });
    cursor = end;
  }
  let result = '';
  let from = 0;
  for (const { at, end, by } of taken.sort((a, b) => a.at - b.at)) {
    result += string.slice(from, at) + by;
    from = end;
  }
  return result + string.slice(from);
}

function referenceTo(rendered: string, text: string, of: number, mark: string): string {
  if (rendered === text) return whole(text, of, mark);
  if (rendered === Buffer.from(text, 'utf8').toString('base64')) return `${mark}b${of};`;
  return byLines(rendered, text, of, mark);
}

/** A rendering that changed a character here and there is told by the lines that it left as they were. */
function byLines(rendered: string, text: string, of: number, mark: string): string {
  const now = rendered.split('\n');
  const was = text.split('\n');
  if (now.length !== was.length) return rendered;
  let at = 0;
  let same: { readonly from: number; readonly to: number } | undefined;
  let result = '';
  const flush = (): void => {
    if (same !== undefined) result += slice(text, of, same.from, same.to, mark);
    same = undefined;
  };
  for (const [index, line] of was.entries()) {
    // With the line feed that ends it.
    const to = Math.min(at + line.length + 1, text.length);
    if (line === now[index]) same = { from: same?.from ?? at, to };
    else {
      flush();
      result += `${now[index] ?? ''}${index < was.length - 1 ? '\n' : ''}`;
    }
    at = to;
  }
  flush();
  return result;
}

function slice(text: string, of: number, from: number, to: number, mark: string): string {
  return to - from < SHORTEST ? text.slice(from, to) : `${mark}t${of},${from},${to};`;
}

function whole(text: string, of: number, mark: string): string {
  return slice(text, of, 0, text.length, mark);
}
