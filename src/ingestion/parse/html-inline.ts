import { isElement, type HtmlElement, type HtmlNode } from './html-tree.ts';
import { isVisible } from './html-visible.ts';

/** Elements that stand on lines of their own. */
export const BLOCK_LEVEL: ReadonlySet<string> = new Set(
  (
    'address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hgroup hr html legend li main nav ol p pre search section summary table tbody td tfoot th thead tr ul caption'
  ).split(' '),
);

export function isBlockLevel(element: HtmlElement): boolean {
  return BLOCK_LEVEL.has(element.tagName);
}

/** A line break that outlives `collapse`. The same character in a page becomes a space. */
const BREAK = '\u0001';

/** Text as a browser would show it: runs of white space are one space, `<br>` and block elements break the line. */
export function collapse(text: string): string {
  return text
    .split(BREAK)
    .map((line) => line.replace(/[ \t\n]+/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** The visible text below some nodes, to be given to `collapse`. */
export function inlineText(nodes: readonly HtmlNode[]): string {
  return nodes.map(nodeText).join('');
}

function nodeText(node: HtmlNode): string {
  if (node.nodeName === '#text' && 'value' in node) return node.value.replaceAll(BREAK, ' ');
  if (!isElement(node) || !isVisible(node)) return '';
  if (node.tagName === 'br') return BREAK;
  const inner = inlineText(node.childNodes);
  return isBlockLevel(node) ? `${BREAK}${inner}${BREAK}` : inner;
}

/** The visible text of preformatted nodes, white space kept. */
export function verbatimText(nodes: readonly HtmlNode[]): string {
  return nodes
    .map((node) => {
      if (node.nodeName === '#text' && 'value' in node) return node.value;
      if (!isElement(node) || !isVisible(node)) return '';
      return node.tagName === 'br' ? '\n' : verbatimText(node.childNodes);
    })
    .join('');
}

/** Not by a pattern: one for the end would walk every run of line feeds again and again, which costs the square of its length. */
export function withoutLastLines(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\n') end -= 1;
  return text.slice(0, end);
}
