import type { Block, ParsedDocument } from '../../core/text.ts';
import { collapse, inlineText, BLOCK_LEVEL, isBlockLevel, verbatimText, withoutLastLines } from './html-inline.ts';
import { listText, tableText } from './html-structures.ts';
import { findElement, holding, isElement, parseHtmlTree, rawText, type HtmlElement, type HtmlNode } from './html-tree.ts';
import { isVisible } from './html-visible.ts';
import type { RemovalCount } from './invisible.ts';
import { createTextBuilder, type TextBuilder } from './text-builder.ts';
import { HTML_PARSER } from './parser-names.ts';

const HEADING = /^h([1-6])$/;
/** A table or list that holds these lays out a page; its content is read as if the table or list were not there. */
const HEADINGS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
const laysOutTable = holding(new Set([...HEADINGS, 'table', 'ul', 'ol', 'pre']));
const laysOutList = holding(new Set(HEADINGS));
const holdsBlock = holding(BLOCK_LEVEL);

/**
 * The text a reader of the page sees, in blocks. Scripts, styles, comments and what the page hides by attribute or inline style
 * are not in it; what only a style sheet hides is. Fails with `unreadable_document` as `parseHtmlTree`, or where no text is left.
 */
export function parseHtml(source: string, removed: RemovalCount): ParsedDocument {
  const tree = parseHtmlTree(source);
  const builder = createTextBuilder(removed);
  walk(tree.childNodes, 'paragraph', builder);
  const title = findElement(tree, 'title');
  return builder.finish(title === undefined ? undefined : rawText(title), HTML_PARSER);
}

/** The same for a fragment that another parser made. `title` wins over the first outermost heading. */
export function buildFromHtml(html: string, removed: RemovalCount, title: string | undefined, parser: string): ParsedDocument {
  const builder = createTextBuilder(removed);
  walk(parseHtmlTree(html).childNodes, 'paragraph', builder);
  return builder.finish(title, parser);
}

/** Inline nodes gather into one block of `kind` until a block element ends it. */
function walk(nodes: readonly HtmlNode[], kind: Exclude<Block['kind'], 'heading'>, builder: TextBuilder): void {
  let run: HtmlNode[] = [];
  const flush = (): void => {
    if (run.length > 0) builder.block(kind, collapse(inlineText(run)));
    run = [];
  };
  for (const node of nodes) {
    if (!isElement(node)) {
      run.push(node);
    } else if (isVisible(node)) {
      // An inline element round block elements, such as a link round a card, is looked through.
      if (!isBlockLevel(node) && !holdsBlock(node)) run.push(node);
      else {
        flush();
        walkBlock(node, kind, builder);
      }
    }
  }
  flush();
}

function walkBlock(element: HtmlElement, kind: Exclude<Block['kind'], 'heading'>, builder: TextBuilder): void {
  const heading = HEADING.exec(element.tagName);
  if (heading !== null) {
    const text = collapse(inlineText(element.childNodes)).replaceAll('\n', ' ');
    if (kind === 'quote') builder.block(kind, text);
    else builder.heading(Number(heading[1]), text);
    return;
  }
  switch (element.tagName) {
    case 'pre':
      builder.block('code', withoutLastLines(verbatimText(element.childNodes)).replace(/^\n+/, ''));
      return;
    case 'blockquote':
      walk(element.childNodes, 'quote', builder);
      return;
    case 'table':
      if (laysOutTable(element)) walk(element.childNodes, kind, builder);
      else builder.block('table', tableText(element));
      return;
    case 'ul':
    case 'ol':
      if (laysOutList(element)) walk(element.childNodes, kind, builder);
      else builder.block('list', listText(element));
      return;
    default:
      walk(element.childNodes, kind, builder);
  }
}
