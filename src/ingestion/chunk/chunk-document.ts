import type { ParsedDocument, TextChunk } from '../../core/text.ts';
import { sectionsOf, spanOf, type ChunkOptions, type Section } from './sections.ts';
import type { Range } from './split.ts';

/** Raised whenever the same text would be cut differently, since chunks and their ids depend on it. */
export const CHUNKER = 'structure@1';

export const DEFAULT_CHUNK_OPTIONS: ChunkOptions = { target: 1_200, maximum: 2_000, tiny: 400 };

/**
 * Chunks along the document's structure: in order, not overlapping, each at most `maximum` UTF-16 units and without white space
 * at its ends. Every other character of the blocks is in exactly one. No chunk crosses a heading, save that tiny sections join
 * their neighbours under the same parent; such a chunk's path is the headings they share.
 */
export function chunkDocument(parsed: ParsedDocument, options: ChunkOptions = DEFAULT_CHUNK_OPTIONS): readonly TextChunk[] {
  return merged(sectionsOf(parsed, options), options).flatMap(({ pieces, path }) => pieces.map(({ start, end }) => ({ start, end, path })));
}

function merged(sections: readonly Section[], options: ChunkOptions): readonly Section[] {
  const result: Section[] = [];
  for (const section of sections) {
    const last = result.at(-1);
    const joint = last === undefined ? undefined : join(last, section, options);
    if (joint === undefined) result.push(section);
    else result.splice(-1, 1, joint);
  }
  return result;
}

/** Both as one, where that fits in a chunk, one of them is tiny, and they are siblings or one stands right above the other. */
function join(a: Section, b: Section, { target, tiny }: ChunkOptions): Section | undefined {
  const together: Range = { start: a.pieces[0]?.start ?? 0, end: b.pieces.at(-1)?.end ?? 0 };
  if (together.end - together.start > target || Math.min(spanOf(a.pieces), spanOf(b.pieces)) >= tiny) return undefined;
  const path = commonPath(a.path, b.path);
  const related = path.length >= Math.max(a.path.length, b.path.length) - 1;
  return related ? { pieces: [together], path } : undefined;
}

function commonPath(a: readonly string[], b: readonly string[]): readonly string[] {
  const differs = a.findIndex((heading, i) => heading !== b[i]);
  return differs === -1 ? a : a.slice(0, differs);
}

/**
 * What is embedded for a chunk: the title and the headings above it, then its text. What is released is the text alone. A heading
 * equal to the title, or one that the text itself begins with, is not said twice.
 */
export function indexText(chunk: { readonly path: readonly string[]; readonly text: string }, title: string | undefined): string {
  const { text } = chunk;
  const above = [title ?? '', ...chunk.path].filter((line, i, all) => line.trim() !== '' && all.indexOf(line) === i);
  const last = above.at(-1);
  const kept = last !== undefined && text.startsWith(`${last}\n`) ? above.slice(0, -1) : above;
  return kept.length === 0 ? text : `${kept.join(' › ')}\n\n${text}`;
}
