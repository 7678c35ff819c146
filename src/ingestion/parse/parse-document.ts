import { AppError } from '../../core/errors.ts';
import type { ParsedDocument } from '../../core/text.ts';
import { decodeText } from './decode.ts';
import { parseHtml } from './html.ts';
import type { RemovalCount } from './invisible.ts';
import { parseMarkdown } from './markdown.ts';
import { parsePlain } from './plain.ts';

const PARSERS: ReadonlyMap<string, (source: string, removed: RemovalCount) => ParsedDocument> = new Map([
  ['text/markdown', parseMarkdown],
  ['text/plain', parsePlain],
  ['text/html', parseHtml],
]);

/**
 * A document as normalised text (NFC, `\n`) with its blocks. Same input, same answer. Fails with `unsupported_media_type` for
 * other types or a charset that is not UTF-8, `payload_too_large` above 10 MiB, and `unreadable_document` where it is not
 * well-formed UTF-8, holds NUL, nests too deep, is built to be slow, or holds no text.
 */
export function parseDocument(content: string | Uint8Array, mediaType: string): ParsedDocument {
  const [type = '', ...parameters] = mediaType.split(';').map((part) => part.trim().toLowerCase());
  const parser = PARSERS.get(type);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  if (parser === undefined || (charset !== undefined && !/^"?(?:utf-?8|us-ascii)"?$/.test(charset))) {
    throw new AppError('unsupported_media_type', { detail: 'no parser for this media type' });
  }
  return parser(decodeText(content), { tag: 0, bidi: 0, zeroWidth: 0 });
}
