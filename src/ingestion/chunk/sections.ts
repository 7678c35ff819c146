import type { Block, ParsedDocument } from '../../core/text.ts';
import { splitRange, trimRange, type Range } from './split.ts';

export interface ChunkOptions {
  /** UTF-16 units that a chunk grows to. */
  readonly target: number;
  /** No chunk is longer. */
  readonly maximum: number;
  /** A section below this joins a neighbour under the same parent. */
  readonly tiny: number;
}

/** Blocks from one heading to the next, cut into pieces no longer than a chunk may be. */
export interface Section {
  readonly pieces: readonly Range[];
  /** Headings above the section's text, its own heading included. */
  readonly path: readonly string[];
}

export function spanOf(pieces: readonly Range[]): number {
  return (pieces.at(-1)?.end ?? 0) - (pieces[0]?.start ?? 0);
}

/**
 * A heading opens a section. Headings that follow each other with nothing between belong to the section of the last, unless
 * that one stands higher than they do.
 */
export function sectionsOf(parsed: ParsedDocument, options: ChunkOptions): readonly Section[] {
  const sections: Section[] = [];
  let blocks: Block[] = [];
  const close = (): void => {
    const section = sectionOf(parsed.text, blocks, options);
    if (section.pieces.length > 0) sections.push(section);
    blocks = [];
  };
  for (const block of parsed.blocks) {
    const last = blocks.at(-1);
    const goesDeeper = last?.kind === 'heading' && block.path.length > last.path.length;
    if (block.kind === 'heading' && !goesDeeper) close();
    blocks.push(block);
  }
  close();
  return sections;
}

function sectionOf(text: string, blocks: readonly Block[], options: ChunkOptions): Section {
  const first = blocks.find((block) => block.kind !== 'heading');
  const heading = blocks.at(-1);
  const alone = heading === undefined ? [] : [...heading.path, text.slice(heading.start, heading.end)];
  return { pieces: piecesOf(text, blocks, options), path: first?.path ?? alone };
}

/** Packs blocks into pieces. A heading or a short lead-in stays with what follows it, up to the maximum. */
function piecesOf(text: string, blocks: readonly Block[], { target, maximum, tiny }: ChunkOptions): readonly Range[] {
  const pieces: Range[] = [];
  let open: Range | undefined;
  let leadsIn = false;
  const close = (): void => {
    if (open !== undefined) pieces.push(open);
    open = undefined;
  };
  for (const block of blocks) {
    const start: number = leadsIn ? (open?.start ?? block.start) : block.start;
    const together: number = block.end - (open?.start ?? block.start);
    if (open !== undefined && together <= (leadsIn ? maximum : target)) {
      open = { start: open.start, end: block.end };
    } else if (block.end - start > maximum) {
      // Too long to keep whole. The cut runs through a lead-in too, so that it keeps the first part.
      if (!leadsIn) close();
      open = undefined;
      pieces.push(...splitRange(text, { start, end: block.end }, target, maximum));
    } else {
      close();
      open = { start: block.start, end: block.end };
    }
    leadsIn = open !== undefined && (block.kind === 'heading' || open.end - open.start < tiny);
  }
  close();
  return pieces.map((piece) => trimRange(text, piece)).filter((piece) => piece !== undefined);
}
