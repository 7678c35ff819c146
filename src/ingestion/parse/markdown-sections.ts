/** Up to here a document is read whole, so that everything in it may refer to everything else. */
const WHOLE = 8 * 1024;
/** Pieces of a longer one: the Markdown grammar has inputs whose cost grows with the square of their length. */
export const MAX_SECTION = 4 * 1024;
/** Containers that may open on one line, above what mail quotes or lists need. Each further one multiplies the work. */
const MAX_CONTAINERS = 16;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^#{1,6}(?:[ \t]|$)/;
const CONTAINER = /[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$))/y;
/** `[label]: address`. Footnotes have text of their own and stay where they are. */
const DEFINITION = /^ {0,3}\[(?!\^)([^[\]\\]{1,200})\]:/;
const REFERENCE = /\[([^[\]\\]{1,200})\]/g;
const STARTS_PLAINLY = /^[^\s>+*\-\d|<[]/;

/**
 * Markdown cut into pieces that can be read one by one: a short document is one piece; a longer one is cut at headings and, where
 * a piece grows past 4 KiB, at an empty line before an ordinary paragraph, else at any line, else within it. Links by reference
 * are still links in another piece than their definition.
 */
export function markdownSections(source: string): readonly string[] {
  const lines = source.split('\n').map(limitContainers);
  if (source.length <= WHOLE) return [lines.join('\n')];
  const labels = new Set(lines.map((line) => DEFINITION.exec(line)?.[1]?.toLowerCase()).filter((label) => label !== undefined));
  return cutAll(lines).map((section) => withDefinitions(section, labels));
}

function cutAll(source: readonly string[]): readonly string[] {
  const sections: string[] = [];
  let lines: string[] = [];
  let size = 0;
  let fence: string | undefined;
  const cut = (): void => {
    sections.push(lines.join('\n'));
    // A fence that spans pieces is opened again, so that code stays code.
    lines = fence === undefined ? [] : [fence];
    size = 0;
  };
  for (const line of source.flatMap(pieces)) {
    const goodPlace = fence === undefined && (HEADING.test(line) || (lines.at(-1) === '' && STARTS_PLAINLY.test(line)));
    if ((goodPlace && size > MAX_SECTION / 2) || (size > 0 && size + line.length > MAX_SECTION)) cut();
    fence = fenceAfter(fence, line);
    lines.push(line);
    size += line.length + 1;
  }
  sections.push(lines.join('\n'));
  return sections;
}

/** Addresses are dropped anyway, so a definition need only exist. In front, where no open code or HTML can swallow it. */
function withDefinitions(section: string, labels: ReadonlySet<string>): string {
  if (labels.size === 0) return section;
  const used = new Set(section.matchAll(REFERENCE).map((match) => match[1]?.toLowerCase() ?? ''));
  const definitions = [...used].filter((label) => labels.has(label)).map((label) => `[${label}]: #\n`);
  return definitions.length === 0 ? section : `${definitions.join('')}\n${section}`;
}

function fenceAfter(open: string | undefined, line: string): string | undefined {
  const marker = FENCE.exec(line)?.[1];
  if (marker === undefined) return open;
  if (open === undefined) return marker;
  return marker.startsWith(open) && line.trim() === marker ? undefined : open;
}

/** Drops the markers of quotes and lists beyond the sixteenth on a line; the text behind them stays. */
function limitContainers(line: string): string {
  let end = 0;
  for (let count = 0; count < MAX_CONTAINERS; count += 1) {
    CONTAINER.lastIndex = end;
    if (!CONTAINER.test(line)) return line;
    end = CONTAINER.lastIndex;
  }
  let rest = end;
  for (;;) {
    CONTAINER.lastIndex = rest;
    if (!CONTAINER.test(line)) break;
    rest = CONTAINER.lastIndex;
  }
  return line.slice(0, end) + line.slice(rest);
}

function pieces(line: string): readonly string[] {
  if (line.length <= MAX_SECTION) return [line];
  const cut: string[] = [];
  let start = 0;
  while (start < line.length) {
    const limit = start + MAX_SECTION;
    const space = limit < line.length ? line.lastIndexOf(' ', limit) : -1;
    let end = space > start ? space : Math.min(limit, line.length);
    // Never between the halves of a surrogate pair.
    if (end < line.length && /[\udc00-\udfff]/.test(line.charAt(end))) end -= 1;
    cut.push(line.slice(start, end));
    start = end;
  }
  return cut;
}
