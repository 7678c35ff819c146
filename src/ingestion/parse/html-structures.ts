import { collapse, inlineText, isBlockLevel, verbatimText, withoutLastLines } from './html-inline.ts';
import { isElement, type HtmlElement, type HtmlNode } from './html-tree.ts';
import { isVisible } from './html-visible.ts';

const INDENT = '  ';
/** Deeper lists go on without further indentation: the text of a nest of 400 lists would be quadratic. */
const MAX_INDENT = 8;

/** A list as lines, `- ` or `1. ` before each item, nested lists indented by two spaces. */
export function listText(list: HtmlElement, depth = 0): string {
  let number = startOf(list) - 1;
  return list.childNodes
    .filter((node) => isElement(node))
    .filter(isVisible)
    .map((item) => {
      // A list straight inside a list is common in exported pages.
      if (isList(item)) return listText(item, depth + 1);
      number += 1;
      return itemText(item, list.tagName === 'ol' ? `${number}. ` : '- ', depth);
    })
    .filter((text) => text !== '')
    .join('\n');
}

function startOf(list: HtmlElement): number {
  const start = Number(list.attrs.find(({ name }) => name === 'start')?.value ?? '1');
  return Number.isSafeInteger(start) ? start : 1;
}

function isList(element: HtmlElement): boolean {
  return element.tagName === 'ul' || element.tagName === 'ol';
}

function itemText(item: HtmlElement, marker: string, depth: number): string {
  const indent = INDENT.repeat(Math.min(depth, MAX_INDENT));
  const lines = mixedLines(item.childNodes, depth + 1);
  const own = lines.map(({ text, indented }) => (indented ? text : text.replace(/^/gm, indent + ' '.repeat(marker.length))));
  const [first, ...rest] = own;
  if (first === undefined) return '';
  const head = lines[0]?.indented === true ? `${indent}${marker.trimEnd()}\n${first}` : `${indent}${marker}${first.trimStart()}`;
  return [head, ...rest].join('\n');
}

interface Line {
  readonly text: string;
  readonly indented: boolean;
}

/** Runs of inline text, and the lists, tables and code between them, as lines. */
function mixedLines(nodes: readonly HtmlNode[], depth: number): readonly Line[] {
  const lines: Line[] = [];
  let run: HtmlNode[] = [];
  const flush = (): void => {
    const text = collapse(inlineText(run));
    if (text !== '') lines.push({ text, indented: false });
    run = [];
  };
  for (const node of nodes) {
    if (!isElement(node) || !isBlockLevel(node) || !isVisible(node)) {
      run.push(node);
      continue;
    }
    flush();
    if (isList(node)) lines.push({ text: listText(node, depth), indented: true });
    else if (node.tagName === 'table') lines.push({ text: tableText(node), indented: false });
    else if (node.tagName === 'pre') lines.push({ text: withoutLastLines(verbatimText(node.childNodes)), indented: false });
    else lines.push(...mixedLines(node.childNodes, depth));
  }
  flush();
  return lines.filter(({ text }) => text.trim() !== '');
}

/** A table as lines of cells with ` | ` between them, its caption first. */
export function tableText(table: HtmlElement): string {
  return tableLines(table).join('\n');
}

function tableLines(element: HtmlElement): readonly string[] {
  return element.childNodes
    .filter((node) => isElement(node))
    .filter(isVisible)
    .flatMap((child) => {
      if (child.tagName === 'tr') return rowText(child);
      if (child.tagName === 'caption') return collapse(inlineText([child]));
      return tableLines(child);
    })
    .filter((line) => line !== '');
}

function rowText(row: HtmlElement): string {
  const cells = row.childNodes
    .filter((node) => isElement(node))
    .filter(isVisible)
    .map((cell) => collapse(inlineText([cell])).replaceAll('\n', ' '));
  return cells.every((cell) => cell === '') ? '' : cells.join(' | ');
}
