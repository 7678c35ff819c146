import { AppError } from '../../core/errors.ts';

export const MAX_DOCUMENT_BYTES = 10 * 1024 * 1024;

const LINE_ENDINGS = /\r\n?|[\v\f\u0085\u2028\u2029]/g;
/**
 * Strict UTF-8 to text with `\n` line endings. Fails with `payload_too_large` above 10 MiB,
 * and with `unreadable_document` on malformed UTF-8, an unpaired surrogate or NUL: what cannot be read whole is not indexed in part.
 */
export function decodeText(content: string | Uint8Array): string {
  const size = typeof content === 'string' ? Buffer.byteLength(content, 'utf8') : content.byteLength;
  if (size > MAX_DOCUMENT_BYTES) throw new AppError('payload_too_large', { detail: 'a document above 10 MiB' });
  const text = typeof content === 'string' ? content.replace(/^\ufeff/, '') : decodeUtf8(content);
  if (!text.isWellFormed()) throw new AppError('unreadable_document', { detail: 'an unpaired surrogate' });
  if (text.includes('\0')) throw new AppError('unreadable_document', { detail: 'a NUL character' });
  return text.replace(LINE_ENDINGS, '\n');
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('unreadable_document', { detail: 'not UTF-8', cause });
  }
}
