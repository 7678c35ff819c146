import { AppError } from '../../core/errors.ts';
import { parseDocumentId, parseSourceId, type DocumentId, type SourceId } from '../../core/ids.ts';
import { pointerTo } from '../../core/pointer.ts';

function invalidPath(name: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: `path/${name}`, message: 'not a possible id' }] });
}

export function sourceParam(text: string): SourceId {
  const source = parseSourceId(text);
  if (source === undefined) throw invalidPath('source');
  return source;
}

export function documentParam(text: string): DocumentId {
  const document = parseDocumentId(text);
  if (document === undefined) throw invalidPath('document');
  return document;
}

/**
 * The query string as a flat object. A key given twice is refused, since a proxy may have judged the other one.
 * Numbers stay text.
 */
export function queryOf(url: string): Readonly<Record<string, string>> {
  const start = url.indexOf('?');
  if (start === -1) return {};
  const values = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(url.slice(start + 1))) {
    if (values.has(key))
      throw new AppError('invalid_request', { issues: [{ pointer: `query${pointerTo([key])}`, message: 'given twice' }] });
    values.set(key, value);
  }
  return Object.fromEntries(values);
}
