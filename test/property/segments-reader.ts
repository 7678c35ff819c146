import { SaxesParser } from 'saxes';
import type { RenderedContext } from '../../src/core/provenance.ts';

/**
 * What somebody who was told the format, and nothing else, sees in a context: read by a strict XML parser, JSON and base64, none of
 * them ours. Throws on whatever is not exactly such a context.
 */
export interface SeenChunk {
  readonly segment: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

interface Read {
  readonly fence: string;
  readonly chunks: readonly SeenChunk[];
}

export function readContext(given: RenderedContext): SeenChunk[] {
  // As it travels: nothing may depend on what JSON does not keep.
  const context = JSON.parse(JSON.stringify(given)) as RenderedContext;
  switch (context.format) {
    case 'xml':
      return [...readEnvelope(context.text).chunks];
    case 'base64':
      return readEnvelope(context.text).chunks.map((chunk) => ({ ...chunk, text: fromBase64(chunk.text) }));
    case 'datamark':
      return readEnvelope(context.text).chunks.map((chunk) => ({ ...chunk, text: unmark(chunk.text, context.marker) }));
    case 'messages':
      return oneFence(context.messages.map(({ content }) => readEnvelope(content)));
    case 'anthropic':
      return readBlocks(context.content);
  }
}

function oneFence(read: readonly Read[]): SeenChunk[] {
  if (new Set(read.map(({ fence }) => fence)).size > 1) throw new Error('more than one fence');
  return read.flatMap(({ chunks }) => chunks);
}

function readBlocks(content: Extract<RenderedContext, { format: 'anthropic' }>['content']): SeenChunk[] {
  const heads: Read[] = [];
  const results: SeenChunk[] = [];
  for (const block of content) {
    if (block.type === 'text') {
      if (results.length !== oneFence(heads).length) throw new Error('a text block between results of one segment');
      heads.push(readEnvelope(block.text));
      continue;
    }
    const named = oneFence(heads)[results.length];
    if (named === undefined || named.text !== '' || !block.citations.enabled) throw new Error('a result that no text names');
    if (named.attributes['id'] !== block.source) throw new Error('a result in the place of another');
    const title = named.attributes['title'] === '' ? named.attributes['document'] : named.attributes['title'];
    if (title !== block.title) throw new Error('a title of another');
    results.push({ ...named, text: block.content[0].text });
  }
  if (results.length !== oneFence(heads).length) throw new Error('a chunk was named and is not there');
  return results;
}

function readEnvelope(xml: string): Read {
  const whole = readXml(xml);
  const fence = /^context-([0-9a-f]{32})$/.exec(whole.name)?.[1];
  if (fence === undefined) throw new Error('no fence');
  const [note, ...segments] = whole.children;
  if (note?.name !== `note-${fence}` || note.children.length > 0 || whole.text.trim() !== '') throw new Error('no note');
  const chunks = segments.flatMap((segment) => {
    if (segment.name !== `segment-${fence}` || segment.text.trim() !== '') throw new Error('not a segment');
    return segment.children.map((chunk) => {
      if (chunk.name !== `chunk-${fence}` || chunk.children.length > 0) throw new Error('not a chunk');
      const text = chunk.text === '' ? '' : /^\n([^]*)\n$/.exec(chunk.text)?.[1];
      if (text === undefined) throw new Error('a chunk without its line feeds');
      return { segment: segment.attributes['trust'] ?? '', attributes: chunk.attributes, text };
    });
  });
  return { fence, chunks };
}

function readXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const top = (): Element => open.at(-1) ?? root;
  const parser = new SaxesParser();
  const refuse = (what: string) => (): void => {
    throw new Error(what);
  };
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes, children: [], text: '' };
    top().children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('text', (text) => {
    top().text += text;
  });
  parser.on('cdata', refuse('CDATA'));
  parser.on('comment', refuse('a comment'));
  parser.on('processinginstruction', refuse('a processing instruction'));
  parser.on('doctype', refuse('a document type'));
  parser.on('xmldecl', refuse('a declaration'));
  parser.write(xml).close();
  const [only, ...more] = root.children;
  if (only === undefined || more.length > 0 || root.text.trim() !== '') throw new Error('one element expected');
  return only;
}

function fromBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new Error('not base64');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Two markers: nothing. One before white space: nothing. One alone: a space. */
function unmark(text: string, marker: string): string {
  let result = '';
  for (let at = 0; at < text.length; at += 1) {
    const next = text.charAt(at + 1);
    if (text.charAt(at) !== marker) result += text.charAt(at);
    else if (next === marker) at += 1;
    else if (next === '' || !/^\s$/.test(next)) result += ' ';
  }
  return result;
}
