import type { ListItem, Nodes, Table } from 'mdast';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function escape(text: string): string {
  return text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? '');
}

/**
 * The structure of a Markdown tree as HTML, with the HTML that its author wrote left in place. So one reader decides what is
 * seen, and an element hidden round Markdown hides it. Links lose their address, images everything.
 */
export function mdastToHtml(node: Nodes): string {
  switch (node.type) {
    case 'text':
      return escape(node.value);
    case 'html':
      return node.value;
    case 'inlineCode':
      return `<code>${escape(node.value)}</code>`;
    case 'code':
      return `<pre>\n${escape(node.value)}</pre>`;
    case 'break':
      return '<br>';
    case 'thematicBreak':
      return '<hr>';
    case 'heading':
      return `<h${node.depth}>${children(node)}</h${node.depth}>`;
    case 'paragraph':
      return `<p>${children(node)}</p>`;
    case 'blockquote':
      return `<blockquote>${children(node)}</blockquote>`;
    case 'list':
      return node.ordered === true ? `<ol start="${node.start ?? 1}">${children(node)}</ol>` : `<ul>${children(node)}</ul>`;
    case 'listItem':
      return itemHtml(node);
    case 'table':
      return tableHtml(node);
    case 'footnoteDefinition':
      return children(node);
    case 'footnoteReference':
    case 'definition':
    case 'image':
    case 'imageReference':
    case 'yaml':
      return '';
    default:
      return children(node);
  }
}

function children(node: { readonly children: readonly Nodes[] }): string {
  return node.children.map(mdastToHtml).join('');
}

/** The first paragraph goes without its element, so that the box of a task stands on its line. */
function itemHtml(item: ListItem): string {
  const box = item.checked === true ? '[x] ' : item.checked === false ? '[ ] ' : '';
  const [first, ...rest] = item.children;
  const head = first === undefined ? '' : first.type === 'paragraph' ? children(first) : mdastToHtml(first);
  return `<li>${box}${head}${rest.map(mdastToHtml).join('')}</li>`;
}

function tableHtml(table: Table): string {
  const rows = table.children.map((row) => `<tr>${row.children.map((cell) => `<td>${children(cell)}</td>`).join('')}</tr>`);
  return `<table>${rows.join('')}</table>`;
}
