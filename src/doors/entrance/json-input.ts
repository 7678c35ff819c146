import { isUtf8 } from 'node:buffer';
import { AppError } from '../../core/errors.ts';
import { refuseJson, scanJson, walkJson } from '../../core/strict-json.ts';

/**
 * JSON from the wire, as a value without traps: UTF-8, at most 32 levels deep, no key twice in one object (readers before
 * and after us would disagree on which counts), no unpaired surrogates, NUL or numbers out of range. Fails with
 * `malformed_json` or `invalid_request`; neither quotes the text.
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new AppError('malformed_json');
  const text = bytes.toString('utf8');
  const spelt = scanJson(text);
  const value = parseText(text);
  if (walkJson(value, []) !== spelt) throw refuseJson([], 'a key occurs twice in one object');
  return value;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: its message quotes the body.
    throw new AppError('malformed_json');
  }
}
