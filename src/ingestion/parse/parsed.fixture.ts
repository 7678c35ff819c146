import { AppError } from '../../core/errors.ts';
import type { ParsedDocument } from '../../core/text.ts';

/** The code that `run` fails with, or `it succeeded`. */
export function codeOf(run: () => unknown): string {
  try {
    run();
    return 'it succeeded';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

/**
 * What is wrong with a parsed document; empty where its blocks are in order, apart, within the text, without white space at the
 * end, and nothing stands between them but white space. Plain comparisons: a matcher for each block costs more than the parser.
 */
export function faultsOf(parsed: ParsedDocument): readonly string[] {
  const { text, blocks } = parsed;
  const faults: string[] = [];
  let end = 0;
  for (const block of blocks) {
    const own = text.slice(block.start, block.end);
    if (text.slice(end, block.start).trim() !== '') faults.push(`text before the block at ${block.start} is in none`);
    if (own.trimEnd() !== own) faults.push(`the block at ${block.start} ends in white space`);
    if (block.end <= block.start) faults.push(`the block at ${block.start} is empty`);
    end = block.end;
  }
  if (end !== text.length) faults.push(`the blocks end at ${end}, the text at ${text.length}`);
  if (text !== text.normalize('NFC')) faults.push('not in NFC');
  if (!text.isWellFormed()) faults.push('an unpaired surrogate');
  if (/[\p{Bidi_Control}\u{e0000}-\u{e007f}\0\r]/u.test(text)) faults.push('a character that should have been taken out');
  return faults;
}
