import type { ProvenancePort } from '../core/ports/provenance.ts';
import { renderContext, type RenderOptions } from './render-context.ts';
import { tagChunk } from './tag-chunk.ts';

/** Tags and renderings; `random` gives the bytes of each request's fence. */
export function createProvenance(options: RenderOptions): ProvenancePort {
  return { tag: tagChunk, render: (format, chunks) => renderContext(format, chunks, options) };
}
