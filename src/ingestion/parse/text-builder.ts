import { AppError } from '../../core/errors.ts';
import type { Block, ParsedDocument } from '../../core/text.ts';
import { cleanText, type RemovalCount } from './invisible.ts';

/** Blocks of a document are told apart by an empty line. */
const BETWEEN = '\n\n';
/** A heading in a path is a signpost; the whole of it is in the text. */
const MAX_PATH_ENTRY = 200;

/** Collects cleaned blocks, their offsets and the path of headings above them. */
export interface TextBuilder {
  /** 1 = outermost. */
  heading(level: number, text: string): void;
  block(kind: Exclude<Block['kind'], 'heading'>, text: string): void;
  /** Fails with `unreadable_document` where no block holds text. `title` wins over the first outermost heading. */
  finish(title: string | undefined, parser: string): ParsedDocument;
}

export function createTextBuilder(removed: RemovalCount): TextBuilder {
  const pieces: string[] = [];
  const blocks: Block[] = [];
  const open: { readonly level: number; readonly text: string }[] = [];
  let length = 0;
  let firstTop: string | undefined;

  function append(kind: Block['kind'], text: string, path: readonly string[]): boolean {
    const cleaned = withoutEmptyEnds(cleanText(text, removed));
    if (cleaned.trim() === '') return false;
    if (pieces.length > 0) length += BETWEEN.length;
    blocks.push({ kind, start: length, end: length + cleaned.length, path });
    pieces.push(cleaned);
    length += cleaned.length;
    return true;
  }

  return {
    heading(level, text) {
      while ((open.at(-1)?.level ?? 0) >= level) open.pop();
      const path = open.map((heading) => heading.text);
      if (!append('heading', text, path)) return;
      const own = oneLine(pieces.at(-1) ?? '');
      if (level === 1) firstTop ??= own;
      open.push({ level, text: own });
    },
    block(kind, text) {
      append(
        kind,
        text,
        open.map((heading) => heading.text),
      );
    },
    finish(title, parser) {
      if (blocks.length === 0) throw new AppError('unreadable_document', { detail: 'no text left after parsing' });
      const given = title === undefined ? '' : oneLine(cleanText(title, removed));
      return { text: pieces.join(BETWEEN), removed: { ...removed }, title: given === '' ? firstTop : given, blocks, parser };
    },
  };
}

/** Keeps the indentation of the first line. Not by a pattern: one for the end would walk every run of spaces again and again. */
function withoutEmptyEnds(text: string): string {
  const kept = text.trimEnd();
  return kept.slice(kept.lastIndexOf('\n', kept.search(/\S/)) + 1);
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= MAX_PATH_ENTRY) return line;
  // `toWellFormed` would leave a replacement character; a cut pair is dropped instead.
  return line
    .slice(0, MAX_PATH_ENTRY)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd();
}
