import { digestOf } from '../core/digest.ts';
import type { Rendering } from '../core/ports/provenance.ts';
import type { ContextFormat, ReleasedChunk } from '../core/provenance.ts';
import { anthropic } from './formats/anthropic.ts';
import { base64 } from './formats/base64.ts';
import { datamark } from './formats/datamark.ts';
import { messages } from './formats/messages.ts';
import { xml } from './formats/xml.ts';
import { planOf, type Format, type RandomBytes } from './segments.ts';

export interface RenderOptions {
  readonly random: RandomBytes;
}

const FORMATS: Readonly<Record<ContextFormat, Format>> = { xml, messages, datamark, base64, anthropic };

/**
 * Renders chunks for a prompt, one segment a level of trust, highest first. Our own tags end with a random fence of 128 bits, and what
 * could pass for one in foreign text is escaped, so no chunk can close its segment or fake another's. This is hygiene, not a boundary:
 * what a model may see was decided before.
 */
export function renderContext(format: ContextFormat, chunks: readonly ReleasedChunk[], { random }: RenderOptions): Rendering {
  const { context, textOf } = FORMATS[format](planOf(chunks, random));
  const rendered = chunks.map(textOf);
  return { context, chunks: chunks.map((chunk) => withRenderedDigest(chunk, textOf(chunk))), rendered };
}

function withRenderedDigest(chunk: ReleasedChunk, text: string): ReleasedChunk {
  if (text === chunk.text) return chunk;
  return { ...chunk, provenance: { ...chunk.provenance, rendered: digestOf(text) } };
}
