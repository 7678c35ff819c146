import type { ParsedDocument } from '../../core/text.ts';
import type { RemovalCount } from './invisible.ts';
import { createTextBuilder } from './text-builder.ts';
import { TEXT_PARSER } from './parser-names.ts';

/** Plain text: empty lines part the paragraphs, line breaks within them stay. Fails with `unreadable_document` where nothing is left. */
export function parsePlain(source: string, removed: RemovalCount): ParsedDocument {
  const builder = createTextBuilder(removed);
  let paragraph: string[] = [];
  const flush = (): void => {
    if (paragraph.length > 0) builder.block('paragraph', paragraph.join('\n'));
    paragraph = [];
  };
  for (const line of source.split('\n')) {
    const kept = line.trimEnd();
    if (kept === '') flush();
    else paragraph.push(kept);
  }
  flush();
  return builder.finish(undefined, TEXT_PARSER);
}
