import type { RemovedCharacters } from './ports/candidate.ts';

/** A document as text with its structure, offsets in UTF-16 units into `text`. */
export interface ParsedDocument {
  readonly text: string;
  readonly removed: RemovedCharacters;
  /** The first top-level heading or <title>, where there is one. */
  readonly title: string | undefined;
  /** In order, not overlapping, covering all text worth indexing. */
  readonly blocks: readonly Block[];
  readonly parser: string;
}

export interface Block {
  readonly kind: 'heading' | 'paragraph' | 'list' | 'table' | 'code' | 'quote';
  readonly start: number;
  readonly end: number;
  /** Headings above, outermost first. A heading's own text is part of the path of what follows it, not of its own. */
  readonly path: readonly string[];
}

/** A slice of the text: `text.slice(start, end)` is exactly the chunk. */
export interface TextChunk {
  readonly start: number;
  readonly end: number;
  readonly path: readonly string[];
}
