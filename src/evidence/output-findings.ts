import { setImmediate } from 'node:timers/promises';
import { findCitations, type Citation, type CitedBy } from './find-citations.ts';
import { findQuotes, type Quote } from './find-quotes.ts';
import { fold, type Folded } from './fold.ts';
import type { ReleasedChunk } from './release-event.ts';
import type { ReleasedText } from './released-texts.ts';

/** All places are [start, end) in UTF-16 units of the output. */
export interface OutputFindings {
  readonly cited: readonly { readonly chunk: string; readonly by: CitedBy; readonly start: number; readonly end: number }[];
  /** Passages that a chunk has too; `cited`: that chunk, or another with the same passage, is cited somewhere in the output. */
  readonly quoted: readonly { readonly chunk: string; readonly start: number; readonly end: number; readonly cited: boolean }[];
  /** Citations of what this request did not release. */
  readonly unknown: readonly { readonly by: CitedBy; readonly start: number; readonly end: number }[];
  /** Chunks whose text could not be compared. */
  readonly unreadable: readonly string[];
}

/** Of citations, and of quotations. More is no answer to a question. */
const MOST = 1_000;
const EMPTY: Folded = fold('');

/** Each step is linear and holds up the thread by itself; others get their turn in between. */
export async function findOutput(
  output: string,
  chunks: readonly ReleasedChunk[],
  texts: readonly ReleasedText[],
  { quoteLength, seed }: { readonly quoteLength: number; readonly seed: number },
): Promise<OutputFindings | 'too-many'> {
  await setImmediate();
  const citations = findCitations(
    output,
    chunks.map(({ chunk }) => chunk),
    MOST,
  );
  if (citations.kind === 'too-many') return 'too-many';
  const folded = fold(output);
  const foldedTexts: Folded[] = [];
  for (const one of texts) {
    foldedTexts.push(one.kind === 'text' ? fold(one.text) : EMPTY);
    await setImmediate();
  }
  const found = await findQuotes(folded, foldedTexts, { atLeast: quoteLength, atMost: MOST, seed });
  if (found.kind === 'too-many') return 'too-many';
  await setImmediate();
  return together(chunks, texts, citations.citations, found.quotes);
}

function together(
  chunks: readonly ReleasedChunk[],
  texts: readonly ReleasedText[],
  citations: readonly Citation[],
  quotes: readonly Quote[],
): OutputFindings {
  const name = (place: number): string => chunks[place]?.chunk ?? '';
  // What stands inside a passage of a document was written by its author, not cited by the model.
  const quoted = covering(quotes);
  const own = citations.filter(({ start, end }) => !quoted(start, end));
  const citedPlaces = new Set(own.map(({ chunk }) => chunk));
  const byCited = covering(quotes.filter(({ text }) => citedPlaces.has(text)));
  return {
    cited: own.flatMap(({ chunk, by, start, end }) => (chunk === 'none' ? [] : [{ chunk: name(chunk), by, start, end }])),
    quoted: quotes.map(({ text, start, end }) => ({ chunk: name(text), start, end, cited: byCited(start, end) })),
    unknown: own.filter(({ chunk }) => chunk === 'none').map(({ by, start, end }) => ({ by, start, end })),
    unreadable: texts.flatMap((text, place) => (text.kind === 'gone' ? [name(place)] : [])),
  };
}

/** Whether one of these passages holds all of [start, end). Passages of one text never touch, so after the start they end in order. */
function covering(quotes: readonly Quote[]): (start: number, end: number) => boolean {
  const sorted = [...quotes].sort((a, b) => a.start - b.start);
  const furthest: number[] = [];
  for (const { end } of sorted) furthest.push(Math.max(furthest.at(-1) ?? 0, end));
  return (start, end) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.start ?? 0) <= start) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (furthest[low - 1] ?? 0) >= end;
  };
}
