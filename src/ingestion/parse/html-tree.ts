import { defaultTreeAdapter, parse, type DefaultTreeAdapterMap, type DefaultTreeAdapterTypes, type TreeAdapter } from 'parse5';
import { AppError } from '../../core/errors.ts';

export type HtmlNode = DefaultTreeAdapterTypes.ChildNode;
export type HtmlElement = DefaultTreeAdapterTypes.Element;
export type HtmlDocument = DefaultTreeAdapterTypes.Document;

/** Browsers stop nesting at about this depth too. It bounds our recursion and the parser's walks over its stack. */
export const MAX_HTML_DEPTH = 400;
/** Reopened formatting elements multiply: a few kilobytes can ask for millions of elements. */
const MAX_ELEMENTS = 1_000_000;

/** A page as a tree. Fails with `unreadable_document` where it nests deeper than 400 or makes over a million elements. */
export function parseHtmlTree(html: string): HtmlDocument {
  let depth = 0;
  let elements = 0;
  const treeAdapter: TreeAdapter<DefaultTreeAdapterMap> = {
    ...defaultTreeAdapter,
    onItemPush() {
      depth += 1;
      elements += 1;
      if (depth > MAX_HTML_DEPTH) throw new AppError('unreadable_document', { detail: 'HTML nested too deep' });
      if (elements > MAX_ELEMENTS) throw new AppError('unreadable_document', { detail: 'HTML with too many elements' });
    },
    onItemPop() {
      depth -= 1;
    },
  };
  return parse(html, { treeAdapter, scriptingEnabled: false });
}

export function isElement(node: HtmlNode): node is HtmlElement {
  return defaultTreeAdapter.isElementNode(node);
}

/** Elements of the given names below `root`, in document order, without recursion into those found. */
export function findElements(root: HtmlElement | HtmlDocument, names: ReadonlySet<string>): readonly HtmlElement[] {
  const found: HtmlElement[] = [];
  const stack: HtmlNode[] = root.childNodes.toReversed();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (!isElement(node)) continue;
    if (names.has(node.tagName)) found.push(node);
    else for (const child of node.childNodes.toReversed()) stack.push(child);
  }
  return found;
}

/** Everything in text nodes below an element, hidden or not. */
export function rawText(element: HtmlElement): string {
  return element.childNodes.map((node) => (node.nodeName === '#text' && 'value' in node ? node.value : '')).join('');
}
