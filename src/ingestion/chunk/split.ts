/** UTF-16 offsets into a text: [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

type Granularity = 'line' | 'sentence' | 'word' | 'grapheme' | 'unit';
const FINER: Readonly<Record<Granularity, Granularity>> = {
  line: 'sentence',
  sentence: 'word',
  word: 'grapheme',
  grapheme: 'unit',
  unit: 'unit',
};

// One locale for all, so that chunks do not depend on the machine; the rules differ by script, not by locale.
const LOCALE = 'en';
const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(granularity: 'sentence' | 'word' | 'grapheme'): Intl.Segmenter {
  const known = segmenters.get(granularity);
  if (known !== undefined) return known;
  const made = new Intl.Segmenter(LOCALE, { granularity });
  segmenters.set(granularity, made);
  return made;
}

/**
 * Cuts a range into ranges of at most `maximum` units that cover it, packed up to `target` units: at line ends, then sentences,
 * then words, then graphemes; a grapheme above `maximum` between code points. A sentence or line between the two stays whole.
 */
export function splitRange(
  text: string,
  range: Range,
  target: number,
  maximum: number,
  granularity: Granularity = 'line',
): readonly Range[] {
  if (range.end - range.start <= target) return [range];
  const pieces: Range[] = [];
  let open: Range | undefined;
  for (const segment of segments(text, range, granularity)) {
    if (open !== undefined && segment.end - open.start <= target) {
      open = { start: open.start, end: segment.end };
      continue;
    }
    if (open !== undefined) pieces.push(open);
    open = undefined;
    if (segment.end - segment.start > maximum) pieces.push(...splitRange(text, segment, target, maximum, FINER[granularity]));
    else open = segment;
  }
  if (open !== undefined) pieces.push(open);
  return pieces;
}

function* segments(text: string, range: Range, granularity: Granularity): Generator<Range> {
  if (granularity === 'line') {
    yield* lines(text, range);
  } else if (granularity === 'unit') {
    for (let start = range.start; start < range.end;) {
      const end = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      yield { start, end };
      start = end;
    }
  } else {
    for (const { index, segment } of segmenterOf(granularity).segment(text.slice(range.start, range.end))) {
      yield { start: range.start + index, end: range.start + index + segment.length };
    }
  }
}

function* lines(text: string, range: Range): Generator<Range> {
  for (let start = range.start; start < range.end;) {
    const feed = text.indexOf('\n', start);
    const end = feed === -1 || feed >= range.end ? range.end : feed + 1;
    yield { start, end };
    start = end;
  }
}

const WHITE = /\s/;

/** The range without white space at either end; undefined where nothing else is in it. */
export function trimRange(text: string, range: Range): Range | undefined {
  let { start, end } = range;
  while (start < end && WHITE.test(text.charAt(start))) start += 1;
  while (end > start && WHITE.test(text.charAt(end - 1))) end -= 1;
  return start === end ? undefined : { start, end };
}
