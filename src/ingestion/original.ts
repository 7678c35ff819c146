import type { RemovedCharacters } from '../core/ports/candidate.ts';
import { cleanText, type RemovalCount } from './parse/invisible.ts';
import type { ContentBody, OriginalContent } from './types.ts';

/**
 * A document as it was handed in, as one text from which the same comes back to the byte: kept where characters were taken out, since
 * what was hidden is evidence. Bytes are well-formed UTF-8 by now, or they would have been refused.
 */
export function keepOriginal(content: ContentBody, title: string | undefined): string {
  return JSON.stringify({ ...(title === undefined ? {} : { title }), ...contentAsText(content) } satisfies OriginalContent);
}

export function keptOriginal(kept: string): OriginalContent {
  return JSON.parse(kept) as OriginalContent;
}

function contentAsText(content: ContentBody): Omit<OriginalContent, 'title'> {
  switch (content.kind) {
    case 'text':
      return { text: content.text };
    case 'bytes':
      // A byte order mark is three of the bytes.
      return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content.bytes) };
    case 'chunks':
      return { chunks: content.chunks.map(({ text }) => text) };
  }
}

export const NOTHING_REMOVED: RemovedCharacters = { tag: 0, bidi: 0, zeroWidth: 0 };

/** A title without what cannot be seen in it; undefined where nothing is left. */
export function cleanTitle(title: string): { readonly title: string | undefined; readonly removed: RemovedCharacters } {
  const removed: RemovalCount = { ...NOTHING_REMOVED };
  const cleaned = cleanText(title, removed);
  return { title: cleaned.trim() === '' ? undefined : cleaned, removed };
}

/** Of names that stay what they are, whatever is hidden in them. */
export function invisibleIn(...names: readonly (string | undefined)[]): RemovedCharacters {
  const removed: RemovalCount = { ...NOTHING_REMOVED };
  for (const name of names) cleanText(name ?? '', removed);
  return removed;
}

export function sumOf(...counts: readonly RemovedCharacters[]): RemovedCharacters {
  return counts.reduce((sum, { tag, bidi, zeroWidth }) => ({
    tag: sum.tag + tag,
    bidi: sum.bidi + bidi,
    zeroWidth: sum.zeroWidth + zeroWidth,
  }));
}

export function total({ tag, bidi, zeroWidth }: RemovedCharacters): number {
  return tag + bidi + zeroWidth;
}
