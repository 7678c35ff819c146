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

/**
 * Whether an element holds one of the given names at any depth. Each element is looked at once, since a walk asks about every
 * level of a nest, and asking afresh would cost the square of it.
 */
export function holding(names: ReadonlySet<string>): (element: HtmlElement) => boolean {
  const known = new WeakMap<HtmlElement, boolean>();
  const holds = (element: HtmlElement): boolean => {
    const before = known.get(element);
    if (before !== undefined) return before;
    const found = element.childNodes.some((node) => isElement(node) && (names.has(node.tagName) || holds(node)));
    known.set(element, found);
    return found;
  };
  return holds;
}

/** The first element of a name, in document order. */
export function findElement(root: HtmlDocument, name: string): HtmlElement | undefined {
  const stack: HtmlNode[] = root.childNodes.toReversed();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (!isElement(node)) continue;
    if (node.tagName === name) return node;
    for (const child of node.childNodes.toReversed()) stack.push(child);
  }
  return undefined;
}

/** Everything in text nodes below an element, hidden or not. */
export function rawText(element: HtmlElement): string {
  return element.childNodes.map((node) => (node.nodeName === '#text' && 'value' in node ? node.value : '')).join('');
}
