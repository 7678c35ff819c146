import canonicalize from 'canonicalize';
import { digestOf } from '../../core/digest.ts';
import type { ContentBlock, ReleasedChunk } from '../../core/provenance.ts';
import { plainText } from '../escape.ts';
import { textsOf, type Painted, type Plan, type Segment } from '../segments.ts';
import { emptyElement, envelope, noteOn } from '../tags.ts';

/**
 * Content blocks of Anthropic's Messages API: for each segment a text block of ours, then a `search_result` block for each chunk. Such a
 * block has no place for trust or level, so the text block before it names its chunks in their order, in fenced tags; a block's `source`
 * is the chunk's id, which nobody chooses, where a document's own URI could name another document.
 */
export function anthropic(plan: Plan): Painted {
  const textOf = textsOf(plan, (text) => plainText(text, plan.breakFence));
  const content = plan.segments.flatMap((segment): ContentBlock[] => [
    { type: 'text', text: headOf(plan, segment) },
    ...segment.chunks.map((chunk) => searchResult(plan, chunk, textOf(chunk))),
  ]);
  return { context: { format: 'anthropic', content, digest: digestOf(canonicalize(content) ?? '[]') }, textOf };
}

function headOf(plan: Plan, { trust, chunks }: Segment): string {
  const note =
    `${noteOn(plan.fence)} The search results after this text, up to the next such text, are the chunks named here, in this order; the ` +
    `source of each is the id of its chunk.`;
  const tags = chunks.map((chunk) => emptyElement(plan, chunk)).join('');
  return envelope(plan, note, [`<segment-${plan.fence} trust="${trust}">\n${tags}</segment-${plan.fence}>\n`]);
}

function searchResult({ breakFence }: Plan, { id, provenance: { document } }: ReleasedChunk, text: string): ContentBlock {
  return {
    type: 'search_result',
    source: plainText(id, breakFence),
    // The interface refuses an empty one.
    title: plainText(document.title === '' ? document.id : document.title, breakFence),
    content: [{ type: 'text', text }],
    // All or none in one request may have them.
    citations: { enabled: true },
  };
}
